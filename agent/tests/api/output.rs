//! Standard output that cannot be written.

use std::fs::File;
use std::process::{Command, Stdio};

const PINNED: &str = "services:\n  web:\n    image: nginx@sha256:\
                      86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa\n";

fn run(arguments: &[&str], directory: &std::path::Path, output: Stdio) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    let output = command.args(arguments).current_dir(directory).stdout(output).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_full_disk_or_a_closed_pipe_is_a_failure_and_no_panic() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    std::fs::write(at.join("pinned.yml"), PINNED).unwrap();
    std::fs::write(at.join("bad.yml"), "services: 1\n").unwrap();
    std::fs::create_dir(at.join("tree")).unwrap();
    let good = run(&["ostree", "--repo=r", "init", "--mode=archive"], at, Stdio::null());
    assert_eq!(good, (Some(0), String::new()));
    let commit = ["ostree", "--repo=r", "commit", "--branch=b", "tree"];
    for arguments in [
        &commit[..],
        &["ostree", "--repo=r", "show", "b"],
        &["ostree", "--repo=r", "ls", "-R", "b"],
        &["--json", "ostree", "--repo=r", "rev-parse", "b"],
        &["--json", "ostree", "--repo=r", "rev-parse", "none"],
        &["ostree", "--repo=r", "fsck"],
        &["ostree", "--repo=r", "prune"],
        &["compose", "check", "bad.yml"],
        &["compose", "plan", "pinned.yml"],
        &["compose", "requests", "pinned.yml"],
        &["compose", "canonical", "pinned.yml"],
        &["compose", "lock", "pinned.yml"],
        &["uptane", "repo", "init", "--tuf", "signed"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (code, text) = run(arguments, at, full.into());
        assert_eq!(code, Some(1), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{arguments:?}: {text}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (code, text) = run(arguments, at, writer.into());
        assert_eq!(code, Some(1), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    }
}
