//! Keys of every kind: made by openssl and used here, made here and read by openssl, and what they signed checked by
//! python-tuf, securesystemslib and `cryptography`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::tools;

use crate::server::Server;
use crate::tuf::python;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `ota-agent uptane repo` on the repository `ours`.
    fn repo(&self, command: &str, arguments: &[&str]) {
        let mut ota_agent = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        ota_agent.current_dir(self.0.path()).args(["uptane", "repo", command, "ours"]).args(arguments);
        tools::success(&mut ota_agent);
    }

    fn openssl(&self, arguments: &[&str]) -> String {
        let mut openssl = tools::tool("openssl");
        String::from_utf8(tools::success(openssl.current_dir(self.0.path()).args(arguments))).unwrap()
    }

    /// A key made by openssl, in PKCS#8.
    fn key(&self, name: &str, options: &[&str]) {
        self.openssl(&[&["genpkey", "-out", name], options].concat());
    }

    fn rsa(&self, name: &str, bits: &str) {
        self.key(name, &["-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}")]);
    }

    fn p256(&self, name: &str) {
        self.key(name, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    }

    /// What `check_keys.py` says of these documents.
    fn checked(&self, dialect: &str, documents: &[&str]) -> Vec<String> {
        let mut check = python("check_keys.py");
        check.arg(dialect).args(documents.iter().map(|name| self.path(name)));
        let said = String::from_utf8(tools::success(&mut check)).unwrap();
        said.lines().map(str::to_owned).collect()
    }

    fn verified(&self, arguments: &[&str]) -> Vec<String> {
        let mut verify = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        verify.current_dir(self.0.path()).args(["uptane", "verify"]).args(arguments);
        verify.args(["--now", "2026-01-01T00:00:00Z"]);
        let said = String::from_utf8(tools::success(&mut verify)).unwrap();
        said.lines().map(str::to_owned).collect()
    }
}

fn private_keys(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect()
}

#[test]
fn keys_of_openssl_sign_a_repository_that_python_tuf_accepts_with_the_identifiers_it_computes() {
    let place = Place::new();
    for bits in ["2048", "3072", "4096"] {
        place.rsa(&format!("rsa{bits}.pem"), bits);
    }
    for name in ["p256.pem", "other-p256.pem"] {
        place.p256(name);
    }
    place.key("ed25519.pem", &["-algorithm", "ED25519"]);
    // The older forms, PKCS#1 and SEC 1.
    place.openssl(&["rsa", "-in", "rsa3072.pem", "-traditional", "-out", "rsa3072-pkcs1.pem"]);
    place.openssl(&["ec", "-in", "other-p256.pem", "-out", "other-p256-sec1.pem"]);
    let given = [
        "--key=root=rsa4096.pem",
        "--key=root=rsa3072-pkcs1.pem",
        "--count=root=2/2",
        "--key=timestamp=rsa2048.pem",
        "--key=snapshot=p256.pem",
        "--key=targets=ed25519.pem",
    ];
    place.repo("init", &[&["--tuf"], &given[..]].concat());
    assert!(!place.path("ours/private/keys").exists(), "keys that are given are not copied");
    fs::copy(place.path("ours/metadata/1.root.json"), place.path("trusted.json")).unwrap();
    place.repo("delegate", &["docs", "--path", "docs/*", "--key", "other-p256-sec1.pem", "--keys", "."]);
    fs::write(place.path("content"), "content").unwrap();
    place.repo("add-target", &["content", "--name", "docs/one", "--role", "docs"]);
    place.repo("sign", &["--keys", "."]);
    let documents = ["root", "timestamp", "snapshot", "targets", "docs"];
    let documents = documents.map(|role| format!("ours/metadata/{role}.json"));
    let checked = place.checked("tuf", &documents.each_ref().map(String::as_str));
    let expected = [
        "root rsa 4096",
        "root rsa 3072",
        "timestamp rsa 2048",
        "snapshot ecdsa 256",
        "targets ed25519 256",
        "targets ecdsa 256",
    ];
    assert_eq!(checked, expected);
    let server = Server::new(&place.path("ours"));
    let accepted = || {
        let mut client = python("client.py");
        client.arg(place.path("trusted.json")).arg(place.path("theirs")).arg(server.url()).arg("docs/one");
        assert_eq!(tools::success(&mut client), b"found docs/one\n");
        for stream in [&[][..], &["--stream"]] {
            let said =
                place.verified(&[&["--tuf", "ours/metadata", "--target", "docs/one"], stream].concat());
            assert!(said.last().unwrap().starts_with("target docs/one length 7 "), "{said:?}");
        }
    };
    accepted();
    // New keys in the place of those, made here: as many, and of the same kinds unless it is said otherwise.
    place.repo("rotate", &["timestamp", "--key-type", "ecdsa-p256"]);
    place.repo("rotate", &["docs"]);
    place.repo("sign", &["--keys", "."]);
    let documents = documents.each_ref().map(String::as_str);
    let kinds = |documents: &[&str]| place.checked("tuf", documents)[2..].to_vec();
    assert_eq!(kinds(&[documents[0], documents[1]]), ["timestamp ecdsa 256"]);
    assert_eq!(
        kinds(&[documents[0], documents[4], documents[3]]),
        ["targets ecdsa 256", "targets ed25519 256"]
    );
    accepted();
}

