//! The updates of the story: one that goes well, one that does not boot, one on a stick, one that is cut off.

mod bad_update;
mod first_update;
mod lockbox;
mod power_cut;

pub(super) use bad_update::bad_update;
pub(super) use first_update::first_update;
pub(super) use lockbox::lockbox;
pub(super) use power_cut::power_cut;

use ostree_objects::sysroot::Sysroot;
use serde_json::Value;

use super::world::World;

/// The containers that run, each with the start of its image's digest.
fn containers(world: &World) -> anyhow::Result<Vec<String>> {
    let current = world.device().application().containers()?;
    let running = current.containers.iter().filter(|container| container.running);
    let mut names: Vec<String> =
        running.map(|container| format!("{} of {}", container.name, short(&container.image_id))).collect();
    names.sort();
    Ok(names)
}

/// The start of a checksum or digest, which is enough for people.
fn short(checksum: &str) -> &str {
    let hex = checksum.strip_prefix("sha256:").unwrap_or(checksum);
    hex.get(..12).unwrap_or(hex)
}

/// How many deployments the device can boot.
fn deployments(world: &World) -> anyhow::Result<usize> {
    Ok(Sysroot::open(&world.config.paths.sysroot)?.deployments()?.len())
}

/// What a manifest says of the Primary: its image, and how the installation went.
fn told(manifest: &Value) -> (String, Option<bool>, String) {
    let report = &manifest["ecu_version_manifests"]["primary-1"]["signed"];
    let image = report["installed_image"]["filepath"].as_str().unwrap_or_default();
    let result = &manifest["installation_report"]["report"]["result"];
    let description = result["description"].as_str().unwrap_or_default();
    (image.into(), result["success"].as_bool(), description.into())
}
