//! `ota-agent ostree static-delta` and pulls with deltas, beside the real tool.

use std::collections::BTreeSet;
use std::path::PathBuf;

use testkit::tools;

use crate::ostree::{Case, Server, two_trees};

/// The tool's archive `served` with two commits of one branch.
pub(super) fn served(case: &Case) -> [String; 2] {
    two_trees(case, 5);
    std::fs::create_dir(case.path("served")).unwrap();
    case.theirs("served", &["init", "--mode=archive"]);
    ["one", "two"].map(|tree| {
        let time = if tree == "one" { "--timestamp=@1767225600" } else { "--timestamp=@1767225601" };
        case.theirs("served", &["commit", "-b", "os/main", "--no-xattrs", time, tree]).trim().to_owned()
    })
}

/// The files of the objects that a repository has.
fn objects(case: &Case, repo: &str) -> BTreeSet<PathBuf> {
    let folders = std::fs::read_dir(case.path(repo).join("objects")).unwrap();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

/// Without `--inline`: ostree 2022.7 looks for such parts beside the superblock, and fails.
#[test]
fn deltas_are_listed_and_shown_as_by_the_tool() {
    let case = Case::new();
    let [one, two] = served(&case);
    assert_eq!(case.ours("served", &["static-delta", "list"]), "(No static deltas)\n");
    std::fs::write(case.path("two/huge"), vec![7; 3_000_000]).unwrap();
    let three = case.theirs("served", &["commit", "-b", "os/main", "--no-xattrs", "two"]).trim().to_owned();
    case.theirs("served", &["static-delta", "generate", "--from", &one, "--to", &two]);
    case.theirs(
        "served",
        &["static-delta", "generate", "--from", &two, "--to", &three, "--min-fallback-size=1"],
    );
    case.theirs("served", &["static-delta", "generate", "--empty", "--to", &two, "--swap-endianness"]);
    let lines = |text: String| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let listed = case.ours("served", &["static-delta", "list"]);
    assert_eq!(lines(listed.clone()), lines(case.theirs("served", &["static-delta", "list"])));
    assert_eq!(listed.lines().count(), 3);
    for delta in listed.lines() {
        let shown = case.ours("served", &["static-delta", "show", delta]);
        assert_eq!(shown, case.theirs("served", &["static-delta", "show", delta]));
    }
}

#[test]
fn what_is_applied_offline_passes_the_tools_fsck() {
    let case = Case::new();
    let [one, two] = served(&case);
    case.theirs("served", &["static-delta", "generate", "--from", &one, "--to", &two]);
    let inline = case.path("scratch.delta");
    let filename = format!("--filename={}", inline.display());
    case.theirs("served", &["static-delta", "generate", "--empty", "--to", &two, "--inline", &filename]);
    let mut parts: Vec<_> = std::fs::read_dir(case.path("served/deltas")).unwrap().collect();
    let folder = parts.remove(0).unwrap().path();
    let directory = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();

    case.ours("scratch", &["init"]);
    case.ours("scratch", &["apply-delta", inline.to_str().unwrap()]);
    case.ours("based", &["init"]);
    let refused = case.run("based", &["static-delta", "apply-offline", directory.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("which the delta starts from, is not there"));
    case.ours("based", &["pull-local", "served", &one]);
    case.ours("based", &["static-delta", "apply-offline", directory.to_str().unwrap()]);
    for repo in ["scratch", "based"] {
        case.theirs(repo, &["fsck"]);
        let arguments = ["ls", "-R", "-C", &two];
        assert_eq!(case.ours(repo, &arguments), case.theirs("served", &arguments));
    }
}

#[test]
fn a_delta_of_ours_is_shown_and_applied_by_the_tool() {
    let case = Case::new();
    let [one, two] = served(&case);
    let made = case.ours("served", &["static-delta", "generate", "os/main"]);
    let name = format!("{one}-{two}");
    assert!(made.starts_with(&format!("{name}: 1 parts, ")), "{made}");
    case.ours("served", &["static-delta", "generate", "--empty", "--inline", &two]);
    let shown = case.theirs("served", &["static-delta", "show", &name]);
    assert_eq!(case.ours("served", &["static-delta", "show", &name]), shown);
    std::fs::create_dir(case.path("theirs")).unwrap();
    case.theirs("theirs", &["init", "--mode=bare-user"]);
    let scratch = std::fs::read_dir(case.path("served/deltas")).unwrap().map(|folder| folder.unwrap().path());
    let scratch =
        scratch.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|delta| delta.unwrap().path()));
    let scratch = scratch.into_iter().find(|path| !path.join("0").exists()).unwrap();
    case.theirs("theirs", &["static-delta", "apply-offline", scratch.to_str().unwrap()]);
    case.theirs("theirs", &["fsck"]);
    let arguments = ["ls", "-R", "-C", &two];
    assert_eq!(case.theirs("theirs", &arguments), case.theirs("served", &arguments));
    let refused = case.run("served", &["static-delta", "generate", &one]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("has no parent"));
}

