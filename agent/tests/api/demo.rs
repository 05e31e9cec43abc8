//! The demonstration as a user runs it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn demo(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ota-agent"))
        .args(["demo", "--dir"])
        .arg(directory)
        .args(arguments)
        .output()
        .unwrap()
}

fn events(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect()
}

#[test]
fn tells_the_whole_story_as_json_and_every_claim_holds() {
    let directory = tempfile::tempdir().unwrap();
    let output = demo(&directory.path().join("d"), &["--json"]);
    let events = events(&output);
    let failed: Vec<_> = events.iter().filter(|event| event["holds"] == false).collect();
    assert_eq!(failed, Vec::<&Value>::new());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));

    let chapters: Vec<_> = events.iter().filter(|event| event["event"] == "chapter").collect();
    assert_eq!(chapters.len(), 7, "six chapters and the table");
    let proofs = events.iter().filter(|event| event["event"] == "proof").count();
    let summary = events.last().unwrap();
    assert_eq!((summary["held"].as_u64(), summary["failed"].as_u64()), (u64::try_from(proofs).ok(), Some(0)));
}

#[test]
fn each_attack_is_refused_by_an_error_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let output = demo(&directory.path().join("d"), &["--json"]);
    let refusals: Vec<_> = events(&output)
        .into_iter()
        .filter(|event| event["event"] == "proof" && event["chapter"] == 5)
        .map(|event| {
            (event["claim"].as_str().unwrap().to_owned(), event["evidence"].as_str().unwrap().to_owned())
        })
        .filter(|(claim, _)| claim.ends_with("is refused"))
        .collect();
    assert_eq!(refusals.len(), 8, "{refusals:#?}");
    let mut evidence: Vec<_> = refusals.iter().map(|(_, evidence)| evidence).collect();
    evidence.sort();
    evidence.dedup();
    assert_eq!(evidence.len(), 8, "{refusals:#?}");
}

#[test]
fn fails_if_one_byte_of_the_recorded_repository_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    let mut fixture = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/os-v1.tar")).unwrap();
    // A byte of the archived commit object: the value of its `version`, a string in a variant.
    let at =
        fixture.windows(8).position(|window| window == b"1.0.0\0\0s").expect("the commit's version metadata");
    fixture[at] ^= 1;
    let changed = directory.path().join("changed.tar");
    std::fs::write(&changed, fixture).unwrap();
    let output = demo(&directory.path().join("d"), &["--json", "--fixture", changed.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let events = events(&output);
    let failed: Vec<_> = events.iter().filter(|event| event["holds"] == false).collect();
    let [failed] = failed[..] else { panic!("{events:#?}") };
    let evidence = failed["evidence"].as_str().unwrap();
    assert!(evidence.contains("has the content of"), "{evidence}");
}

#[test]
fn prints_lines_for_people_and_a_table_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let output = demo(&directory.path().join("d"), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("What was proven"), "{text}");
    assert!(!text.contains("DOES NOT HOLD"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours unless on a terminal");
}

#[test]
fn refuses_a_directory_that_holds_something() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("mine"), b"precious").unwrap();
    let output = demo(directory.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not empty"));
    assert_eq!(std::fs::read(directory.path().join("mine")).unwrap(), b"precious");
}
