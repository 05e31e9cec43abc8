//! Signatures beside OpenSSL's, and commits and summaries of ours that the real `ostree` reads.

use std::fs;
use std::path::Path;

use ostree_objects::repo::Repo;
use ostree_objects::sign::{PublicKey, SecretKey, SignError, add_signature, verify};
use ostree_objects::summary::SummaryRef;
use ostree_objects::{DetachedRef, ObjectType};
use testkit::tools;

use crate::repository::{ostree, tempfile};
use crate::tree;

/// A key that OpenSSL made, with its halves.
fn openssl_key(directory: &Path) -> SecretKey {
    let pem = directory.join("key.pem");
    let pem = pem.to_str().unwrap();
    tools::run("openssl", ["genpkey", "-algorithm", "ed25519", "-out", pem]);
    // The last 32 bytes of PKCS#8 are the seed, those of the other one are the public key (RFC 8410).
    let secret = tools::run("openssl", ["pkey", "-in", pem, "-outform", "DER"]);
    let public = tools::run("openssl", ["pkey", "-in", pem, "-pubout", "-outform", "DER"]);
    let both = [&secret[secret.len() - 32..], &public[public.len() - 32..]].concat();
    let raw = directory.join("key.raw");
    fs::write(&raw, both).unwrap();
    let text = tools::run("openssl", ["base64", "-A", "-in", raw.to_str().unwrap()]);
    let key = SecretKey::from_base64(&String::from_utf8(text).unwrap()).unwrap();
    assert_eq!(key.public().0, public[public.len() - 32..]);
    key
}

