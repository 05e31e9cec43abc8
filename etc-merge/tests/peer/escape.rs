//! The image replaces a directory by a symlink that leads out of /etc. libostree follows it, in the running system;
//! neither of our policies does.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use etc_merge::{
    ApplyError, Kind, MemoryTree, MergeError, Node, Policy, Refusal, merge_directories, merge_in_memory,
};

use crate::sysroot::{Sysroot, write_tree};

/// What the device did in the directory that the image replaces.
const CHANGES: [&str; 3] = ["delete", "edit", "add"];

/// A directory outside, with mode and files.
#[derive(Debug, PartialEq, Eq)]
struct Outside {
    mode: u32,
    files: Vec<(String, String)>,
}

impl Outside {
    fn set(path: &Path) {
        let _ = fs::remove_dir_all(path);
        fs::create_dir(path).unwrap();
        fs::write(path.join("c"), "precious").unwrap();
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn look(path: &Path) -> Self {
        let mut files: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        Self { mode: fs::metadata(path).unwrap().permissions().mode() & 0o7777, files }
    }

    fn of(mode: u32, files: &[(&str, &str)]) -> Self {
        Self { mode, files: files.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect() }
    }
}

/// Old defaults, new defaults, the device's tree.
fn three(change: &str, outside: &Path) -> [MemoryTree; 3] {
    let file = |content: &str| Node::new(Kind::File, content.as_bytes());
    let mut old = MemoryTree::new();
    // Not changed by the device: libostree looks at what is in it, and carries its mode through the symlink.
    old.insert(b"p", Node::new(Kind::Directory, b"").with_mode(0o711)).unwrap();
    old.insert(b"p/c", file("1")).unwrap();
    let mut new = MemoryTree::new();
    new.insert(b"p", Node::new(Kind::Symlink, outside.as_os_str().as_bytes())).unwrap();
    let mut local = old.clone();
    match change {
        "delete" => local.remove(b"p/c"),
        "edit" => local.insert(b"p/c", file("edited")).unwrap(),
        _ => local.insert(b"p/d", file("added")).unwrap(),
    }
    [old, new, local]
}

#[test]
fn ostree_deletes_rewrites_and_adds_outside_of_etc_and_we_do_not() {
    let sysroot = Sysroot::new();
    let outside: PathBuf = sysroot.path("outside");
    let untouched = Outside::of(0o755, &[("c", "precious")]);
    for change in CHANGES {
        let [old, new, local] = three(change, &outside);
        Outside::set(&outside);
        let theirs = sysroot.merge(&old, &new, &local);
        let after = match change {
            "delete" => Outside::of(0o755, &[]),
            "edit" => Outside::of(0o711, &[("c", "edited")]),
            _ => Outside::of(0o711, &[("c", "precious"), ("d", "added")]),
        };
        assert_eq!(Outside::look(&outside), after, "libostree mends it: {change}, {theirs:?}");

        for (name, tree) in [("o", &old), ("n", &new), ("l", &local)] {
            write_tree(tree, &sysroot.path(""), &format!("{name}-{change}"));
        }
        for (name, policy) in [("libostree", Policy::libostree()), ("safe", Policy::safe())] {
            Outside::set(&outside);
            let at = |side: &str| sysroot.path(&format!("{side}-{change}"));
            let out = sysroot.path(&format!("out-{name}-{change}"));
            let merged = merge_directories(&at("o"), &at("n"), &at("l"), &out, &policy);
            assert_eq!(Outside::look(&outside), untouched, "{name}, {change}");
            match (merge_in_memory(&old, &new, &local, &policy), merged) {
                (Ok(tree), Ok(_)) => {
                    assert_eq!((name, tree), ("safe", local.clone()), "the device's directory stays");
                }
                (Err(MergeError::Refused { .. }), Err(ApplyError::Refused { refusal, .. })) => {
                    assert_eq!((name, refusal), ("libostree", Refusal::ParentIsSymlink));
                }
                (memory, disk) => panic!("{name}, {change}: {memory:?}, {disk:?}"),
            }
        }
    }
}
