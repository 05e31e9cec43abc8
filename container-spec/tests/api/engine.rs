//! Requests to the engine, and what its answers mean.

mod answers;

use container_spec::compose::{self, Environment, Word};
use container_spec::digest::Sha256;
use container_spec::engine::response::{self, Failure, MAX_LINE_BYTES, ResponseError, read_stream};
use container_spec::engine::{
    ApiVersion, EngineError, ImageDetails, ImageIdentity, MAX_API, MIN_API, Mismatch, NegotiationError,
    Request, Store, Target,
};
use container_spec::reference::Normalized;
use serde_json::{Value, json};

const OLD: ApiVersion = ApiVersion { major: 1, minor: 41 };

fn target(api: ApiVersion) -> Target<'static> {
    Target { project: "torizon", directory: "/var/app", api }
}

fn requests(api: ApiVersion, text: &str) -> Result<Vec<Request>, EngineError> {
    match compose::load(text, &Environment::new()) {
        Ok(project) => target(api).requests(&project),
        Err(error) => panic!("{error}"),
    }
}

/// The body that makes the container of the service `web`.
fn web(api: ApiVersion, properties: &str) -> Value {
    let text = format!("services:\n  web:\n    image: nginx\n{properties}");
    let requests = requests(api, &text).unwrap();
    let create =
        requests.iter().find(|request| request.path.contains("/containers/create?name=torizon-web-1"));
    create.unwrap().body.clone().unwrap()
}

