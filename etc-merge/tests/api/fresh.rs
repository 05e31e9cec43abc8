//! Power fails at every step of writing into a fresh directory: nothing appears, or the whole, and the next run
//! writes it.

use etc_merge::apply::{ApplyError, Installer, Storage as _, Trees};
use etc_merge::{Kind, MemoryTree, Node, Policy, Report, merge_in_memory};

use crate::power::{Loss, PowerCut};

const LOSSES: [Loss; 6] =
    [Loss::Everything, Loss::Nothing, Loss::Some(1), Loss::Some(2), Loss::Some(3), Loss::Some(4)];

/// Three trees with a conflict, whose loser is saved.
fn three() -> [MemoryTree; 3] {
    ["default", "new default", "edited"].map(|content| {
        let mut tree = MemoryTree::new();
        tree.insert(b"d", Node::new(Kind::Directory, b"")).unwrap();
        tree.insert(b"d/f", Node::new(Kind::File, content.as_bytes())).unwrap();
        tree.insert(b"zone", Node::new(Kind::Symlink, b"UTC")).unwrap();
        tree
    })
}

fn write(disk: &PowerCut, [old, new, local]: &[MemoryTree; 3]) -> Result<Report, ApplyError> {
    Installer::new(disk, &disk.root(), b"out").write_fresh(Trees { old, new, local }, &Policy::safe())
}

#[test]
fn a_cut_while_writing_leaves_nothing_or_the_whole_with_what_it_saved() {
    let trees = three();
    let [old, new, local] = &trees;
    let expected = merge_in_memory(old, new, local, &Policy::safe()).unwrap();
    let empty = PowerCut::new();
    empty.make_directory(&empty.root(), b"out").unwrap();
    empty.sync(&empty.root()).unwrap();
    for start in [PowerCut::new(), empty] {
        let before = start.tree("out");
        let whole = start.after(Loss::Nothing);
        write(&whole, &trees).unwrap();
        let steps = whole.steps();
        let mut seen = [false; 2];
        for cut in 0..=steps {
            for loss in LOSSES {
                let disk = start.after(Loss::Nothing);
                disk.fail_after(cut);
                let finished = write(&disk, &trees).is_ok();
                assert_eq!(finished, cut == steps, "cut at {cut} of {steps}");
                let found = disk.after(loss);
                let is_whole = found.tree("out").as_ref() == Some(&expected);
                assert!(is_whole || found.tree("out") == before, "cut at {cut} of {steps}, {loss:?}");
                assert!(is_whole || !finished, "done, but lost with {loss:?}");
                seen[usize::from(is_whole)] = true;
                if !is_whole {
                    write(&found, &trees).unwrap();
                }
                assert_eq!(found.tree("out").as_ref(), Some(&expected), "cut at {cut}, {loss:?}");
                let saved = found.tree("out.conflicts").unwrap();
                assert_eq!(saved.get(b"new/d/f").unwrap().content, b"new default", "cut at {cut}, {loss:?}");
            }
        }
        assert_eq!(seen, [true; 2], "both outcomes were met");
    }
}

#[test]
fn a_target_that_holds_something_is_refused_before_anything_is_written() {
    let trees = three();
    let disk = PowerCut::new();
    write(&disk, &trees).unwrap();
    let saved = disk.tree("out.conflicts");
    let mut others = trees;
    others[1].insert(b"d/f", Node::new(Kind::File, b"another default")).unwrap();
    let steps = disk.steps();
    assert_eq!(write(&disk, &others), Err(ApplyError::NotFresh));
    assert_eq!(disk.steps(), steps);
    assert_eq!(disk.tree("out.conflicts"), saved, "what the earlier merge saved stays");
}

#[test]
fn a_file_in_the_targets_place_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for side in ["old", "new", "local"] {
        std::fs::create_dir(directory.path().join(side)).unwrap();
    }
    let [old, new, local, out] = ["old", "new", "local", "out"].map(|name| directory.path().join(name));
    std::fs::write(&out, "a file").unwrap();
    let result = etc_merge::merge_directories(&old, &new, &local, &out, &Policy::safe());
    assert_eq!(result, Err(ApplyError::NotFresh));
    std::fs::remove_file(&out).unwrap();
    std::os::unix::fs::symlink(&old, &out).unwrap();
    let result = etc_merge::merge_directories(&old, &new, &local, &out, &Policy::safe());
    assert_eq!(result, Err(ApplyError::NotFresh), "a symlink is not followed");
}