#[test]
fn a_pull_uses_the_delta_that_index_or_summary_names() {
    let case = Case::new();
    let [one, two] = served(&case);
    case.ours("only-one", &["init", "--mode=archive"]);
    case.ours("only-one", &["pull-local", "served", &one]);
    let name = |path: &PathBuf| path.file_name().unwrap().to_owned();
    let before: BTreeSet<_> = objects(&case, "only-one").iter().map(name).collect();
    case.theirs("served", &["static-delta", "generate", "--from", &one, "--to", &two]);
    case.theirs("served", &["static-delta", "generate", "--empty", "--to", &two, "--inline"]);
    case.theirs("served", &["summary", "-u"]);
    let server = Server::start(&case.path("served"));
    for repo in ["indexed", "summarised", "broken"] {
        case.ours(repo, &["init"]);
        case.ours(repo, &["pull", server.url.as_str(), &one]);
    }
    // From here on the server has no object that only the second commit needs.
    let aside = case.path("aside");
    std::fs::create_dir(&aside).unwrap();
    let gone: Vec<_> =
        objects(&case, "served").into_iter().filter(|path| !before.contains(&name(path))).collect();
    assert!(gone.len() > 5);
    let folder = |path: &std::path::Path| path.parent().unwrap().file_name().unwrap().to_owned();
    let kept = |path: &std::path::Path| aside.join(folder(path)).with_extension(path.file_name().unwrap());
    for path in &gone {
        std::fs::rename(path, kept(path)).unwrap();
    }
    case.ours("indexed", &["pull", server.url.as_str(), "os/main"]);
    std::fs::remove_dir_all(case.path("served/delta-indexes")).unwrap();
    case.ours("summarised", &["pull", server.url.as_str(), "os/main"]);
    case.ours("scratch", &["init"]);
    case.ours("scratch", &["pull", server.url.as_str(), "os/main"]);
    for repo in ["indexed", "summarised", "scratch"] {
        case.theirs(repo, &["fsck"]);
        let arguments = ["ls", "-R", "-C", &two];
        assert_eq!(case.ours(repo, &arguments), case.theirs(repo, &arguments));
    }

    // A part with a flipped bit is refused; without loose objects nothing is left to try.
    let mut part = None;
    for folder in std::fs::read_dir(case.path("served/deltas")).unwrap() {
        for delta in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = delta.unwrap().path().join("0");
            part = part.or(path.is_file().then_some(path));
        }
    }
    let part = part.unwrap();
    let mut bytes = std::fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&part, bytes).unwrap();
    let failed = case.run("broken", &["pull", server.url.as_str(), "os/main"]);
    assert_eq!(failed.status.code(), Some(1));
    let printed = String::from_utf8(failed.stdout).unwrap();
    assert!(printed.contains("object by object: a part with checksum"), "{printed}");
    case.theirs("broken", &["fsck"]);
    assert!(
        !tools::tool("ostree")
            .arg(case.repo("broken"))
            .args(["show", &two])
            .output()
            .unwrap()
            .status
            .success()
    );
    for path in &gone {
        std::fs::rename(kept(path), path).unwrap();
    }
    case.ours("broken", &["pull", server.url.as_str(), "os/main"]);
    case.theirs("broken", &["fsck"]);
    assert_eq!(case.ours("broken", &["rev-parse", "origin:os/main"]).trim(), two);
}

/// Files of keys that openssl makes, each in base64: a secret one, its public one, and a public one of nobody.
pub fn keys(case: &Case) -> [String; 3] {
    let key = |name: &str, bytes: &[u8]| {
        std::fs::write(case.path("raw"), bytes).unwrap();
        let raw = case.path("raw");
        let text = tools::run("openssl", ["base64", "-A", "-in", raw.to_str().unwrap()]);
        std::fs::write(case.path(name), text).unwrap();
        case.path(name).to_str().unwrap().to_owned()
    };
    let pem = case.path("key.pem");
    let pem = pem.to_str().unwrap();
    tools::run("openssl", ["genpkey", "-algorithm", "ed25519", "-out", pem]);
    let secret = tools::run("openssl", ["pkey", "-in", pem, "-outform", "DER"]);
    let public = tools::run("openssl", ["pkey", "-in", pem, "-pubout", "-outform", "DER"]);
    let (seed, public) = (&secret[secret.len() - 32..], &public[public.len() - 32..]);
    [key("secret", &[seed, public].concat()), key("public", public), key("other", &[9; 32])]
}

#[test]
fn summaries_and_signatures_are_made_and_read() {
    let case = Case::new();
    let [one, two] = served(&case);
    case.theirs("served", &["static-delta", "generate", "--from", &one, "--to", &two]);
    case.theirs("served", &["summary", "-u"]);
    // All lines but that of the deltas, whose checksums are written in another way, and the last, an index of them.
    let known = |text: String| -> Vec<_> {
        text.lines().filter(|line| !line.contains("tic")).map(str::to_owned).collect::<Vec<_>>()
    };
    let theirs = known(case.theirs("served", &["summary", "-v"]));
    let ours = known(case.ours("served", &["summary", "-v"]));
    assert_eq!(ours[..theirs.len() - 1], theirs[..theirs.len() - 1]);

    let [secret, public, other] = keys(&case);
    let unsigned = case.run("served", &["sign", "--verify", "--keys-file", &public, &two]);
    assert_eq!(unsigned.status.code(), Some(1));
    assert!(String::from_utf8(unsigned.stderr).unwrap().contains("there is no Ed25519 signature"));
    case.ours("served", &["sign", "--keys-file", &secret, "os/main"]);
    assert!(
        case.ours("served", &["sign", "--verify", "--keys-file", &public, &two])
            .contains("is signed by key 1")
    );
    let refused = case.run("served", &["sign", "--verify", "--keys-file", &other, &two]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("none of 1 signatures is of one of 1 keys"));
    let shown = case.theirs("served", &["show", "--print-detached-metadata-key=ostree.sign.ed25519", &two]);
    // As text if it happens to end with a NUL.
    assert!(shown.starts_with("[[byte 0x") || shown.starts_with("[b"), "{shown}");

    case.ours("served", &["summary", "-u", "--keys-file", &secret]);
    assert!(case.path("served/summary.sig").is_file());
    let viewed = case.theirs("served", &["summary", "-v"]);
    assert!(viewed.starts_with("* os/main\n") && viewed.contains(&two), "{viewed}");
}
