//! Registries: what pulling takes on the disk, and who may pull.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use container_spec::plan::{Outcome, Step};
use container_spec::registry::CredentialsError;
use ota_agent::containers::{NoArchives, NoSpace, RegistryError, fetch};
use serde_json::{Value, json};
use testkit::dockerd::{Published, REGISTRY, REGISTRY_USER};
use testkit::tools;

use super::device::{Device, HEALTHY, compose_apart, options};

fn write(device: &Device, name: &str, text: &str) -> PathBuf {
    let path = device.dockerd.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Its exit status, and all that it printed.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// What `docker login` writes into its configuration.
fn login(device: &Device) -> PathBuf {
    let [user, password] = REGISTRY_USER;
    let _ = device.dockerd.docker(&["login", "-u", user, "-p", password, REGISTRY]);
    device.dockerd.path().join("config.json")
}

#[test]
fn a_registry_with_a_password_is_used_with_what_docker_login_wrote_and_nothing_tells_the_password() {
    let mut device = Device::new();
    let image = device.dockerd.publish("1").image;
    let text = compose_apart(&image, HEALTHY);
    let file = write(&device, "wanted.yml", &text);
    device.dockerd.stop_registry();
    device.dockerd.start_registry_with_password();

    let deploy = |credentials: Option<&PathBuf>| {
        let mut command = device.agent("deploy");
        command.arg(&file).env("RUST_LOG", "trace");
        if let Some(path) = credentials {
            command.arg("--credentials").arg(path);
        }
        ended(&mut command)
    };
    let (code, printed) = deploy(None);
    assert_eq!(code, Some(1), "{printed}");
    let reason =
        format!("pulling {image}: the registry {REGISTRY} wants credentials, and none are configured for it");
    assert!(printed.contains(&reason), "{printed}");

    let entry = format!(
        "{{\"auths\":{{\"{REGISTRY}\":{{\"username\":\"device\",\"password\":\"a wrong secret\"}}}}}}"
    );
    let wrong = write(&device, "wrong.json", &entry);
    let (code, printed) = deploy(Some(&wrong));
    assert_eq!(code, Some(1), "{printed}");
    let reason = format!("the registry {REGISTRY} refuses the credentials that are configured for it");
    assert!(printed.contains(&reason), "{printed}");
    // In base64 as well: `device:a wrong secret`.
    assert!(
        !printed.contains("a wrong secret") && !printed.contains("ZGV2aWNlOmEgd3Jvbmcgc2VjcmV0"),
        "{printed}"
    );

    let helper = write(&device, "helper.json", "{\"credsStore\": \"secretservice\"}");
    let (code, printed) = deploy(Some(&helper));
    assert_eq!(code, Some(1));
    let reason = format!(
        "reading {}: {}",
        helper.display(),
        "the credentials are kept by the helper `secretservice`, which is not run"
    );
    assert!(printed.contains(&reason), "{printed}");

    let own = login(&device);
    let auth: Value = serde_json::from_slice(&std::fs::read(&own).unwrap()).unwrap();
    let auth = auth["auths"][REGISTRY]["auth"].as_str().unwrap();
    let (code, printed) = deploy(Some(&own));
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("check that ") && printed.contains(" are free"), "{printed}");
    device.runs_whole("1", &text);
    let mut kept = printed;
    for entry in std::fs::read_dir(&device.settings.directory).unwrap() {
        kept += &std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
    }
    assert!(!kept.contains(REGISTRY_USER[1]) && !kept.contains(auth), "{kept}");
}