#[test]
fn signatures_are_those_of_openssl_and_ostree_shows_them() {
    let directory = tempfile();
    tree::make(&directory.join("tree"), 4);
    let path = directory.join("repo");
    fs::create_dir(&path).unwrap();
    ostree(&path, &["init", "--mode=archive"]);
    let tree = directory.join("tree");
    let commit = ostree(
        &path,
        &["commit", "-b", "os/main", "--add-detached-metadata-string=note=kept", tree.to_str().unwrap()],
    );
    let commit = commit.parse().unwrap();
    let repo = Repo::open(&path).unwrap();
    let bytes = repo.load_metadata(ObjectType::Commit, &commit).unwrap();

    let key = openssl_key(&directory);
    let (message, theirs) = (directory.join("message"), directory.join("signature"));
    fs::write(&message, &bytes).unwrap();
    let pem = directory.join("key.pem");
    let names = [&pem, &message, &theirs].map(|path| path.to_str().unwrap());
    let [pem, message, out] = names;
    tools::run("openssl", ["pkeyutl", "-sign", "-inkey", pem, "-rawin", "-in", message, "-out", out]);
    assert_eq!(fs::read(&theirs).unwrap(), key.sign(&bytes), "RFC 8032 leaves no choice");

    let before = repo.read_detached(&commit).unwrap().unwrap();
    let before = DetachedRef::parse(&before).unwrap();
    repo.write_detached(&commit, &add_signature(Some(&before), &key.sign(&bytes))).unwrap();
    let after = repo.read_detached(&commit).unwrap().unwrap();
    let after = DetachedRef::parse(&after).unwrap();
    assert_eq!(verify(&bytes, &after, &[key.public()]), Ok(key.public()));
    let other = PublicKey([9; 32]);
    assert_eq!(verify(&bytes, &after, &[other]), Err(SignError::NoneFits { signatures: 1, keys: 1 }));
    let hex = commit.to_hex();
    let show =
        |name: &str| ostree(&path, &["show", &format!("--print-detached-metadata-key={name}"), hex.as_str()]);
    assert_eq!(show("note"), "'kept'");
    // What ends with a NUL would be shown as text.
    let mut keys = (1..=u8::MAX).map(|seed| SecretKey::from_seed([seed; 32]).unwrap());
    let key = keys.find(|key| key.sign(&bytes)[63] != 0).unwrap();
    repo.write_detached(&commit, &add_signature(Some(&before), &key.sign(&bytes))).unwrap();
    let numbers: Vec<_> = key.sign(&bytes).iter().map(|byte| format!("0x{byte:02x}")).collect();
    assert_eq!(show("ostree.sign.ed25519"), format!("[[byte {}]]", numbers.join(", ")));
    ostree(&path, &["fsck"]);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_summary_of_ours_says_what_the_tools_says() {
    let directory = tempfile();
    let path = directory.join("repo");
    fs::create_dir(&path).unwrap();
    ostree(&path, &["init", "--mode=archive"]);
    let mut heads = Vec::new();
    for (seed, branch) in (0..).zip(["os/main", "os/next", "alone", "a/b/c/d"]) {
        let tree = directory.join(format!("tree{seed}"));
        tree::make(&tree, seed);
        let (branch, tree) = (format!("--branch={branch}"), tree.to_str().unwrap());
        let version = "--add-metadata-string=version=1.0";
        let mut arguments = vec!["commit", &branch, "--timestamp=@1767225600", tree];
        arguments.extend((seed % 2 == 0).then_some(version));
        heads.push(ostree(&path, &arguments));
    }
    ostree(&path, &["static-delta", "generate", "--empty", &heads[0]]);
    ostree(&path, &["static-delta", "generate", "--from", &heads[0], &heads[1]]);
    ostree(&path, &["summary", "-u"]);
    let repo = Repo::open(&path).unwrap();
    let theirs = repo.read_summary().unwrap().unwrap();
    let theirs = SummaryRef::parse(&theirs).unwrap();
    fs::write(path.join("summary.sig"), b"of the summary before").unwrap();
    let ours = repo.update_summary(theirs.last_modified().unwrap()).unwrap();
    assert_eq!(repo.read_summary().unwrap().unwrap(), ours);
    assert!(!path.join("summary.sig").exists());
    let ours = SummaryRef::parse(&ours).unwrap();
    let entries = |summary: SummaryRef<'_>| -> Vec<_> {
        let all = summary.refs().map(|entry| {
            let mut metadata: Vec<_> =
                entry.metadata.iter().map(|(key, value)| (key.to_owned(), value.bytes().to_vec())).collect();
            metadata.sort();
            (entry.name.to_owned(), entry.commit, entry.commit_size, metadata)
        });
        all.collect()
    };
    assert_eq!(entries(ours), entries(theirs));
    assert_eq!(entries(ours).len(), 4);
    let mut deltas: Vec<_> = theirs.deltas().iter().collect();
    deltas.sort_unstable();
    assert!(ours.deltas().iter().eq(deltas));
    // The tool reads it, and a client of its takes refs and delta from it.
    let viewed = ostree(&path, &["summary", "-v"]);
    assert!(
        viewed.contains("* a/b/c/d") && viewed.contains("Repository Mode (ostree.summary.mode): archive-z2")
    );
    let client = directory.join("client");
    fs::create_dir(&client).unwrap();
    ostree(&client, &["init", "--mode=bare-user"]);
    let url = format!("file://{}", path.display());
    ostree(&client, &["remote", "add", "--no-gpg-verify", "origin", &url]);
    let mut refs: Vec<_> =
        ostree(&client, &["remote", "refs", "origin"]).lines().map(str::to_owned).collect();
    refs.sort();
    assert_eq!(refs, ["origin:a/b/c/d", "origin:alone", "origin:os/main", "origin:os/next"]);
    let key = SecretKey::from_seed([5; 32]).unwrap();
    let bytes = repo.read_summary().unwrap().unwrap();
    repo.write_summary_signature(&add_signature(None, &key.sign(&bytes))).unwrap();
    let stored = fs::read(path.join("summary.sig")).unwrap();
    assert_eq!(verify(&bytes, &DetachedRef::parse(&stored).unwrap(), &[key.public()]), Ok(key.public()));
    ostree(&client, &["pull", "origin", "os/main"]);
    fs::remove_dir_all(&directory).unwrap();
}
