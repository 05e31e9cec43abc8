//! `tuf-client` and `ota-agent uptane verify --tuf` on a repository that python-tuf made, beside python-tuf's client.

mod cases;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use testkit::tools;

use crate::server::Server;

/// python-tuf and what it signs with: not in Debian, so PyPI's, of fixed versions.
const PACKAGES: [&str; 3] = ["tuf==7.0.1", "securesystemslib==1.6.0", "cryptography==50.0.2"];

/// Targets of the repository and whether they can be had: the last ones are behind a terminating delegation, in a
/// directory below the delegated one, and nowhere.
const TARGETS: [(&str, bool); 8] = [
    ("top level.txt", true),
    ("docs/one.txt", true),
    ("docs/0.txt", true),
    ("docs/39.txt", true),
    ("hashed.bin", true),
    ("closed/hidden.txt", false),
    ("other/two/x.txt", false),
    ("nowhere", false),
];

/// Debian's Python with the packages above.
pub(crate) fn python(script: &str) -> Command {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    let packages = INSTALLED.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-tuf-7.0.1");
        if !place.join("complete").is_file() {
            let mut pip = tools::tool("/usr/bin/pip3");
            pip.args(["install", "-q", "--disable-pip-version-check", "--root-user-action=ignore"]);
            pip.args(["--break-system-packages", "--upgrade", "--target"]).arg(&place).args(PACKAGES);
            tools::success(&mut pip);
            std::fs::write(place.join("complete"), "").unwrap();
        }
        place
    });
    let mut command = tools::tool("/usr/bin/python3");
    command
        .env("PYTHONPATH", packages)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer/tuf").join(script));
    command
}

struct Repository {
    directory: tempfile::TempDir,
    server: Server,
}

impl Repository {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("repository");
        tools::success(python("make_repository.py").arg(&place));
        let server = Server::new(&place);
        Self { directory, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn client(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tuf-client"));
        self.arguments(&mut command);
        command
    }

    fn arguments(&self, command: &mut Command) {
        command.arg("--metadata-dir").arg(self.path("kept"));
        command.arg("--metadata-url").arg(format!("{}/metadata", self.server.url()));
        command.arg("--target-dir").arg(self.path("targets"));
        command.arg("--target-base-url").arg(format!("{}/targets/", self.server.url()));
    }

    fn init(&self) {
        tools::success(self.client().arg("init").arg(self.path("repository/root.json")));
    }

    fn download(&self, name: &str) -> bool {
        self.client().args(["--target-name", name, "download"]).output().unwrap().status.success()
    }
}

#[test]
fn a_repository_of_python_tuf_with_rotations_and_delegations_is_accepted_as_by_its_own_client() {
    let repository = Repository::new();
    repository.init();
    let names = TARGETS.map(|(name, _)| name);
    let mut theirs = python("client.py");
    theirs.arg(repository.path("repository/root.json")).arg(repository.path("theirs"));
    let theirs = tools::success(theirs.arg(repository.server.url()).args(names));
    let expected: Vec<_> = TARGETS
        .iter()
        .map(|(name, there)| format!("{} {name}", if *there { "found" } else { "missing" }))
        .collect();
    assert_eq!(String::from_utf8(theirs).unwrap().lines().collect::<Vec<_>>(), expected);
    for (name, there) in TARGETS {
        assert_eq!(repository.download(name), there, "{name}");
    }
    // Byte for byte what the server has, and what python-tuf's client keeps, under the same names.
    let mut kept: Vec<_> =
        std::fs::read_dir(repository.path("kept")).unwrap().map(|file| file.unwrap().file_name()).collect();
    kept.sort();
    for name in ["..%2Fdocuments.json", "by%20hash.json", "closed.json"] {
        assert!(kept.contains(&name.into()), "{kept:?}");
    }
    for name in kept {
        let ours = std::fs::read(repository.path("kept").join(&name)).unwrap();
        let theirs = std::fs::read(repository.path("theirs").join(&name)).unwrap();
        assert_eq!(ours, theirs, "{}", name.display());
    }
    let content = std::fs::read_to_string(repository.path("targets/docs%2Fone.txt")).unwrap();
    assert_eq!(content, "content of docs/one.txt\n");
}

#[test]
fn the_time_of_a_verification_is_the_systems() {
    let repository = Repository::new();
    repository.init();
    let at = |time: &str| {
        let mut command = tools::tool("faketime");
        command.arg(time).arg(env!("CARGO_BIN_EXE_tuf-client"));
        repository.arguments(&mut command);
        command.arg("refresh").output().unwrap()
    };
    let expired = at("2099-01-01 00:00:00");
    assert_eq!(expired.status.code(), Some(1));
    let said = String::from_utf8(expired.stderr).unwrap();
    assert!(
        said.starts_with("tuf-client: error: image root: step R3: expired at 2098-01-01T00:00:00Z"),
        "{said}"
    );
    assert_eq!(at("2097-01-01 00:00:00").status.code(), Some(0));
}

#[test]
fn the_directory_of_a_client_verifies_at_a_given_time() {
    let repository = Repository::new();
    repository.init();
    for (name, there) in TARGETS {
        assert_eq!(repository.download(name), there, "{name}");
    }
    let verify = |now: &str, target: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.args(["uptane", "verify"]).arg(repository.path("kept"));
        command.args(["--tuf", "--now", now, "--target", target]).output().unwrap()
    };
    let output = verify("2097-12-31T23:59:59Z", "hashed.bin");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[..4], ["root 3", "timestamp 9", "snapshot 5", "targets 7"]);
    assert!(lines[4].starts_with("target hashed.bin length 22 sha512 "), "{said}");
    let refused = verify("2098-01-01T00:00:00Z", "hashed.bin");
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("image root: step R3: expired at 2098-01-01T00:00:00Z"), "{said}");
}