#[test]
fn who_may_not_pull_is_told_by_a_typed_error_that_names_the_registry() {
    let mut device = Device::new();
    let image = device.dockerd.publish("1").image;
    let text = compose_apart(&image, HEALTHY);
    device.dockerd.stop_registry();
    device.dockerd.start_registry_with_password();
    let fetched = |device: &Device| {
        fetch(&device.engine, &device.settings, &NoArchives, &text, &options(false), &mut |_| {}, |_, _| {
            Ok(())
        })
    };
    let error = fetched(&device).unwrap_err();
    let Some(RegistryError::NoCredentials { registry }) = error.downcast_ref() else { panic!("{error:#}") };
    assert_eq!(registry, REGISTRY);
    let entry =
        format!("{{\"auths\":{{\"http://{REGISTRY}/v2/\":{{\"username\":\"other\",\"password\":\"x\"}}}}}}");
    device.settings.credentials = Some(write(&device, "wrong.json", &entry));
    let error = fetched(&device).unwrap_err();
    let Some(RegistryError::Refused { registry }) = error.downcast_ref() else { panic!("{error:#}") };
    assert_eq!(registry, REGISTRY);
    device.settings.credentials =
        Some(write(&device, "helper.json", "{\"credHelpers\": {\"gcr.io\": \"gcloud\"}}"));
    let error = fetched(&device).unwrap_err();
    let Some(CredentialsError::Helper { helper }) = error.downcast_ref() else { panic!("{error:#}") };
    assert_eq!(helper.as_str(), "gcloud");
    device.settings.credentials = Some(login(&device));
    fetched(&device).unwrap();
    assert!(device.engine.image(&image).unwrap().is_some());
}

/// The bytes that the plan of a switch to `text` checks the disk for.
fn needed(device: &Device, text: &str) -> u64 {
    let file = write(device, "wanted.yml", text);
    let (_, printed) = ended(device.agent("deploy").arg(file).arg("--json"));
    let lines = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut steps = lines.filter(|line| line["step"]["step"] == "check-space");
    steps.find_map(|line| line["step"]["needed_bytes"].as_u64()).unwrap_or_else(|| panic!("{printed}"))
}

/// The lengths of the config and of the layers, as the registry has them.
fn lengths(device: &Device, published: &Published) -> (u64, Vec<u64>) {
    let manifest: Value = serde_json::from_slice(&device.dockerd.blob(published.digest())).unwrap();
    let length =
        |blob: &Value| u64::try_from(device.dockerd.blob(blob["digest"].as_str().unwrap()).len()).unwrap();
    (length(&manifest["config"]), manifest["layers"].as_array().unwrap().iter().map(length).collect())
}

#[test]
fn the_disk_is_checked_for_what_the_registry_says_without_the_layers_that_are_there() {
    let device = Device::new();
    let first = device.dockerd.publish("1");
    let (config, layers) = lengths(&device, &first);
    assert_eq!(layers.len(), 1);
    let text = compose_apart(&first.image, HEALTHY);
    assert_eq!(needed(&device, &text), config + 2 * layers[0]);
    device.runs_whole("1", &text);

    // A second layer on top of the first.
    let name = format!("{REGISTRY}/app:child");
    let _ = device.dockerd.docker(&[
        "run",
        "--name",
        "parent",
        "--network",
        "none",
        &first.image,
        "touch",
        "/more",
    ]);
    let _ = device.dockerd.docker(&["commit", "-c", "LABEL version=child", "parent", &name]);
    let _ = device.dockerd.docker(&["rm", "parent"]);
    let _ = device.dockerd.docker(&["push", "-q", &name]);
    let image = device.dockerd.docker(&["inspect", "-f", "{{index .RepoDigests 0}}", &name]);
    let _ = device.dockerd.docker(&["rmi", &name]);
    let child = Published { image, archive: PathBuf::new() };
    let (config, layers) = lengths(&device, &child);
    assert_eq!(layers.len(), 2);
    let text = compose_apart(&child.image, HEALTHY);
    assert_eq!(needed(&device, &text), config + 2 * layers[1], "the lower layer is there");
    device.runs_whole("child", &text);
}

