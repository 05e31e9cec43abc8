//! Networks and volumes.

use alloc::format;
use alloc::string::{String, ToString};

use serde_json::{Map, Value, json};

use super::PROJECT_LABEL;
use super::create::Target;
use super::request::{Method, Request};
use crate::compose::model::{Network, PairMap, Volume};

impl Target<'_> {
    /// The engine's name of the network `key`.
    #[must_use]
    pub fn network_name(&self, key: &str, network: &Network) -> String {
        let external = network.external.as_ref().filter(|external| external.external);
        match (&network.name, external) {
            (Some(name), _) => name.clone(),
            (None, Some(external)) => external.name.clone().unwrap_or_else(|| key.to_string()),
            (None, None) => format!("{}_{key}", self.project),
        }
    }

    /// The engine's name of the volume `key`.
    #[must_use]
    pub fn volume_name(&self, key: &str, volume: &Volume) -> String {
        let external = volume.external.as_ref().filter(|external| external.external);
        match (&volume.name, external) {
            (Some(name), _) => name.clone(),
            (None, Some(external)) => external.name.clone().unwrap_or_else(|| key.to_string()),
            (None, None) => format!("{}_{key}", self.project),
        }
    }

    /// Makes a network.
    #[must_use]
    pub fn create_network(&self, key: &str, network: &Network) -> Request {
        let mut body = Map::new();
        body.insert("Name".into(), self.network_name(key, network).into());
        body.insert("Driver".into(), network.driver.as_deref().unwrap_or("bridge").into());
        if !network.driver_opts.is_empty() {
            body.insert("Options".into(), json!(network.driver_opts));
        }
        for (name, value) in [
            ("Internal", network.internal),
            ("EnableIPv4", network.enable_ipv4),
            ("EnableIPv6", network.enable_ipv6),
            ("Attachable", network.attachable),
        ] {
            if let Some(value) = value {
                body.insert(name.into(), value.into());
            }
        }
        if let Some(ipam) = &network.ipam {
            let config: Value = ipam
                .config
                .iter()
                .map(|config| {
                    let mut subnet = Map::new();
                    for (name, value) in [
                        ("Subnet", &config.subnet),
                        ("IPRange", &config.ip_range),
                        ("Gateway", &config.gateway),
                    ] {
                        if let Some(value) = value {
                            subnet.insert(name.into(), value.as_str().into());
                        }
                    }
                    if !config.aux_addresses.is_empty() {
                        subnet.insert("AuxiliaryAddresses".into(), json!(config.aux_addresses));
                    }
                    Value::from(subnet)
                })
                .collect();
            body.insert(
                "IPAM".into(),
                json!({
                    "Driver": ipam.driver.as_deref().unwrap_or("default"),
                    "Config": config,
                    "Options": ipam.options,
                }),
            );
        }
        body.insert("Labels".into(), self.labels(&network.labels, "com.docker.compose.network", key));
        // Without it, versions before 1.44 make a second network of the same name.
        if self.api < (super::ApiVersion { major: 1, minor: 44 }) {
            body.insert("CheckDuplicate".into(), true.into());
        }
        Request::new(Method::Post, self.api, "/networks/create").with(body.into())
    }

    /// Makes a volume.
    #[must_use]
    pub fn create_volume(&self, key: &str, volume: &Volume) -> Request {
        Request::new(Method::Post, self.api, "/volumes/create").with(json!({
            "Name": self.volume_name(key, volume),
            "Driver": volume.driver.as_deref().unwrap_or("local"),
            "DriverOpts": volume.driver_opts,
            "Labels": self.labels(&volume.labels, "com.docker.compose.volume", key),
        }))
    }

    fn labels(&self, labels: &PairMap, what: &str, key: &str) -> Value {
        let mut all = pairs(labels);
        all.insert(PROJECT_LABEL.into(), self.project.into());
        all.insert(what.into(), key.into());
        all.into()
    }
}

/// Names with values; one without a value has an empty one.
pub(super) fn pairs(pairs: &PairMap) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default().into())).collect()
}
