//! The rows of the decision table in which the safe policy differs from libostree. Each test is named after its row
//! and shows what libostree does with it, and what the safe policy does instead.

use etc_merge::{
    Class, ConflictKind, Kind, Lost, MemoryTree, MergeError, Node, OwnedStep, Policy, Refusal, Report,
    Resolution, Row, Rule, Side, Treatment, merge_in_memory,
};

use crate::states::tree;

fn file(content: &str) -> Node {
    Node::new(Kind::File, content.as_bytes())
}

fn directory(mode: u32) -> Node {
    Node::new(Kind::Directory, b"").with_mode(mode)
}

fn of(nodes: &[(&str, Node)]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for (path, node) in nodes {
        tree.insert(path.as_bytes(), node.clone()).unwrap();
    }
    tree
}

struct Both {
    libostree: Result<MemoryTree, MergeError>,
    safe: MemoryTree,
    /// The safe policy's steps.
    report: Report,
}

impl Both {
    fn step(&self, path: &str) -> &OwnedStep {
        self.report
            .steps
            .iter()
            .find(|step| step.path == path.as_bytes())
            .unwrap_or_else(|| panic!("{}", self.report))
    }

    fn conflict(&self, path: &str) -> (Row, ConflictKind, Resolution, Option<Side>) {
        let step = self.step(path);
        let conflict = step.conflict.unwrap();
        (step.row, conflict.kind, conflict.resolution, conflict.loser())
    }
}

fn merge(old: &MemoryTree, new: &MemoryTree, local: &MemoryTree) -> Both {
    Both {
        libostree: merge_in_memory(old, new, local, &Policy::libostree()),
        safe: merge_in_memory(old, new, local, &Policy::safe()).unwrap(),
        report: Report::plan(old, new, local, &Policy::safe()).unwrap(),
    }
}

fn states(old: &str, new: &str, local: &str) -> Both {
    merge(&tree(old), &tree(new), &tree(local))
}

fn refused(path: &str, refusal: Refusal) -> Result<MemoryTree, MergeError> {
    Err(MergeError::Refused { path: path.as_bytes().to_vec(), refusal })
}

#[test]
fn converged_content_with_a_tightened_mode_f_f_f() {
    let new = of(&[("p", file("2").with_mode(0o600))]);
    let both = merge(&tree("F1"), &new, &tree("F2"));
    assert_eq!(both.libostree, Ok(tree("F2")), "the image's chmod 600 is lost");
    assert_eq!(both.safe, new);
    assert_eq!((both.step("p").class, both.step("p").row), (Class::Merged, Row::BothEditedApart));
}

#[test]
fn local_metadata_f_f_chmod() {
    let both = merge(&tree("F1"), &tree("F2"), &tree("F1m"));
    assert_eq!(both.libostree, Ok(tree("F1m")), "the image's content is lost for a chmod");
    assert_eq!(both.safe, of(&[("p", file("2").with_mode(0o600))]));
    assert_eq!((both.step("p").class, both.step("p").lost), (Class::Merged, Lost::NOTHING));
}

#[test]
fn file_becomes_directory_f_d_f() {
    let both = states("F1", "D1", "F2");
    assert_eq!(both.libostree, refused("p", Refusal::NewDefaultIsDirectory));
    assert_eq!(both.safe, tree("F2"));
    let expected = (Row::FileBecomesDirectory, ConflictKind::Type, Resolution::KeptLocal, Some(Side::New));
    assert_eq!(both.conflict("p"), expected);
}

#[test]
fn file_becomes_directory_f_d_f_chmod() {
    let both = states("F1", "D1", "F1m");
    assert_eq!(both.libostree, refused("p", Refusal::NewDefaultIsDirectory));
    assert_eq!(both.safe, tree("D1"));
    assert_eq!((both.step("p").row, both.step("p").class), (Row::LocalMetadata, Class::Dropped));
}

#[test]
fn both_became_directory_f_d_d() {
    let both = states("F1", "D1", "Dx");
    assert_eq!(both.libostree, Ok(tree("D1")), "the device's p/x is lost silently");
    assert_eq!(both.safe, tree("Dx"));
    let both = states("F1", "D1", "D2");
    assert_eq!(both.safe, tree("D2"));
    let expected = (Row::BothAdded, ConflictKind::Content, Resolution::KeptLocal, Some(Side::New));
    assert_eq!(both.conflict("p/c"), expected);
}

#[test]
fn special_replaces_default_f_f_p() {
    let both = states("F1", "F1", "P");
    assert_eq!(both.libostree, Ok(tree("A")), "a fifo deletes the default");
    assert_eq!(both.safe, tree("F1"));
    assert_eq!((both.step("p").row, both.step("p").lost), (Row::SpecialReplacesDefault, Lost::LOCAL_SPECIAL));
    assert_eq!(states("F1", "D1", "P").safe, tree("D1"));
}

