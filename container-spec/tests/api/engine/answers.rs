//! What a real engine answered, as `ask-engine.sh` wrote it down.

use std::collections::BTreeMap;

use container_spec::compose::Word;
use container_spec::digest::Sha256;
use container_spec::duration::Duration;
use container_spec::engine::response::{self, Done, Failure, ResponseError, Stream, Told, json, read_stream};
use container_spec::engine::{
    ApiVersion, ContainerState, HealthStatus, ImageDetails, ImageIdentity, Method, Mismatch, Request, Store,
};
use container_spec::plan::Image;
use container_spec::reference::Normalized;
use serde::Deserialize;

/// What the engine of the recording speaks.
const API: ApiVersion = ApiVersion { major: 1, minor: 41 };

#[derive(Deserialize)]
struct Recording {
    engine: String,
    api: String,
    answers: BTreeMap<String, Answer>,
}

#[derive(Deserialize)]
struct Answer {
    method: String,
    path: String,
    status: u16,
    body: String,
}

fn recording() -> Recording {
    serde_json::from_str(include_str!("../../fixtures/engine.json")).unwrap()
}

fn answer(name: &str) -> (u16, Vec<u8>) {
    let answer = recording().answers.remove(name).unwrap_or_else(|| panic!("{name} is not recorded"));
    (answer.status, answer.body.into_bytes())
}

/// The digests and ids of the recording are numbered.
fn numbered(number: u8) -> Sha256 {
    let mut bytes = [0; 32];
    bytes[5] = number;
    Sha256::from_bytes(bytes)
}

/// The manifest and the config of the image.
fn image() -> (Sha256, Sha256) {
    (numbered(1), numbered(3))
}

#[test]
fn the_engine_was_asked_with_these_requests() {
    let (manifest, config) = image();
    let name = format!("127.0.0.1:5000/app@{manifest}");
    let reference = Normalized::parse(&name).unwrap();
    let config = config.to_string();
    let recording = recording();
    for (answer, request) in [
        ("version", Request::version()),
        ("pull", Request::pull(API, &reference, None)),
        ("load", Request::load(API)),
        ("image-pulled", Request::inspect_image(API, &name)),
        ("image-loaded", Request::inspect_image(API, &config)),
        ("images", Request::images(API)),
        ("image-removed", Request::remove_image(API, &name)),
        ("image-in-use", Request::remove_image(API, &config)),
        ("networks", Request::networks(API)),
        ("network-removed", Request::remove_network(API, "torizon_default")),
        ("volumes", Request::volumes(API)),
        ("volume-removed", Request::remove_volume(API, "torizon_data")),
        ("containers", Request::containers(API, "torizon")),
        ("container-healthy", Request::inspect_container(API, "web")),
        ("started", Request::start(API, "web")),
        ("restart-set", Request::set_restart(API, "web", "no")),
        ("renamed", Request::rename(API, "web", "old")),
        ("stopped", Request::stop(API, "old", None)),
        ("running-not-removed", Request::remove_container(API, "old", false)),
        ("removed", Request::remove_container(API, "old", true)),
    ] {
        let recorded = &recording.answers[answer];
        let asked = (request.method.as_str(), request.path.as_str());
        assert_eq!(asked, (recorded.method.as_str(), recorded.path.as_str()), "{answer}");
    }
    let stop = Request::stop(API, "old", Some(Duration::from_secs(3)));
    assert_eq!(stop.path, format!("{}?t=3", recording.answers["stopped"].path));
}

#[test]
fn the_version_of_the_engine_is_the_one_to_speak() {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Version {
        version: String,
        api_version: String,
        #[serde(rename = "MinAPIVersion")]
        min_api_version: String,
    }
    let recording = recording();
    let (status, body) = answer("version");
    let version: Version = json(status, &body).unwrap();
    assert_eq!((&version.version, &version.api_version), (&recording.engine, &recording.api));
    assert_eq!(ApiVersion::negotiate(&version.api_version, Some(&version.min_api_version)), Ok(API));
}

