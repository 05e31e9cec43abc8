//! A report as text and as bytes: what a journal and other programs read.

use etc_merge::{Kind, MemoryTree, Node, Policy, Report, Rule, Treatment};

/// A report with every kind of action, a conflict with its digests, odd names, losses and a note.
fn report() -> Report {
    let file = |content: &str| Node::new(Kind::File, content.as_bytes());
    let mut old = MemoryTree::new();
    for path in [&b"passwd"[..], b"odd\n\xff%", b"gone", b"fails"] {
        old.insert(path, file("1")).unwrap();
    }
    old.insert(b"d", Node::new(Kind::Directory, b"")).unwrap();
    let (mut new, mut local) = (old.clone(), old.clone());
    new.insert(b"passwd", file("2")).unwrap();
    local.insert(b"passwd", file("3").with_mode(0o600)).unwrap();
    new.insert(b"odd\n\xff%", file("2")).unwrap();
    local.insert(b"odd\n\xff%", Node::new(Kind::Symlink, b"x")).unwrap();
    new.remove(b"gone");
    new.insert(b"fails", file("2")).unwrap();
    local.insert(b"fails", file("3")).unwrap();
    local.insert(b"d", Node::new(Kind::Directory, b"").with_mode(0o700)).unwrap();
    let rules = [Rule { pattern: "fails", treatment: Treatment::Fail }];
    Report::plan(&old, &new, &local, &Policy::safe_with(&rules)).unwrap()
}

#[test]
fn a_report_survives_the_way_through_json_and_through_postcard() {
    let report = report();
    assert_eq!(report.steps.len(), 5, "{report}");
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    let bytes = postcard::to_allocvec(&report).unwrap();
    assert_eq!(postcard::from_bytes::<Report>(&bytes).unwrap(), report);
    assert!(bytes.len() < text.len() / 2, "{} and {} bytes", bytes.len(), text.len());
}

#[test]
fn a_step_as_json_is_readable() {
    let report = report();
    let step = report.steps.iter().find(|step| step.path.starts_with(b"odd")).unwrap();
    let value = serde_json::to_value(step).unwrap();
    assert_eq!(value["path"], "odd%0A%FF%25");
    assert_eq!((&value["class"], &value["row"]), (&"conflict".into(), &"both-edited".into()));
    assert_eq!(value["lost"], serde_json::json!(["new-content"]));
    assert_eq!(value["conflict"]["new"], etc_merge::Digest::of(b"2").to_string());
    assert_eq!(value["conflict"]["local"], etc_merge::Digest::of(b"x").to_string());
    assert_eq!(value["action"]["place"]["content"], "local");
}

#[test]
fn what_is_no_report_is_refused() {
    let text = serde_json::to_string(&report()).unwrap();
    for (from, to) in [("%FF", "%F"), ("\"new-content\"", "\"luck\""), ("\"both-edited\"", "\"guessed\"")] {
        let damaged = text.replace(from, to);
        assert_ne!(damaged, text);
        assert!(serde_json::from_str::<Report>(&damaged).unwrap_err().is_data(), "{to}");
    }
}
