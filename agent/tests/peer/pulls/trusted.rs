//! Pulls that insist on signatures.

use crate::deltas::keys;
use crate::ostree::{Case, two_trees};

use super::server::{Answer, Server};
use super::{objects, served};

/// What was printed on standard error by a pull that failed, and that it left nothing.
fn refused(case: &Case, repo: &str, arguments: &[&str]) -> String {
    let output = case.run(repo, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    assert_eq!(objects(case, repo), []);
    for directory in ["state", "refs/remotes", "refs/heads"] {
        let entries = std::fs::read_dir(case.path(repo).join(directory)).unwrap();
        assert_eq!(entries.count(), 0, "{directory}");
    }
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_commit_without_a_signature_that_counts_is_refused_before_its_content_is_asked_for() {
    let case = Case::new();
    two_trees(&case, 2);
    let commit = served(&case);
    let [secret, public, other] = keys(&case);
    let text = |file: &str| std::fs::read_to_string(file).unwrap().trim().to_owned();
    let inline = format!("--sign-verify=ed25519=inline:{}", text(&public));
    let wrong = format!("--sign-verify=ed25519=file:{other}");
    let server = Server::start(&case.path("served"), |_| Answer::File);
    case.ours("new", &["init"]);
    let url = server.url.as_str();

    let error = refused(&case, "new", &["pull", &inline, url, "os/main"]);
    assert!(error.contains(&format!("commit {commit}: there is no Ed25519 signature")), "{error}");
    case.ours("served", &["sign", "--keys-file", &secret, "os/main"]);
    let error = refused(&case, "new", &["pull", &wrong, url, "os/main"]);
    assert!(error.contains("none of 1 signatures is of one of 1 keys"), "{error}");
    // With a delta it is refused as well, before any part of it comes.
    case.theirs("served", &["static-delta", "generate", "--empty", "--to", &commit]);
    case.theirs("served", &["summary", "-u"]);
    let error = refused(&case, "new", &["pull", &wrong, url, "os/main"]);
    assert!(error.contains("none of 1 signatures is of one of 1 keys"), "{error}");
    let asked = server.asked();
    assert!(asked.iter().any(|asked| asked.path.ends_with("/superblock")));
    let content: Vec<_> = asked
        .iter()
        .map(|asked| asked.path.as_str())
        .filter(|path| path.ends_with(".filez") || path.ends_with(".dirtree") || path.ends_with("/0"))
        .collect();
    assert!(content.is_empty(), "{content:?}");

    case.ours("new", &["pull", &inline, url, "os/main"]);
    case.theirs("new", &["fsck"]);
    // The signature lies beside the commit here too.
    case.ours("new", &["sign", "--verify", "--keys-file", &public, &commit]);
    // What is here already is not taken on trust either.
    let again = case.run("new", &["pull", &wrong, url, "os/main"]);
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn the_config_says_what_a_remote_must_sign_and_a_changed_summary_is_refused() {
    let case = Case::new();
    two_trees(&case, 2);
    let commit = served(&case);
    let [secret, public, _] = keys(&case);
    case.ours("served", &["sign", "--keys-file", &secret, "os/main"]);
    case.ours("served", &["summary", "-u", "--keys-file", &secret]);
    let server = Server::start(&case.path("served"), |_| Answer::File);
    case.ours("new", &["init"]);
    case.theirs("new", &["remote", "add", "--no-gpg-verify", "vendor", &server.url]);
    case.theirs("new", &["remote", "add", "openpgp", &server.url]);
    let set = |key: &str, value: &str| {
        case.theirs("new", &["config", "set", "--group", "remote \"vendor\"", key, value]);
    };
    set("sign-verify", "true");
    set("sign-verify-summary", "true");
    set("verification-ed25519-file", &public);

    let error = refused(&case, "new", &["pull", "openpgp", "os/main"]);
    assert!(error.contains("OpenPGP signatures, which are not verified here"), "{error}");
    let summary = case.path("served/summary");
    let good = std::fs::read(&summary).unwrap();
    let mut changed = good.clone();
    let place = good.windows(7).position(|bytes| bytes == b"os/main").unwrap();
    changed[place] ^= 1;
    std::fs::write(&summary, &changed).unwrap();
    let error = refused(&case, "new", &["pull", "vendor", "os/main"]);
    assert!(error.contains("the summary: none of 1 signatures is of one of 1 keys"), "{error}");
    std::fs::write(&summary, &good).unwrap();
    let signature = case.path("served/summary.sig");
    let kept = std::fs::read(&signature).unwrap();
    std::fs::remove_file(&signature).unwrap();
    let error = refused(&case, "new", &["pull", "vendor", "os/main"]);
    assert!(error.contains("the summary: there is no Ed25519 signature"), "{error}");
    std::fs::write(&signature, kept).unwrap();
    // A URL on the command line changes nothing about whom the remote trusts.
    let beside = case.path("served/objects").join(&commit[..2]).join(format!("{}.commitmeta", &commit[2..]));
    let signed = std::fs::read(&beside).unwrap();
    std::fs::remove_file(&beside).unwrap();
    let error = refused(&case, "new", &["pull", "--remote", "vendor", &server.url, "os/main"]);
    assert!(error.contains("there is no Ed25519 signature"), "{error}");
    std::fs::write(&beside, signed).unwrap();
    case.ours("new", &["pull", "vendor", "os/main"]);
    assert_eq!(case.theirs("new", &["rev-parse", "vendor:os/main"]).trim(), commit);
    case.theirs("new", &["fsck"]);
}

#[test]
fn a_commit_that_is_bound_to_another_branch_is_refused() {
    let case = Case::new();
    two_trees(&case, 2);
    let commit = served(&case);
    case.theirs("served", &["refs", "--create", "os/other", "os/main"]);
    let server = Server::start(&case.path("served"), |_| Answer::File);
    case.ours("new", &["init"]);
    let error = refused(&case, "new", &["pull", &server.url, "os/other"]);
    let expected = format!("commit {commit} is bound to other refs (os/main) than os/other");
    assert!(error.contains(&expected), "{error}");
    case.ours("new", &["pull", "--disable-verify-bindings", &server.url, "os/other"]);
    assert_eq!(case.ours("new", &["rev-parse", "origin:os/other"]).trim(), commit);
}
