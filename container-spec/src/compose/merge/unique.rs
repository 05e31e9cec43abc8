//! Lists whose entries have a key: a later entry takes the place of an earlier one with the same key.
//!
//! compose-go's `override/uncity.go`; the keys of ports are those after their ranges are resolved.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::compose::tree::Node;
use crate::port::{PortSpec, Protocol};
use crate::volume::VolumeSpec;

/// What two entries of a list must share to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// All of their text.
    Whole,
    /// Their text up to a `:`.
    BeforeColon,
    /// Address, published port, target and protocol.
    Port,
    /// The path in the container.
    MountTarget,
    /// The path in the container, which may be that of the host.
    DeviceTarget,
    /// The path in the container, below this directory if it is not said.
    FileTarget(&'static str),
    /// The value of this property, or all of the text in short form.
    Property(&'static str),
}

/// The entries of both lists.
pub(super) fn append<'a>(below: Vec<Node<'a>>, above: Vec<Node<'a>>, key: Key) -> Vec<Node<'a>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (index, node) in below.iter().enumerate() {
        // What is the same within one file is that file's problem, and stays to be reported.
        places.extend(key.of(node).map(|key| (key, index)));
    }
    let mut merged: Vec<Option<Node<'a>>> = below.into_iter().map(Some).collect();
    let mut added = Vec::new();
    for node in above {
        let place = key.of(&node).and_then(|key| places.remove(&key));
        match place.and_then(|place| merged.get_mut(place)) {
            Some(slot) => *slot = Some(node),
            None => added.push(node),
        }
    }
    merged.into_iter().flatten().chain(added).collect()
}

impl Key {
    /// The key of one entry. `None` for an entry without a valid form: it is the same as no other.
    fn of(self, node: &Node<'_>) -> Option<String> {
        let property = |name: &str| node.get(name).and_then(Node::as_scalar);
        let text = node.as_scalar();
        match self {
            Self::Whole => text.map(String::from),
            Self::BeforeColon => text.map(|text| text.split(':').next().unwrap_or(text).into()),
            Self::Property(name) => text.or_else(|| property(name)).map(String::from),
            Self::MountTarget => {
                let target = match text {
                    Some(text) => VolumeSpec::parse(text).ok()?.target,
                    None => property("target")?,
                };
                Some(match target.trim_end_matches('/') {
                    "" => "/".into(),
                    target => target.into(),
                })
            }
            Self::DeviceTarget => match text {
                Some(text) => {
                    let mut parts = text.split(':');
                    let source = parts.next()?;
                    Some(parts.next().filter(|target| target.starts_with('/')).unwrap_or(source).into())
                }
                None => property("target").or_else(|| property("source")).map(String::from),
            },
            Self::FileTarget(directory) => {
                let source = match text {
                    Some(text) => text,
                    None => match property("target") {
                        Some(target) if target.starts_with('/') => return Some(target.into()),
                        target => target.or_else(|| property("source"))?,
                    },
                };
                Some(format!("{directory}/{source}"))
            }
            Self::Port => port(node),
        }
    }
}

fn port(node: &Node<'_>) -> Option<String> {
    if let Some(text) = node.as_scalar() {
        let spec = PortSpec::parse(text).ok()?;
        let ip = spec.host_ip.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string()).unwrap_or_default();
        let published = spec.published.map(|range| range.to_string()).unwrap_or_default();
        return Some(format!("{ip}:{published}:{}/{}", spec.target, spec.protocol));
    }
    let property = |name: &str| node.get(name).and_then(Node::as_scalar);
    let protocol = match property("protocol") {
        Some(name) => Protocol::from_name(name)?,
        None => Protocol::Tcp,
    };
    let ip = property("host_ip").filter(|ip| !matches!(*ip, "0.0.0.0" | "::")).unwrap_or_default();
    let published = property("published").unwrap_or_default();
    Some(format!("{ip}:{published}:{}/{protocol}", property("target")?))
}
