//! Installing on a real file system.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use etc_merge::apply::{ApplyError, Durability, Installed, Outcome, install_directories, undo};
use etc_merge::{DirectoryTree, Policy, Report};
use tempfile::TempDir;

struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        for side in ["old", "new", "local", "deployment/etc"] {
            for file in 0..50 {
                let path = scene.path(side).join(format!("d{}/f{file}", file % 5));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, format!("default {file}")).unwrap();
            }
        }
        fs::write(scene.path("new/d0/f0"), "updated").unwrap();
        fs::write(scene.path("local/d1/f1"), "edited").unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Installs as if the files had been settled for long.
    fn install(&self, durability: Durability) -> Result<Installed, ApplyError> {
        let sides = ["old", "new", "local"].map(|side| self.path(side));
        let later = SystemTime::now() + Duration::from_secs(60);
        let now = later.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let [old, new, local] = sides.each_ref().map(PathBuf::as_path);
        let target = self.path("deployment/etc");
        install_directories(
            [old, new, local],
            &target,
            &Policy::safe(),
            durability,
            i64::try_from(now).unwrap(),
        )
    }
}

#[test]
fn installs_repeats_and_undoes_on_disk() {
    for durability in [Durability::EachFile, Durability::FileSystem] {
        let scene = Scene::new();
        let target = scene.path("deployment/etc");
        assert_eq!(undo(&target), Ok(false));
        let installed = scene.install(durability).unwrap();
        assert_eq!(installed.outcome, Outcome::Installed);
        assert_eq!((installed.report.totals.updated, installed.report.totals.kept), (1, 1));
        assert_eq!(scene.read("deployment/etc/d0/f0"), "updated");
        assert_eq!(scene.read("deployment/etc/d1/f1"), "edited");
        let again = scene.install(durability).unwrap();
        assert_eq!((again.outcome, again.report), (Outcome::Unchanged, installed.report));
        fs::write(scene.path("local/d2/f2"), "edited before the reboot").unwrap();
        assert_eq!(scene.install(durability).unwrap().outcome, Outcome::Installed);
        assert_eq!(scene.read("deployment/etc/d2/f2"), "edited before the reboot");
        assert_eq!(undo(&target), Ok(true));
        assert_eq!(scene.read("deployment/etc/d2/f2"), "default 2");
        assert_eq!(scene.read("deployment/etc/d1/f1"), "edited");
        assert_eq!(undo(&target), Ok(false));
    }
}

#[test]
fn a_repeated_merge_opens_only_what_changed() {
    let scene = Scene::new();
    let plan = |known: [etc_merge::Index; 3]| {
        let now = i64::MAX;
        let [old, new, local] = known;
        let open = |side, known| DirectoryTree::open(&scene.path(side)).unwrap().with_index(known, now);
        let trees = (open("old", old), open("new", new), open("local", local));
        let report = Report::plan(&trees.0, &trees.1, &trees.2, &Policy::safe()).unwrap();
        let read = [trees.0.files_read(), trees.1.files_read(), trees.2.files_read()];
        (report, read, [trees.0, trees.1, trees.2].map(|tree| tree.into_index().unwrap()))
    };
    let (first, read, known) = plan(Default::default());
    assert_eq!(read, [50, 50, 50]);
    let (again, read, known) = plan(known);
    assert_eq!((again, read), (first.clone(), [0, 0, 0]));
    fs::write(scene.path("local/d3/f3"), "other").unwrap();
    let (edited, read, known) = plan(known);
    assert_eq!(read, [0, 0, 1]);
    assert_eq!(edited.totals.kept, first.totals.kept + 1);
    // A change back is seen too, though size and content are what they were.
    fs::write(scene.path("local/d3/f3"), "default 3").unwrap();
    let (back, read, _) = plan(known);
    assert_eq!((back, read), (first, [0, 0, 1]));
}

#[test]
fn a_damaged_journal_is_refused_and_touches_nothing() {
    let scene = Scene::new();
    scene.install(Durability::EachFile).unwrap();
    let journal = scene.path("deployment/.etc.merge/journal");
    let mut bytes = fs::read(&journal).unwrap();
    bytes[5] ^= 4;
    fs::write(&journal, bytes).unwrap();
    assert_eq!(scene.install(Durability::EachFile).unwrap_err(), ApplyError::BadJournal);
    assert_eq!(undo(&scene.path("deployment/etc")), Err(ApplyError::BadJournal));
    assert_eq!(scene.read("deployment/etc/d1/f1"), "edited");
}

#[test]
fn a_path_without_a_name_is_refused() {
    let scene = Scene::new();
    let [old, new, local] = ["old", "new", "local"].map(|side| scene.path(side));
    let result = etc_merge::merge_directories(&old, &new, &local, Path::new("/"), &Policy::safe());
    assert_eq!(result, Err(ApplyError::NotFresh));
}