#[test]
fn special_added_none_f_p() {
    let both = states("A", "F1", "P");
    assert_eq!(both.libostree, Ok(tree("A")), "a fifo deletes the new file");
    assert_eq!(both.safe, tree("F1"));
    assert_eq!((both.step("p").class, both.step("p").lost), (Class::Dropped, Lost::LOCAL_SPECIAL));
}

#[test]
fn added_in_removed_directory_d_d_none() {
    let both = states("D1", "Dx", "A");
    assert_eq!(both.libostree, Ok(tree("A")), "a file that the image adds is lost");
    assert_eq!(both.safe, of(&[("p", directory(0o755)), ("p/x", file("x"))]));
    assert_eq!((both.step("p/x").row, both.step("p/x").class), (Row::AddedInRemovedDirectory, Class::Merged));
    assert_eq!(states("D1", "D1", "A").safe, tree("A"));
}

#[test]
fn removed_changed_f_f_none() {
    let both = states("F1", "F2", "A");
    assert_eq!(both.libostree, Ok(tree("A")), "nobody is told of the new default");
    assert_eq!(both.safe, tree("A"));
    let expected =
        (Row::RemovedChanged, ConflictKind::RemovedChanged, Resolution::KeptLocal, Some(Side::New));
    assert_eq!(both.conflict("p"), expected);
}

#[test]
fn added_as_different_types_none_d_f() {
    let both = states("A", "D1", "F1");
    assert_eq!(both.libostree, refused("p", Refusal::NewDefaultIsDirectory));
    assert_eq!(both.safe, tree("F1"));
    let expected = (Row::AddedAsDifferentTypes, ConflictKind::Type, Resolution::KeptLocal, Some(Side::New));
    assert_eq!(both.conflict("p"), expected);
    assert_eq!(states("A", "L1", "D1").safe, tree("D1"));
    assert_eq!(states("A", "L1", "D1").conflict("p"), expected);
}

#[test]
fn empty_local_directory_none_d_e() {
    let both = states("A", "E", "Em");
    assert_eq!(both.libostree, Ok(tree("E")), "the device's mode is lost");
    assert_eq!(both.safe, tree("Em"));
    assert_eq!(both.conflict("p"), (Row::Directory, ConflictKind::Metadata, Resolution::KeptLocal, None));
}

#[test]
fn directory_chmod_d_d_d() {
    let both = states("D1", "D1", "D1m");
    assert_eq!(both.libostree, Ok(tree("D1")), "the device's chmod is lost");
    assert_eq!(both.safe, tree("D1m"));
    assert_eq!((both.step("p").row, both.step("p").class), (Row::DirectoryChmod, Class::Kept));
}

#[test]
fn directory_tightened_d_d_d_edited() {
    let new = of(&[("p", directory(0o700)), ("p/c", file("1"))]);
    let both = merge(&tree("D1"), &new, &tree("D2"));
    assert_eq!(both.libostree, Ok(tree("D2")), "a tightened default is undone");
    assert_eq!(both.safe, of(&[("p", directory(0o700)), ("p/c", file("2"))]));
    assert_eq!((both.step("p").row, both.step("p").class), (Row::Untouched, Class::Updated));
}

#[test]
fn chmod_of_removed_directory_d_none_d() {
    let both = states("D1", "A", "D1m");
    assert_eq!(both.libostree, Ok(tree("D1m")), "all that the image removed comes back");
    assert_eq!(both.safe, tree("A"));
    assert_eq!((both.step("p").row, both.step("p").lost), (Row::ChmodOfRemovedDirectory, Lost::LOCAL_MODE));
}

#[test]
fn edit_in_removed_directory_d_none_d() {
    let both = states("Dx", "A", "D1");
    assert_eq!(both.safe, tree("A"));
    let local = of(&[("p", directory(0o755)), ("p/c", file("9")), ("p/x", file("x"))]);
    let both = merge(&tree("Dx"), &tree("A"), &local);
    let only_c = of(&[("p", directory(0o755)), ("p/c", file("9"))]);
    assert_eq!(both.libostree, Ok(only_c.clone()));
    assert_eq!(both.safe, only_c);
    let expected = (Row::EditedRemoved, ConflictKind::EditedRemoved, Resolution::KeptLocal, None);
    assert_eq!(both.conflict("p/c"), expected, "libostree tells nobody");
}

