//! What lies in a directory.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// A file, directory or symbolic link.
#[derive(Debug)]
pub struct Found {
    /// Its whole path.
    pub at: PathBuf,
    /// Its path below the directory that was looked through.
    pub path: PathBuf,
    /// What it is; of a link, not of what it leads to.
    pub stat: Metadata,
    /// A file's content or a link's target; nothing of a directory.
    pub content: Vec<u8>,
}

/// Everything below `root`, itself included. No link is followed.
///
/// # Panics
/// If something cannot be read.
#[must_use]
pub fn walk(root: &Path) -> Vec<Found> {
    let mut all = Vec::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(at) = left.pop() {
        let stat = fs::symlink_metadata(&at).expect("an entry that is there");
        let content = if stat.is_dir() {
            let entries = fs::read_dir(&at).expect("a directory");
            left.extend(entries.map(|entry| entry.expect("an entry").path()));
            Vec::new()
        } else if stat.is_symlink() {
            fs::read_link(&at).expect("a link").into_os_string().into_encoded_bytes()
        } else {
            fs::read(&at).expect("a file")
        };
        let path = at.strip_prefix(root).expect("below it").to_path_buf();
        all.push(Found { at, path, stat, content });
    }
    all
}
