//! The table `cases.txt`: what repositories do, and what a client is to ask for, to keep and to answer.
//!
//! A line is a case: its name, a colon, and commands separated by ` ; `. The commands of the client are those of
//! [`Case::run`]; all others are those of `maker.py`, to which python-tuf makes the repositories. A case begins with
//! version 1 of every top-level role published, and with that Root as the trusted one.
//!
//! The table is run with `tuf-client` and with python-tuf's client: what it expects is not our opinion.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use testkit::tools;

use super::python;
use crate::server::Server;

const TABLE: &str = include_str!("cases.txt");

/// The sections of the table and how many cases each has.
const SECTIONS: [(&str, usize); 10] = [
    ("first use", 27),
    ("lengths and hashes of metadata", 6),
    ("keys and signatures", 14),
    ("Root: keys and thresholds", 17),
    ("other roles: keys and thresholds", 10),
    ("rollback and recovery", 14),
    ("expiry", 15),
    ("delegations", 46),
    ("names of roles", 12),
    ("targets", 17),
];

/// Cases in which python-tuf's client does otherwise than the table says: it asks for Timestamp before it looks whether
/// Root has expired.
const DIFFERENCES: [&str; 1] = ["Root that has expired is kept, and nothing else is asked for"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Ours,
    Theirs,
}

/// `maker.py`, running.
struct Maker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Maker {
    fn new() -> Self {
        let mut child = python("maker.py").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// What it answers to `command`.
    fn run(&mut self, command: &str) -> Result<String, String> {
        writeln!(self.input, "{command}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        // What it raised is on the standard error.
        if answer.is_empty() {
            Err(format!("{command}: maker.py ended"))
        } else {
            Ok(answer.trim().to_owned())
        }
    }
}

impl Drop for Maker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Case<'a> {
    client: Client,
    maker: &'a mut Maker,
    server: Server,
    directory: PathBuf,
    /// How many days from now it is for the client.
    days: &'a str,
    asked: Vec<String>,
}

impl<'a> Case<'a> {
    fn new(client: Client, maker: &'a mut Maker, directory: PathBuf) -> Result<Self, String> {
        maker.run(&format!("new {}", directory.display()))?;
        let server = Server::new(&directory.join("www"));
        Ok(Self { client, maker, server, directory, days: "0", asked: Vec::new() })
    }

    /// Up to the first command that fails, or whose outcome is another one than the table says.
    fn run(&mut self, command: &'a str) -> Result<(), String> {
        let mut words = command.split(' ');
        let verb = words.next().unwrap_or_default();
        let words: Vec<_> = words.collect();
        match verb {
            // Trust this version of Root. Without it, `refresh` and the like trust version 1.
            "init" => self.init(words[0]),
            // From now on it is so many days later for the client.
            "day" => {
                self.days = words[0];
                Ok(())
            }
            "refresh" => self.client(0, &[]),
            "refused" => self.client(1, &[]),
            "get" => self.client(0, &words),
            "miss" => self.client(1, &words),
            // The metadata that is kept, and no other: `ROLE=VERSION`, each byte for byte as it was published.
            "kept" => same(&self.kept()?, &words),
            // The metadata that was asked for since the last time this was asked, in order.
            "asked" => {
                same(&self.asked_for("metadata/").iter().map(|path| role(path)).collect::<Vec<_>>(), &words)
            }
            // The targets that were asked for, likewise.
            "fetched" => {
                let paths = self.asked_for("targets/");
                same(&paths.iter().map(|path| without_hash(path)).collect::<Vec<_>>(), &words)
            }
            // The contents of the targets that are there, sorted.
            "has" => same(&self.contents(), &words),
            // Other bytes in the place of what is kept.
            "spoilt" => {
                std::fs::write(self.directory.join(format!("kept/{}.json", words[0])), "{").unwrap();
                Ok(())
            }
            _ => self.maker.run(command).map(|_| ()),
        }
        .map_err(|error| format!("{command}: {error}"))
    }

    fn init(&self, version: &str) -> Result<(), String> {
        let root = self.directory.join(format!("www/metadata/{version}.root.json"));
        if self.client == Client::Ours {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tuf-client"));
            command.arg("--metadata-dir").arg(self.directory.join("kept")).arg("init").arg(&root);
            return same(&command.output().unwrap().status.code(), &Some(0));
        }
        std::fs::create_dir(self.directory.join("kept")).unwrap();
        std::fs::create_dir(self.directory.join("got")).unwrap();
        std::fs::copy(root, self.directory.join("kept/root.json")).unwrap();
        Ok(())
    }

