//! `ota-agent uptane verify` and `vectors` on directories.

use std::path::Path;
use std::process::{Command, Output};

use uptane_core::repository::{TargetSpec, Wire};

use crate::repositories::{Repository, target};

const NOW: &str = "2030-01-01T00:00:00Z";
const CONTENT: &[u8] = b"firmware";

fn director() -> Repository {
    let custom = TargetSpec::director_custom("123", "abc");
    let targets = vec![target("file.txt", CONTENT, &custom)];
    Repository { with_timestamp: false, ..Repository::new(Wire::Uptane, 10, targets) }
}

fn image() -> Repository {
    let custom = TargetSpec::image_custom("file", "1", "abc", "BINARY");
    Repository::new(Wire::Uptane, 20, vec![target("file.txt", CONTENT, &custom)])
}

fn uptane(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    command.arg("uptane").arg(arguments[0]).arg(directory).args(&arguments[1..]).output().unwrap()
}

/// Standard output and exit status, or what was said on standard error.
fn said(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.code() {
        Some(0) => Ok(text(&output.stdout)),
        Some(1) => Err(text(&output.stderr).replace("ota-agent: error: ", "").trim_end().to_owned()),
        other => panic!("{other:?}: {}", text(&output.stderr)),
    }
}

fn verify(directory: &Path, more: &[&str]) -> Result<String, String> {
    said(&uptane(&[&["verify", "--now", NOW], more].concat(), directory))
}

#[test]
fn both_repositories_are_verified_and_the_target_is_printed() {
    let directory = tempfile::tempdir().unwrap();
    director().write(&directory.path().join("director"));
    image().write(&directory.path().join("image_repo"));
    let lines = "director root 1\ndirector targets 1\nimage root 1\nimage timestamp 1\nimage snapshot 1\nimage targets 1\n";
    assert_eq!(verify(directory.path(), &[]), Ok(lines.into()));
    let target =
        format!("{lines}target file.txt length 8 sha256 {}\n", ostree_objects::Checksum::of(CONTENT));
    assert_eq!(verify(directory.path(), &["--target", "file.txt"]), Ok(target));
    assert_eq!(
        verify(directory.path(), &["--target", "other"]),
        Err("no role that may list it lists other".into())
    );
}

#[test]
fn a_refusal_names_repository_role_and_step() {
    let directory = tempfile::tempdir().unwrap();
    director().write(&directory.path().join("director"));
    let mut image = image();
    image.targets[0].length = 9;
    image.write(&directory.path().join("image_repo"));
    assert_eq!(
        verify(directory.path(), &[]),
        Err("image targets: step F10: the repositories disagree on the length".into())
    );
    assert_eq!(
        said(&uptane(&["verify", "--now", "2098-01-01T00:00:00Z"], directory.path())),
        Err("director root: step R3: expired at 2097-01-01T00:00:00Z, now is 2098-01-01T00:00:00Z".into())
    );
}

#[test]
fn roots_alone_are_walked_in_whatever_repository_is_there() {
    let directory = tempfile::tempdir().unwrap();
    assert!(
        verify(directory.path(), &["--roots-only"]).is_err_and(|said| said.starts_with("neither director"))
    );
    Repository { version: 3, ..image() }.write(&directory.path().join("image_repo"));
    assert_eq!(verify(directory.path(), &["--roots-only"]), Ok("image root 3\n".into()));
    director().write(&directory.path().join("director"));
    assert_eq!(verify(directory.path(), &["--roots-only"]), Ok("director root 1\nimage root 3\n".into()));
}

#[test]
fn a_plain_tuf_repository_is_verified_up_to_the_size_that_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    Repository { version: 2, ..Repository::new(Wire::Tuf, 1, vec![target("a", b"a", "{}")]) }
        .write(directory.path());
    let lines = "root 2\ntimestamp 2\nsnapshot 2\ntargets 2\n";
    assert_eq!(verify(directory.path(), &["--tuf"]), Ok(lines.into()));
    let size = std::fs::metadata(directory.path().join("targets.json")).unwrap().len();
    assert_eq!(verify(directory.path(), &["--tuf", "--max-targets", &size.to_string()]), Ok(lines.into()));
    let less = (size - 1).to_string();
    assert_eq!(
        verify(directory.path(), &["--tuf", "--max-targets", &less]),
        Err(format!("image targets: step G1: larger than the limit of {less} bytes"))
    );
    // Another Root may be trusted in the place of the first.
    let root = directory.path().join("2.root.json");
    std::fs::remove_file(directory.path().join("1.root.json")).unwrap();
    assert!(verify(directory.path(), &["--tuf"]).is_err_and(|said| said.starts_with("no root.json in")));
    assert_eq!(verify(directory.path(), &["--tuf", "--root", root.to_str().unwrap()]), Ok(lines.into()));
}