#[test]
fn a_status_is_told_with_what_it_means_and_what_the_engine_says() {
    for (name, status, done) in [
        ("network-created", 201, Done::Now),
        ("volume-created", 201, Done::Now),
        ("container-created", 201, Done::Now),
        ("started", 204, Done::Now),
        ("started-already", 304, Done::Already),
        ("restart-set", 200, Done::Now),
        ("renamed", 204, Done::Now),
        ("stopped", 204, Done::Now),
        ("stopped-already", 304, Done::Already),
        ("removed", 204, Done::Now),
        ("image-removed", 200, Done::Now),
        ("network-removed", 204, Done::Now),
        ("volume-removed", 204, Done::Now),
    ] {
        let (recorded, body) = answer(name);
        assert_eq!((recorded, response::check(recorded, &body)), (status, Ok(done)), "{name}");
    }
    for (name, status, failure, says) in [
        ("image-missing", 404, Failure::NotFound, "no such image: 127.0.0.1:5000/app@"),
        ("image-in-use", 409, Failure::Conflict, "conflict: unable to delete 000000000003 (cannot"),
        ("network-taken", 409, Failure::Conflict, "network with name torizon_default already exists"),
        ("network-in-use", 403, Failure::Forbidden, "error while removing network: network torizon_"),
        ("volume-in-use", 409, Failure::Conflict, "remove torizon_data: volume is in use - ["),
        ("container-taken", 409, Failure::Conflict, "Conflict. The container name \"/web\" is already"),
        ("container-without-image", 404, Failure::NotFound, "No such image: sha256:eeee"),
        ("container-without-command", 400, Failure::BadRequest, "No command specified"),
        ("name-taken", 409, Failure::Conflict, "Error when allocating new name: Conflict. The con"),
        ("rename-missing", 404, Failure::NotFound, "No such container: web"),
        ("remove-missing", 404, Failure::NotFound, "No such container: old"),
        ("running-not-removed", 409, Failure::Conflict, "You cannot remove a running container 0000"),
    ] {
        let (recorded, body) = answer(name);
        let error = response::check(recorded, &body).unwrap_err();
        assert_eq!((error.status, error.failure), (status, failure), "{name}");
        assert!(error.message.to_string().starts_with(says), "{name}: {error}");
    }
    // What is to be removed and is not there is removed; what is to be renamed is not renamed.
    let (status, body) = answer("remove-missing");
    assert_eq!(response::check_repeatable(Method::Delete, status, &body), Ok(Done::Already));
    let (status, body) = answer("rename-missing");
    let error = response::check_repeatable(Method::Post, status, &body).unwrap_err();
    assert_eq!(error.failure, Failure::NotFound);
    let (status, body) = answer("image-in-use");
    let error = response::check_repeatable(Method::Delete, status, &body).unwrap_err();
    assert_eq!(error.failure, Failure::Conflict);
}

#[test]
fn a_truncated_load_is_an_error_although_its_status_is_200() {
    let (status, body) = answer("load-truncated");
    let message = Word::new("Error processing tar file(exit status 1): unexpected EOF");
    let error = ResponseError { status: 200, failure: Failure::InStream, message };
    assert_eq!(read_stream(status, &body), Err(error));
    // However the bytes come in.
    for size in 1..20 {
        let mut stream = Stream::new(status);
        let pieces = body.chunks(size).map(|piece| stream.feed(piece)).collect::<Result<Vec<_>, _>>();
        assert_eq!(pieces, Err(error));
        assert_eq!(stream.feed(b"{}\n"), Err(error));
        assert_eq!(stream.finish(), Err(error));
    }
}

#[test]
fn loads_and_pulls_tell_what_they_did() {
    let (manifest, config) = image();
    let told = |name: &str| {
        let (status, body) = answer(name);
        read_stream(status, &body)
    };
    assert_eq!(told("load"), Ok(vec![Told::Loaded("127.0.0.1:5000/app:1".into())]));
    assert_eq!(told("load-nameless"), Ok(vec![Told::Loaded(config.to_string())]));

    let text = |text: &str| Told::Text(text.into());
    let layer = || numbered(2).write_hex(&mut [0; 64])[..12].to_owned();
    let pulled = told("pull").unwrap();
    let (total, first) = match &pulled[2] {
        &Told::Progress { total, done, .. } => (total, done),
        other => panic!("{other:?}"),
    };
    assert!(0 < first && first <= total);
    assert_eq!(
        pulled,
        [
            text("Pulling from app"),
            text("Pulling fs layer"),
            Told::Progress { id: layer(), done: first, total },
            text("Download complete"),
            Told::Progress { id: layer(), done: 32768, total },
            text("Pull complete"),
            text(&format!("Digest: {manifest}")),
            text(&format!("Status: Downloaded newer image for 127.0.0.1:5000/app@{manifest}")),
        ]
    );
    assert_eq!(told("pull-again").unwrap().len(), 3);
    for (name, status, failure, says) in [
        ("pull-missing", 404, Failure::NotFound, "manifest for 127.0.0.1:5000/app@sha256:eeee"),
        ("pull-unreachable", 500, Failure::Engine, "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1:"),
    ] {
        let error = told(name).unwrap_err();
        assert_eq!((error.status, error.failure), (status, failure), "{name}");
        assert!(error.message.to_string().starts_with(says), "{name}: {error}");
    }
}

