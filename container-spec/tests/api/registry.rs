//! Registries: what Docker's `config.json` holds for them, what they ask for, and what pulling takes.

use std::collections::BTreeSet;

use container_spec::digest::Sha256;
use container_spec::oci::{ImageConfig, Manifest};
use container_spec::reference::Normalized;
use container_spec::registry::{
    Challenge, Credentials, CredentialsError, Endpoint, MAX_CHALLENGE_BYTES, MAX_CREDENTIALS_BYTES,
    MAX_TOKEN_BYTES, SizeError, Token, pull_bytes,
};
use serde_json::{Value, json};

/// What `docker login -u device -p 'open sesame' 127.0.0.1:5000` of Docker 20.10.24 wrote, with two entries beside it.
const CONFIG: &str = r#"{
	"auths": {
		"127.0.0.1:5000": {
			"auth": "ZGV2aWNlOm9wZW4gc2VzYW1l"
		},
		"https://index.docker.io/v1/": { "auth": "aHViOmEmYjpj" },
		"https://registry.example.org/v2/": { "username": "u", "password": "p" },
		"empty.example.org": {}
	},
	"HttpHeaders": { "User-Agent": "x" }
}"#;

fn read(json: &Value) -> Result<Credentials, CredentialsError> {
    Credentials::read(json.to_string().as_bytes())
}

fn sent(credentials: &Credentials, registry: &str) -> Option<(String, Option<String>)> {
    credentials.of_registry(registry).map(|credential| (credential.registry_auth(), credential.basic()))
}

#[test]
fn what_docker_login_wrote_is_sent_to_its_registry_alone() {
    let credentials = Credentials::read(CONFIG.as_bytes()).unwrap();
    // Of `{"username":"device","password":"open sesame","serveraddress":"127.0.0.1:5000"}`, by `base64 | tr +/ -_`.
    let auth = "eyJ1c2VybmFtZSI6ImRldmljZSIsInBhc3N3b3JkIjoib3BlbiBzZXNhbWUiLCJzZXJ2ZXJhZGRyZXNzIjoiMTI3LjAuMC4xOjUwMDAifQ==";
    let basic = "Basic ZGV2aWNlOm9wZW4gc2VzYW1l";
    assert_eq!(sent(&credentials, "127.0.0.1:5000"), Some((auth.into(), Some(basic.into()))));
    // A password may hold a colon.
    let (_, basic) = sent(&credentials, "docker.io").unwrap();
    assert_eq!(basic.as_deref(), Some("Basic aHViOmEmYjpj"));
    assert!(credentials.of_registry("registry.example.org").is_some());
    for other in ["127.0.0.1", "127.0.0.1:5001", "example.org", "empty.example.org", ""] {
        assert_eq!(credentials.of_registry(other), None, "{other}");
    }
}

