//! Trees that are committed, and how two directories are compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// Random-looking trees from a seed: nested directories, files of many sizes and modes, symbolic links, and names
/// with spaces and letters beyond ASCII.
pub fn make(root: &Path, seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut directories = vec![root.to_path_buf()];
    fs::create_dir_all(root).unwrap();
    for number in 0..12 + next(20) {
        let parent = directories[usize::try_from(next(directories.len() as u64)).unwrap()].clone();
        let names = ["plain", "with space", "größe", ".hidden", "UPPER", "-dash"];
        let path = parent.join(format!("{}{number}", names[usize::try_from(next(6)).unwrap()]));
        match next(5) {
            0 => {
                fs::create_dir(&path).unwrap();
                let mode = [0o755, 0o700, 0o1777][usize::try_from(next(3)).unwrap()];
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
                directories.push(path);
            }
            1 => symlink(["target", "../up", "/absolute/größe"][usize::try_from(next(3)).unwrap()], &path)
                .unwrap(),
            _ => {
                let size = [0, 1, 17, 4096, 70_000][usize::try_from(next(5)).unwrap()];
                let content: Vec<u8> = (0..size).map(|_| next(256) as u8).collect();
                fs::write(&path, content).unwrap();
                let mode = [0o644, 0o755, 0o600, 0o4755][usize::try_from(next(4)).unwrap()];
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
    }
}

/// Every path below `root` with its type, mode, time, and content or target.
pub fn list(root: &Path) -> BTreeMap<String, (u32, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(path) = left.pop() {
        let stat = fs::symlink_metadata(&path).unwrap();
        let content = if stat.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else if stat.is_symlink() {
            fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else {
            fs::read(&path).unwrap()
        };
        // A symbolic link's time is not set by either.
        let time = if stat.is_symlink() { 0 } else { stat.mtime() };
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        all.insert(name, (stat.mode(), time, content));
    }
    all
}
