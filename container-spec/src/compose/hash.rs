//! A hash that changes when, and only when, a service's container must be made anew.

use super::model::Service;
use crate::digest::Sha256;

/// The version of the hash. Another one may give other hashes, and then every container is made anew once.
pub const CONFIG_HASH_VERSION: u8 = 1;

impl Service {
    /// The hash of everything that goes into the service's container.
    ///
    /// It is the SHA-256 of the line `container-spec service 1` and the service as JSON: long forms, keys
    /// sorted, properties that are left out not written. Left out of it is what does not reach a container:
    /// `build`, `develop`, `profiles`, `pull_policy`, `pull_refresh_after`, `scale`, `deploy.replicas`,
    /// `depends_on`, `extends`, `attach`, and `x-` properties. New properties of later versions of this crate
    /// do not change the hash of a service that does not use them.
    #[must_use]
    pub fn config_hash(&self) -> Sha256 {
        let mut reduced = Self {
            build: None,
            develop: super::model::common::Nullable(None),
            pull_policy: None,
            pull_refresh_after: None,
            scale: None,
            extends: None,
            attach: None,
            ..self.clone()
        };
        reduced.profiles.0.clear();
        reduced.depends_on.0.clear();
        reduced.extensions.clear();
        if let Some(deploy) = reduced.deploy.0.as_mut() {
            deploy.replicas = None;
        }
        // `Value` sorts the keys. Texts, numbers and maps with text keys always serialise.
        let json = serde_json::to_value(&reduced).and_then(|value| serde_json::to_vec(&value));
        let mut text = alloc::format!("container-spec service {CONFIG_HASH_VERSION}\n").into_bytes();
        text.extend(json.unwrap_or_default());
        Sha256::of(&text)
    }
}
