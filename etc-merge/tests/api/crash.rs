//! Power fails at every step of installing, of merging again and of undoing: the target is the old tree or the new
//! one, whole, and the next call finishes.

use etc_merge::apply::{ApplyError, Installer, Outcome, Storage as _, Trees};
use etc_merge::{Kind, MemoryTree, Node, Policy, merge_in_memory};

use crate::power::{Loss, PowerCut};
use crate::random_trees::listing;

const LOSSES: [Loss; 6] =
    [Loss::Everything, Loss::Nothing, Loss::Some(1), Loss::Some(2), Loss::Some(3), Loss::Some(4)];

struct Scene {
    old: MemoryTree,
    new: MemoryTree,
    local: MemoryTree,
}

impl Scene {
    fn new() -> Self {
        let file = |content: &str| Node::new(Kind::File, content.as_bytes());
        let mut old = MemoryTree::new();
        for (path, node) in [
            ("d", Node::new(Kind::Directory, b"")),
            ("d/default", file("1")),
            ("hostname", file("default")),
            ("sshd_config", file("Port 22")),
            ("zone", Node::new(Kind::Symlink, b"UTC")),
        ] {
            old.insert(path.as_bytes(), node).unwrap();
        }
        let (mut new, mut local) = (old.clone(), old.clone());
        new.insert(b"d/default", file("2").with_mode(0o600)).unwrap();
        new.insert(b"sshd_config", file("Port 2222")).unwrap();
        local.insert(b"hostname", file("device").with_xattr(b"user.a", b"1")).unwrap();
        local.insert(b"sshd_config", file("Port 22022")).unwrap();
        local.insert(b"zone", Node::new(Kind::Symlink, b"Europe/Lisbon")).unwrap();
        Self { old, new, local }
    }

    fn trees(&self) -> Trees<'_, MemoryTree, MemoryTree, MemoryTree> {
        Trees { old: &self.old, new: &self.new, local: &self.local }
    }

    fn merged(&self) -> MemoryTree {
        merge_in_memory(&self.old, &self.new, &self.local, &Policy::safe()).unwrap()
    }

    fn install(&self, disk: &PowerCut) -> Result<Outcome, ApplyError> {
        let root = disk.root();
        Ok(Installer::new(disk, &root, b"etc").install(self.trees(), &Policy::safe())?.outcome)
    }
}

fn undo(disk: &PowerCut) -> Result<bool, ApplyError> {
    Installer::new(disk, &disk.root(), b"etc").undo()
}

/// A disk with a target that holds one file.
fn disk_with_target() -> PowerCut {
    let disk = PowerCut::new();
    let etc = disk.make_directory(&disk.root(), b"etc").unwrap();
    let mut file = disk.create(&etc, b"pristine").unwrap();
    disk.write(&mut file, b"1").unwrap();
    let none = std::collections::BTreeMap::new();
    let attributes = etc_merge::apply::Attributes { mode: 0o644, owner: None, xattrs: &none, mtime: None };
    disk.finish(file, &attributes).unwrap();
    disk.sync(&etc).unwrap();
    disk.sync(&disk.root()).unwrap();
    disk
}

