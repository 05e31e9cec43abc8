//! Where an image is asked for.

use alloc::format;
use alloc::string::String;

use crate::digest::Sha256;
use crate::reference::Normalized;

/// What a client takes for a manifest, as the value of `Accept`: indexes and manifests of OCI and of Docker.
pub const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
                                  application/vnd.docker.distribution.manifest.list.v2+json, \
                                  application/vnd.oci.image.manifest.v1+json, \
                                  application/vnd.docker.distribution.manifest.v2+json";

/// The registry of an image, and the image's repository in it.
///
/// ```
/// use container_spec::reference::Normalized;
/// use container_spec::registry::Endpoint;
///
/// let image = Normalized::parse("nginx").unwrap();
/// let endpoint = Endpoint::of(image);
/// assert_eq!((endpoint.registry(), endpoint.host()), ("docker.io", "registry-1.docker.io"));
/// assert_eq!(endpoint.scope(), "repository:library/nginx:pull");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    image: Normalized<'a>,
}

impl<'a> Endpoint<'a> {
    /// Where `image` is asked for; its tag and digest do not matter.
    #[must_use]
    pub const fn of(image: Normalized<'a>) -> Self {
        Self { image: image.repository() }
    }

    /// The registry as references name it.
    #[must_use]
    pub fn registry(&self) -> &'a str {
        self.image.domain()
    }

    /// The host and port that answer for it: Docker Hub's has another name (`registry/config.go` of moby).
    #[must_use]
    pub fn host(&self) -> &'a str {
        match self.registry() {
            "docker.io" => "registry-1.docker.io",
            registry => registry,
        }
    }

    /// The path of the manifest or index of this digest.
    #[must_use]
    pub fn manifest_path(&self, digest: Sha256) -> String {
        format!("/v2/{}/manifests/{digest}", self.image.path())
    }

    /// The path of the blob of this digest.
    #[must_use]
    pub fn blob_path(&self, digest: Sha256) -> String {
        format!("/v2/{}/blobs/{digest}", self.image.path())
    }

    /// What a token must allow, for registries that do not say it themselves.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("repository:{}:pull", self.image.path())
    }
}

/// Whether this host, with a port or without, is this device itself: `localhost`, `127.0.0.0/8` or `[::1]`. Engines speak
/// plain HTTP with such registries, and so may we: nobody listens on the way.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    if host == "[::1]" || host.starts_with("[::1]:") {
        return true;
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let octet = |part: &str| part.len() <= 3 && part.parse::<u8>().is_ok();
    name == "localhost"
        || (name.starts_with("127.") && name.split('.').count() == 4 && name.split('.').all(octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_device_is_loopback() {
        for host in ["localhost", "localhost:5000", "127.0.0.1", "127.9.8.7:5000", "[::1]", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "127.0.0.1.evil.org",
            "127.0.0.256",
            "localhost.evil.org",
            "128.0.0.1",
            "[::1].org",
            "127.1",
            "::1",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
