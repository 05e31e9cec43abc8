//! Images that come from archives, without a network.

use std::fs::File;
use std::path::{Path, PathBuf};

use container_spec::digest::Sha256;
use container_spec::engine::Request;
use container_spec::engine::response::{Failure, ResponseError};
use container_spec::plan::Outcome;
use ota_agent::containers::{Lockbox, NoArchives};
use testkit::dockerd::{Dockerd, Published};

use super::device::{Device, HEALTHY, compose};

/// Which layers an archive in the layout of Docker 25 and later holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layers {
    /// Unpacked ones, as from the classic store.
    Unpacked,
    /// Those of the registry, as from containerd's store.
    Packed,
}

/// An archive in the layout that Docker 25 and later write (moby's pull request 44598), of what the engine
/// saved and the registry has.
fn later_form(dockerd: &Dockerd, published: &Published, layers: Layers, file: &Path) {
    let manifest = dockerd.blob(published.digest());
    let parsed: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let config = parsed["config"]["digest"].as_str().unwrap();
    let layer = match layers {
        Layers::Packed => dockerd.blob(parsed["layers"][0]["digest"].as_str().unwrap()),
        Layers::Unpacked => {
            let mut layer = Vec::new();
            for entry in tar::Archive::new(File::open(&published.archive).unwrap()).entries().unwrap() {
                let mut entry = entry.unwrap();
                if entry.path().unwrap().ends_with("layer.tar") {
                    std::io::Read::read_to_end(&mut entry, &mut layer).unwrap();
                }
            }
            layer
        }
    };
    let path = |digest: &str| format!("blobs/{}", digest.replace(':', "/"));
    let layer_path = path(&Sha256::of(&layer).to_string());
    let list = serde_json::json!([{ "Config": path(config), "RepoTags": null, "Layers": [layer_path] }]);
    let index = serde_json::json!({ "schemaVersion": 2, "manifests": [{
        "mediaType": parsed["mediaType"], "digest": published.digest(), "size": manifest.len(),
    }] });
    let mut builder = tar::Builder::new(File::create(file).unwrap());
    for (name, content) in [
        (path(config), dockerd.blob(config)),
        (layer_path, layer),
        (path(published.digest()), manifest),
        ("index.json".into(), index.to_string().into_bytes()),
        ("manifest.json".into(), list.to_string().into_bytes()),
        ("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(content.len()).unwrap());
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &*content).unwrap();
    }
    builder.into_inner().unwrap();
}

/// A directory with the archive of an image and its manifest, named as in a Lockbox.
struct Medium {
    directory: PathBuf,
    archive: PathBuf,
    lockbox: Lockbox,
}

impl Medium {
    fn new(device: &Device, published: &Published) -> Self {
        let hex = published.digest().trim_start_matches("sha256:");
        let directory = device.dockerd.path().join(format!("medium-{hex}"));
        std::fs::create_dir(&directory).unwrap();
        let manifest = device.dockerd.blob(published.digest());
        std::fs::write(directory.join(format!("{hex}.json")), manifest).unwrap();
        let archive = directory.join(format!("{hex}.tar"));
        std::fs::copy(&published.archive, &archive).unwrap();
        let lockbox = Lockbox::new(&directory, &directory, std::env::consts::ARCH);
        Self { directory, archive, lockbox }
    }
}

#[test]
fn archives_of_both_forms_are_loaded_offline_and_a_truncated_one_is_refused_although_the_engine_says_200() {
    let mut device = Device::new();
    let [v1, v2, v3, v4] = ["1", "2", "3", "4"].map(|version| device.dockerd.publish(version));
    let foreign = device.add_foreign_project();
    let first = compose(&v1.image, HEALTHY);
    assert_eq!(device.switch(&NoArchives, &first, false), (Outcome::Applied, vec![]));
    let media = [&v2, &v3, &v4].map(|published| Medium::new(&device, published));
    for (medium, published, layers) in [(1, &v3, Layers::Unpacked), (2, &v4, Layers::Packed)] {
        later_form(&device.dockerd, published, layers, &media[medium].archive);
        // Such an archive holds its manifest.
        let hex = published.digest().trim_start_matches("sha256:");
        std::fs::remove_file(media[medium].directory.join(format!("{hex}.json"))).unwrap();
    }
    device.dockerd.stop_registry();

    // The engine says 200 to half an archive; what it says later is seen.
    let [medium, later_unpacked, later_packed] = &media;
    let whole = std::fs::read(&medium.archive).unwrap();
    let half = whole.len() / 2;
    std::fs::write(&medium.archive, &whole[..half]).unwrap();
    let mut file = File::open(&medium.archive).unwrap();
    let error = device.engine.load(&Request::load(device.engine.api()), &mut file, |_| {});
    let error = error.unwrap_err();
    let error = error.downcast_ref::<ResponseError>().unwrap();
    assert_eq!((error.status, error.failure), (200, Failure::InStream));

    // The agent does not even hand it over.
    let second = compose(&v2.image, HEALTHY);
    let reason = format!("{}: byte {half}: archive: the archive is cut off", medium.archive.display());
    assert_eq!(device.switch(&medium.lockbox, &second, true), (Outcome::RolledBack, vec![reason]));
    device.runs_whole("1", &first);

    // One byte of the layer is another.
    let mut other = whole.clone();
    let at = other.windows(9).position(|window| window == b"BusyBox v").unwrap();
    other[at] ^= 1;
    std::fs::write(&medium.archive, &other).unwrap();
    let (outcome, failed) = device.switch(&medium.lockbox, &second, true);
    assert_eq!((outcome, failed.len()), (Outcome::RolledBack, 1));
    assert!(failed[0].contains(": not the layer sha256:"), "{failed:?}");
    device.runs_whole("1", &first);

    std::fs::write(&medium.archive, &whole).unwrap();
    assert_eq!(device.switch(&medium.lockbox, &second, true), (Outcome::Applied, vec![]));
    device.runs_whole("2", &second);
    for (version, published, medium) in [("3", &v3, later_unpacked), ("4", &v4, later_packed)] {
        let text = compose(&published.image, HEALTHY);
        assert_eq!(device.switch(&medium.lockbox, &text, true), (Outcome::Applied, vec![]));
        device.runs_whole(version, &text);
    }
    device.has_foreign_project(&foreign);
}