/// Cuts power at every step of `act` from `start`, with every loss, and checks what is found: `before` or `after`,
/// and `after` once it was done again; then undoing leads to `undone`.
fn enumerate(
    start: &PowerCut,
    before: Option<&MemoryTree>,
    after: &MemoryTree,
    undone: Option<&MemoryTree>,
    act: impl Fn(&PowerCut) -> Result<(), ApplyError>,
) {
    let whole = start.after(Loss::Nothing);
    act(&whole).unwrap();
    let steps = whole.steps();
    assert!(steps > 5, "{steps} steps");
    let mut seen = [false; 2];
    for cut in 0..=steps {
        for loss in LOSSES {
            let disk = start.after(Loss::Nothing);
            disk.fail_after(cut);
            let result = act(&disk);
            assert_eq!(result.is_ok(), cut == steps, "cut at {cut} of {steps}");
            let found = disk.after(loss);
            let tree = found.tree("etc");
            let is_new = tree.as_ref() == Some(after);
            assert!(
                is_new || tree.as_ref() == before,
                "cut at {cut} of {steps}, {loss:?}:\n{}",
                tree.map_or_else(String::new, |tree| listing(&tree))
            );
            seen[usize::from(is_new)] = true;
            assert!(cut < steps || is_new, "done, but lost with {loss:?}");
            act(&found).unwrap();
            assert_eq!(found.tree("etc").as_ref(), Some(after), "after the next run; cut at {cut}, {loss:?}");
            // Nothing is found half-way any more, and it stays so.
            let settled = found.after(Loss::Everything);
            assert_eq!(settled.tree("etc").as_ref(), Some(after), "durable; cut at {cut}, {loss:?}");
            if let Some(undone) = undone {
                assert_eq!(undo(&settled), Ok(true), "cut at {cut}, {loss:?}");
                assert_eq!(settled.tree("etc").as_ref(), Some(undone), "undone; cut at {cut}, {loss:?}");
            }
        }
    }
    assert_eq!(seen, [true; 2], "both outcomes were met");
}

#[test]
fn a_cut_while_installing_leaves_the_old_or_the_new_tree() {
    let scene = Scene::new();
    let start = disk_with_target();
    let before = start.tree("etc");
    enumerate(&start, before.as_ref(), &scene.merged(), before.as_ref(), |disk| {
        scene.install(disk).map(drop)
    });
}

#[test]
fn a_cut_while_installing_where_nothing_was_leaves_nothing_or_the_new_tree() {
    let scene = Scene::new();
    enumerate(&PowerCut::new(), None, &scene.merged(), None, |disk| scene.install(disk).map(drop));
}

#[test]
fn a_cut_while_merging_again_leaves_the_old_or_the_new_tree() {
    let mut scene = Scene::new();
    let start = disk_with_target();
    scene.install(&start).unwrap();
    let first = scene.merged();
    scene.local.insert(b"hostname", Node::new(Kind::File, b"renamed")).unwrap();
    enumerate(&start, Some(&first), &scene.merged(), Some(&first), |disk| scene.install(disk).map(drop));
}

#[test]
fn a_cut_while_undoing_leaves_the_old_or_the_new_tree() {
    let scene = Scene::new();
    let start = disk_with_target();
    let before = start.tree("etc").unwrap();
    scene.install(&start).unwrap();
    enumerate(&start, Some(&scene.merged()), &before, None, |disk| undo(disk).map(drop));
}

/// Cuts power a second time, at every step of what is made of the first cut.
fn enumerate_twice(
    start: &PowerCut,
    before: &MemoryTree,
    after: &MemoryTree,
    act: impl Fn(&PowerCut) -> Result<(), ApplyError>,
) {
    let steps = |disk: &PowerCut| {
        let whole = disk.after(Loss::Nothing);
        act(&whole).unwrap();
        whole.steps()
    };
    for first in 0..steps(start) {
        for loss in [Loss::Everything, Loss::Some(1)] {
            let disk = start.after(Loss::Nothing);
            disk.fail_after(first);
            act(&disk).unwrap_err();
            let found = disk.after(loss);
            for second in 0..steps(&found) {
                let disk = found.after(Loss::Nothing);
                disk.fail_after(second);
                act(&disk).unwrap_err();
                let found = disk.after(loss);
                let tree = found.tree("etc").unwrap();
                assert!(tree == *before || tree == *after, "cuts at {first} and {second}, {loss:?}");
                act(&found).unwrap();
                assert_eq!(found.tree("etc").as_ref(), Some(after), "cuts at {first} and {second}, {loss:?}");
            }
        }
    }
}

#[test]
fn a_second_cut_while_the_first_one_is_settled_leaves_the_old_or_the_new_tree() {
    let mut scene = Scene::new();
    let disk = disk_with_target();
    let before = disk.tree("etc").unwrap();
    scene.install(&disk).unwrap();
    let first = scene.merged();
    enumerate_twice(&disk, &first, &before, |disk| undo(disk).map(drop));
    scene.local.insert(b"hostname", Node::new(Kind::File, b"renamed")).unwrap();
    enumerate_twice(&disk, &first, &scene.merged(), |disk| scene.install(disk).map(drop));
}

