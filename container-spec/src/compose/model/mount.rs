//! Mounts: `volumes` of a service.

use alloc::borrow::ToOwned;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::common::{ByteSize, PairMap};
use crate::compose::decode::{Context, Decode, Target, record};
use crate::compose::error::ErrorKind;
use crate::compose::paths;
use crate::compose::tree::{Node, Value};
use crate::volume::{Relabel, Source, VolumeSpec};

/// What is mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountKind {
    /// A path of the host.
    Bind,
    /// A volume of the engine.
    #[default]
    Volume,
    /// A file system in memory.
    Tmpfs,
    /// A volume of a cluster.
    Cluster,
    /// A Windows pipe.
    Npipe,
    /// The content of an image.
    Image,
}

impl Decode for MountKind {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        match cx.text(node)? {
            "bind" => Some(Self::Bind),
            "volume" => Some(Self::Volume),
            "tmpfs" => Some(Self::Tmpfs),
            "cluster" => Some(Self::Cluster),
            "npipe" => Some(Self::Npipe),
            "image" => Some(Self::Image),
            other => {
                cx.error(node.at, ErrorKind::Value("bind, volume, tmpfs, cluster, npipe or image"), other);
                None
            }
        }
    }
}

record! {
    /// Options of a bind mount.
    pub struct BindOptions {
        /// How mounts below it travel.
        propagation: Option<String> = "propagation",
        /// Whether a missing directory of the host is made.
        create_host_path: Option<bool> = "create_host_path",
        /// Whether mounts below it come along.
        recursive: Option<String> = "recursive",
        /// SELinux label, `z` or `Z`.
        selinux: Option<String> = "selinux",
    }
}

record! {
    /// Options of a volume mount.
    pub struct VolumeOptions {
        /// Labels of a volume that is made for this mount.
        labels: PairMap = "labels",
        /// The volume does not start with the image's content.
        nocopy: Option<bool> = "nocopy",
        /// A directory of the volume.
        subpath: Option<String> = "subpath",
    }
}

record! {
    /// Options of a file system in memory.
    pub struct TmpfsOptions {
        /// Its size.
        size: Option<ByteSize> = "size",
        /// Mode of its root directory, in octal.
        mode: Option<u32> = "mode",
    }
}

record! {
    /// Options of an image mount.
    pub struct ImageOptions {
        /// A directory of the image.
        subpath: Option<String> = "subpath",
    }
}

record! {
    /// One mount of a service.
    pub struct Mount {
        /// What is mounted.
        kind: Option<MountKind> = "type",
        /// Path of the host, name of a volume, or image; nothing for a volume without a name.
        source: Option<String> = "source",
        /// Path in the container.
        target: String = "target",
        /// The container cannot write.
        read_only: Option<bool> = "read_only",
        /// Without effect on Linux.
        consistency: Option<String> = "consistency",
        /// Options of a bind mount.
        bind: Option<BindOptions> = "bind",
        /// Options of a volume mount.
        volume: Option<VolumeOptions> = "volume",
        /// Options of a file system in memory.
        tmpfs: Option<TmpfsOptions> = "tmpfs",
        /// Options of an image mount.
        image: Option<ImageOptions> = "image",
    }
}

impl Mount {
    /// What is mounted; a volume if the file does not say.
    #[must_use]
    pub fn kind(&self) -> MountKind {
        self.kind.unwrap_or_default()
    }
}

/// A mount in either form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MountForm(pub Mount);

impl Decode for MountForm {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let Value::Scalar(text, _) = &node.value else {
            let mut mount = Mount::decode(node, cx)?;
            for name in ["type", "target"] {
                if node.get(name).is_none() {
                    cx.error(node.at, ErrorKind::Missing(name), "volume");
                }
            }
            check(&mut mount, node, cx);
            return Some(Self(mount));
        };
        cx.text(node)?;
        match VolumeSpec::parse(text) {
            Ok(spec) => {
                let mut mount = from_spec(&spec);
                check(&mut mount, node, cx);
                Some(Self(mount))
            }
            Err(error) => {
                cx.error(node.at, ErrorKind::Volume(error.kind), text);
                None
            }
        }
    }
}

fn check(mount: &mut Mount, node: &Node<'_>, cx: &mut Context) {
    match (mount.kind(), &mut mount.source) {
        (MountKind::Bind, Some(path)) if !path.is_empty() => {
            let at = node.get("source").map_or(node.at, |value| value.at);
            *path = cx.path(at, path);
        }
        (MountKind::Volume, Some(name)) => {
            let at = node.get("source").map_or(node.at, |value| value.at);
            cx.refer(Target::Volume, name, at);
        }
        (MountKind::Bind, None) => cx.error(node.at, ErrorKind::Missing("source"), "volume"),
        (MountKind::Tmpfs, Some(_)) => cx.error(node.at, ErrorKind::Conflict("type: tmpfs"), "source"),
        _ => {}
    }
    if mount.target.starts_with('/') {
        mount.target = paths::clean(&mount.target);
    } else if node.get("target").is_some() {
        cx.error(node.at, ErrorKind::Value("an absolute path"), &mount.target);
    }
}

fn from_spec(spec: &VolumeSpec<'_>) -> Mount {
    let (kind, source) = match spec.source {
        Source::Anonymous => (MountKind::Volume, None),
        Source::Volume(name) => (MountKind::Volume, Some(name.to_owned())),
        Source::Path(path) => (MountKind::Bind, Some(path.to_owned())),
    };
    let mut mount = Mount { kind: Some(kind), source, target: spec.target.to_owned(), ..Mount::default() };
    mount.read_only = spec.read_only.then_some(true);
    if kind == MountKind::Bind || spec.propagation.is_some() || spec.relabel.is_some() {
        mount.bind = Some(BindOptions {
            // The short form has always made a missing directory.
            create_host_path: (kind == MountKind::Bind).then_some(true),
            propagation: spec.propagation.map(|propagation| propagation.as_str().to_owned()),
            selinux: spec
                .relabel
                .map(|relabel| if relabel == Relabel::Shared { "z" } else { "Z" }.to_owned()),
            ..BindOptions::default()
        });
    }
    if spec.no_copy {
        mount.volume = Some(VolumeOptions { nocopy: Some(true), ..VolumeOptions::default() });
    }
    mount
}
