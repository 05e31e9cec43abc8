//! Everything there is to compare of a directory.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ostree_objects::Checksum;
use testkit::files::{Found, walk};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// With the type.
    mode: u32,
    owner: (u32, u32),
    /// Seconds since 1970; 0 for a symbolic link, whose time neither tool sets.
    pub(super) time: i64,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Of the content, or of a symbolic link's target.
    checksum: Checksum,
    /// A file that no other name leads to.
    alone: Alone,
}

/// Never a difference: how a file was made is not what it is.
#[derive(Debug)]
struct Alone(bool);

impl PartialEq for Alone {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Alone {}

impl Entry {
    /// Whether it cannot be a link to an object.
    pub(super) fn is_copied(&self) -> bool {
        self.alone.0
    }
}

/// All paths below `root`, itself included, as bytes.
pub(super) fn list(root: &Path) -> BTreeMap<Vec<u8>, Entry> {
    let entry = |found: Found| {
        let stat = &found.stat;
        let entry = Entry {
            mode: stat.mode(),
            owner: (stat.uid(), stat.gid()),
            time: if stat.is_symlink() { 0 } else { stat.mtime() },
            attributes: attributes(&found.at),
            checksum: Checksum::of(&found.content),
            alone: Alone(stat.is_file() && stat.nlink() == 1),
        };
        (found.path.into_os_string().into_encoded_bytes(), entry)
    };
    walk(root).into_iter().map(entry).collect()
}

fn attributes(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 65_536];
    let count = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..count].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 65_536];
        let count = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
        value[..count].to_vec()
    };
    names.map(|name| (name.to_vec(), value(name))).collect()
}
