//! Published ports of a service.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::compose::decode::{Context, Decode, record};
use crate::compose::error::{ErrorKind, Expected};
use crate::compose::limits::MAX_PORTS;
use crate::compose::tree::{Kind, Node, Value};
use crate::port::{PortErrorKind, PortSpec, Protocol};

record! {
    /// One port of a container, and where the host offers it.
    pub struct Port {
        /// A name for people.
        name: Option<String> = "name",
        /// Port of the container.
        target: u16 = "target",
        /// Port of the host, or `FIRST-LAST` of which the engine takes one; any free one if absent.
        published: Option<Published> = "published",
        /// Address of the host to listen on; all if absent.
        host_ip: Option<String> = "host_ip",
        /// `tcp`, `udp` or `sctp`; `tcp` if absent.
        protocol: Option<String> = "protocol",
        /// `host` or `ingress`, which differ in a cluster only.
        mode: Option<String> = "mode",
        /// What is spoken over the port, such as `http`.
        app_protocol: Option<String> = "app_protocol",
    }
    required: [target]
}

/// A port of the host, or a range of which the engine takes one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Published(pub String);

impl Decode for Published {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let text = cx.scalar_text(node)?;
        match PortSpec::parse(&text) {
            Ok(PortSpec { host_ip: None, published: None, .. }) if !text.contains('/') => Some(Self(text)),
            _ => {
                cx.error(node.at, ErrorKind::Port(PortErrorKind::HostPort), &text);
                None
            }
        }
    }
}

impl Port {
    /// What the port carries.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol.as_deref().and_then(Protocol::from_name).unwrap_or_default()
    }
}

/// All ports of a service; a short form stands for as many ports as its ranges have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ports(pub Vec<Port>);

impl core::ops::Deref for Ports {
    type Target = [Port];

    fn deref(&self) -> &[Port] {
        &self.0
    }
}

impl Decode for Ports {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let mut ports: Vec<Port> = Vec::new();
        for item in cx.items(node)? {
            match &item.value {
                Value::Mapping(_) => {
                    let Some(port) = Port::decode(item, cx) else { continue };
                    if let Some(name) = &port.protocol
                        && Protocol::from_name(name).is_none()
                    {
                        cx.error(item.at, ErrorKind::Port(PortErrorKind::Protocol), name);
                    }
                    ports.push(port);
                }
                Value::Scalar(text, _) if matches!(item.kind(), Kind::Text | Kind::Integer) => {
                    match PortSpec::parse(text) {
                        Ok(spec) => {
                            let count = usize::try_from(spec.target.count()).unwrap_or(usize::MAX);
                            cx.ports = cx.ports.saturating_add(count);
                            if cx.ports > MAX_PORTS {
                                cx.error(item.at, ErrorKind::TooManyPorts, text);
                                break;
                            }
                            ports.extend(from_spec(spec));
                        }
                        Err(error) => cx.error(item.at, ErrorKind::Port(error.kind), text),
                    }
                }
                _ => cx.wrong_type(item, Expected::TextOrMapping),
            }
        }
        Some(Self(each_once(ports)))
    }
}

/// Without ports that a later entry gives again: ranges and long forms may say the same as others.
fn each_once(ports: Vec<Port>) -> Vec<Port> {
    let key = |port: &Port| {
        let ip = port.host_ip.clone().filter(|ip| !matches!(ip.as_str(), "0.0.0.0" | "::"));
        (ip, port.published.clone().map(|published| published.0), port.target, port.protocol())
    };
    let mut last: BTreeMap<_, usize> = BTreeMap::new();
    let mut first: Vec<usize> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        if last.insert(key(port), index).is_none() {
            first.push(index);
        }
    }
    if first.len() == ports.len() {
        return ports;
    }
    let chosen = first.iter().filter_map(|&index| ports.get(index));
    chosen.filter_map(|port| last.get(&key(port))).filter_map(|&index| ports.get(index)).cloned().collect()
}

fn from_spec(spec: PortSpec) -> impl Iterator<Item = Port> {
    spec.mappings().map(move |mapping| Port {
        target: mapping.target,
        published: mapping.published.map(|range| Published(range.to_string())),
        host_ip: spec.host_ip.map(|ip| ip.to_string()),
        protocol: Some(spec.protocol.to_string()),
        mode: Some(String::from("ingress")),
        ..Port::default()
    })
}