#[test]
fn a_container_is_read_for_a_plan_with_its_state_and_health() {
    let (_, config) = image();
    let hash = Sha256::from_bytes([0xcc; 32]);
    for (name, container_name, status, health, streak) in [
        ("container-not-started", "web", "created", None, 0),
        ("container-healthy", "web", "running", Some(HealthStatus::Healthy), 0),
        ("container-unhealthy", "sick", "running", Some(HealthStatus::Unhealthy), 1),
        ("container-stopped", "old", "exited", Some(HealthStatus::Unhealthy), 0),
    ] {
        let (code, body) = answer(name);
        let (container, state) = ContainerState::read(code, &body).unwrap();
        assert_eq!((&*container.name, &*container.service, container.number), (container_name, "web", 2));
        assert_eq!((container.config_hash, &container.image_id), (Some(hash), &config.to_string()));
        let restart = if name == "container-stopped" { "no" } else { "on-failure:3" };
        assert_eq!(container.restart, restart, "{name}");
        assert_eq!((container.running, state.running), (status == "running", status == "running"));
        assert_eq!((&*state.status, state.restarting), (status, false));
        assert_eq!(
            state.health.map(|health| (health.status, health.failing_streak)),
            health.map(|it| (it, streak))
        );
        // Ended by SIGKILL.
        assert_eq!(state.exit_code, if status == "exited" { 137 } else { 0 });
    }
    assert_eq!(ContainerState::read(200, b"{}").unwrap_err().failure, Failure::Malformed);
}

#[test]
fn an_image_that_was_pulled_tells_its_digest_and_one_that_was_loaded_does_not() {
    let (manifest, config) = image();
    let read = |name: &str| {
        let (status, body) = answer(name);
        ImageDetails::read(status, &body).unwrap()
    };
    let (pulled, loaded) = (read("image-pulled"), read("image-loaded"));
    let bare = ImageIdentity::pinned(manifest);
    assert_eq!(bare.check(&pulled), Ok(Store::Classic));
    assert_eq!(bare.check(&loaded), Err(Mismatch { pinned: manifest }));
    let known = ImageIdentity { pinned: manifest, manifest: Some(manifest), config: Some(config) };
    assert_eq!(known.check(&pulled), Ok(Store::Classic));
    assert_eq!(known.check(&loaded), Ok(Store::Classic));
    let other = ImageIdentity { config: Some(manifest), ..known };
    assert_eq!(other.check(&pulled), Err(Mismatch { pinned: manifest }));
    assert_eq!((pulled.root_fs.layers.len(), pulled.root_fs.layers), (1, loaded.root_fs.layers));
}

#[test]
fn lists_are_read_for_a_plan() {
    let (manifest, config) = image();
    let (status, body) = answer("images");
    let images = Request::read_images(status, &body).unwrap();
    assert_eq!(images, [Image { id: config.to_string(), digests: vec![manifest, config] }]);
    let (status, body) = answer("networks");
    assert_eq!(Request::read_networks(status, &body).unwrap(), ["bridge", "host", "none", "torizon_default"]);
    let (status, body) = answer("volumes");
    assert_eq!(Request::read_volumes(status, &body).unwrap(), ["torizon_data"]);
    let (status, body) = answer("containers");
    let ids = Request::read_container_ids(status, &body).unwrap();
    let of = |name: &str| {
        let (status, body) = answer(name);
        ContainerState::read(status, &body).unwrap().0.id
    };
    assert_eq!(ids, [of("container-unhealthy"), of("container-healthy")]);
    let (status, body) = answer("containers-of-nobody");
    assert_eq!(Request::read_container_ids(status, &body).unwrap(), [""; 0]);
}
