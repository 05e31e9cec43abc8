//! Requests that do not depend on a service.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::{ApiVersion, PROJECT_LABEL};
use crate::duration::Duration;
use crate::reference::Normalized;

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or changes.
    Post,
    /// Removes.
    Delete,
}

impl Method {
    /// As it is written in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// A request to the engine. The body is JSON, but for [`Request::load`], whose body is an archive that the
/// executor streams with the type `application/x-tar`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, with what they must not hold escaped.
    pub path: String,
    /// The body, if there is one.
    pub body: Option<Value>,
}

/// Escapes all but what RFC 3986 calls unreserved.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            // Writing to a `String` does not fail.
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
    }
    escaped
}

impl Request {
    pub(crate) fn new(method: Method, api: ApiVersion, path: &str) -> Self {
        Self { method, path: format!("/v{api}{path}"), body: None }
    }

    pub(crate) fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Whether the engine is there; its answer has the header `Api-Version`. It has no version itself.
    #[must_use]
    pub fn ping() -> Self {
        Self { method: Method::Get, path: "/_ping".to_string(), body: None }
    }

    /// What the engine is; the answer has `ApiVersion` and `MinAPIVersion`.
    #[must_use]
    pub fn version() -> Self {
        Self { method: Method::Get, path: "/version".to_string(), body: None }
    }

    /// How the engine is set up: its directory and its image store.
    #[must_use]
    pub fn info(api: ApiVersion) -> Self {
        Self::new(Method::Get, api, "/info")
    }

    /// All containers of a project, running or not.
    #[must_use]
    pub fn containers(api: ApiVersion, project: &str) -> Self {
        let filters = json!({ "label": [format!("{PROJECT_LABEL}={project}")] }).to_string();
        Self::new(Method::Get, api, &format!("/containers/json?all=1&filters={}", escape(&filters)))
    }

    /// Everything about one container.
    #[must_use]
    pub fn inspect_container(api: ApiVersion, container: &str) -> Self {
        Self::new(Method::Get, api, &format!("/containers/{}/json", escape(container)))
    }

    /// All images.
    #[must_use]
    pub fn images(api: ApiVersion) -> Self {
        Self::new(Method::Get, api, "/images/json")
    }

    /// Everything about one image.
    #[must_use]
    pub fn inspect_image(api: ApiVersion, image: &str) -> Self {
        Self::new(Method::Get, api, &format!("/images/{}/json", escape(image)))
    }

    /// All networks.
    #[must_use]
    pub fn networks(api: ApiVersion) -> Self {
        Self::new(Method::Get, api, "/networks")
    }

    /// All volumes.
    #[must_use]
    pub fn volumes(api: ApiVersion) -> Self {
        Self::new(Method::Get, api, "/volumes")
    }

    /// Fetches an image from its registry, by its digest if it has one.
    #[must_use]
    pub fn pull(api: ApiVersion, image: &Normalized<'_>, platform: Option<&str>) -> Self {
        let image = image.to_pull();
        let name = image.repository().to_string();
        let tag = match (image.digest(), image.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.unwrap_or("latest").to_string(),
        };
        let mut path = format!("/images/create?fromImage={}&tag={}", escape(&name), escape(&tag));
        if let Some(platform) = platform {
            path.push_str("&platform=");
            path.push_str(&escape(platform));
        }
        Self::new(Method::Post, api, &path)
    }

    /// Takes images from an archive, which is the body.
    #[must_use]
    pub fn load(api: ApiVersion) -> Self {
        Self::new(Method::Post, api, "/images/load?quiet=1")
    }

    /// Gives an image a name.
    #[must_use]
    pub fn tag_image(api: ApiVersion, image: &str, repository: &str, tag: &str) -> Self {
        let (image, repository, tag) = (escape(image), escape(repository), escape(tag));
        Self::new(Method::Post, api, &format!("/images/{image}/tag?repo={repository}&tag={tag}"))
    }

    /// Removes an image, unless a container uses it.
    #[must_use]
    pub fn remove_image(api: ApiVersion, image: &str) -> Self {
        Self::new(Method::Delete, api, &format!("/images/{}?force=0&noprune=0", escape(image)))
    }

    /// Starts a container.
    #[must_use]
    pub fn start(api: ApiVersion, container: &str) -> Self {
        Self::new(Method::Post, api, &format!("/containers/{}/start", escape(container)))
    }

    /// Stops a container; without a time it is the container's own.
    #[must_use]
    pub fn stop(api: ApiVersion, container: &str, grace: Option<Duration>) -> Self {
        let mut path = format!("/containers/{}/stop", escape(container));
        if let Some(grace) = grace {
            path.push_str(&format!("?t={}", grace.as_secs_ceil()));
        }
        Self::new(Method::Post, api, &path)
    }

    /// Renames a container.
    #[must_use]
    pub fn rename(api: ApiVersion, container: &str, name: &str) -> Self {
        Self::new(
            Method::Post,
            api,
            &format!("/containers/{}/rename?name={}", escape(container), escape(name)),
        )
    }

    /// Removes a container, running or not if `force` says so. Its volumes stay.
    #[must_use]
    pub fn remove_container(api: ApiVersion, container: &str, force: bool) -> Self {
        let force = u8::from(force);
        Self::new(Method::Delete, api, &format!("/containers/{}?v=0&force={force}", escape(container)))
    }

    /// Sets when the engine starts a container again: `no`, `always`, `unless-stopped`, `on-failure[:N]`.
    #[must_use]
    pub fn set_restart(api: ApiVersion, container: &str, policy: &str) -> Self {
        Self::new(Method::Post, api, &format!("/containers/{}/update", escape(container)))
            .with(json!({ "RestartPolicy": restart_policy(policy) }))
    }

    /// Attaches a container to one more network.
    #[must_use]
    pub fn connect(api: ApiVersion, network: &str, container: &str, endpoint: Value) -> Self {
        Self::new(Method::Post, api, &format!("/networks/{}/connect", escape(network)))
            .with(json!({ "Container": container, "EndpointConfig": endpoint }))
    }

    /// Removes a network.
    #[must_use]
    pub fn remove_network(api: ApiVersion, network: &str) -> Self {
        Self::new(Method::Delete, api, &format!("/networks/{}", escape(network)))
    }

    /// Removes a volume and what is in it.
    #[must_use]
    pub fn remove_volume(api: ApiVersion, volume: &str) -> Self {
        Self::new(Method::Delete, api, &format!("/volumes/{}?force=0", escape(volume)))
    }
}

/// A policy as the engine wants it.
pub(super) fn restart_policy(policy: &str) -> Value {
    let (name, max) = policy.split_once(':').unwrap_or((policy, ""));
    let max: u32 = max.parse().unwrap_or(0);
    json!({ "Name": name, "MaximumRetryCount": max })
}
