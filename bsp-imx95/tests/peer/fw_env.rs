//! `fw_printenv` and `fw_setenv` of libubootenv, on plain files.

use bsp_imx95::env::{self, Change, Layout, Scheme, Variables};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

pub(crate) const SIZE: usize = 0x400;
const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };

/// An environment in a file, with its configuration.
pub(crate) struct Store {
    pub(crate) directory: TempDir,
    layout: Layout,
}

impl Store {
    pub(crate) fn new(layout: Layout) -> Self {
        let store = Self { directory: tempfile::tempdir().unwrap(), layout };
        let image = store.image().display().to_string();
        let lines: String =
            (0..layout.copies()).map(|copy| format!("{image} {:#x} {SIZE:#x}\n", copy * SIZE)).collect();
        fs::write(store.config(), lines).unwrap();
        let mut variables = Variables::new();
        variables
            .apply(&[("bootlimit", Some("3")), ("altbootcmd", Some("env set rollback 1; run bootcmd"))])
            .unwrap();
        fs::write(store.image(), variables.encode(layout, SIZE).unwrap().repeat(layout.copies())).unwrap();
        store
    }

    pub(crate) fn image(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("fw_env.config")
    }

    pub(crate) fn run(&self, tool: &str, arguments: &[&str]) -> String {
        let mut command = testkit::tools::tool(tool);
        command.arg("-c").arg(self.config()).args(arguments);
        String::from_utf8(testkit::tools::success(&mut command)).unwrap()
    }

    pub(crate) fn variables(&self) -> Variables {
        let image = fs::read(self.image()).unwrap();
        let copies: Vec<&[u8]> = image.chunks(SIZE).collect();
        Variables::from_bytes(self.layout, &copies).unwrap()
    }

    /// Writes as the agent does: one copy.
    pub(crate) fn apply(&self, changes: &[Change<'_>]) -> usize {
        let mut image = fs::read(self.image()).unwrap();
        let copies: Vec<&[u8]> = image.chunks(SIZE).collect();
        let mut out = vec![0; SIZE];
        let write = env::write(self.layout, &copies, changes, &mut out).unwrap().unwrap();
        image[write.copy * SIZE..][..SIZE].copy_from_slice(&out);
        fs::write(self.image(), image).unwrap();
        write.copy
    }
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    lines.sort();
    lines
}

fn reads_what_we_write(layout: Layout) {
    let store = Store::new(layout);
    for round in 0..6 {
        let count = round.to_string();
        let copy = store.apply(&[("bootcount", Some(&count)), ("upgrade_available", Some("1"))]);
        assert_eq!(copy, if layout == Layout::Single { 0 } else { 1 - round % 2 });
        let expected = [
            "altbootcmd=env set rollback 1; run bootcmd".into(),
            format!("bootcount={count}"),
            "bootlimit=3".into(),
            "upgrade_available=1".into(),
        ];
        assert_eq!(sorted(&store.run("fw_printenv", &[])), expected, "round {round}");
        assert_eq!(store.run("fw_printenv", &["-n", "bootcount"]).trim_end(), count);
    }
}

fn we_read_what_it_writes(layout: Layout) {
    let store = Store::new(layout);
    let script = store.directory.path().join("script");
    for round in 0..5 {
        store.run("fw_setenv", &["bootcount", &round.to_string()]);
        assert_eq!(store.variables().get("bootcount"), Some(round.to_string().as_str()));
        fs::write(&script, format!("a={round}\nb=two words\nbootcount=\n")).unwrap();
        store.run("fw_setenv", &["-s", script.to_str().unwrap()]);
        let round = round.to_string();
        let expected = [
            ("a", round.as_str()),
            ("altbootcmd", "env set rollback 1; run bootcmd"),
            ("b", "two words"),
            ("bootlimit", "3"),
        ];
        let variables = store.variables();
        assert!(variables.iter().eq(expected), "{variables:?}");
        // And we take turns with it.
        store.apply(&[("a", None)]);
        assert_eq!(store.run("fw_printenv", &["b"]), "b=two words\n");
    }
}

#[test]
fn fw_printenv_reads_a_single_copy_we_wrote() {
    reads_what_we_write(Layout::Single);
}

#[test]
fn fw_printenv_reads_the_redundant_copies_we_wrote() {
    reads_what_we_write(COUNTER);
}

#[test]
fn we_read_a_single_copy_fw_setenv_wrote() {
    we_read_what_it_writes(Layout::Single);
}

#[test]
fn we_read_the_redundant_copies_fw_setenv_wrote() {
    we_read_what_it_writes(COUNTER);
}

#[test]
fn both_choose_the_same_copy_for_every_pair_of_flags() {
    let store = Store::new(COUNTER);
    let image = |name: &str, flags: u8| {
        let mut variables = Variables::new();
        variables.set("copy", Some(name)).unwrap();
        let mut copy = variables.encode(COUNTER, SIZE).unwrap();
        copy[4] = flags;
        copy
    };
    for first in [0, 1, 2, 127, 128, 254, 255] {
        for second in [0, 1, 2, 127, 128, 254, 255] {
            fs::write(store.image(), [image("0", first), image("1", second)].concat()).unwrap();
            let theirs = store.run("fw_printenv", &["-n", "copy"]);
            assert_eq!(store.variables().get("copy"), Some(theirs.trim_end()), "flags {first}, {second}");
        }
    }
}

#[test]
fn only_backslashes_are_read_differently() {
    let store = Store::new(COUNTER);
    store.run("fw_setenv", &["path", r"a\b"]);
    assert_eq!(store.variables().get("path"), Some("ab"), "as U-Boot reads it");
    // A change of something else leaves it as it is.
    store.apply(&[("other", Some("1"))]);
    assert_eq!(store.run("fw_printenv", &["-n", "path"]).trim_end(), r"a\b");
    store.apply(&[("path", Some(r"a\b"))]);
    assert_eq!(store.run("fw_printenv", &["-n", "path"]).trim_end(), r"a\\b");
}
