//! Servers that speak TLS and want to know who asks: nginx, with certificates that openssl made.

mod nginx;

use std::path::{Path, PathBuf};
use std::process::Command;

use ota_agent::http::{Client, GetError, Patience, Tls, TlsError, TlsFiles};
use testkit::tools;

use crate::ostree::{Case, two_trees};
use nginx::Nginx;

/// Two authorities, `ca` and `other`; of the first a certificate `server`, and clients' with keys in each form.
const MAKE: &str = "set -e
for ca in ca other; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=$ca \\
    -keyout $ca.key -out $ca.pem
done
sign() {
  openssl req -new -key $1.key -subj /CN=$1 -out $1.csr
  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile $2 -out $1.pem
}
echo subjectAltName=IP:127.0.0.1 > server.ext
echo extendedKeyUsage=clientAuth > client.ext
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out server.key
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.key
openssl rsa -in pkcs8.key -traditional -out pkcs1.key
openssl ecparam -name prime256v1 -genkey -noout -out sec1.key
sign server server.ext
for client in pkcs8 pkcs1 sec1; do sign $client client.ext; done";

struct Keys(PathBuf);

impl Keys {
    fn make(directory: PathBuf) -> Self {
        std::fs::create_dir(&directory).unwrap();
        let _ = tools::tool("openssl");
        let output = Command::new("sh").args(["-c", MAKE]).current_dir(&directory).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(directory)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn files(&self, authority: &str, client: Option<&str>) -> TlsFiles {
        TlsFiles {
            authorities: Some(self.file(&format!("{authority}.pem"))),
            certificate: client.map(|client| self.file(&format!("{client}.pem"))),
            key: client.map(|client| self.file(&format!("{client}.key"))),
        }
    }
}

fn get(files: &TlsFiles, url: &str) -> anyhow::Result<Option<Vec<u8>>> {
    Client::with(Patience::ONCE, Tls::read(files)?).get(url, 100)
}

fn error(files: &TlsFiles, url: &str) -> String {
    format!("{:#}", get(files, url).unwrap_err())
}

#[test]
fn a_server_is_trusted_if_the_authority_is_and_is_shown_keys_of_each_form() {
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys::make(directory.path().join("keys"));
    let www = directory.path().join("www");
    std::fs::create_dir(&www).unwrap();
    std::fs::write(www.join("file"), "content").unwrap();
    let server = Nginx::start(&keys.0, &www);
    let url = format!("https://127.0.0.1:{}/file", server.port);
    for client in ["pkcs8", "pkcs1", "sec1"] {
        let got = get(&keys.files("ca", Some(client)), &url);
        assert_eq!(got.unwrap().as_deref(), Some(&b"content"[..]), "{client}");
    }
    // Another authority; the authorities of the system.
    for mut files in [keys.files("other", Some("sec1")), keys.files("ca", Some("sec1"))] {
        if files.authorities == Some(keys.file("ca.pem")) {
            files.authorities = None;
        }
        let refused = get(&files, &url).unwrap_err();
        assert!(matches!(refused.downcast_ref(), Some(GetError::Untrusted { .. })), "{refused:#}");
        assert!(format!("{refused:#}").contains("the server's certificate is not trusted: "), "{refused:#}");
    }
    let permissive = Tls::read(&keys.files("other", Some("sec1"))).unwrap().permissive();
    let got = Client::with(Patience::ONCE, permissive).get(&url, 100);
    assert_eq!(got.unwrap().as_deref(), Some(&b"content"[..]));
    // The certificate is of 127.0.0.1 only.
    let elsewhere = url.replace("127.0.0.1", "localhost");
    let said = error(&keys.files("ca", Some("sec1")), &elsewhere);
    assert!(said.contains("the server's certificate is not trusted: "), "{said}");
    // nginx answers 400 to who shows none.
    let said = error(&keys.files("ca", None), &url);
    assert!(said.contains("the server answered 400"), "{said}");
}

#[test]
fn files_that_are_of_no_use_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys::make(directory.path().join("keys"));
    std::fs::write(keys.file("empty.pem"), "nothing\n").unwrap();
    std::fs::write(keys.file("empty.key"), "nothing\n").unwrap();
    std::fs::write(keys.file("broken.pem"), "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n")
        .unwrap();
    let refused = |files: &TlsFiles| Tls::read(files).unwrap_err();
    let half = TlsFiles { key: None, ..keys.files("ca", Some("sec1")) };
    assert!(matches!(refused(&half).downcast_ref(), Some(TlsError::HalfIdentity)));
    let none = refused(&keys.files("empty", None));
    assert!(matches!(none.downcast_ref(), Some(TlsError::NoCertificate { .. })), "{none:#}");
    assert!(none.to_string().contains("/empty.pem: "), "{none:#}");
    let broken = refused(&keys.files("broken", None));
    assert!(matches!(broken.downcast_ref(), Some(TlsError::Pem { .. })), "{broken:#}");
    let without = TlsFiles { key: Some(keys.file("empty.key")), ..keys.files("ca", Some("sec1")) };
    let without = refused(&without);
    assert!(matches!(without.downcast_ref(), Some(TlsError::NoKey { .. })), "{without:#}");
    let mixed = TlsFiles { key: Some(keys.file("pkcs8.key")), ..keys.files("ca", Some("sec1")) };
    let mixed = refused(&mixed);
    assert!(matches!(mixed.downcast_ref(), Some(TlsError::Identity { .. })), "{mixed:#}");
    assert!(mixed.to_string().contains("/sec1.pem with "), "{mixed:#}");
    let gone = refused(&keys.files("gone", None));
    assert!(gone.to_string().contains("/gone.pem"), "{gone:#}");
}

