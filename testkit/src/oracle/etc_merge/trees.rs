//! Trees made of arbitrary bytes.

use etc_merge::{Kind, MemoryTree, Node};

/// Old defaults, new defaults, the device's tree.
#[derive(Debug)]
pub(super) struct Three {
    pub(super) old: MemoryTree,
    pub(super) new: MemoryTree,
    pub(super) local: MemoryTree,
}

struct Bytes<'d>(&'d [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.next()) % from.len()]
    }
}

const NAMES: [&[u8]; 7] = [b"a", b"b", b"c", b"a-", b".updated", b"passwd", b"\x01"];

/// The first tree from nothing; the others change it.
pub(super) fn three(data: &[u8]) -> Three {
    let mut bytes = Bytes(data.get(..1024).unwrap_or(data));
    let mut old = MemoryTree::new();
    edit(&mut bytes, &mut old, false);
    let (mut new, mut local) = (old.clone(), old.clone());
    edit(&mut bytes, &mut new, false);
    edit(&mut bytes, &mut local, true);
    Three { old, new, local }
}

fn edit(bytes: &mut Bytes<'_>, tree: &mut MemoryTree, special: bool) {
    for _ in 0..bytes.next() % 16 {
        let mut path = Vec::new();
        for level in 0..=bytes.next() % 3 {
            if level > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(bytes.pick(&NAMES));
        }
        let choice = bytes.next();
        let node = match choice % 8 {
            0 => {
                tree.remove(&path);
                continue;
            }
            1 => Node::new(Kind::Symlink, bytes.pick(&[&b"x"[..], b"/etc", b".."])),
            2 | 3 => Node::new(Kind::Directory, b"").with_mode(bytes.pick(&[0o755, 0o700, 0o1777])),
            4 if special => Node::new(bytes.pick(&[Kind::Fifo, Kind::Socket, Kind::CharacterDevice]), b""),
            5 => super::leaf(b"root:x:0:0:::\n").with_owner(u32::from(bytes.next()), 0),
            _ => super::leaf(bytes.pick(&[&b"1"[..], b"2", b""]))
                .with_mode(bytes.pick(&[0o644, 0o600, 0o4755])),
        };
        let node = match choice / 64 {
            1 if !node.meta.kind.is_special() => node.with_xattr(b"user.a", bytes.pick(&[&b"1"[..], b"2"])),
            2 => node.with_owner(1000, 1000),
            _ => node,
        };
        let path = if choice == 255 { Vec::new() } else { path };
        // What has no parent or would orphan entries is left out; a leaf may replace a directory.
        if node.meta.kind != Kind::Directory && !path.is_empty() {
            tree.remove(&path);
        }
        let _ = tree.insert(&path, node);
    }
}