/// `ota-agent uptane repo` in `directory`, on its repository `ours`.
fn repo(directory: &Path, command: &str, arguments: &[&str]) {
    let mut ota_agent = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    ota_agent.current_dir(directory).args(["uptane", "repo", command, "ours"]).args(arguments);
    tools::success(&mut ota_agent);
}

#[test]
fn a_repository_that_we_sign_is_accepted_by_python_tuf_through_delegations_bins_and_rotations() {
    // Names, whether they can be had, and the role that is to list them.
    let targets = [
        ("top level.txt", true, "targets"),
        ("docs/one.txt", true, "../documents"),
        ("docs/deep/two.txt", true, "deep"),
        ("hashed.bin", true, "by hash"),
        ("closed/hidden.txt", false, "never"),
        ("packages/a", true, "packages"),
        ("packages/b", true, "packages"),
        ("packages/c", true, "packages"),
    ];
    for consistent in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let repo = |command: &str, arguments: &[&str]| repo(directory.path(), command, arguments);
        let more: &[&str] = if consistent { &[] } else { &["--no-consistent-snapshot"] };
        repo("init", &[&["--tuf", "--count", "root=3/2", "--count", "targets=2/2"], more].concat());
        let root = std::fs::read(directory.path().join("ours/metadata/1.root.json")).unwrap();
        std::fs::write(directory.path().join("trusted.json"), root).unwrap();
        repo("delegate", &["../documents", "--path", "docs/*", "--path", "docs/*/*", "--count", "2/2"]);
        repo("delegate", &["deep", "--from", "../documents", "--path", "docs/deep/*"]);
        let prefix = &ostree_objects::Checksum::of(b"hashed.bin").to_string()[..3];
        repo("delegate", &["by hash", "--hash-prefix", prefix]);
        repo("delegate", &["closed", "--path", "closed/*", "--terminating"]);
        repo("delegate", &["never", "--path", "closed/*"]);
        repo("delegate", &["packages", "--path", "packages/*"]);
        repo("delegate-bins", &["bin", "--from", "packages", "--bits", "3"]);
        std::fs::write(directory.path().join("content"), "content").unwrap();
        for (name, _, role) in targets {
            repo(
                "add-target",
                &["content", "--name", name, "--role", role, "--custom", r#"{"b":1,"a":"\u00e9\n"}"#],
            );
        }
        repo("sign", &[]);
        let server = Server::new(&directory.path().join("ours"));
        let accepted = |when: &str| {
            let mut theirs = python("client.py");
            theirs.arg(directory.path().join("trusted.json")).arg(directory.path().join("theirs"));
            theirs.arg(server.url()).args(targets.map(|(name, ..)| name));
            let said = String::from_utf8(tools::success(&mut theirs)).unwrap();
            let expected: Vec<_> = targets
                .iter()
                .map(|(name, there, _)| format!("{} {name}", if *there { "found" } else { "missing" }))
                .collect();
            assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{when}");
        };
        accepted("made");
        // The same client, which has what was there before.
        for role in ["root", "timestamp", "snapshot", "targets", "../documents", "deep", "bin-0"] {
            repo("rotate", &[role]);
            repo("sign", &[]);
        }
        accepted("with new keys");
        repo("revoke", &["never"]);
        repo("sign", &[]);
        accepted("with a role less");
        let mut verify = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        verify.args(["uptane", "verify", "--tuf"]).arg(directory.path().join("ours/metadata"));
        verify.args(["--now", "2026-01-01T00:00:00Z", "--target", "packages/c"]);
        let said = String::from_utf8(tools::success(&mut verify)).unwrap();
        assert!(said.contains("target packages/c length 7 sha256 "), "{said}");
    }
}
