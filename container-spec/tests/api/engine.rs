//! Requests to the engine, and what its answers mean. The answers are written after what Docker 20.10 is known to say;
//! they are not recordings of an engine.

use container_spec::compose::{self, Environment, Word};
use container_spec::digest::Sha256;
use container_spec::engine::response::{
    self, Done, Failure, MAX_LINE_BYTES, ResponseError, Stream, Told, read_stream,
};
use container_spec::engine::{
    ApiVersion, ContainerState, EngineError, HealthStatus, ImageDetails, ImageIdentity, MAX_API, MIN_API,
    Method, Mismatch, NegotiationError, Request, Store, Target,
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
fn a_status_is_told_with_the_engine_s_message() {
    let body = br#"{"message":"No such container: x"}"#;
    let error =
        |status, failure| ResponseError { status, failure, message: Word::new("No such container: x") };
    assert_eq!(response::check(204, b""), Ok(Done::Now));
    assert_eq!(response::check(304, b""), Ok(Done::Already));
    for (status, failure) in [
        (400, Failure::BadRequest),
        (404, Failure::NotFound),
        (409, Failure::Conflict),
        (500, Failure::Engine),
        (503, Failure::Engine),
        (301, Failure::Status),
        (100, Failure::Status),
    ] {
        assert_eq!(response::check(status, body), Err(error(status, failure)));
    }
    assert_eq!(response::check_repeatable(Method::Delete, 404, body), Ok(Done::Already));
    assert_eq!(response::check_repeatable(Method::Post, 404, body), Err(error(404, Failure::NotFound)));
    assert_eq!(response::check_repeatable(Method::Delete, 409, body), Err(error(409, Failure::Conflict)));
}

#[test]
fn an_error_inside_a_stream_of_status_200_is_found() {
    let truncated = b"{\"errorDetail\":{\"message\":\"Error processing tar file(exit status 1): unexpected EOF\"},\"error\":\"Error processing tar file(exit status 1): unexpected EOF\"}\r\n";
    let message = Word::new("Error processing tar file(exit status 1): unexpected EOF");
    let error = ResponseError { status: 200, failure: Failure::InStream, message };
    assert_eq!(read_stream(200, truncated), Err(error));
    // However the bytes come in, and whatever was told before.
    for size in 1..20 {
        let mut stream = Stream::new(200);
        let pieces = truncated.chunks(size).map(|piece| stream.feed(piece)).collect::<Result<Vec<_>, _>>();
        assert_eq!(pieces, Err(error));
        assert_eq!(stream.feed(b"{}\n"), Err(error));
        assert_eq!(stream.finish(), Err(error));
    }
    let loaded = b"{\"stream\":\"Loaded image: bb:1\\n\"}\n{\"stream\":\"Loaded image ID: sha256:ab\\n\"}\n";
    assert_eq!(
        read_stream(200, loaded),
        Ok(vec![Told::Loaded("bb:1".into()), Told::Loaded("sha256:ab".into())])
    );
    let pull = b"{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"a1\"}\n\
        {\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":9},\"progress\":\"[>]\",\"id\":\"a1\"}\n\
        {\"status\":\"Status: Downloaded newer image\"}\n";
    assert_eq!(
        read_stream(200, pull),
        Ok(vec![
            Told::Text("Pulling fs layer".into()),
            Told::Progress { id: "a1".into(), done: 5, total: 9 },
            Told::Text("Status: Downloaded newer image".into()),
        ])
    );
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
fn a_container_is_read_for_a_plan_with_its_health() {
    let hash = Sha256::of(b"service");
    let body = json!({
        "Id": "4f0c", "Name": "/torizon-web-1", "Image": "sha256:ab",
        "State": { "Status": "running", "Running": true, "Restarting": false, "ExitCode": 0, "Error": "",
            "Health": { "Status": "unhealthy", "FailingStreak": 4, "Log": [] } },
        "Config": { "Labels": {
            "com.docker.compose.service": "web", "com.docker.compose.container-number": "2",
            "com.docker.compose.config-hash": hash.to_string().trim_start_matches("sha256:") } },
        "HostConfig": { "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 3 } },
    });
    let (container, state) = ContainerState::read(200, body.to_string().as_bytes()).unwrap();
    assert_eq!(
        (&*container.name, &*container.service, container.number, container.config_hash, &*container.restart),
        ("torizon-web-1", "web", 2, Some(hash), "on-failure:3")
    );
    assert!(container.running && state.running);
    let health = state.health.unwrap();
    assert_eq!((health.status, health.failing_streak), (HealthStatus::Unhealthy, 4));
    assert_eq!(ContainerState::read(200, b"{}").unwrap_err().failure, Failure::Malformed);
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
