//! `tuf-client` as the conformance suite runs it.

use std::path::PathBuf;
use std::process::{Command, Output};

use uptane_core::repository::Wire;

use crate::repositories::{Repository, target};
use crate::server::Server;

struct Setting {
    directory: tempfile::TempDir,
    server: Server,
    repository: Repository,
}

impl Setting {
    fn new() -> Self {
        Self::with_absent(404)
    }

    /// With a server that answers `absent` to what is not there.
    fn with_absent(absent: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let targets =
            vec![target("a.txt", b"a", "{}"), target("b.txt", b"b", "{}"), target("gone", b"x", "{}")];
        let repository = Repository::new(Wire::Tuf, 1, targets);
        repository.write(&directory.path().join("www/metadata"));
        let files = directory.path().join("www/targets");
        std::fs::create_dir_all(&files).unwrap();
        std::fs::write(files.join("a.txt"), b"a").unwrap();
        std::fs::write(files.join("b.txt"), b"b").unwrap();
        let server = Server::with_absent(&directory.path().join("www"), absent);
        Self { directory, server, repository }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tuf-client"));
        command.arg("--metadata-dir").arg(self.path("kept"));
        command.args(arguments).output().unwrap()
    }

    fn init(&self) {
        let root = self.path("www/metadata/1.root.json");
        assert_eq!(self.run(&["init", root.to_str().unwrap()]).status.code(), Some(0));
        assert_eq!(self.server.asked(), Vec::<String>::new());
    }

    fn refresh(&self) -> (Option<i32>, Vec<String>) {
        let url = format!("{}/metadata", self.server.url());
        let output = self.run(&["--metadata-url", &url, "refresh"]);
        (output.status.code(), self.server.asked())
    }

    fn download(&self, names: &[&str]) -> (Option<i32>, Vec<String>) {
        let (metadata, targets) =
            (format!("{}/metadata", self.server.url()), format!("{}/targets", self.server.url()));
        let directory = self.path("targets");
        let mut arguments = vec!["--metadata-url", &*metadata];
        for name in names {
            arguments.extend(["--target-name", name]);
        }
        arguments.extend([
            "--target-dir",
            directory.to_str().unwrap(),
            "--target-base-url",
            &*targets,
            "download",
        ]);
        let output = self.run(&arguments);
        let asked = self.server.asked().into_iter().filter(|asked| asked.starts_with("targets/")).collect();
        (output.status.code(), asked)
    }

    fn downloaded(&self) -> Vec<(String, Vec<u8>)> {
        let Ok(files) = std::fs::read_dir(self.path("targets")) else { return Vec::new() };
        let mut files: Vec<_> = files
            .map(|file| file.unwrap())
            .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
            .collect();
        files.sort();
        files
    }
}

#[test]
fn refresh_asks_in_the_order_of_the_workflow_and_keeps_what_was_served_under_plain_names() {
    let setting = Setting::new();
    setting.init();
    let names = ["2.root", "timestamp", "snapshot", "targets"].map(|name| format!("metadata/{name}.json"));
    assert_eq!(setting.refresh(), (Some(0), names.to_vec()));
    for name in ["timestamp.json", "snapshot.json", "targets.json"] {
        let served = std::fs::read(setting.path("www/metadata").join(name)).unwrap();
        assert_eq!(std::fs::read(setting.path("kept").join(name)).unwrap(), served, "{name}");
    }
    assert_eq!(setting.refresh(), (Some(0), names[..2].to_vec()));
}

#[test]
fn refused_metadata_is_not_kept_and_the_exit_status_is_1() {
    let mut setting = Setting::new();
    setting.repository.version = 2;
    setting.repository.write(&setting.path("www/metadata"));
    setting.init();
    assert_eq!(setting.refresh().0, Some(0));
    let newest = std::fs::read(setting.path("kept/timestamp.json")).unwrap();
    setting.repository.version = 1;
    setting.repository.write(&setting.path("www/metadata"));
    assert_eq!(setting.refresh().0, Some(1));
    assert_eq!(std::fs::read(setting.path("kept/timestamp.json")).unwrap(), newest);
}

#[test]
fn a_target_that_is_there_and_right_is_not_fetched_again() {
    let setting = Setting::new();
    setting.init();
    assert_eq!(setting.download(&["a.txt"]), (Some(0), vec!["targets/a.txt".to_owned()]));
    assert_eq!(setting.download(&["a.txt"]), (Some(0), Vec::new()));
    std::fs::write(setting.path("targets/a.txt"), b"spoilt").unwrap();
    assert_eq!(setting.download(&["a.txt"]), (Some(0), vec!["targets/a.txt".to_owned()]));
    assert_eq!(setting.downloaded(), [("a.txt".to_owned(), b"a".to_vec())]);
}

#[test]
fn targets_come_in_order_and_the_first_that_cannot_be_had_ends_it() {
    let setting = Setting::new();
    setting.init();
    let (code, asked) = setting.download(&["b.txt", "gone", "a.txt"]);
    assert_eq!((code, &*asked), (Some(1), &["targets/b.txt".to_owned(), "targets/gone".to_owned()][..]));
    assert_eq!(setting.downloaded(), [("b.txt".to_owned(), b"b".to_vec())]);
    assert_eq!(setting.download(&["unlisted", "a.txt"]), (Some(1), Vec::new()));
}

#[test]
fn other_content_than_listed_takes_no_place_and_leaves_nothing_behind() {
    let setting = Setting::new();
    setting.init();
    assert_eq!(setting.download(&["a.txt"]).0, Some(0));
    for content in [&b"e"[..], b"", b"a and more"] {
        std::fs::write(setting.path("www/targets/b.txt"), content).unwrap();
        assert_eq!(setting.download(&["b.txt"]).0, Some(1));
        assert_eq!(setting.downloaded(), [("a.txt".to_owned(), b"a".to_vec())]);
    }
}

#[test]
fn without_a_trusted_root_nothing_is_asked_for() {
    let setting = Setting::new();
    assert_eq!(setting.refresh(), (Some(1), Vec::new()));
    assert_eq!(setting.run(&["init", "/nowhere/root.json"]).status.code(), Some(1));
    assert_eq!(setting.run(&["refresh"]).status.code(), Some(1));
    assert_eq!(setting.run(&["--unknown"]).status.code(), Some(1));
    assert_eq!(setting.run(&["--help"]).status.code(), Some(0));
}

/// Object stores answer 403 to what is not there (TUF clause 5.3.3; python-tuf does so too), and not to Root alone.
#[test]
fn clause_5_3_3_403_says_that_there_is_no_newer_root_and_nothing_of_other_roles() {
    for (absent, code) in [(404, 0), (403, 0), (410, 1), (500, 1)] {
        let setting = Setting::with_absent(absent);
        setting.init();
        assert_eq!(setting.refresh().0, Some(code), "{absent}");
    }
    let setting = Setting::with_absent(403);
    setting.init();
    std::fs::remove_file(setting.path("www/metadata/timestamp.json")).unwrap();
    let url = format!("{}/metadata", setting.server.url());
    let output = setting.run(&["--metadata-url", &url, "refresh"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, format!("tuf-client: error: GET {url}/timestamp.json: the server answered 403\n"));
}
