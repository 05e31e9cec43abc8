//! A directory tree that is looked through ahead of the planner.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use etc_merge::{DirectoryTree, Policy, Report, Rule, Treatment};

/// Directories side by side and below each other, more than are looked through ahead.
fn make(root: &Path, release: &str) {
    for number in 0..40 {
        let directory = root.join(format!("d{}/e{number}/f", number % 3));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("file"), format!("{release} {}", number % 7)).unwrap();
        symlink("file", directory.join("link")).unwrap();
    }
    fs::create_dir(root.join("empty")).unwrap();
}

#[test]
fn the_plan_is_the_same_also_where_directories_are_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for (name, release) in [("old", "1"), ("new", "2"), ("local", "1")] {
        make(&path(name), release);
    }
    for number in [0, 1, 2, 3, 30] {
        fs::remove_dir_all(path(&format!("local/d{}/e{number}", number % 3))).unwrap();
        fs::remove_dir_all(path(&format!("new/d{}/e{}", (number + 5) % 3, number + 5))).unwrap();
    }
    fs::write(path("local/d1/e4/f/file"), "mine").unwrap();
    fs::remove_dir_all(path("local/d2/e11")).unwrap();
    symlink("e14", path("local/d2/e11")).unwrap();
    let rules = [
        Rule { pattern: "d0/**", treatment: Treatment::Pin },
        Rule { pattern: "d1/**", treatment: Treatment::Drop },
    ];
    for policy in [Policy::safe(), Policy::libostree(), Policy::safe_with(&rules)] {
        let tree = |name: &str| DirectoryTree::open(&path(name)).unwrap();
        let ahead = |name: &str| tree(name).looked_through_ahead();
        let plain = Report::plan(&tree("old"), &tree("new"), &tree("local"), &policy).unwrap();
        let (old, new, local) = (ahead("old"), ahead("new"), ahead("local"));
        assert_eq!(Report::plan(&old, &new, &local, &policy).unwrap(), plain);
        assert!(plain.steps.len() > 10, "{plain}");
        // What was looked through is used up: a second walk looks for itself.
        assert_eq!(Report::plan(&old, &new, &local, &policy).unwrap(), plain);
    }
}

#[test]
fn the_plan_is_the_same_with_a_directory_of_as_many_entries_as_are_looked_at_ahead_and_one_more() {
    for entries in [4096, 4097] {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for (name, release) in [("old", "1"), ("new", "2"), ("local", "1")] {
            fs::create_dir_all(path(name).join("many/0")).unwrap();
            for number in 1..entries {
                fs::write(path(name).join(format!("many/{number}")), release).unwrap();
            }
            fs::write(path(name).join("many/0/below"), release).unwrap();
            fs::create_dir(path(name).join("more")).unwrap();
            fs::write(path(name).join("more/file"), release).unwrap();
        }
        fs::write(path("local/many/0/below"), "mine").unwrap();
        let tree = |name: &str| DirectoryTree::open(&path(name)).unwrap();
        let plain = Report::plan(&tree("old"), &tree("new"), &tree("local"), &Policy::safe()).unwrap();
        let local = tree("local").looked_through_ahead();
        let ahead = Report::plan(&tree("old").looked_through_ahead(), &tree("new"), &local, &Policy::safe());
        assert_eq!(ahead.unwrap(), plain);
        assert_eq!(plain.steps.len(), entries + 1);
    }
}

#[test]
fn a_walk_that_is_given_up_leaves_no_thread_waiting() {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path(), "1");
    let threads = || {
        fs::read_dir("/proc/self/task")
            .unwrap()
            .filter(|task| {
                let name = task.as_ref().unwrap().path().join("comm");
                fs::read_to_string(name).is_ok_and(|name| name == "etc-merge\n")
            })
            .count()
    };
    for _ in 0..20 {
        drop(DirectoryTree::open(directory.path()).unwrap().looked_through_ahead());
    }
    // Those of other tests end as well.
    let ended = (0..1000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        threads() == 0
    });
    assert!(ended);
}
