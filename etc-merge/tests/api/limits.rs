//! Each limit, at it and one beyond it.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use etc_merge::apply::{Disk, Storage as _};
use etc_merge::driver::{DriverConflict, MAX_EDIT_COST, line_changes, merge};
use etc_merge::{
    DirectoryTree, Driver, Kind, ListEntry, ListErrorKind, ListTree, MAX_DEPTH, MAX_NAME_BYTES,
    MAX_PATH_BYTES, MemoryError, MemoryTree, Meta, Node, PlanError, Policy, Report,
};

/// Makes a chain of directories with these names below `root`, and a file in the last one.
fn chain(root: &Path, names: &[&[u8]], file: &[u8]) {
    let disk = Disk::default();
    let mut directory = OwnedFd::from(File::open(root).unwrap());
    for name in names {
        directory = match disk.open(&directory, name).unwrap() {
            Some(there) => there,
            None => disk.make_directory(&directory, name).unwrap(),
        };
    }
    disk.create(&directory, file).unwrap();
}

/// What the device's additions are planned as: how many there are, or why there is no plan.
fn planned(local: &Path) -> Result<u64, PlanError> {
    let empty = MemoryTree::new();
    let local = DirectoryTree::open(local).unwrap();
    let plans = [Policy::safe(), Policy::libostree()].map(|policy| {
        let report = Report::plan(&empty, &empty, &local, &policy)?;
        Ok(report.totals.kept)
    });
    assert_eq!(plans[0], plans[1]);
    plans[0]
}

#[test]
fn the_deepest_directory_is_walked_and_a_deeper_one_refused() {
    let root = tempfile::tempdir().unwrap();
    let names = [&b"d"[..]; MAX_DEPTH + 1];
    chain(root.path(), &names[..MAX_DEPTH], b"f");
    assert_eq!(planned(root.path()), Ok(MAX_DEPTH as u64 + 1));
    chain(root.path(), &names, b"f");
    assert_eq!(planned(root.path()), Err(PlanError::TooDeep { limit: MAX_DEPTH }));
}

#[test]
fn the_longest_path_is_walked_and_a_longer_one_refused() {
    let root = tempfile::tempdir().unwrap();
    let long = [b'd'; MAX_NAME_BYTES];
    // 15 directories with their separators, and a name for the rest.
    let names = [&long[..]; MAX_PATH_BYTES / (MAX_NAME_BYTES + 1)];
    let rest = MAX_PATH_BYTES - names.len() * (MAX_NAME_BYTES + 1);
    assert_eq!(rest, MAX_NAME_BYTES);
    chain(root.path(), &names, &[b'f'; MAX_NAME_BYTES]);
    assert_eq!(planned(root.path()), Ok(names.len() as u64 + 1));
    // One more level: its name begins where the longest path ends.
    chain(root.path(), &[&names[..], &[b"e"]].concat(), &[b'f'; MAX_NAME_BYTES - 2]);
    assert_eq!(planned(root.path()), Ok(names.len() as u64 + 3));
    chain(root.path(), &[&names[..], &[b"e"]].concat(), &[b'f'; MAX_NAME_BYTES - 1]);
    assert_eq!(planned(root.path()), Err(PlanError::PathTooLong { limit: MAX_PATH_BYTES }));
}

#[test]
fn the_longest_name_is_a_name_and_a_longer_one_none() {
    let mut tree = MemoryTree::new();
    let name = [b'n'; MAX_NAME_BYTES + 1];
    tree.insert(&name[..MAX_NAME_BYTES], Node::new(Kind::File, b"")).unwrap();
    let refused = tree.insert(&name, Node::new(Kind::File, b""));
    assert_eq!(refused, Err(MemoryError::BadName { component: 0 }));
    let root = ListEntry { depth: 0, name: b"", meta: Meta::new(Kind::Directory), content: b"", xattrs: &[] };
    let entry = |name| ListEntry { depth: 1, name, meta: Meta::new(Kind::File), ..root };
    ListTree::new(&[root, entry(&name[..MAX_NAME_BYTES])]).unwrap();
    let refused = ListTree::new(&[root, entry(&name)]).unwrap_err();
    assert_eq!((refused.at, refused.kind), (1, ListErrorKind::BadName));
}

#[test]
fn a_path_in_memory_is_as_long_and_as_deep_as_one_that_is_walked() {
    let mut tree = MemoryTree::new();
    let mut path = Vec::new();
    for depth in 0..MAX_DEPTH {
        path.extend_from_slice(if depth == 0 { b"d" } else { b"/d" });
        tree.insert(&path, Node::new(Kind::Directory, b"")).unwrap();
    }
    path.extend_from_slice(b"/d");
    let deeper = tree.insert(&path, Node::new(Kind::Directory, b""));
    assert_eq!(deeper, Err(MemoryError::TooLong));
    let long = tree.insert(&[b'n'; MAX_PATH_BYTES + 1], Node::new(Kind::File, b""));
    assert_eq!(long, Err(MemoryError::TooLong));
    // As long as allowed: only its name is too long.
    let longest = tree.insert(&[b'n'; MAX_PATH_BYTES], Node::new(Kind::File, b""));
    assert_eq!(longest, Err(MemoryError::BadName { component: 0 }));
}

#[test]
fn texts_are_compared_up_to_a_cost_and_not_beyond() {
    // Lines that both versions have, in opposite order: all but one have to be deleted and inserted, which is counted
    // from both ends at once.
    const LINES: usize = MAX_EDIT_COST + 1;
    let text = |numbers: &mut dyn Iterator<Item = usize>| -> String {
        numbers.map(|number| format!("{number}\n")).collect()
    };
    let opposite = |lines| [text(&mut (0..lines)), text(&mut (0..lines).rev())];
    let [old, new] = opposite(LINES);
    let changes = line_changes(old.as_bytes(), new.as_bytes()).unwrap();
    let deleted: usize = changes.iter().map(|(old, _)| old.len()).sum();
    assert_eq!(deleted, LINES - 1);
    let [old, new] = opposite(LINES + 1);
    let local = format!("{old}end\n");
    let merged = merge(Driver::Lines, old.as_bytes(), new.as_bytes(), local.as_bytes());
    assert_eq!(merged, Err(DriverConflict::TooDifferent));
}