#[test]
fn a_project_becomes_pulls_networks_volumes_containers_and_starts_in_that_order() {
    let text = "
services:
  web:
    image: nginx:1
    depends_on: [db]
    restart: on-failure:5
  db:
    image: db@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    volumes: ['data:/data']
volumes: {data: }
";
    let requests = requests(OLD, text).unwrap();
    let lines: Vec<_> =
        requests.iter().map(|request| format!("{} {}", request.method.as_str(), request.path)).collect();
    let digest = "a".repeat(64);
    assert_eq!(
        lines,
        [
            &*format!("POST /v1.41/images/create?fromImage=docker.io%2Flibrary%2Fdb&tag=sha256%3A{digest}"),
            "POST /v1.41/images/create?fromImage=docker.io%2Flibrary%2Fnginx&tag=1",
            "POST /v1.41/networks/create",
            "POST /v1.41/volumes/create",
            "POST /v1.41/containers/create?name=torizon-db-1",
            "POST /v1.41/containers/create?name=torizon-web-1",
            "POST /v1.41/containers/torizon-db-1/start",
            "POST /v1.41/containers/torizon-web-1/start",
            "POST /v1.41/containers/torizon-web-1/update",
        ]
    );
    assert_eq!(
        requests[2].body,
        Some(json!({
            "Name": "torizon_default",
            "Driver": "bridge",
            "Labels": {
                "com.docker.compose.project": "torizon",
                "com.docker.compose.network": "default",
            },
            "CheckDuplicate": true,
        }))
    );
    assert_eq!(
        requests[8].body,
        Some(json!({ "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 5 } }))
    );
    let binds = &requests[4].body.as_ref().unwrap()["HostConfig"]["Binds"];
    assert_eq!(*binds, json!(["torizon_data:/data:rw"]));
}

#[test]
fn a_container_gets_what_torizon_s_files_ask_for() {
    let body = web(
        OLD,
        "    command: sleep 1000
    environment: [A=1, B]
    expose: ['81']
    ports: ['127.0.0.1:8080:80']
    stop_grace_period: 1500ms
    healthcheck: {test: 'true', interval: 1s, retries: 3}
    device_cgroup_rules: ['c 226:* rmw']
    devices: ['/dev/null:/dev/mynull']
    cap_add: [CAP_SYS_TTY_CONFIG]
    shm_size: 64m
    cpus: 1.5
    init: true
    logging: {driver: json-file, options: {max-size: 1m}}
    volumes:
    - /dev:/dev
    - {type: bind, source: ./x/../y, target: /y, read_only: true, bind: {create_host_path: false}}
    - {type: tmpfs, target: /t, tmpfs: {size: 1k}}
",
    );
    let labels = body["Labels"].clone();
    let hash = labels["com.docker.compose.config-hash"].as_str().unwrap();
    assert_eq!(hash.len(), 64);
    assert_eq!(
        body,
        json!({
            "Image": "docker.io/library/nginx:latest",
            "Cmd": ["sleep", "1000"],
            "Env": ["A=1", "B"],
            "ExposedPorts": { "80/tcp": {}, "81/tcp": {} },
            "StopTimeout": 2,
            "Healthcheck": { "Test": ["CMD-SHELL", "true"], "Interval": 1_000_000_000, "Retries": 3 },
            "Labels": {
                "com.docker.compose.project": "torizon",
                "com.docker.compose.service": "web",
                "com.docker.compose.container-number": "1",
                "com.docker.compose.oneoff": "False",
                "com.docker.compose.config-hash": hash,
            },
            "HostConfig": {
                "NetworkMode": "torizon_default",
                "RestartPolicy": { "Name": "no", "MaximumRetryCount": 0 },
                "Binds": ["/dev:/dev:rw"],
                "Mounts": [
                    { "Type": "bind", "Source": "/var/app/y", "Target": "/y", "ReadOnly": true },
                    { "Type": "tmpfs", "Target": "/t", "TmpfsOptions": { "SizeBytes": 1024 } },
                ],
                "PortBindings": { "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "8080" }] },
                "Init": true,
                "CapAdd": ["CAP_SYS_TTY_CONFIG"],
                "LogConfig": { "Type": "json-file", "Config": { "max-size": "1m" } },
                "DeviceCgroupRules": ["c 226:* rmw"],
                "Devices": [{
                    "PathOnHost": "/dev/null",
                    "PathInContainer": "/dev/mynull",
                    "CgroupPermissions": "rwm",
                }],
                "ShmSize": 67_108_864,
                "NanoCpus": 1_500_000_000,
            },
            "NetworkingConfig": { "EndpointsConfig": { "torizon_default": { "Aliases": ["web"] } } },
        })
    );
}

#[test]
fn engines_before_1_44_are_told_of_the_second_network_after_the_container_is_made() {
    let text = "
services:
  web: {image: nginx, networks: {a: {priority: 1}, b: {priority: 2, aliases: [w]}}}
networks: {a: , b: {name: shared, external: true}}
";
    let old = requests(OLD, text).unwrap();
    let paths: Vec<_> = old.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(
        paths[1..],
        [
            "/v1.41/networks/create",
            "/v1.41/containers/create?name=torizon-web-1",
            "/v1.41/networks/torizon_a/connect",
            "/v1.41/containers/torizon-web-1/start",
        ]
    );
    let endpoints = |requests: &[Request]| {
        requests[2].body.as_ref().unwrap()["NetworkingConfig"]["EndpointsConfig"].clone()
    };
    assert_eq!(endpoints(&old), json!({ "shared": { "Aliases": ["web", "w"] } }));
    let new = requests(ApiVersion { major: 1, minor: 44 }, text).unwrap();
    assert_eq!(new.len(), 4);
    assert_eq!(
        endpoints(&new),
        json!({ "shared": { "Aliases": ["web", "w"] }, "torizon_a": { "Aliases": ["web"] } })
    );
}

#[test]
fn what_the_engine_cannot_be_told_is_an_error_not_left_out() {
    let service = Word::new("web");
    for (properties, error) in [
        ("env_file: x", EngineError::Unsupported { service, property: "env_file" }),
        ("use_api_socket: true", EngineError::Unsupported { service, property: "use_api_socket" }),
        ("volumes: ['~/x:/x']", EngineError::Unsupported { service, property: "volumes" }),
        (
            "annotations: {a: b}",
            EngineError::NeedsApi {
                service,
                property: "annotations",
                needed: ApiVersion { major: 1, minor: 43 },
                has: OLD,
            },
        ),
        ("cpus: 1e300", EngineError::Range { service, property: "cpus" }),
    ] {
        let text = format!("services:\n  web:\n    image: nginx\n    {properties}\n");
        assert_eq!(requests(OLD, &text), Err(error), "{properties}");
    }
    let built = "services: {web: {build: .}}";
    assert_eq!(requests(OLD, built), Err(EngineError::NoImage { service }));
}

#[test]
fn a_version_is_chosen_that_both_speak() {
    let version = |minor| ApiVersion { major: 1, minor };
    assert_eq!(ApiVersion::negotiate("1.41", Some("1.12")), Ok(version(41)));
    assert_eq!(ApiVersion::negotiate("1.99", None), Ok(MAX_API));
    assert_eq!(ApiVersion::negotiate("1.40", None), Ok(MIN_API));
    assert_eq!(ApiVersion::negotiate("1.39", None), Err(NegotiationError::TooOld { offered: version(39) }));
    assert_eq!(
        ApiVersion::negotiate("1.99", Some("1.57")),
        Err(NegotiationError::TooNew { oldest: version(57) })
    );
    for text in ["", "1", "1.", "+1.41", "1.41.0", "v1.41"] {
        assert_eq!(ApiVersion::negotiate(text, None), Err(NegotiationError::Malformed), "{text}");
    }
}

#[test]
fn a_status_that_no_request_here_is_answered_with_is_told_as_well() {
    let body = br#"{"message":"x"}"#;
    for (status, failure) in
        [(500, Failure::Engine), (503, Failure::Engine), (301, Failure::Status), (100, Failure::Status)]
    {
        let error = |message| ResponseError { status, failure, message: Word::new(message) };
        assert_eq!(response::check(status, body), Err(error("x")));
        assert_eq!(response::check(status, b"<html>"), Err(error("no message")));
    }
}

#[test]
fn a_stream_that_is_cut_off_or_no_stream_is_an_error() {
    let failed =
        |status, failure, message| Err(ResponseError { status, failure, message: Word::new(message) });
    assert_eq!(
        read_stream(200, b"{\"status\":\"Down"),
        failed(200, Failure::CutOff, "the answer ended within a line")
    );
    assert_eq!(
        read_stream(200, b"<html>\n"),
        failed(200, Failure::Malformed, "a line of the answer is no JSON object")
    );
    assert_eq!(
        read_stream(404, b"{\"message\":\"manifest unknown\"}\n"),
        failed(404, Failure::NotFound, "manifest unknown")
    );
    let line = |len: usize| format!("{{\"status\":\"{}\"}}", "x".repeat(len - 13)).into_bytes();
    assert_eq!(line(MAX_LINE_BYTES).len(), MAX_LINE_BYTES);
    assert_eq!(read_stream(200, &line(MAX_LINE_BYTES)).map(|told| told.len()), Ok(1));
    assert_eq!(
        read_stream(200, &line(MAX_LINE_BYTES + 1)),
        failed(200, Failure::TooLong, "a line of the answer is too long")
    );
}

#[test]
fn an_image_is_the_pinned_one_in_both_kinds_of_store() {
    let [pinned, manifest, config, other] = [&b"index"[..], b"manifest", b"config", b"other"].map(Sha256::of);
    let image = |id: Sha256, repo: Option<Sha256>| ImageDetails {
        id: id.to_string(),
        repo_digests: repo.iter().map(|digest| format!("nginx@{digest}")).collect(),
        ..ImageDetails::default()
    };
    let bare = ImageIdentity::pinned(pinned);
    let known = ImageIdentity { pinned, manifest: Some(manifest), config: Some(config) };
    let mismatch = Err(Mismatch { pinned });
    for (identity, image, store) in [
        (bare, image(config, Some(pinned)), Ok(Store::Classic)),
        (bare, image(pinned, None), Ok(Store::Containerd)),
        (bare, image(config, None), mismatch),
        (bare, image(config, Some(other)), mismatch),
        (known, image(config, None), Ok(Store::Classic)),
        (known, image(manifest, None), Ok(Store::Containerd)),
        (known, image(pinned, Some(pinned)), Ok(Store::Containerd)),
        // The name says it, but the content does not.
        (known, image(other, Some(pinned)), mismatch),
    ] {
        assert_eq!(identity.check(&image), store, "{identity:?} {image:?}");
    }
}

#[test]
fn names_in_paths_are_escaped() {
    let image = Normalized::parse("127.0.0.1:5000/a/b:c").unwrap();
    assert_eq!(
        Request::pull(OLD, &image, Some("linux/arm64")).path,
        "/v1.41/images/create?fromImage=127.0.0.1%3A5000%2Fa%2Fb&tag=c&platform=linux%2Farm64"
    );
    assert_eq!(Request::start(OLD, "a/../b?x").path, "/v1.41/containers/a%2F..%2Fb%3Fx/start");
}
