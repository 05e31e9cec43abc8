//! Three random related trees from a seed; the same seed gives the same trees everywhere.

use etc_merge::{Kind, MemoryTree, Node};

/// `splitmix64`: small, and the same for ever.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()].clone()
    }
}

/// Old defaults, new defaults, the device's tree.
pub(crate) struct Three {
    pub(crate) old: MemoryTree,
    pub(crate) new: MemoryTree,
    pub(crate) local: MemoryTree,
}

/// Odd ones among them: a newline, a percent sign, a blank. OSTree wants UTF-8 in defaults; the device may add
/// other bytes.
const NAMES: [&[u8]; 8] = [b"a", b"b", b"c", b"d.conf", b"new\nline", b"\xc3\xbc", b"100%", b"a b"];

pub(crate) fn three(seed: u64) -> Three {
    let mut random = Random(seed);
    let mut old = MemoryTree::new();
    fill(&mut random, &mut old, b"", 0);
    let (mut new, mut local) = (old.clone(), old.clone());
    change(&mut random, &mut new, false);
    change(&mut random, &mut local, true);
    Three { old, new, local }
}

fn fill(random: &mut Random, tree: &mut MemoryTree, directory: &[u8], depth: u32) {
    for name in NAMES {
        if random.chance(60 - 15 * u64::from(depth)) {
            let path = join(directory, name);
            if tree.get(&path).is_some() {
                continue;
            }
            let node = node(random, depth < 3, false);
            let descends = node.meta.kind == Kind::Directory;
            tree.insert(&path, node).unwrap();
            if descends {
                fill(random, tree, &path, depth + 1);
            }
        }
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

fn node(random: &mut Random, may_descend: bool, may_be_special: bool) -> Node {
    let kind = match random.below(20) {
        0 if may_be_special => Kind::Fifo,
        0..=5 if may_descend => Kind::Directory,
        6..=8 => Kind::Symlink,
        _ => Kind::File,
    };
    // Symlinks lead nowhere: where a real one would be followed is another test.
    let content: &[u8] = match kind {
        Kind::File => random.pick(&[&b"0"[..], b"1", b"2", b""]),
        Kind::Symlink => random.pick(&[&b"nowhere/1"[..], b"nowhere/2"]),
        _ => b"",
    };
    let mut node = Node::new(kind, content);
    if kind != Kind::Symlink {
        let modes: &[u32] = if kind == Kind::Directory {
            &[0o755, 0o755, 0o700, 0o1777]
        } else {
            &[0o644, 0o644, 0o600, 0o4755]
        };
        node.meta.mode = random.pick(modes);
    }
    if random.chance(15) {
        node = node.with_owner(1000, 100);
    }
    if matches!(kind, Kind::File | Kind::Directory) && random.chance(15) {
        node = node.with_xattr(random.pick(&[&b"user.a"[..], b"user.b"]), random.pick(&[&b"1"[..], b"2"]));
    }
    node
}

/// Removes, replaces, adds and changes metadata of a few entries.
fn change(random: &mut Random, tree: &mut MemoryTree, may_be_special: bool) {
    for _ in 0..1 + random.below(6) {
        let paths: Vec<Vec<u8>> = tree.iter().map(|(path, _)| path).filter(|path| !path.is_empty()).collect();
        if paths.is_empty() {
            return;
        }
        let path = random.pick(&paths);
        let depth = u32::try_from(path.iter().filter(|&&byte| byte == b'/').count()).unwrap();
        let directory = tree.get(&path).unwrap().meta.kind == Kind::Directory;
        match random.below(10) {
            0 | 1 => tree.remove(&path),
            2 | 3 if directory => fill(random, tree, &path, depth + 1),
            2..=5 => {
                tree.remove(&path);
                let node = node(random, depth < 3, may_be_special);
                let descends = node.meta.kind == Kind::Directory;
                tree.insert(&path, node).unwrap();
                if descends {
                    fill(random, tree, &path, depth + 1);
                }
            }
            6 => {
                let fresh = join(&path, if may_be_special { &b"added\xff"[..] } else { b"added" });
                if directory {
                    tree.insert(&fresh, node(random, false, may_be_special)).unwrap();
                }
            }
            _ => {
                let mut node = tree.get(&path).unwrap().clone();
                match random.below(4) {
                    _ if node.meta.kind == Kind::Symlink => node.content = b"nowhere/3".to_vec(),
                    0 => node.meta.mode = if directory { 0o711 } else { 0o640 },
                    1 => node.meta.uid = 1001,
                    2 if !node.meta.kind.is_special() => node = node.with_xattr(b"user.c", b"3"),
                    _ if node.meta.kind == Kind::File => node.content = b"changed".to_vec(),
                    _ => {}
                }
                tree.insert(&path, node).unwrap();
            }
        }
    }
}

/// A tree as text, one line a path: for comparing, and for digests.
pub(crate) fn listing(tree: &MemoryTree) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (path, node) in tree.iter() {
        let path = etc_merge::PathText(&path);
        let meta = node.meta;
        let content = etc_merge::PathText(&node.content);
        write!(text, "{path} {:?} {:04o} {} {} {content}", meta.kind, meta.mode, meta.uid, meta.gid).unwrap();
        for (name, value) in &node.xattrs {
            write!(text, " {}={}", etc_merge::PathText(name), etc_merge::PathText(value)).unwrap();
        }
        text.push('\n');
    }
    text
}