#[test]
fn directory_replaced_d_d_l() {
    let both = states("D1", "D1", "L1");
    assert_eq!(
        both.libostree,
        refused("p", Refusal::NewDefaultIsDirectory),
        "though the default never changed"
    );
    assert_eq!(both.safe, tree("L1"));
    assert_eq!((both.step("p").row, both.step("p").class), (Row::DirectoryReplaced, Class::Kept));
    let both = states("D1", "D2", "L1");
    assert_eq!(both.safe, tree("L1"));
    let expected = (Row::DirectoryReplaced, ConflictKind::Type, Resolution::KeptLocal, Some(Side::New));
    assert_eq!(both.conflict("p"), expected);
}

#[test]
fn directory_becomes_file_d_f_d_edited() {
    let both = states("D1", "F1", "D2");
    assert_eq!(both.libostree, refused("p/c", Refusal::ParentIsFile));
    assert_eq!(both.safe, tree("D2"));
    let expected = (Row::DirectoryBecomesFile, ConflictKind::Type, Resolution::KeptLocal, Some(Side::New));
    assert_eq!(both.conflict("p"), expected);
}

#[test]
fn directory_becomes_file_d_f_d_child_removed() {
    let both = states("D1", "F1", "E");
    assert_eq!(both.libostree, refused("p/c", Refusal::ParentIsFile), "nothing of the user's is at stake");
    assert_eq!(both.safe, tree("E"));
}

#[test]
fn directory_becomes_symlink_d_l_d_edited() {
    for local in ["D2", "Dx", "E"] {
        let both = states("D1", "L1", local);
        let Err(MergeError::Refused { refusal, .. }) = both.libostree else { panic!("{local}") };
        assert_eq!(refusal, Refusal::ParentIsSymlink, "{local}: libostree goes through the symlink");
        assert_eq!(both.safe, tree(local));
        let expected =
            (Row::DirectoryBecomesFile, ConflictKind::Type, Resolution::KeptLocal, Some(Side::New));
        assert_eq!(both.conflict("p"), expected);
    }
    assert_eq!(states("D1", "L1", "D1").safe, tree("L1"), "not changed: the symlink is taken");
}

#[test]
fn xattr_change_only_f_f_f() {
    let local = of(&[("p", file("1").with_xattr(b"user.a", b"mine"))]);
    let both = merge(&tree("F1"), &tree("F2"), &local);
    assert_eq!(both.libostree, Ok(tree("F2")), "the device's attribute is lost");
    assert_eq!(both.safe, of(&[("p", file("2").with_xattr(b"user.a", b"mine"))]));
    assert_eq!((both.step("p").class, both.step("p").lost), (Class::Merged, Lost::NOTHING));
}

#[test]
fn xattrs_of_both_f_f_f() {
    let with = |content: &str, xattrs: &[(&str, &str)]| {
        let mut node = file(content);
        for (name, value) in xattrs {
            node = node.with_xattr(name.as_bytes(), value.as_bytes());
        }
        of(&[("p", node)])
    };
    let old = with("1", &[("user.gone", "1"), ("user.kept", "1")]);
    let new = with("1", &[("user.kept", "1"), ("user.new", "n")]);
    let local = with("2", &[("user.gone", "1"), ("user.kept", "2"), ("user.local", "l")]);
    let both = merge(&old, &new, &local);
    assert_eq!(both.libostree, Ok(local), "the image's attributes are lost");
    assert_eq!(both.safe, with("2", &[("user.kept", "2"), ("user.local", "l"), ("user.new", "n")]));
    assert_eq!(both.step("p").class, Class::Merged);
    let new = with("1", &[("user.gone", "1"), ("user.kept", "3")]);
    let local = with("1", &[("user.gone", "1"), ("user.kept", "2")]);
    let both = merge(&old, &new, &local);
    assert_eq!(both.safe, local);
    assert_eq!(both.conflict("p"), (Row::BothEditedApart, ConflictKind::Xattrs, Resolution::KeptLocal, None));
    assert_eq!(both.step("p").lost, Lost::NEW_XATTRS);
}

#[test]
fn root_metadata_is_merged() {
    let local = of(&[("", directory(0o700))]);
    let both = merge(&tree("A"), &tree("A"), &local);
    assert_eq!(both.libostree, Ok(tree("A")), "chmod 700 /etc is lost");
    assert_eq!(both.safe, local);
    assert_eq!((both.step("").row, both.step("").class), (Row::DirectoryChmod, Class::Kept));
}

#[test]
fn the_stamp_is_in_no_result() {
    let stamped = of(&[(".updated", file("x")), ("d", directory(0o755)), ("d/.updated", file("y"))]);
    let both = merge(&stamped, &stamped, &stamped);
    let expected = of(&[("d", directory(0o755)), ("d/.updated", file("y"))]);
    assert_eq!((both.libostree, both.safe), (Ok(expected.clone()), expected));
    assert_eq!(both.report.steps, []);
}