#[test]
fn what_a_cut_undo_left_behind_does_not_stand_in_the_way_of_the_next_one() {
    let scene = Scene::new();
    let start = disk_with_target();
    scene.install(&start).unwrap();
    let whole = start.after(Loss::Nothing);
    undo(&whole).unwrap();
    for cut in 0..=whole.steps() {
        let disk = start.after(Loss::Nothing);
        disk.fail_after(cut);
        let _ = undo(&disk);
        let disk = disk.after(Loss::Nothing);
        // The system is set up anew: nothing is there that an install would replace.
        undo(&disk).unwrap();
        disk.remove(&disk.root(), b"etc").unwrap();
        assert_eq!(scene.install(&disk), Ok(Outcome::Installed), "cut at {cut}");
        assert_eq!(undo(&disk), Ok(true), "cut at {cut}");
        assert_eq!(disk.tree("etc"), None, "cut at {cut}");
    }
}

#[test]
fn merging_again_from_the_same_base_writes_nothing() {
    let mut scene = Scene::new();
    let disk = disk_with_target();
    assert_eq!(scene.install(&disk), Ok(Outcome::Installed));
    let steps = disk.steps();
    assert_eq!(scene.install(&disk), Ok(Outcome::Unchanged));
    assert_eq!(disk.steps(), steps);
    scene.local.insert(b"late", Node::new(Kind::File, b"edit before the reboot")).unwrap();
    assert_eq!(scene.install(&disk), Ok(Outcome::Installed));
    assert_eq!(disk.tree("etc"), Some(scene.merged()));
    assert_eq!(scene.install(&disk), Ok(Outcome::Unchanged));
}

#[test]
fn undo_brings_back_what_was_there_once() {
    let scene = Scene::new();
    let disk = disk_with_target();
    let before = disk.tree("etc");
    assert_eq!(undo(&disk), Ok(false));
    scene.install(&disk).unwrap();
    assert_eq!(undo(&disk), Ok(true));
    assert_eq!(disk.tree("etc"), before);
    assert_eq!(undo(&disk), Ok(false));
    assert_eq!(scene.install(&disk), Ok(Outcome::Installed));
    assert_eq!(disk.tree("etc"), Some(scene.merged()));
}

#[test]
fn losers_of_conflicts_are_saved_outside_the_target() {
    let scene = Scene::new();
    let disk = disk_with_target();
    scene.install(&disk).unwrap();
    assert_eq!(disk.names(), [".etc.merge", "etc", "etc.conflicts"]);
    let saved = disk.after(Loss::Everything).tree("etc.conflicts").unwrap();
    assert_eq!(saved.get(b"new/sshd_config").unwrap().content, b"Port 2222");
    assert_eq!(saved.get(b"new/sshd_config").unwrap().meta.mode, 0o644);
    let index = String::from_utf8(saved.get(b"index").unwrap().content.clone()).unwrap();
    assert!(index.starts_with("sshd_config\tcontent\t"), "{index}");
    assert_eq!(index.lines().count(), 1);
}

#[test]
fn a_refused_merge_leaves_target_and_undo_as_they_were() {
    let mut scene = Scene::new();
    let disk = disk_with_target();
    let before = disk.tree("etc");
    scene.install(&disk).unwrap();
    scene.new.insert(b"late", Node::new(Kind::Directory, b"")).unwrap();
    scene.local.insert(b"late", Node::new(Kind::File, b"")).unwrap();
    let root = disk.root();
    let installer = Installer::new(&disk, &root, b"etc");
    let refused = installer.install(scene.trees(), &Policy::libostree()).unwrap_err();
    let refusal = etc_merge::Refusal::NewDefaultIsDirectory;
    assert_eq!(refused, ApplyError::Refused { path: b"late".to_vec(), refusal });
    assert_ne!(disk.tree("etc"), before);
    assert_eq!(installer.undo(), Ok(true));
    assert_eq!(disk.tree("etc"), before);
}
