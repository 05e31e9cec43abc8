//! etc-merge: a plan over three trees, and the patterns of its rules.

use etc_merge::{Kind, ListEntry, ListTree, Meta, Policy, Workspace, glob_matches, plan};

use crate::{Bytes, REFUSED};

/// How many conflicts three versions of one file are.
#[unsafe(no_mangle)]
pub extern "C" fn etc_conflicts(contents: &[Bytes; 3]) -> u64 {
    let trees = contents.each_ref().map(|content| {
        let entry = |depth, name, kind, content| ListEntry {
            depth,
            name,
            meta: Meta::new(kind),
            content,
            xattrs: &[],
        };
        [entry(0, b"", Kind::Directory, b""), entry(1, b"hostname", Kind::File, content.as_slice())]
    });
    let [Ok(old), Ok(new), Ok(local)] = trees.each_ref().map(|entries| ListTree::new(entries)) else {
        return REFUSED;
    };
    let policy = Policy::safe();
    let mut workspace = Workspace::new();
    let Ok(mut plan) = plan(&mut workspace, &old, &new, &local, &policy) else { return REFUSED };
    loop {
        match plan.next_step() {
            Ok(Some(_)) => {}
            Ok(None) => return plan.totals().conflicts,
            Err(_) => return REFUSED,
        }
    }
}

/// Whether the path matches the rule.
#[unsafe(no_mangle)]
pub extern "C" fn etc_matches(path: &Bytes) -> bool {
    glob_matches(b"**/*.conf", path)
}
