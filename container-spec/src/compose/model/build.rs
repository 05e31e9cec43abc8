//! How an image is built. Devices do not build, but files of developers say it.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::common::{ByteSize, List, PairMap};
use super::file::FileForm;
use super::forms::Ulimit;
use super::service::ExtraHosts;
use crate::compose::decode::{Context, Decode, record};
use crate::compose::place::Position;
use crate::compose::tree::{Node, Value};

record! {
    /// The `build` of a service, in long form.
    pub struct Build {
        /// Directory or address of the sources.
        context: Option<String> = "context",
        /// Name of the Dockerfile.
        dockerfile: Option<String> = "dockerfile",
        /// Content of the Dockerfile.
        dockerfile_inline: Option<String> = "dockerfile_inline",
        /// Privileges of the build.
        entitlements: Vec<String> = "entitlements",
        /// Build-time variables.
        args: PairMap = "args",
        /// SSH agents and keys.
        ssh: SshForm = "ssh",
        /// Labels of the image.
        labels: PairMap = "labels",
        /// Where cached layers come from.
        cache_from: Vec<String> = "cache_from",
        /// Where cached layers go to.
        cache_to: Vec<String> = "cache_to",
        /// Without cache.
        no_cache: Option<bool> = "no_cache",
        /// More sources, by name.
        additional_contexts: PairMap = "additional_contexts",
        /// Network of the build.
        network: Option<String> = "network",
        /// Attestation of origin.
        provenance: Option<Flag> = "provenance",
        /// List of ingredients.
        sbom: Option<Flag> = "sbom",
        /// Pull base images always.
        pull: Option<bool> = "pull",
        /// Stage to stop at.
        target: Option<String> = "target",
        /// Size of `/dev/shm`.
        shm_size: Option<ByteSize> = "shm_size",
        /// Lines for `/etc/hosts`.
        extra_hosts: ExtraHosts = "extra_hosts",
        /// Isolation on Windows.
        isolation: Option<String> = "isolation",
        /// With all privileges.
        privileged: Option<bool> = "privileged",
        /// Secrets of the build.
        secrets: Vec<FileForm> = "secrets",
        /// More tags of the image.
        tags: Vec<String> = "tags",
        /// Limits of the build.
        ulimits: BTreeMap<String, Ulimit> = "ulimits",
        /// Platforms to build for.
        platforms: List = "platforms",
    }
}

/// A path alone, or the long form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BuildForm(pub Build);

impl Decode for BuildForm {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        if matches!(node.value, Value::Scalar(..)) {
            let context = source(node.at, cx.text(node)?, cx);
            return Some(Self(Build { context: Some(context), ..Build::default() }));
        }
        let mut build = Build::decode(node, cx)?;
        if let Some(context) = &mut build.context {
            *context = source(node.get("context").map_or(node.at, |value| value.at), context, cx);
        }
        Some(Self(build))
    }
}

/// A directory of the host, absolute; an address as it is.
fn source(at: Position, text: &str, cx: &Context) -> String {
    let remote = text.contains("://") || ["git@", "github.com/"].iter().any(|start| text.starts_with(start));
    if remote { text.to_owned() } else { cx.path(at, text) }
}

/// `default`, or ids with their sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SshForm(pub PairMap);

impl Decode for SshForm {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        if matches!(node.value, Value::Scalar(..)) {
            let id = cx.text(node)?.to_owned();
            return Some(Self(PairMap([(id, None)].into())));
        }
        PairMap::decode(node, cx).map(Self)
    }
}

/// A truth value or options in a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flag(pub String);

impl Decode for Flag {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        cx.scalar_text(node).map(Self)
    }
}
