//! A tree from a seed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::XattrFlags;

/// Numbers that look random, always the same for a seed (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }

    /// All that may be in a name, from control characters to the last character there is, but no slash.
    fn character(&mut self) -> char {
        let odd = [
            '\u{1}',
            '\n',
            '\t',
            '\u{7f}',
            '\\',
            '"',
            '\'',
            '*',
            ' ',
            '.',
            '-',
            ':',
            '%',
            '\u{a0}',
            'ß',
            'é',
            '\u{301}',
            '\u{202e}',
            '\u{feff}',
            '€',
            '漢',
            '\u{fffd}',
            '\u{ffff}',
            '😀',
            '\u{10ffff}',
        ];
        if self.below(2) == 0 { self.of(&odd) } else { self.of(&['a', 'b', 'Z', '0', '_']) }
    }

    /// A name that nothing else has that was made with another `number`.
    fn name(&mut self, number: usize) -> String {
        let mut name = self.of(&["", ".", "..", ".wh.", "-", " ", "usr", "etc"]).to_owned();
        name.push_str(&number.to_string());
        let most = self.of(&[1, 8, 255]);
        loop {
            let next = self.character();
            if name.len() + next.len_utf8() > most || self.below(40) == 0 {
                return name;
            }
            name.push(next);
        }
    }
}

/// Makes the tree of the seed at `root`: up to forty entries, with owners, all bits of modes, and attributes of
/// links as far as the user may give them.
pub(super) fn make(root: &Path, seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let is_root = rustix::process::geteuid().is_root();
    fs::create_dir(root).unwrap();
    let (mut directories, mut files, mut all) = (vec![root.to_path_buf()], Vec::new(), Vec::new());
    // Some trees are wide, some are a chain of directories.
    let is_deep = random.below(8) == 0;
    for number in 0..random.below(40) {
        let parent = match directories.last() {
            Some(last) if is_deep && last.as_os_str().len() < 2500 => last.clone(),
            _ => directories[random.below(directories.len())].clone(),
        };
        let path = parent.join(random.name(number));
        match random.below(if is_deep { 4 } else { 12 }) {
            0..4 => {
                fs::create_dir(&path).unwrap();
                directories.push(path.clone());
            }
            4 => symlink(target(&mut random), &path).unwrap(),
            5 if !files.is_empty() => {
                let there: &PathBuf = &files[random.below(files.len())];
                fs::hard_link(there, &path).unwrap();
                continue;
            }
            _ => {
                let size =
                    random.of(&[0, 0, 1, 2, 3, 17, 254, 255, 256, 257, 1000, 4095, 4096, 4097, 5000, 70_001]);
                let content = if random.below(2) == 0 { random.bytes(size) } else { vec![b'x'; size] };
                fs::write(&path, content).unwrap();
                files.push(path.clone());
            }
        }
        all.push(path);
    }
    all.push(root.to_path_buf());
    for path in &all {
        attributes(&mut random, path);
        let is_link = path.is_symlink();
        if is_root && random.below(2) == 0 {
            let ids = [0, 1, 1000, 65_534, 65_536, 0x7fff_ffff, 0xffff_fffe];
            let (uid, gid) = (random.of(&ids), random.of(&ids));
            std::os::unix::fs::lchown(path, Some(uid), Some(gid)).unwrap();
        }
        if is_link {
            continue;
        }
        // Changing the owner has taken the set-id bits away. Who is not root has to be able to read it.
        let readable = match (is_root, path.is_dir()) {
            (true, _) => 0,
            (false, true) => 0o700,
            (false, false) => 0o400,
        };
        let any = u32::try_from(random.below(0o10000)).unwrap();
        let mode = random.of(&[0o644, 0o755, 0o600, 0o4755, 0o1777, any]) | readable;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn target(random: &mut Random) -> String {
    match random.below(5) {
        0 => "../../outside".to_owned(),
        1 => "/".to_owned(),
        2 => "x".repeat(random.of(&[1, 100, 4000])),
        _ => (0..=random.below(20)).map(|_| random.character()).collect(),
    }
}

/// `user.` attributes of files and directories; for root `trusted.` ones of links too, where that is allowed.
fn attributes(random: &mut Random, path: &Path) {
    if random.below(3) != 0 {
        return;
    }
    for _ in 0..=random.below(3) {
        let namespace = if path.is_symlink() { "trusted" } else { random.of(&["user", "user", "trusted"]) };
        let suffix: String = (0..=random.below(6)).map(|_| random.character()).collect();
        let name = format!("{namespace}.{suffix}");
        let length = random.of(&[1, 2, 100, 300]);
        let value = random.bytes(length);
        // As far as the file system and the user's rights go: both tools see the same.
        let _ = rustix::fs::lsetxattr(path, &name, &value, XattrFlags::empty());
    }
}