#[test]
fn the_name_itself_counts_before_an_address_and_auth_before_user_and_password() {
    let credentials = read(&json!({ "auths": {
        "http://r.example.org": { "username": "address", "password": "x" },
        "r.example.org": { "username": "field", "password": "x", "auth": "bmFtZTp4" },
        "token.example.org": { "identitytoken": "secret" },
    } }))
    .unwrap();
    assert_eq!(sent(&credentials, "r.example.org").unwrap().1.as_deref(), Some("Basic bmFtZTp4"));
    let (auth, basic) = sent(&credentials, "token.example.org").unwrap();
    assert_eq!(basic, None, "only an engine can use it");
    // `{"serveraddress":"token.example.org","identitytoken":"secret"}`
    assert_eq!(auth, "eyJzZXJ2ZXJhZGRyZXNzIjoidG9rZW4uZXhhbXBsZS5vcmciLCJpZGVudGl0eXRva2VuIjoic2VjcmV0In0=");
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let credentials = Credentials::read(CONFIG.as_bytes()).unwrap();
    let printed = format!("{credentials:?} {:?}", credentials.of_registry("127.0.0.1:5000"));
    assert!(printed.contains("127.0.0.1:5000"), "{printed}");
    for secret in ["sesame", "device", "ZGV2", "a&b"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let token = Token::read(br#"{"token":"secret.secret"}"#).unwrap();
    assert_eq!(
        (format!("{token:?}"), token.authorization()),
        ("Token(hidden)".into(), "Bearer secret.secret".into())
    );
}

#[test]
fn helpers_and_what_is_no_config_are_refused_without_their_content() {
    let word = container_spec::compose::Word::new;
    let helper = |name| Err(CredentialsError::Helper { helper: word(name) });
    for (json, expected) in [
        (json!({ "credsStore": "pass", "auths": {} }), helper("pass")),
        (json!({ "credHelpers": { "gcr.io": "gcloud" } }), helper("gcloud")),
        (json!({ "credsStore": "", "credHelpers": {} }), Ok(Credentials::default())),
        (
            json!({ "auths": { "https://r.org/v1/": { "auth": "bm8gY29sb24=" } } }),
            Err(CredentialsError::Auth { registry: word("r.org") }),
        ),
        (
            json!({ "auths": { "r.org": { "auth": "OnBhc3N3b3Jk" } } }),
            Err(CredentialsError::Auth { registry: word("r.org") }),
        ),
        (
            json!({ "auths": { "r.org": { "auth": "c2VjcmV0!" } } }),
            Err(CredentialsError::Auth { registry: word("r.org") }),
        ),
        (json!({ "auths": { "r.org": { "auth": 7 } } }), Err(CredentialsError::Json { line: 1, column: 27 })),
        (json!({ "auths": null }), Ok(Credentials::default())),
        (json!({}), Ok(Credentials::default())),
    ] {
        assert_eq!(read(&json), expected, "{json}");
    }
    let mut large = b"{}".to_vec();
    large.resize(MAX_CREDENTIALS_BYTES, b' ');
    assert_eq!(Credentials::read(&large), Ok(Credentials::default()));
    large.push(b' ');
    assert_eq!(
        Credentials::read(&large),
        Err(CredentialsError::TooLarge { bytes: MAX_CREDENTIALS_BYTES + 1 })
    );
}

#[test]
fn a_challenge_is_read_and_leads_to_a_token_only_where_credentials_may_go() {
    assert_eq!(Challenge::parse("Basic realm=\"Registry Realm\""), Some(Challenge::Basic));
    assert_eq!(Challenge::parse("basic"), Some(Challenge::Basic));
    // As Docker Hub answers; the scope that was asked for counts before the one of the caller.
    let hub = "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",\
               scope=\"repository:library/nginx:pull\",error=\"invalid_token\"";
    let challenge = Challenge::parse(hub).unwrap();
    let url =
        "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull";
    assert_eq!(challenge.token_url("repository:x:pull").as_deref(), Some(url));
    let plain = Challenge::parse("bearer realm=https://r.org/t?a=b").unwrap();
    let url = "https://r.org/t?a=b&scope=repository%3Ax%3Apull";
    assert_eq!(plain.token_url("repository:x:pull").as_deref(), Some(url));
    let quoted = Challenge::parse(r#"Bearer realm="https://r.org/\"t\"", service="a, b""#).unwrap();
    let url = "https://r.org/\"t\"?service=a%2C%20b&scope=s";
    assert_eq!(quoted.token_url("s").as_deref(), Some(url));

    for realm in ["http://127.0.0.1:5001/t", "http://localhost/t", "http://[::1]/t"] {
        let challenge = Challenge::parse(&format!("Bearer realm=\"{realm}\"")).unwrap();
        assert_eq!(challenge.token_url("s"), Some(format!("{realm}?scope=s")));
    }
    for realm in [
        "http://r.org/t",
        "http://127.0.0.1@r.org/t",
        "http://127.0.0.1.r.org/",
        "ftp://r.org",
        "r.org/t",
        "",
        "https://",
        "https:///t",
        "https://user@r.org/t",
        "https://r.org/t\r\nx: y",
        "https://r.org/ t",
        "https://r.org/t#f",
        "HTTP://r.org",
    ] {
        let challenge = Challenge::Bearer { realm: realm.into(), service: None, scope: None };
        assert_eq!(challenge.token_url("s"), None, "{realm}");
    }
    let service = Challenge::parse("Bearer service=\"x\"");
    for refused in [
        service,
        Challenge::parse("Digest realm=\"x\""),
        Challenge::parse("Bearer realm=\"x"),
        Challenge::parse("Bearer realm=\"x\", realm=\"y\""),
        Challenge::parse("Bearer re alm=x"),
        Challenge::parse(""),
    ] {
        assert_eq!(refused, None);
    }
    let long = |bytes| format!("Basic {}", "x".repeat(bytes - 6));
    assert_eq!(Challenge::parse(&long(MAX_CHALLENGE_BYTES)), Some(Challenge::Basic));
    assert_eq!(Challenge::parse(&long(MAX_CHALLENGE_BYTES + 1)), None);
    assert_eq!(Challenge::Basic.token_url("s"), None);
}

#[test]
fn a_token_has_either_name_and_no_line_break() {
    let read = |json: &str| Token::read(json.as_bytes()).map(|token| token.authorization());
    assert_eq!(read(r#"{"token":"a.b","expires_in":300}"#).as_deref(), Some("Bearer a.b"));
    assert_eq!(read(r#"{"access_token":"c"}"#).as_deref(), Some("Bearer c"));
    assert_eq!(read(r#"{"access_token":"c","token":"d"}"#).as_deref(), Some("Bearer d"));
    for refused in
        ["{}", "[]", r#"{"token":""}"#, r#"{"token":"a\r\nx: y"}"#, r#"{"token":"a b"}"#, r#"{"token":7}"#]
    {
        assert_eq!(read(refused), None, "{refused}");
    }
    let of = |bytes: usize| format!("{{\"token\":\"{}\"}}", "x".repeat(bytes - 12));
    assert!(read(&of(MAX_TOKEN_BYTES)).is_some());
    assert_eq!(read(&of(MAX_TOKEN_BYTES + 1)), None);
}

#[test]
fn paths_and_scopes_are_those_of_the_repository() {
    let digest = Sha256::of(b"");
    for (image, registry, host, path) in [
        ("nginx:1", "docker.io", "registry-1.docker.io", "library/nginx"),
        ("index.docker.io/a/b", "docker.io", "registry-1.docker.io", "a/b"),
        ("127.0.0.1:5000/app", "127.0.0.1:5000", "127.0.0.1:5000", "app"),
        (
            "ghcr.io/a/b/c@sha256:86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa",
            "ghcr.io",
            "ghcr.io",
            "a/b/c",
        ),
    ] {
        let endpoint = Endpoint::of(Normalized::parse(image).unwrap());
        assert_eq!((endpoint.registry(), endpoint.host()), (registry, host));
        assert_eq!(endpoint.manifest_path(digest), format!("/v2/{path}/manifests/{digest}"));
        assert_eq!(endpoint.blob_path(digest), format!("/v2/{path}/blobs/{digest}"));
        assert_eq!(endpoint.scope(), format!("repository:{path}:pull"));
    }
}

#[test]
fn layers_are_counted_twice_and_those_that_are_there_not_at_all() {
    let digest = |text: &str| Sha256::of(text.as_bytes()).to_string();
    let image = |layers: &[(&str, i64)]| {
        let descriptor = |kind: &str, name: &str, size: i64| json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest(name), "size": size });
        let manifest = json!({ "schemaVersion": 2, "config": descriptor("config.v1+json", "config", 100),
            "layers": layers.iter().map(|(name, size)| descriptor("layer.v1.tar+zstd", name, *size)).collect::<Vec<_>>() });
        let ids: Vec<_> = layers.iter().map(|(name, _)| digest(name)).collect();
        let config = json!({ "architecture": "arm64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": ids } });
        let manifest = Manifest::read(manifest.to_string().as_bytes()).unwrap();
        (manifest, ImageConfig::read(config.to_string().as_bytes()).unwrap())
    };
    let mut there = BTreeSet::new();
    let mut count = |layers: &[(&str, i64)]| {
        let (manifest, config) = image(layers);
        pull_bytes(&manifest, &config, &mut there)
    };
    assert_eq!(count(&[("base", 1000), ("app", 10)]), Ok(100 + 2020));
    assert_eq!(count(&[("base", 1000), ("other", 20)]), Ok(100 + 40), "the base is shared");
    assert_eq!(count(&[("app", 10)]), Ok(100 + 20), "the same layer on nothing is another one");
    assert_eq!(count(&[("large", i64::MAX), ("too", i64::MAX)]), Ok(u64::MAX), "never less than it is");
    let ((manifest, _), (_, config)) = (image(&[("a", 1)]), image(&[("a", 1), ("b", 1)]));
    let error = pull_bytes(&manifest, &config, &mut BTreeSet::new());
    assert_eq!(error, Err(SizeError::Layers { layers: 1, diff_ids: 2 }));
}
