//! Canonical JSON against the two programs whose forms they are.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testkit::tools;
use uptane_core::canonical::{self, Form};
use uptane_core::json;

use crate::documents;

/// How many random documents each comparison takes.
const DOCUMENTS: usize = 500;

#[test]
fn olpc_is_what_securesystemslib_writes() {
    // Debian's Python: another one on the search path would not see Debian's packages.
    let mut python = tools::tool("/usr/bin/python3");
    python.arg(source("encode_canonical.py"));
    compare(&mut python, Form::Olpc);
}

#[test]
fn the_ascii_subset_is_what_jsoncpp_writes() {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("encode_jsoncpp");
    let mut compiler = tools::tool("c++");
    compiler
        .args(["-I/usr/include/jsoncpp", "-o"])
        .arg(&program)
        .arg(source("encode_jsoncpp.cc"))
        .arg("-ljsoncpp");
    tools::success(&mut compiler);
    compare(&mut Command::new(program), Form::JsonSubsetAscii);
}

fn compare(peer: &mut Command, form: Form) {
    let documents = documents::random(DOCUMENTS);
    let theirs = filter(peer, &(documents.join("\n") + "\n"));
    let theirs: Vec<&str> = theirs.lines().collect();
    assert_eq!(theirs.len(), DOCUMENTS);
    for (document, theirs) in documents.iter().zip(theirs) {
        let mut ours = Vec::new();
        canonical::write(json::parse(document.as_bytes()).unwrap(), form, &mut Vec::new(), &mut ours)
            .unwrap();
        let ours_hex: String = ours.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(ours_hex, theirs, "{document}\nis {} here", String::from_utf8_lossy(&ours));
    }
}

/// Runs `command` with `input` and returns what it prints.
fn filter(command: &mut Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer").join(name)
}
