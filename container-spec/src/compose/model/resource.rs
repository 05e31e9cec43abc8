//! What services share: networks, volumes, secrets, configs, models.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::common::{Options, PairMap};
use crate::compose::decode::{Context, Decode, record};
use crate::compose::tree::{Node, Value};

/// Whether something exists already and is not ours; in the old form with its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// It exists already.
    pub external: bool,
    /// Its name, in the old form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

record! {
    /// The old form of `external`.
    pub struct ExternalForm {
        /// Its name.
        name: Option<String> = "name",
    }
}

impl Decode for External {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        if matches!(node.value, Value::Mapping(_)) {
            return ExternalForm::decode(node, cx).map(|form| Self { external: true, name: form.name });
        }
        bool::decode(node, cx).map(|external| Self { external, name: None })
    }
}

record! {
    /// A network.
    pub struct Network {
        /// Its name for the engine; `PROJECT_KEY` if absent.
        name: Option<String> = "name",
        /// Driver of the engine; `bridge` if absent.
        driver: Option<String> = "driver",
        /// Options of the driver.
        driver_opts: Options = "driver_opts",
        /// Addresses.
        ipam: Option<Ipam> = "ipam",
        /// It exists already.
        external: Option<External> = "external",
        /// Without a way out.
        internal: Option<bool> = "internal",
        /// With IPv4.
        enable_ipv4: Option<bool> = "enable_ipv4",
        /// With IPv6.
        enable_ipv6: Option<bool> = "enable_ipv6",
        /// Containers of others may join.
        attachable: Option<bool> = "attachable",
        /// Labels.
        labels: PairMap = "labels",
    }
}

record! {
    /// Addresses of a network.
    pub struct Ipam {
        /// Driver of the engine.
        driver: Option<String> = "driver",
        /// Subnets.
        config: Vec<IpamConfig> = "config",
        /// Options of the driver.
        options: Options = "options",
    }
}

record! {
    /// A subnet.
    pub struct IpamConfig {
        /// In CIDR form.
        subnet: Option<String> = "subnet",
        /// Where addresses of containers come from.
        ip_range: Option<String> = "ip_range",
        /// Address of the gateway.
        gateway: Option<String> = "gateway",
        /// Addresses that are taken, by name.
        aux_addresses: BTreeMap<String, String> = "aux_addresses",
    }
}

record! {
    /// A named volume.
    pub struct Volume {
        /// Its name for the engine; `PROJECT_KEY` if absent.
        name: Option<String> = "name",
        /// Driver of the engine; `local` if absent.
        driver: Option<String> = "driver",
        /// Options of the driver.
        driver_opts: Options = "driver_opts",
        /// It exists already.
        external: Option<External> = "external",
        /// Labels.
        labels: PairMap = "labels",
    }
}

record! {
    /// A secret.
    pub struct Secret {
        /// Its name for the engine.
        name: Option<String> = "name",
        /// Variable that holds it.
        environment: Option<String> = "environment",
        /// File that holds it.
        file: Option<String> = "file",
        /// It exists already.
        external: Option<External> = "external",
        /// Labels.
        labels: PairMap = "labels",
        /// Driver of the engine.
        driver: Option<String> = "driver",
        /// Options of the driver.
        driver_opts: Options = "driver_opts",
        /// Driver for templates.
        template_driver: Option<String> = "template_driver",
    }
}

record! {
    /// A config.
    pub struct Config {
        /// Its name for the engine.
        name: Option<String> = "name",
        /// Its content.
        content: Option<String> = "content",
        /// Variable that holds it.
        environment: Option<String> = "environment",
        /// File that holds it.
        file: Option<String> = "file",
        /// It exists already.
        external: Option<External> = "external",
        /// Labels.
        labels: PairMap = "labels",
        /// Driver for templates.
        template_driver: Option<String> = "template_driver",
    }
}

record! {
    /// A language model.
    pub struct Model {
        /// Its name.
        name: Option<String> = "name",
        /// What to run.
        model: Option<String> = "model",
        /// Size of its context.
        context_size: Option<i64> = "context_size",
        /// Flags of the engine that runs it.
        runtime_flags: Vec<String> = "runtime_flags",
    }
    required: [model]
}