#[test]
fn an_image_that_does_not_fit_is_refused_with_what_it_needs_before_anything_of_it_is_pulled() {
    let device = Device::new();
    let published = device.dockerd.publish("1");
    let mut manifest: Value = serde_json::from_slice(&device.dockerd.blob(published.digest())).unwrap();
    // The registry believes what a manifest says of lengths.
    let huge: u64 = 1 << 60;
    manifest["layers"][0]["size"] = huge.into();
    let file = write(&device, "huge.json", &manifest.to_string());
    let put = "import sys, urllib.request as r\n\
               body = open(sys.argv[1], 'rb').read()\n\
               head = {'Content-Type': sys.argv[3]}\n\
               answer = r.urlopen(r.Request(sys.argv[2], data=body, method='PUT', headers=head))\n\
               print(answer.headers['Docker-Content-Digest'])";
    let mut python = device.dockerd.beside("/usr/bin/python3");
    python.args(["-c", put]).arg(&file).arg(format!("http://{REGISTRY}/v2/app/manifests/huge"));
    python.arg(manifest["mediaType"].as_str().unwrap());
    let digest = String::from_utf8(tools::success(&mut python)).unwrap();
    let image = format!("{REGISTRY}/app@{}", digest.trim());

    let text = compose_apart(&image, HEALTHY);
    let log = || std::fs::read_to_string(device.dockerd.path().join("registry.log")).unwrap();
    let before = log().len();
    let file = write(&device, "wanted.yml", &text);
    let (code, printed) = ended(device.agent("deploy").arg(file));
    assert_eq!(code, Some(1), "{printed}");
    let config = manifest["config"]["size"].as_u64().unwrap();
    let wanted = format!(" bytes free, {} are needed\n", 2 * huge + config);
    assert!(printed.contains(&wanted), "{printed}");
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let asked = log()[before..].to_owned();
    assert!(asked.contains("/v2/app/manifests/") && !asked.contains(layer), "{asked}");
    assert_eq!(device.dockerd.docker(&["images", "-q"]), "");

    // As the update fetches it, and with its type.
    let mut sized = options(false);
    let _ = sized.image_bytes.insert(digest.trim().parse().unwrap(), 2 * huge);
    let error =
        fetch(&device.engine, &device.settings, &NoArchives, &text, &sized, &mut |_| {}, |plan, _| {
            assert_eq!(plan.steps[0], Step::CheckSpace { needed_bytes: 2 * huge });
            Ok(())
        });
    let error = error.unwrap_err();
    let Some(NoSpace { needed_bytes, free_bytes, .. }) = error.downcast_ref() else { panic!("{error:#}") };
    assert!((*needed_bytes, true) == (2 * huge, (1..huge).contains(free_bytes)), "{error}");
    assert_eq!(
        device.switch(&NoArchives, &compose_apart(&published.image, HEALTHY), false),
        (Outcome::Applied, vec![])
    );
}

/// A process that ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A certificate and its key, as files in the device's directory, signed by the `authority` or by itself.
fn certificate(
    device: &Device,
    name: &str,
    extensions: &[&str],
    authority: Option<&[PathBuf; 2]>,
) -> [PathBuf; 2] {
    let [file, key] = ["crt", "key"].map(|kind| device.dockerd.path().join(format!("{name}.{kind}")));
    let mut openssl = tools::tool("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj"])
        .arg(format!("/CN={name}"));
    for extension in extensions {
        openssl.args(["-addext", extension]);
    }
    if let Some([file, key]) = authority {
        openssl.arg("-CA").arg(file).arg("-CAkey").arg(key);
    }
    tools::success(openssl.arg("-keyout").arg(&key).arg("-out").arg(&file));
    [file, key]
}

