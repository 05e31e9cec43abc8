//! Merging directories on disk.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::path::Path;

use etc_merge::{ApplyError, Class, Digest, Policy, Refusal, Resolution, Row, Side, merge_directories};
use tempfile::TempDir;

/// A directory with `old`, `new` and `local`, each holding these files.
fn sides(files: [&[(&str, &str)]; 3]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (side, files) in ["old", "new", "local"].iter().zip(files) {
        let side = directory.path().join(side);
        fs::create_dir(&side).unwrap();
        for (path, content) in files {
            let path = side.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
    directory
}

fn merge(directory: &Path, policy: &Policy<'_>) -> Result<etc_merge::Report, ApplyError> {
    let at = |name| directory.join(name);
    merge_directories(&at("old"), &at("new"), &at("local"), &at("out"), policy)
}

#[test]
fn keeps_an_edit_takes_an_update_and_reports_a_conflict() {
    let directory = sides([
        &[("hostname", "default"), ("motd", "one"), ("ssh/sshd_config", "Port 22\n")],
        &[("hostname", "default"), ("motd", "two"), ("ssh/sshd_config", "Port 2222\n")],
        &[("hostname", "device-7"), ("motd", "one"), ("ssh/sshd_config", "Port 22022\n")],
    ]);
    let report = merge(directory.path(), &Policy::safe()).unwrap();
    let read = |path: &str| fs::read_to_string(directory.path().join(path)).unwrap();
    assert_eq!(read("out/hostname"), "device-7");
    assert_eq!(read("out/motd"), "two");
    assert_eq!(read("out/ssh/sshd_config"), "Port 22022\n");
    assert_eq!(read("out.conflicts/new/ssh/sshd_config"), "Port 2222\n");
    let (old, new, local) =
        (Digest::of(b"Port 22\n"), Digest::of(b"Port 2222\n"), Digest::of(b"Port 22022\n"));
    assert_eq!(
        read("out.conflicts/index"),
        format!("ssh/sshd_config\tcontent\t{old}\t{new}\t{local}\tnew\n")
    );
    assert_eq!((report.totals.kept, report.totals.updated, report.totals.conflicts), (1, 1, 1));
    let [conflict] = report.conflicts().collect::<Vec<_>>()[..] else { panic!("{report}") };
    let what = conflict.conflict.unwrap();
    assert_eq!((what.old, what.new, what.local), (Some(old), Some(new), Some(local)));
    assert_eq!((what.resolution, conflict.row), (Resolution::KeptLocal, Row::BothEdited));
    let lines: Vec<_> = report.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "kept     hostname: changed on this device only");
    assert_eq!(lines[1], "updated  motd: not changed on this device");
    assert_eq!(lines[3], "1 updated, 1 kept, 0 merged, 1 conflicts, 0 dropped, 2 unchanged");
}

#[test]
fn carries_modes_symlinks_and_times_over() {
    let directory = sides([&[("a", "1")], &[("a", "1")], &[("a", "1"), ("d/secret", "x")]]);
    let local = directory.path().join("local");
    fs::set_permissions(local.join("d/secret"), PermissionsExt::from_mode(0o4640)).unwrap();
    fs::set_permissions(local.join("d"), PermissionsExt::from_mode(0o750)).unwrap();
    symlink("/nowhere/at all", local.join("link")).unwrap();
    merge(directory.path(), &Policy::safe()).unwrap();
    let out = directory.path().join("out");
    let meta = |path: &str| fs::symlink_metadata(out.join(path)).unwrap();
    assert_eq!(meta("d/secret").mode() & 0o7777, 0o4640);
    assert_eq!(meta("d").mode() & 0o7777, 0o750);
    assert_eq!(fs::read_link(out.join("link")).unwrap(), Path::new("/nowhere/at all"));
    let was = fs::metadata(local.join("d/secret")).unwrap();
    assert_eq!((meta("d/secret").mtime(), meta("d/secret").mtime_nsec()), (was.mtime(), was.mtime_nsec()));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "old, new, local, out and nothing else");
}

#[test]
fn a_refusal_leaves_nothing_behind() {
    let directory = sides([&[("p", "1")], &[("p/c", "1")], &[("p", "2")]]);
    let error = merge(directory.path(), &Policy::libostree()).unwrap_err();
    assert_eq!(error, ApplyError::Refused { path: b"p".to_vec(), refusal: Refusal::NewDefaultIsDirectory });
    assert_eq!(error.to_string(), "p: the changed file newly defaults to a directory");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
}