#[test]
fn every_row_of_the_safe_policy_is_settled_and_keeps_or_reports_what_the_device_changed() {
    const STATES: [&str; 15] =
        ["A", "F1", "F2", "F3", "F1m", "F1o", "L1", "L2", "E", "Em", "D1", "D2", "D1m", "Dx", "Dd"];
    for old in STATES {
        for new in STATES {
            for local in STATES.iter().copied().chain(["P"]) {
                let name = format!("{old} {new} {local}");
                let both = states(old, new, local);
                if local == old {
                    assert_eq!(both.safe, tree(new), "{name}");
                }
                if new == old && local != "P" {
                    assert_eq!(both.safe, tree(local), "{name}");
                }
                // What the device has and the old default had not is in the result, or a step tells of it.
                for (path, node) in tree(local).iter() {
                    let changed = tree(old).get(&path) != Some(node);
                    let kept = both.safe.get(&path) == Some(node);
                    let told = || {
                        both.report.steps.iter().any(|step| {
                            path.starts_with(&step.path)
                                && !step.path.is_empty()
                                && (step.class == Class::Merged
                                    || step.class == Class::Conflict
                                    || !step.lost.is_empty())
                        })
                    };
                    assert!(!changed || kept || told(), "{name}: {}\n{}", path.escape_ascii(), both.report);
                }
            }
        }
    }
}

#[test]
fn rules_decide_conflicts() {
    let rule = |treatment| [Rule { pattern: "p", treatment }];
    let merge_by = |treatment, old: &str, new: &str, local: &str| {
        merge_in_memory(&tree(old), &tree(new), &tree(local), &Policy::safe_with(&rule(treatment)))
    };
    // A conflict of content, of type, and of a removal.
    for (old, new, local) in
        [("F1", "F2", "F3"), ("F1", "D1", "F2"), ("F1", "F2", "A"), ("D1", "L1", "D2"), ("F1", "A", "F2")]
    {
        assert_eq!(merge_by(Treatment::KeepLocal, old, new, local), Ok(tree(local)), "{old} {new} {local}");
        assert_eq!(merge_by(Treatment::TakeNew, old, new, local), Ok(tree(new)), "{old} {new} {local}");
        assert_eq!(
            merge_by(Treatment::Fail, old, new, local),
            refused("p", Refusal::ByRule),
            "{old} {new} {local}"
        );
    }
    // Without a conflict these rules change nothing.
    for treatment in [Treatment::KeepLocal, Treatment::TakeNew, Treatment::Fail] {
        assert_eq!(merge_by(treatment, "F1", "F1", "F2"), Ok(tree("F2")));
        assert_eq!(merge_by(treatment, "F1", "F2", "F1"), Ok(tree("F2")));
    }
    // Pinned: as the device has it, though it never changed it. Dropped: as the image has it.
    for (old, new, local) in
        [("F1", "F2", "F1"), ("D1", "D2", "D1"), ("F1", "A", "F1"), ("F1", "F1", "A"), ("A", "F1", "A")]
    {
        assert_eq!(merge_by(Treatment::Pin, old, new, local), Ok(tree(local)), "{old} {new} {local}");
        assert_eq!(merge_by(Treatment::Drop, old, new, local), Ok(tree(new)), "{old} {new} {local}");
    }
    assert_eq!(merge_by(Treatment::Drop, "F1", "F1", "F2"), Ok(tree("F1")));
    assert_eq!(merge_by(Treatment::Drop, "D1", "D1", "Dx"), Ok(tree("D1")));
}

#[test]
fn the_first_rule_that_matches_counts() {
    let rules = [
        Rule { pattern: "p/c", treatment: Treatment::TakeNew },
        Rule { pattern: "**", treatment: Treatment::Fail },
    ];
    let policy = Policy::safe_with(&rules);
    assert_eq!(policy.treatment(b"p/c"), Treatment::TakeNew);
    assert_eq!(policy.treatment(b"passwd"), Treatment::Fail);
    assert_eq!(Policy::safe().treatment(b"passwd"), Treatment::Merge(etc_merge::Driver::Passwd));
    assert_eq!(Policy::safe().treatment(b"any"), Treatment::KeepLocal);
    let new = of(&[("p", directory(0o755)), ("p/c", file("2"))]);
    let local = of(&[("p", directory(0o755)), ("p/c", file("3"))]);
    assert_eq!(merge_in_memory(&tree("D1"), &new, &local, &policy), Ok(new));
}