#[test]
fn a_remote_says_what_it_says_to_the_tool() {
    let case = Case::new();
    two_trees(&case, 3);
    std::fs::create_dir(case.path("served")).unwrap();
    case.theirs("served", &["init", "--mode=archive"]);
    let commit = case.theirs("served", &["commit", "-b", "os/main", "--no-xattrs", "two"]).trim().to_owned();
    let keys = Keys::make(case.path("keys"));
    let server = Nginx::start(&keys.0, &case.path("served"));
    let url = format!("https://127.0.0.1:{}", server.port);
    // Whom it trusts, as whom it speaks, whether it need trust anybody; whether that is enough.
    let set = |option: &str, file: &str| format!("--set={option}={}", keys.file(file).display());
    let (ca, other) = (set("tls-ca-path", "ca.pem"), set("tls-ca-path", "other.pem"));
    let (shown, key) = (set("tls-client-cert-path", "pkcs8.pem"), set("tls-client-key-path", "pkcs8.key"));
    let permissive = "--set=tls-permissive=true".to_owned();
    let remotes = [
        (vec![&ca, &shown, &key], true),
        (vec![&other, &shown, &key], false),
        (vec![&shown, &key], false),
        (vec![&ca], false),
        (vec![&ca, &shown], false),
        (vec![&ca, &key], false),
        (vec![&permissive, &shown, &key], true),
    ];
    for (index, (options, is_enough)) in remotes.into_iter().enumerate() {
        for tool in ["ostree", "ota-agent"] {
            let name = format!("{tool}-{index}");
            std::fs::create_dir(case.path(&name)).unwrap();
            case.theirs(&name, &["init", "--mode=bare-user"]);
            let mut add = vec!["remote", "add", "--no-gpg-verify", "main", &url];
            add.extend(options.iter().map(|option| option.as_str()));
            case.theirs(&name, &add);
            let mut command = if tool == "ostree" {
                tools::tool(tool)
            } else {
                Command::new(env!("CARGO_BIN_EXE_ota-agent"))
            };
            if tool == "ota-agent" {
                command.arg("ostree");
            }
            command.arg(case.repo(&name)).args(["pull", "main", "os/main"]);
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.success(), is_enough, "{tool} {options:?}: {said}");
            if is_enough {
                assert_eq!(case.theirs(&name, &["rev-parse", "main:os/main"]).trim(), commit);
                case.theirs(&name, &["fsck"]);
            }
        }
    }
}

fn device(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let config = directory.join("device/agent.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    let output = command.arg("--config").arg(config).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn a_device_updates_over_tls_and_needs_none_to_say_how_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_ota-agent"))
        .args(["demo", "--keep", "--dir"])
        .arg(directory.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    let keys = Keys::make(directory.path().join("device/keys"));
    let server = Nginx::start(&keys.0, &directory.path().join("factory/www"));
    let config = directory.path().join("device/agent.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let old = text.lines().find_map(|line| line.strip_prefix("director = ")).unwrap();
    let old = old.trim_matches('"').strip_suffix("/director").unwrap();
    let text = text.replace(old, &format!("https://127.0.0.1:{}", server.port));
    let write = |certificate: &str| {
        // Relative to the configuration.
        let tls = format!(
            "[server.tls]\nauthorities = \"keys/ca.pem\"\ncertificate = \"keys/{certificate}.pem\"\n\
             key = \"keys/sec1.key\"\n\n"
        );
        std::fs::write(&config, text.replace("[ecu.primary]", &format!("{tls}[ecu.primary]"))).unwrap();
    };
    write("sec1");
    // What the servers have is what runs.
    let (code, said) = device(directory.path(), &["update"]);
    assert_eq!(code, 3, "{said}");
    let asked = std::fs::read_to_string(keys.file("access.log")).unwrap();
    assert!(
        asked.contains("GET /director/targets.json") && asked.contains("GET /image/timestamp.json"),
        "{asked}"
    );

    write("pkcs8");
    let (code, said) = device(directory.path(), &["update"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("[server.tls]") && said.contains("/keys/pkcs8.pem with "), "{said}");
    let (code, said) = device(directory.path(), &["status"]);
    assert_eq!(code, 0, "{said}");
}
