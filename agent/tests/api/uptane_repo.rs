//! `ota-agent uptane repo`: what it signs is what `ota-agent uptane verify` accepts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NOW: &str = "2030-01-01T00:00:00Z";

/// A directory with repositories in it, and the commands that work on them.
struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new(arguments: &[&str]) -> Self {
        let site = Self { directory: tempfile::tempdir().unwrap() };
        site.repo("init", arguments).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn output(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.current_dir(self.directory.path()).args(arguments).output().unwrap()
    }

    /// What is printed, or exit status and error.
    fn run(&self, arguments: &[&str]) -> Result<String, (i32, String)> {
        let output = self.output(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.code() {
            Some(0) => Ok(text(&output.stdout)),
            code => Err((
                code.unwrap_or(-1),
                text(&output.stderr).replace("ota-agent: error: ", "").trim_end().to_owned(),
            )),
        }
    }

    /// A sub-command on the repository `site`, at [`NOW`].
    fn repo(&self, command: &str, arguments: &[&str]) -> Result<String, (i32, String)> {
        self.run(&[&["uptane", "repo", command, "site", "--now", NOW], arguments].concat())
    }

    fn sign(&self) -> Vec<String> {
        let said = self.repo("sign", &[]).unwrap();
        let signed = |line: &str| line.split(", expires").next().unwrap().replace("signed ", "");
        said.lines().map(signed).collect()
    }

    /// An image of `name`, listed for hardware `abc`.
    fn add(&self, name: &str, more: &[&str]) {
        fs::write(self.path(name), format!("content of {name}")).unwrap();
        self.repo("add-target", &[&[name, "--hardware", "abc"], more].concat()).unwrap();
    }

    fn verify(&self, directory: &str, more: &[&str]) -> Result<Vec<String>, String> {
        let said = self.run(&[&["uptane", "verify", directory, "--now", NOW], more].concat());
        said.map(|said| said.lines().map(str::to_owned).collect()).map_err(|(_, said)| said)
    }
}

/// The keys in `directory`.
fn keys(directory: &Path) -> Vec<PathBuf> {
    let mut keys: Vec<_> = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    keys.sort();
    keys
}

#[test]
fn an_image_is_listed_assigned_signed_and_verified() {
    let site = Site::new(&[]);
    site.add("os", &[]);
    assert_eq!(
        site.repo("assign", &["os", "--ecu", "1", "--hardware", "abc"]),
        Ok("os is assigned to 1\n".into())
    );
    assert_eq!(
        site.sign(),
        ["director targets 2", "image targets 2", "image snapshot 2", "image timestamp 2"]
    );
    let lines = site.verify("site", &["--target", "os"]).unwrap();
    assert_eq!(lines[..2], ["director root 1", "director targets 2"]);
    assert!(lines[6].starts_with("target os length 13 sha256 "), "{lines:?}");
    assert_eq!(fs::read(site.path("site/image_repo/targets/os")).unwrap(), b"content of os");
    // Nothing changed: nothing is signed.
    assert_eq!(site.repo("sign", &[]), Err((3, String::new())));
}

#[test]
fn an_image_is_assigned_only_to_hardware_it_fits_and_an_ecu_gets_one() {
    let site = Site::new(&[]);
    site.add("os", &[]);
    site.add("os2", &["--hardware", "def"]);
    let assign = |name: &str, hardware: &str| {
        site.repo("assign", &[name, "--ecu", "1", "--hardware", hardware]).map_err(|(_, said)| said)
    };
    assert_eq!(assign("os", "def"), Err("os does not fit def, only abc".into()));
    assert_eq!(assign("os3", "abc"), Err("no role of the Image repository lists os3".into()));
    assign("os", "abc").unwrap();
    assign("os2", "def").unwrap();
    site.sign();
    let targets = fs::read_to_string(site.path("site/director/targets.json")).unwrap();
    assert!(targets.contains("\"os2\"") && !targets.contains("\"os\""), "{targets}");
    site.repo("unassign", &["--ecu", "1"]).unwrap();
    assert_eq!(site.repo("unassign", &[]), Err((3, String::new())));
    assert_eq!(site.sign(), ["director targets 3"]);
    site.verify("site", &[]).unwrap();
}

#[test]
fn every_role_of_both_repositories_gets_new_keys() {
    let site = Site::new(&["--director-snapshot", "--count", "root=3/2", "--count", "targets=2/2"]);
    for repository in ["director", "image"] {
        for role in ["root", "timestamp", "snapshot", "targets"] {
            site.repo("rotate", &[role, "--repository", repository]).unwrap();
        }
    }
    let signed = ["root 2", "targets 2", "snapshot 2", "timestamp 2"];
    let both: Vec<_> =
        ["director", "image"].iter().flat_map(|side| signed.map(|role| format!("{side} {role}"))).collect();
    assert_eq!(site.sign(), both);
    site.repo("rotate", &["root", "--count", "1"]).unwrap();
    assert_eq!(site.sign(), ["image root 3"]);
    let lines = site.verify("site", &[]).unwrap();
    assert_eq!(lines[0], "director root 2");
    assert_eq!(lines[4], "image root 3");
    // Root 2 is signed by both sets of keys, at least two of each.
    let root: serde_json::Value =
        serde_json::from_slice(&fs::read(site.path("site/director/2.root.json")).unwrap()).unwrap();
    assert_eq!(root["signatures"].as_array().unwrap().len(), 6);
    // Without the chain between, version 3 is trusted by nobody.
    fs::remove_file(site.path("site/image_repo/2.root.json")).unwrap();
    let refused = site.verify("site", &["--roots-only"]).unwrap_err();
    assert_eq!(refused, "image root: step R2.3: 0 of 2 required keys signed it");
    fs::remove_file(site.path("site/image_repo/root.json")).unwrap();
    let lines = site.verify("site", &["--roots-only"]).unwrap();
    assert_eq!(lines, ["director root 2", "image root 1"]);
}

#[test]
fn a_root_without_a_number_is_the_newest_or_follows_it_and_is_never_passed_over() {
    let site = Site::new(&["--tuf"]);
    site.add("a", &[]);
    site.repo("rotate", &["root"]).unwrap();
    site.sign();
    let metadata = |name: &str| site.path("site/metadata").join(name);
    let verify = |more: &[&str]| {
        let lines = site.verify("site/metadata", &[&["--tuf", "--target", "a"], more].concat());
        lines.map(|lines| lines[0].clone())
    };
    let [one, two] = ["1.root.json", "2.root.json"].map(|name| fs::read(metadata(name)).unwrap());
    assert_eq!(verify(&[]), Ok("root 2".into()));
    // It goes on from the last one that has a number, and is walked like it.
    fs::remove_file(metadata("2.root.json")).unwrap();
    assert_eq!(verify(&[]), Ok("root 2".into()));
    let other = Site::new(&["--tuf"]);
    fs::copy(other.path("site/metadata/root.json"), metadata("root.json")).unwrap();
    let said = "root.json: image root: step R2.4: version 1 is trusted already, with other content";
    assert_eq!(verify(&[]), Err(said.into()));
    // An older one is what clients without a chain would take.
    fs::write(metadata("2.root.json"), &two).unwrap();
    fs::write(metadata("root.json"), &one).unwrap();
    let said = "root.json: image root: step R2.4: rollback: trusted version 2, offered 1";
    assert_eq!(verify(&[]), Err(said.into()));
    assert_eq!(verify(&["--root", "site/metadata/2.root.json"]), Err(said.into()));
    // The same version in other words is another document.
    fs::write(metadata("root.json"), [&two[..], b"\n"].concat()).unwrap();
    let said = "root.json: image root: step R2.4: version 2 is trusted already, with other content";
    assert_eq!(verify(&[]), Err(said.into()));
    // Where the walk starts, as without a version 1 it has to.
    fs::write(metadata("root.json"), &one).unwrap();
    fs::remove_file(metadata("1.root.json")).unwrap();
    assert_eq!(verify(&[]), Ok("root 2".into()));
    fs::write(metadata("root.json"), "{}").unwrap();
    let refused = verify(&["--root", "site/metadata/2.root.json"]).unwrap_err();
    assert!(refused.starts_with("root.json: image root: step parse: "), "{refused}");
}

#[test]
fn keys_of_root_may_lie_elsewhere_and_are_asked_for_when_they_must_sign() {
    let site = Site::new(&["--tuf", "--count", "root=2/2"]);
    let shown = site.run(&["uptane", "repo", "show", "site", "--json"]).unwrap();
    let root: serde_json::Value = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
    let names: Vec<_> = root["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    fs::create_dir(site.path("stick")).unwrap();
    for name in &names {
        let file = format!("{name}.pem");
        fs::rename(site.path("site/private/keys").join(&file), site.path("stick").join(&file)).unwrap();
    }
    // The others sign without them.
    site.add("a", &[]);
    assert_eq!(site.sign(), ["image targets 2", "image snapshot 2", "image timestamp 2"]);
    site.repo("rotate", &["timestamp"]).unwrap();
    let missing =
        format!("signing root: 2 of its keys must sign, 0 at hand; not found: {}, {}", names[0], names[1]);
    assert_eq!(site.repo("sign", &[]), Err((1, missing)));
    site.repo("sign", &["--keys", "stick"]).unwrap();
    assert_eq!(site.verify("site/metadata", &["--tuf"]).unwrap()[0], "root 2");
    assert_eq!(keys(&site.path("stick")).len(), 2);
}

#[test]
fn keys_of_other_kinds_and_places_are_said_role_by_role_and_never_shared_by_both_repositories() {
    let rsa = include_str!("../../../uptane-core/tests/fixtures/keys/rsa-1.pem");
    let begin = |arguments: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        let site = Site { directory };
        fs::write(site.path("rsa.pem"), rsa).unwrap();
        let said = site.repo("init", arguments).map(drop).map_err(|(_, said)| said);
        (site, said)
    };
    let (site, said) = begin(&[
        "--key=director/root=rsa.pem",
        "--key-type=ecdsa-p256",
        "--key-type=targets=ed25519",
        "--count=director/targets=2/2",
    ]);
    assert_eq!(said, Ok(()));
    let shown = site.run(&["uptane", "repo", "show", "site", "--json"]).unwrap();
    let rows: Vec<serde_json::Value> =
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = rows
        .iter()
        .map(|row| {
            let kinds: Vec<_> =
                row["key_types"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
            format!(
                "{} {}: {}",
                row["repository"].as_str().unwrap(),
                row["role"].as_str().unwrap(),
                kinds.join(" ")
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "director root: rsa2048",
            "director targets: ed25519 ed25519",
            "image root: ecdsa-p256",
            "image timestamp: ecdsa-p256",
            "image snapshot: ecdsa-p256",
            "image targets: ed25519",
        ]
    );
    site.verify("site", &[]).unwrap();
    let shared = "the Director and the Image repository must not share a key";
    assert_eq!(begin(&["--key=root=rsa.pem"]).1, Err(shared.into()));
    let said = site.repo("rotate", &["root", "--key", "rsa.pem"]).map_err(|(_, said)| said);
    assert_eq!(said, Err(shared.into()));
    let said = |arguments: &[&str]| begin(arguments).1.unwrap_err();
    assert_eq!(
        said(&["--tuf", "--key=root=rsa.pem", "--key=root=rsa.pem"]),
        "keys for root: rsa.pem: the key was given already"
    );
    assert_eq!(said(&["--key=director/timestamp=rsa.pem"]), "there is no role director/timestamp");
    assert_eq!(said(&["--tuf", "--key=root=none.pem"]), "keys for root: reading none.pem: entity not found");
    fs::write(site.path("public.hex"), "07".repeat(32)).unwrap();
    let more = ["docs", "--path", "*", "--key", "rsa.pem", "--key", "public.hex", "--count", "1/1"];
    assert_eq!(site.repo("delegate", &more), Err((1, "2 keys are given, of 1 in all".into())));
}

#[test]
fn a_key_whose_private_half_is_elsewhere_is_listed_and_asked_for_when_it_must_sign() {
    let site = Site::new(&["--tuf"]);
    // RFC 8032, the first test: a seed and its public key.
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    fs::write(site.path("public.key"), public).unwrap();
    site.repo("rotate", &["targets", "--key", "public.key"]).unwrap();
    let (code, said) = site.repo("sign", &[]).unwrap_err();
    assert_eq!(code, 1);
    assert!(said.starts_with("signing targets: 1 of its keys must sign, 0 at hand; not found: "), "{said}");
    // aktualizr's form, under any name, beside files that are no keys.
    fs::create_dir(site.path("stick")).unwrap();
    fs::write(site.path("stick/private.key"), format!("{seed}{public}")).unwrap();
    fs::write(site.path("stick/readme.txt"), "keys").unwrap();
    fs::write(site.path("stick/film"), vec![7; 20_000]).unwrap();
    assert_eq!(site.repo("sign", &["--keys", "stick"]).unwrap().lines().count(), 3);
    site.verify("site/metadata", &["--tuf"]).unwrap();
}

#[test]
fn delegations_by_path_by_hash_and_terminating_are_searched_as_they_were_made() {
    for dialect in ["uptane", "tuf"] {
        let tuf = dialect == "tuf";
        let site = Site::new(if tuf { &["--tuf"] } else { &[] });
        site.repo("delegate", &["docs", "--path", "docs-*", "--count", "3/2"]).unwrap();
        let prefix = &ostree_objects::Checksum::of(b"hashed").to_string()[..5];
        site.repo("delegate", &["by-hash", "--hash-prefix", prefix]).unwrap();
        site.repo("delegate", &["closed", "--path", "closed-*", "--terminating"]).unwrap();
        site.repo("delegate", &["never", "--path", "closed-*"]).unwrap();
        site.repo("delegate", &["deep", "--from", "docs", "--path", "*-deep"]).unwrap();
        for (name, role) in
            [("docs-1", "docs"), ("hashed", "by-hash"), ("closed-1", "never"), ("docs-deep", "deep")]
        {
            site.add(name, &["--role", role]);
        }
        site.sign();
        let verify = |target: &str| {
            let directory = if tuf { "site/metadata" } else { "site" };
            let dialect: &[&str] = if tuf { &["--tuf"] } else { &[] };
            site.verify(directory, &[dialect, &["--target", target]].concat())
        };
        for name in ["docs-1", "hashed", "docs-deep"] {
            let found = verify(name).unwrap();
            assert!(found.last().unwrap().starts_with(&format!("target {name} ")), "{found:?}");
        }
        assert_eq!(verify("closed-1"), Err("no role that may list it lists closed-1".into()));
        // New keys of a delegated role, then none.
        site.repo("rotate", &["docs"]).unwrap();
        assert_eq!(site.sign(), ["image docs 2", "image targets 3", "image snapshot 3", "image timestamp 3"]);
        verify("docs-1").unwrap();
        site.repo("revoke", &["docs"]).unwrap();
        site.sign();
        assert_eq!(verify("docs-1"), Err("no role that may list it lists docs-1".into()));
        // Who comes back goes on with its versions: a Snapshot may never list an older one.
        site.repo("delegate", &["docs", "--path", "docs-*"]).unwrap();
        assert_eq!(site.sign()[0], "image docs 3");
        site.verify(if tuf { "site/metadata" } else { "site" }, if tuf { &["--tuf"] } else { &[] }).unwrap();
    }
}

#[test]
fn bins_take_over_what_their_delegator_listed() {
    let site = Site::new(&["--tuf"]);
    site.add("before", &[]);
    site.repo("delegate-bins", &["bin", "--bits", "4"]).unwrap();
    site.add("after", &[]);
    assert_eq!(site.sign().len(), 16 + 3);
    for name in ["before", "after"] {
        let found = site.verify("site/metadata", &["--tuf", "--target", name]).unwrap();
        assert!(found.last().unwrap().starts_with(&format!("target {name} ")), "{found:?}");
    }
    let said = |bits: &str| site.repo("delegate-bins", &["more", "--from", "bin-0", "--bits", bits]);
    assert_eq!(said("15"), Err((1, "15 bits, not from 1 to 14".into())));
    assert_eq!(said("0"), Err((1, "0 bits, not from 1 to 14".into())));
    let refused = site.repo("delegate", &["docs", "--path", "*"]);
    assert_eq!(refused, Err((1, "targets delegates to bins: not to roles as well (TAP 15)".into())));
    // All bins share their keys.
    site.repo("rotate", &["bin-7"]).unwrap();
    assert_eq!(site.sign().len(), 16 + 3);
    site.verify("site/metadata", &["--tuf", "--target", "before"]).unwrap();
}

#[test]
fn what_expires_is_signed_anew_and_what_lasts_is_not() {
    let site = Site::new(&["--tuf", "--lifetime", "timestamp=1", "--lifetime", "snapshot=3"]);
    let sign = |arguments: &[&str]| site.repo("sign", arguments).map(|said| said.lines().count());
    assert_eq!(sign(&[]), Err((3, String::new())));
    assert_eq!(sign(&["--expiring-within", "1"]), Ok(1));
    assert_eq!(sign(&["--expiring-within", "3"]), Ok(2));
    assert_eq!(sign(&["--expiring-within", "365"]), Ok(4));
    assert_eq!(sign(&["--role", "targets"]), Ok(3));
    assert_eq!(sign(&["--role", "nobody"]), Err((1, "there is no role nobody".into())));
    let lines = site.verify("site/metadata", &["--tuf"]).unwrap();
    assert_eq!(lines, ["root 2", "timestamp 5", "snapshot 4", "targets 3"]);
}

#[test]
fn a_lockbox_is_written_and_verified_where_it_is_served_and_on_its_medium() {
    let site = Site::new(&[]);
    site.add("os", &[]);
    site.add("app@2.yml", &["--hardware", "def"]);
    site.repo("delegate", &["extra", "--path", "x-*"]).unwrap();
    site.add("x-1", &["--role", "extra"]);
    let lockbox = |out: &str, targets: &[&str]| {
        let targets: Vec<_> = targets.iter().flat_map(|target| ["--target", target]).collect();
        site.repo("lockbox", &[&["field", "--out", out], &targets[..]].concat()).map_err(|(_, said)| said)
    };
    assert_eq!(lockbox("stick", &["os@def"]), Err("os does not fit def".into()));
    let said = lockbox("stick", &["os", "app@2.yml@def", "x-1"]).unwrap();
    assert!(said.ends_with("Lockbox field in stick: 3 images, 3 of them files\n"), "{said}");
    assert_eq!(
        lockbox("stick", &["os"]),
        Err("stick is not empty: a Lockbox has a medium of its own".into())
    );
    assert_eq!(fs::read(site.path("stick/images/os")).unwrap(), b"content of os");
    let expected = ["director root 1", "director offline-snapshot 1", "director offline-updates 1"];
    for directory in ["site", "stick/metadata"] {
        let lines = site.verify(directory, &["--lockbox", "field", "--target", "x-1"]).unwrap();
        assert_eq!(lines[..3], expected, "{directory}");
        assert!(lines.last().unwrap().starts_with("target x-1 length 14 "), "{lines:?}");
    }
    lockbox("other", &["os"]).unwrap();
    let lines = site.verify("other/metadata", &["--lockbox", "field"]).unwrap();
    assert_eq!(lines[1..3], ["director offline-snapshot 2", "director offline-updates 2"]);
    // The first is older than what the offline snapshot says now.
    fs::copy(
        site.path("site/director/offline-snapshot.json"),
        site.path("stick/metadata/director/offline-snapshot.json"),
    )
    .unwrap();
    let stale = site.verify("stick/metadata", &["--lockbox", "field"]).unwrap_err();
    assert!(stale.starts_with("director offline-updates: step G2: "), "{stale}");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let site = Site::new(&["--tuf"]);
    fs::write(site.path("a"), "a").unwrap();
    for name in ["../a", "/a", "a//b", "a/./b", "", "."] {
        let said = format!("{name:?} is no name of an image: it leads elsewhere");
        assert_eq!(site.repo("add-target", &["a", "--name", name]), Err((1, said)));
    }
    let longest = "a".repeat(253);
    site.repo(
        "add-target",
        &["a", "--role", "targets", "--name", &format!("{}/{}", &longest[..120], &longest[..132])],
    )
    .unwrap();
    let said = site.repo("add-target", &["a", "--name", &"a".repeat(254)]);
    assert_eq!(said, Err((1, "a name of 254 bytes, 254 is too long".into())));
    for (name, said) in [
        ("root", "root is a role of Root".to_owned()),
        (&"r".repeat(51), "a role's name of 51 bytes, more than 50".to_owned()),
    ] {
        assert_eq!(site.repo("delegate", &[name, "--path", "*"]), Err((1, said)));
    }
    // A role's name is encoded, whatever it is.
    site.repo("delegate", &["../up", "--path", "*"]).unwrap();
    site.sign();
    assert!(site.path("site/metadata/1...%2Fup.json").is_file());
}

#[test]
fn two_do_not_work_on_one_repository_at_once() {
    use ota_agent::repository::{Beginning, Dialect, FirstKeys, Repo};
    let directory = tempfile::tempdir().unwrap();
    let beginning = Beginning {
        dialect: Dialect::Tuf,
        consistent_snapshot: true,
        director_snapshot: false,
        keys: FirstKeys::default(),
        lifetimes: Vec::new(),
    };
    let held = Repo::init(directory.path(), &beginning).unwrap();
    let refused = Repo::open(directory.path(), &[]).unwrap_err().to_string();
    assert!(refused.ends_with("private is in use by another process"), "{refused}");
    drop(held);
    Repo::open(directory.path(), &[]).unwrap();
    let again = Repo::init(directory.path(), &beginning).unwrap_err().to_string();
    assert!(again.ends_with("holds a repository already"), "{again}");
}