#[test]
fn a_registry_that_takes_tokens_is_asked_with_one_that_its_server_gives_for_the_credentials() {
    let mut device = Device::new();
    let published = device.dockerd.publish("1");
    let text = compose_apart(&published.image, HEALTHY);
    device.dockerd.stop_registry();
    let [file, key] = certificate(&device, "token", &[], None);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peer/containers/token-server.py");
    let mut python = device.dockerd.beside("/usr/bin/python3");
    python.arg(script).arg("5001").arg(&file).arg(&key).args(REGISTRY_USER).stderr(Stdio::null());
    let _server = Ending(python.spawn().unwrap());
    device.dockerd.serve(&format!(
        "auth:\n  token:\n    realm: http://127.0.0.1:5001/token\n    service: testkit\n    issuer: testkit\n    \
         rootcertbundle: {}\n",
        file.display()
    ));

    let [user, password] = REGISTRY_USER;
    let config = |password: &str| {
        let entry = json!({ "auths": { REGISTRY: { "username": user, "password": password } } });
        write(&device, "config.json", &entry.to_string())
    };
    let wanted = write(&device, "wanted.yml", &text);
    let deploy = |path: &PathBuf| {
        ended(device.agent("deploy").arg(&wanted).arg("--json").arg("--credentials").arg(path))
    };
    let (code, printed) = deploy(&config("wrong"));
    assert_eq!(code, Some(1), "{printed}");
    let refused = format!("the registry {REGISTRY} refuses the credentials that are configured for it");
    // Of the size, and of the pull.
    assert_eq!(printed.matches(&refused).count(), 2, "{printed}");
    let (code, printed) = deploy(&config(password));
    assert_eq!(code, Some(0), "{printed}");
    let (config, layers) = lengths(&device, &published);
    assert!(printed.contains(&format!("\"needed_bytes\":{}", config + 2 * layers[0])), "{printed}");
    device.runs_whole("1", &text);
}

#[test]
fn a_registry_over_https_is_believed_with_a_certificate_of_the_systems_or_the_engines_authorities() {
    let mut device = Device::new();
    let published = device.dockerd.publish("1");
    let authority = certificate(&device, "authority", &[], None);
    let extensions = ["subjectAltName=IP:127.0.0.1", "basicConstraints=critical,CA:FALSE"];
    let [file, key] = certificate(&device, "registry", &extensions, Some(&authority));
    device.dockerd.stop_registry();
    let tls = format!("  tls:\n    certificate: {}\n    key: {}\n", file.display(), key.display());
    device.dockerd.serve(&tls);
    let wanted = write(&device, "wanted.yml", &compose_apart(&published.image, HEALTHY));
    // What is set up in a shell, in mounts of its own, before the agent starts there.
    let deployed = |setup: &str| {
        let agent = device.agent("deploy");
        let arguments: Vec<_> = agent.get_args().collect();
        // Those of `nsenter` come first.
        let (own, agent) = arguments.split_at(3);
        let mut command = tools::tool("nsenter");
        command
            .args(own)
            .args(["unshare", "--mount", "sh", "-c"])
            .arg(format!("{setup} exec \"$@\""))
            .arg("sh");
        ended(command.args(agent).arg(&wanted).arg("--json")).1
    };
    let needed = "\"needed_bytes\":";
    let (config, layers) = lengths(&device, &published);
    let known = format!("{needed}{}", config + 2 * layers[0]);
    let authority = authority[0].display().to_string();
    let remove = || {
        let _ = device.dockerd.docker(&["rm", "-f", "torizon-db-1", "torizon-web-1"]);
        let _ = device.dockerd.docker(&["rmi", &published.image]);
    };
    let none = deployed("");
    assert!(none.contains("\"needed_bytes\":0") && none.contains("size of"), "{none}");
    remove();
    let systems = deployed(&format!("export SSL_CERT_FILE={authority};"));
    assert!(systems.contains(&known), "{systems}");
    remove();
    let engines = deployed(&format!(
        "mount -t tmpfs none /etc; mkdir -p /etc/docker/certs.d/{REGISTRY}; \
         cp {authority} /etc/docker/certs.d/{REGISTRY}/ca.crt;"
    ));
    assert!(engines.contains(&known), "{engines}");
}