#[test]
fn keys_that_are_made_here_are_what_openssl_reads_for_their_owner_alone() {
    let place = Place::new();
    let kinds = ["root=rsa2048", "timestamp=ecdsa-p256", "snapshot=ED25519", "targets=RSA2048"];
    let kinds = kinds.map(|kind| format!("--key-type={kind}"));
    place.repo("init", &[&["--tuf"], &kinds.each_ref().map(String::as_str)[..]].concat());
    let root: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("ours/metadata/root.json")).unwrap()).unwrap();
    let keys = private_keys(&place.path("ours/private/keys"));
    assert_eq!(keys.len(), 4);
    let mut found = Vec::new();
    for path in keys {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&path).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let identifier = path.file_stem().unwrap().to_str().unwrap();
        let public = &root["signed"]["keys"][identifier]["keyval"]["public"];
        let path = path.to_str().unwrap();
        place.openssl(&["pkey", "-in", path, "-check", "-noout"]);
        let pem = place.openssl(&["pkey", "-in", path, "-pubout"]);
        if pem != public.as_str().unwrap() {
            let der = place.openssl(&["pkey", "-in", path, "-pubout", "-text_pub", "-noout"]);
            let digits: String =
                der.lines().skip(2).flat_map(str::chars).filter(char::is_ascii_hexdigit).collect();
            assert_eq!(digits, public.as_str().unwrap());
        }
        found.push(root["signed"]["keys"][identifier]["keytype"].as_str().unwrap().to_owned());
    }
    found.sort();
    assert_eq!(found, ["ecdsa", "ed25519", "rsa", "rsa"]);
}

#[test]
fn an_uptane_repository_of_mixed_keys_verifies_and_has_aktualizrs_identifiers() {
    let place = Place::new();
    for name in ["director.pem", "image.pem"] {
        place.rsa(name, "2048");
    }
    place.p256("p256.pem");
    place.openssl(&["pkey", "-in", "image.pem", "-pubout", "-out", "image-public.pem"]);
    place.repo("init", &["--key=director/root=director.pem", "--key=image/root=image.pem"]);
    place.repo("delegate", &["docs", "--path", "docs-*", "--key", "p256.pem"]);
    fs::write(place.path("docs-1"), "content").unwrap();
    place.repo("add-target", &["docs-1", "--hardware", "abc", "--role", "docs"]);
    place.repo("assign", &["docs-1", "--ecu", "1", "--hardware", "abc"]);
    place.repo("sign", &["--keys", "."]);
    let image = ["root", "timestamp", "snapshot", "targets", "delegations/docs"];
    let image = image.map(|role| format!("ours/image_repo/{role}.json"));
    let expected = [
        "root rsa 2048",
        "timestamp ed25519 256",
        "snapshot ed25519 256",
        "targets ed25519 256",
        "targets ecdsa 256",
    ];
    assert_eq!(place.checked("uptane", &image.each_ref().map(String::as_str)), expected);
    let director = ["ours/director/root.json", "ours/director/targets.json"];
    assert_eq!(place.checked("uptane", &director), ["root rsa 2048", "targets ed25519 256"]);
    for stream in [&[][..], &["--stream"]] {
        let said = place.verified(&[&["ours", "--target", "docs-1"], stream].concat());
        assert!(said.last().unwrap().starts_with("target docs-1 length 7 "), "{said:?}");
    }
    // A Lockbox, with the keys of the Director's that were made here.
    place.repo("lockbox", &["field", "--target", "docs-1", "--out", "stick", "--keys", "."]);
    let said = place.verified(&["stick/metadata", "--lockbox", "field", "--target", "docs-1"]);
    assert!(said.last().unwrap().starts_with("target docs-1 length 7 "), "{said:?}");
    // Targets signed with RSA by a key whose private half lies elsewhere.
    place.repo("rotate", &["targets", "--key", "image-public.pem"]);
    place.repo("sign", &["--keys", "."]);
    let expected = ["root rsa 2048", "targets rsa 2048"];
    assert_eq!(place.checked("uptane", &[&image[0], &image[3]]), expected);
    place.verified(&["ours", "--target", "docs-1"]);
}
