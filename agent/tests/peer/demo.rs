//! What the demonstration leaves behind, as the real tools see it.

use std::path::Path;
use std::process::Command;

use testkit::tools::{self, run};

/// The directory of a demonstration, kept.
fn demo() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    tools::success(command.args(["demo", "--keep", "--dir"]).arg(directory.path()));
    directory
}

fn text(output: Vec<u8>) -> String {
    String::from_utf8(output).unwrap()
}

fn repo(path: &Path) -> String {
    format!("--repo={}", path.display())
}

#[test]
fn ostree_and_libubootenv_accept_all_that_the_demonstration_wrote() {
    let directory = demo();
    let device = directory.path().join("device");

    for path in ["device/sysroot/ostree/repo", "stick/images/ostree"] {
        let refs = text(run("ostree", ["refs", &repo(&directory.path().join(path))]));
        assert_ne!(refs.lines().count(), 0, "{path}");
        let said = text(run("ostree", ["fsck", &repo(&directory.path().join(path))]));
        assert!(said.contains("object fsck of"), "{path}: {said}");
    }
    let log =
        text(run("ostree", ["log", &repo(&directory.path().join("factory/www/ostree")), "os/imx95/main"]));
    for version in ["5.0.0", "4.1.0", "4.0.0", "3.0.0", "2.0.0", "1.0.0"] {
        assert!(log.contains(&format!("Demo OS {version}")), "{log}");
    }

    let status =
        text(run("ostree", ["admin", "status", &format!("--sysroot={}", device.join("sysroot").display())]));
    let versions: Vec<_> = status.lines().filter_map(|line| line.trim().strip_prefix("Version: ")).collect();
    assert_eq!(versions, ["5.0.0", "4.0.0"], "{status}");

    let printed =
        text(tools::success(tools::tool("fw_printenv").current_dir(&device).args(["-c", "fw_env.config"])));
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "altbootcmd=env set rollback 1; run bootcmd",
            "bootcount=0",
            "bootlimit=3",
            "env_initialized=1",
            "rollback=0",
            "upgrade_available=0"
        ]
    );
}
