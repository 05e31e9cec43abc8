//! Trees that are committed, and how two directories are compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use testkit::files::{Found, walk};

/// Random-looking trees from a seed: nested directories, files of many sizes and modes, symbolic links, and names
/// with spaces and letters beyond ASCII.
pub fn make(root: &Path, seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    let mut directories = vec![root.to_path_buf()];
    fs::create_dir_all(root).unwrap();
    for number in 0..12 + next(20) {
        let parent = directories[next(directories.len())].clone();
        let names = ["plain", "with space", "größe", ".hidden", "UPPER", "-dash"];
        let path = parent.join(format!("{}{number}", names[next(names.len())]));
        match next(5) {
            0 => {
                fs::create_dir(&path).unwrap();
                let mode = [0o755, 0o700, 0o1777, 0o2775][next(4)];
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                directories.push(path);
            }
            1 => symlink(["target", "../up", "/absolute/größe"][next(3)], &path).unwrap(),
            _ => {
                let size = [0, 1, 17, 4096, 70_000][next(5)];
                let content: Vec<u8> = (0..size).map(|_| u8::try_from(next(256)).unwrap()).collect();
                fs::write(&path, content).unwrap();
                let modes = [0o644, 0o755, 0o600, 0o4755, 0o2711, 0o1664, 0o444, 0o6777];
                fs::set_permissions(&path, fs::Permissions::from_mode(modes[next(modes.len())])).unwrap();
            }
        }
    }
}

/// What is compared of a path.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub mode: u32,
    /// Seconds since 1970; 0 for a symbolic link, whose time neither sets.
    pub time: i64,
    /// Of a file, or a symbolic link's target.
    pub content: Vec<u8>,
}

/// Every path below `root`.
pub fn list(root: &Path) -> BTreeMap<String, Entry> {
    let entry = |found: Found| {
        let time = if found.stat.is_symlink() { 0 } else { found.stat.mtime() };
        let name = found.path.to_str().unwrap().to_owned();
        (name, Entry { mode: found.stat.mode(), time, content: found.content })
    };
    walk(root).into_iter().map(entry).collect()
}

/// Whether it is a file of its own, not a link to one in the repository.
pub fn is_copied(path: &Path) -> bool {
    let stat = fs::symlink_metadata(path).unwrap();
    stat.is_file() && stat.nlink() == 1
}