/// Puts the members of `signed`, or of the map of images, into another order: the signature is over the canonical one.
fn reorder(path: &Path, images: bool) {
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut signed = document["signed"].as_object().unwrap().clone();
    let member =
        |(name, value): (&String, &serde_json::Value)| format!("{}:{value}", serde_json::json!(name));
    let listed = signed.remove("targets").unwrap();
    let mut entries: Vec<_> = listed.as_object().unwrap().iter().map(member).collect();
    if images {
        entries.reverse();
    }
    let mut members: Vec<_> = signed.iter().map(member).collect();
    members.insert(0, format!(r#""targets":{{{}}}"#, entries.join(",")));
    let signatures = &document["signatures"];
    std::fs::write(path, format!(r#"{{"signatures":{signatures},"signed":{{{}}}}}"#, members.join(",")))
        .unwrap();
}

#[test]
fn a_stream_establishes_what_a_whole_document_does() {
    let directory = tempfile::tempdir().unwrap();
    let custom = TargetSpec::image_custom("file", "1", "abc", "BINARY");
    let mut image = image();
    image.targets.push(target("other.txt", b"other", &custom));
    director().write(&directory.path().join("director"));
    image.write(&directory.path().join("image_repo"));
    let path = directory.path().join("image_repo/targets.json");
    let streamed = |more: &[&str]| {
        let output = uptane(&[&["verify", "--now", NOW, "--stream"], more].concat(), directory.path());
        let noted = String::from_utf8_lossy(&output.stderr).replace("ota-agent: ", "");
        (said(&output), noted)
    };
    // Enough for the Director, not for the Image repository.
    let size = std::fs::metadata(directory.path().join("director/targets.json")).unwrap().len().to_string();
    let held = ["--max-targets", &size];
    for (images_too, order) in [(None, "in order"), (Some(false), "out of order"), (Some(true), "images too")]
    {
        if let Some(images) = images_too {
            reorder(&path, images);
        }
        for target in ["file.txt", "other.txt"] {
            let whole = verify(directory.path(), &["--target", target]).unwrap();
            assert!(whole.contains(&format!("target {target} length ")), "{whole}");
            let (stream, noted) = streamed(&["--target", target]);
            assert_eq!(stream, Ok(whole), "{order}");
            let why =
                "targets metadata is read as a whole: members of a long object are out of order at byte ";
            assert_eq!(noted.starts_with(why), images_too == Some(true), "{order}: {noted}");
        }
        assert_eq!(streamed(&[]).0, verify(directory.path(), &[]), "{order}");
        let absent = Err("no role that may list it lists nothing".to_owned());
        assert_eq!(
            streamed(&["--target", "nothing"]).0.map_err(|said| said.lines().last().unwrap().to_owned()),
            absent
        );
        if images_too != Some(true) {
            streamed(&held).0.unwrap();
        }
        assert_eq!(
            verify(directory.path(), &held),
            Err(format!("image targets: step G1: larger than the limit of {size} bytes"))
        );
    }
    // The Director assigns what the Image repository lists otherwise, then what it does not list.
    image.targets[0].length = 9;
    image.write(&directory.path().join("image_repo"));
    let disagree = "image targets: step F10: the repositories disagree on the length";
    assert_eq!(streamed(&[]).0, Err(disagree.into()));
    image.targets.remove(0);
    image.write(&directory.path().join("image_repo"));
    assert_eq!(streamed(&[]).0, verify(directory.path(), &[]));
    // Another signature than the metadata's.
    let text = std::fs::read_to_string(&path).unwrap().replacen("other.txt", "0ther.txt", 1);
    std::fs::write(&path, text).unwrap();
    assert_eq!(streamed(&[]).0, verify(directory.path(), &[]));
    assert!(streamed(&[]).0.is_err_and(|said| said.starts_with("image targets: step G2: ")));
}

#[test]
fn a_stream_that_delegates_what_it_does_not_list_is_read_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.current_dir(directory.path()).arg("uptane").args(arguments).output().unwrap()
    };
    std::fs::write(directory.path().join("here"), "here").unwrap();
    for arguments in [
        &["repo", "init", "site", "--tuf", "--now", NOW][..],
        &["repo", "delegate", "site", "extra", "--path", "there"],
        &["repo", "add-target", "site", "here"],
        &["repo", "add-target", "site", "here", "--name", "there", "--role", "extra"],
        &["repo", "sign", "site", "--now", NOW],
    ] {
        said(&run(arguments)).unwrap();
    }
    let verify = |target: &str| {
        run(&["verify", "site/metadata", "--tuf", "--stream", "--now", NOW, "--target", target])
    };
    let noted = "ota-agent: targets metadata is read as a whole: there may be listed by a delegated role\n";
    for (name, note) in [("here", ""), ("there", noted)] {
        let output = verify(name);
        assert_eq!(String::from_utf8_lossy(&output.stderr), note);
        assert!(said(&output).unwrap().contains(&format!("target {name} length 4 ")));
    }
}

#[test]
fn vectors_agree_if_verdict_and_error_do() {
    let directory = tempfile::tempdir().unwrap();
    let write = |vector: &str, director: &Repository, content: &[u8]| {
        let step = directory.path().join(vector).join("0");
        director.write(&step.join("director"));
        image().write(&step.join("image_repo"));
        std::fs::write(step.join("image_repo/file.txt"), content).unwrap();
    };
    write("simple", &director(), CONTENT);
    write("oversized", &director(), b"firmware and more");
    let mut bad = director();
    bad.targets[0].custom = TargetSpec::director_custom("124", "abc");
    write("bad_ecu", &bad, CONTENT);
    let fine = r#"{"is_success":true}"#;
    let step = |target: &str| {
        format!(
            r#"{{"steps":[{{"director":{{"update":{fine},"targets":{{"file.txt":{target}}}}},"image_repo":{{"update":{fine},"targets":{{}}}}}}]}}"#
        )
    };
    let failure = |name: &str| step(&format!(r#"{{"is_success":false,"err":"{name}"}}"#));
    let expect = |simple: &str| {
        let (oversized, bad) = (failure("OversizedTarget"), failure("BadEcuId"));
        let text = format!(r#"{{"bad_ecu":{bad},"oversized":{oversized},"simple":{simple}}}"#);
        std::fs::write(directory.path().join("expected.json"), text).unwrap();
        uptane(&["vectors", "--ecu", "123", "--hardware", "abc"], directory.path())
    };
    let output = expect(&step(fine));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().last(), Some("3 vectors, 3 steps: 3 agree"), "{text}");
    assert_eq!(output.status.code(), Some(0));
    let output = expect(&failure("BadKeyId"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("NO simple step 0: expected BadKeyId, got success\n"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