#[test]
fn an_output_that_holds_something_is_left_alone() {
    let directory = sides([&[], &[("a", "1")], &[]]);
    let out = directory.path().join("out");
    fs::create_dir(&out).unwrap();
    merge(directory.path(), &Policy::safe()).unwrap();
    assert_eq!(fs::read(out.join("a")).unwrap(), b"1");
    assert_eq!(merge(directory.path(), &Policy::safe()), Err(ApplyError::NotFresh));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
}

/// The cases s1, s2b and s2c of a symlink that takes a directory's place and points out of /etc: libostree
/// deletes, rewrites and chmods what it points to.
#[test]
fn a_symlink_in_place_of_a_directory_is_never_followed() {
    for (name, policy) in [("libostree", Policy::libostree()), ("safe", Policy::safe())] {
        for change in ["delete", "edit", "add"] {
            let directory = sides([&[("p/c", "1")], &[], &[("p/c", "1")]]);
            let root = directory.path();
            fs::create_dir(root.join("outside")).unwrap();
            fs::write(root.join("outside/c"), "precious").unwrap();
            fs::set_permissions(root.join("outside"), PermissionsExt::from_mode(0o755)).unwrap();
            symlink(root.join("outside"), root.join("new/p")).unwrap();
            // What libostree would give to the directory outside.
            for side in ["old", "local"] {
                fs::set_permissions(root.join(side).join("p"), PermissionsExt::from_mode(0o711)).unwrap();
            }
            match change {
                "delete" => fs::remove_file(root.join("local/p/c")).unwrap(),
                "edit" => fs::write(root.join("local/p/c"), "edited").unwrap(),
                _ => fs::write(root.join("local/p/d"), "added").unwrap(),
            }
            let result = merge(root, &policy);
            assert_eq!(fs::read(root.join("outside/c")).unwrap(), b"precious", "{name} {change}");
            assert_eq!(fs::read_dir(root.join("outside")).unwrap().count(), 1, "{name} {change}");
            assert_eq!(fs::metadata(root.join("outside")).unwrap().mode() & 0o7777, 0o755, "{name} {change}");
            if name == "safe" {
                let report = result.unwrap();
                let step = report.steps.iter().find(|step| step.path == b"p").unwrap();
                assert_eq!((step.row, step.class), (Row::DirectoryBecomesFile, Class::Conflict), "{change}");
                assert_eq!(fs::read_link(root.join("out.conflicts/new/p")).unwrap(), root.join("outside"));
            } else {
                let path = if change == "add" { b"p/d" } else { b"p/c" };
                let expected = ApplyError::Refused { path: path.to_vec(), refusal: Refusal::ParentIsSymlink };
                assert_eq!(result, Err(expected), "{change}");
            }
        }
    }
}

#[test]
fn what_others_have_beside_the_result_stays() {
    let conflict = || sides([&[("f", "old")], &[("f", "new")], &[("f", "local")]]);
    for name in ["out.conflicts", ".out.merge"] {
        let directory = conflict();
        fs::create_dir(directory.path().join(name)).unwrap();
        let precious = directory.path().join(name).join("precious");
        fs::write(&precious, "precious").unwrap();
        let error = merge(directory.path(), &Policy::safe()).unwrap_err();
        assert_eq!(error, ApplyError::Foreign { name: name.into() });
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert!(!directory.path().join("out").exists());
    }
    // A file of such a name is nobody's to replace either.
    let directory = conflict();
    fs::write(directory.path().join("out.conflicts"), "precious").unwrap();
    merge(directory.path(), &Policy::safe()).unwrap_err();
    assert_eq!(fs::read_to_string(directory.path().join("out.conflicts")).unwrap(), "precious");
    // An earlier merge's is.
    let directory = conflict();
    merge(directory.path(), &Policy::safe()).unwrap();
    fs::remove_dir_all(directory.path().join("out")).unwrap();
    fs::write(directory.path().join("new/f"), "newer").unwrap();
    merge(directory.path(), &Policy::safe()).unwrap();
    assert_eq!(fs::read_to_string(directory.path().join("out.conflicts/new/f")).unwrap(), "newer");
}

#[test]
fn a_result_is_not_made_inside_of_what_it_is_made_from() {
    for (side, name) in [(Side::Old, "old"), (Side::New, "new"), (Side::Local, "local")] {
        let directory = sides([&[("d/f", "old")], &[("d/f", "new")], &[("d/f", "local")]]);
        let at = |name: &str| directory.path().join(name);
        for out in [at(name).join("out"), at(name).join("d/out")] {
            let result = merge_directories(&at("old"), &at("new"), &at("local"), &out, &Policy::safe());
            assert_eq!(result.unwrap_err(), ApplyError::Inside { side });
            assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1);
        }
    }
}