    /// Refreshes, or downloads `names` if there are any.
    fn client(&mut self, expected: i32, names: &[&str]) -> Result<(), String> {
        if !self.directory.join("kept").exists() {
            self.init("1")?;
        }
        let url = self.server.url();
        if self.client == Client::Theirs {
            let command =
                ["client", &url, self.days].iter().chain(names).copied().collect::<Vec<_>>().join(" ");
            return same(&self.maker.run(&command)?, &expected.to_string());
        }
        let mut command = tools::tool("faketime");
        command.args(["-f", &format!("+{}d", self.days), env!("CARGO_BIN_EXE_tuf-client")]);
        command.arg("--metadata-dir").arg(self.directory.join("kept"));
        command.args(["--metadata-url", &format!("{url}/metadata/")]);
        if names.is_empty() {
            command.arg("refresh");
        } else {
            for name in names {
                command.args(["--target-name", &decoded(name)]);
            }
            command.arg("--target-dir").arg(self.directory.join("got"));
            command.args(["--target-base-url", &format!("{url}/targets/"), "download"]);
        }
        let output = command.output().unwrap();
        same(&output.status.code(), &Some(expected))
            .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    fn kept(&self) -> Result<Vec<String>, String> {
        let mut kept = Vec::new();
        for (name, bytes) in files(&self.directory.join("kept")) {
            let Some(role) = name.strip_suffix(".json") else { continue };
            let published = files(&self.directory.join("published")).into_iter();
            // `VERSION ROLE NUMBER`
            let version = published
                .filter(|(_, published)| *published == bytes)
                .find_map(|(name, _)| {
                    let (version, rest) = name.split_once(' ')?;
                    (rest.rsplit_once(' ')?.0 == role).then(|| version.to_owned())
                })
                .ok_or_else(|| format!("what is kept of {role} was never published"))?;
            kept.push(format!("{role}={version}"));
        }
        Ok(kept)
    }

    fn contents(&self) -> Vec<String> {
        let mut contents: Vec<_> = files(&self.directory.join("got"))
            .into_iter()
            .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
            .collect();
        contents.sort();
        contents
    }

    /// What was asked for below a directory, since the last time.
    fn asked_for(&mut self, directory: &str) -> Vec<String> {
        self.asked.extend(self.server.asked());
        let (asked, rest) = self.asked.drain(..).partition(|path| path.starts_with(directory));
        self.asked = rest;
        asked
    }
}

fn same<T: PartialEq<U> + Debug, U: Debug>(is: &T, expected: &U) -> Result<(), String> {
    if is == expected { Ok(()) } else { Err(format!("{is:?}, expected {expected:?}")) }
}

/// `metadata/NAME.json` as `NAME`.
fn role(path: &str) -> &str {
    path.strip_prefix("metadata/").and_then(|name| name.strip_suffix(".json")).unwrap_or(path)
}

/// `targets/DIRECTORY/HASH.NAME` as `DIRECTORY/NAME`, if the hash is one.
fn without_hash(asked: &str) -> String {
    let path = asked.strip_prefix("targets/").unwrap_or(asked);
    let (directory, file) = path.rsplit_once('/').map_or(("", path), |(directory, file)| (directory, file));
    let hash = file.split_once('.').filter(|(hash, _)| matches!(hash.len(), 64 | 128));
    let file = hash.map_or(file, |(_, name)| name);
    if directory.is_empty() { file.to_owned() } else { format!("{directory}/{file}") }
}

/// The files of a directory, sorted by name.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let paths: BTreeSet<_> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

/// Without the percent-encoding.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// The cases of a section: their names and commands.
fn cases(section: &str) -> Vec<(&'static str, &'static str)> {
    let after = TABLE.split_once(&format!("\n== {section}\n")).unwrap().1;
    let lines = after.lines().take_while(|line| !line.starts_with("== "));
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(": ").unwrap())
        .collect()
}

/// The cases of a section that do not go as the table says: their names, and what went otherwise.
fn failing(client: Client, section: &str) -> Vec<(&'static str, String)> {
    let directory = tempfile::tempdir().unwrap();
    let mut maker = Maker::new();
    let mut failing = Vec::new();
    for (number, (name, commands)) in cases(section).into_iter().enumerate() {
        let place = directory.path().join(number.to_string());
        let result = Case::new(client, &mut maker, place)
            .and_then(|mut case| commands.split(" ; ").try_for_each(|command| case.run(command)));
        failing.extend(result.err().map(|error| (name, error)));
        if maker.child.try_wait().unwrap().is_some() {
            maker = Maker::new();
        }
    }
    failing
}

#[track_caller]
fn passes(section: &str) {
    let failing = failing(Client::Ours, section);
    assert!(failing.is_empty(), "{failing:#?}");
}

#[test]
fn a_first_use_asks_in_order_and_keeps_what_passed() {
    passes("first use");
}

#[test]
fn metadata_has_the_length_and_the_hashes_that_are_listed() {
    passes("lengths and hashes of metadata");
}

#[test]
fn a_threshold_counts_keys_and_bears_wrong_signatures() {
    passes("keys and signatures");
}

#[test]
fn each_root_is_signed_by_the_keys_of_the_one_before_and_its_own() {
    passes("Root: keys and thresholds");
}

#[test]
fn other_roles_are_signed_by_the_keys_of_the_newest_root() {
    passes("other roles: keys and thresholds");
}

#[test]
fn nothing_goes_back_but_what_new_keys_forgive() {
    passes("rollback and recovery");
}

#[test]
fn what_has_expired_is_not_used_but_to_compare_with() {
    passes("expiry");
}

#[test]
fn delegations_are_followed_depth_first_as_far_as_they_match() {
    passes("delegations");
}

#[test]
fn names_of_roles_may_hold_any_character() {
    passes("names of roles");
}

#[test]
fn targets_are_kept_only_if_they_are_what_is_listed() {
    passes("targets");
}

#[test]
fn python_tuf_agrees_with_the_table_but_for_the_listed_differences() {
    let mut differences = Vec::new();
    for (section, count) in SECTIONS {
        assert_eq!(cases(section).len(), count, "{section}");
        differences.extend(failing(Client::Theirs, section));
    }
    let listed: Vec<_> = differences.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, DIFFERENCES, "{differences:#?}");
    assert_eq!(TABLE.matches("\n== ").count(), SECTIONS.len());
}
