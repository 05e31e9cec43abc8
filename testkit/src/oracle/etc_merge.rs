//! Properties of `etc-merge`.

mod content;
mod trees;

pub use content::{accounts, lines, settings};

use etc_merge::{
    Action, Class, Kind, MemoryTree, MergeError, Node, Policy, Report, Rule, Treatment, Workspace,
    glob_matches, merge_in_memory, plan,
};

/// Three trees of arbitrary bytes: both policies are deterministic, stay inside the tree, take what only one side
/// changed, and come to rest.
///
/// # Panics
/// If a property does not hold.
pub fn plan_trees(data: &[u8]) {
    let trees::Three { old, new, local } = trees::three(data);
    for policy in [Policy::libostree(), Policy::safe()] {
        let merged = merge_in_memory(&old, &new, &local, &policy);
        assert_eq!(merged, merge_in_memory(&old, &new, &local, &policy), "twice the same");
        check_steps(&old, &new, &local, &policy, &merged);
        let unchanged = merge_in_memory(&old, &new, &old, &policy);
        assert_eq!(unchanged, Ok(without_stamp(&new)), "local is old: new");
    }
    let safe = Policy::safe();
    let merged = merge_in_memory(&old, &new, &local, &safe).expect("the safe policy refuses nothing");
    let expected = without_stamp(&without_special(&local));
    let untouched = merge_in_memory(&new, &new, &expected, &safe);
    assert_eq!(untouched, Ok(expected), "new is old: local");
    let again = merge_in_memory(&new, &new, &merged, &safe);
    assert_eq!(again, Ok(merged), "merging the result again changes nothing");
    let fail = [Rule { pattern: "**", treatment: Treatment::Fail }];
    match merge_in_memory(&old, &new, &local, &Policy::safe_with(&fail)) {
        Ok(_) | Err(MergeError::Refused { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    let pinned = [Rule { pattern: "**", treatment: Treatment::Pin }];
    assert_eq!(
        merge_in_memory(&old, &new, &local, &Policy::safe_with(&pinned)),
        Ok(without_stamp(&without_special(&local))),
        "pinned: local"
    );
    let dropped = [Rule { pattern: "**", treatment: Treatment::Drop }];
    assert_eq!(
        merge_in_memory(&old, &new, &local, &Policy::safe_with(&dropped)),
        Ok(without_stamp(&new)),
        "dropped: new"
    );
}

fn check_steps(
    old: &MemoryTree,
    new: &MemoryTree,
    local: &MemoryTree,
    policy: &Policy<'_>,
    merged: &Result<MemoryTree, MergeError>,
) {
    let mut workspace = Workspace::new();
    let mut plan = plan(&mut workspace, old, new, local, policy).expect("memory can be read");
    let mut told: Vec<Vec<u8>> = Vec::new();
    let mut refused = 0;
    while let Some(step) = plan.next_entry().expect("memory can be read") {
        let names = step.path.split(|&byte| byte == b'/');
        assert!(
            step.path.is_empty()
                || names.into_iter().all(|name| !name.is_empty() && name != b"." && name != b".."),
            "never outside"
        );
        assert!(!told.iter().any(|path| path == step.path), "each path once");
        let known = [old, new, local].iter().any(|tree| tree.get(step.path).is_some());
        assert!(known, "no path from nowhere");
        match (step.action, merged) {
            (Action::Refuse(_), _) => refused += 1,
            (Action::Absent, Ok(merged)) => assert!(merged.get(step.path).is_none()),
            (Action::Place(place), Ok(merged)) => {
                let node = merged.get(step.path).expect("placed");
                assert_eq!(
                    (node.meta.kind, node.meta.mode, node.meta.uid),
                    (place.kind, place.mode, place.uid)
                );
            }
            _ => {}
        }
        assert_eq!(step.conflict.is_some(), step.class == Class::Conflict);
        told.push(step.path.to_vec());
    }
    assert_eq!(plan.totals().refused, refused);
    assert_eq!(merged.is_err(), refused > 0);
    let report = Report::plan(old, new, local, policy).expect("memory can be read");
    assert!(report.steps.iter().all(|step| step.class != Class::Same));
}

fn without_stamp(tree: &MemoryTree) -> MemoryTree {
    let mut tree = tree.clone();
    if tree.get(b".updated").is_some_and(|node| node.meta.kind != Kind::Directory) {
        tree.remove(b".updated");
    }
    tree
}

fn without_special(tree: &MemoryTree) -> MemoryTree {
    let mut tree = tree.clone();
    let special: Vec<_> =
        tree.iter().filter(|(_, node)| node.meta.kind.is_special()).map(|(path, _)| path).collect();
    for path in special {
        tree.remove(&path);
    }
    tree
}

/// A pattern and a path, divided by a line feed: matching ends, a path matches itself taken literally, and `**` all.
///
/// # Panics
/// If a property does not hold.
pub fn glob(data: &[u8]) {
    let data = data.get(..256).unwrap_or(data);
    let at = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len() / 2);
    let (pattern, path) = data.split_at(at);
    let _ = glob_matches(pattern, path);
    let literal: Vec<u8> = path.iter().flat_map(|&byte| [b'\\', byte]).collect();
    assert!(glob_matches(&literal, path));
    assert!(glob_matches(b"**", path));
    assert_eq!(glob_matches(b"*", path), !path.contains(&b'/'));
    assert!(!glob_matches(&[&literal[..], b"?"].concat(), path));
}

/// A tree with one file.
pub(crate) fn leaf(content: &[u8]) -> Node {
    Node::new(Kind::File, content)
}
