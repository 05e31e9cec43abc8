//! The request that makes a service's container.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use super::request::{Method, Request, escape};
use super::resource::pairs;
use super::{ApiVersion, EngineError, HASH_LABEL, NUMBER_LABEL, ONEOFF_LABEL, PROJECT_LABEL, SERVICE_LABEL};
use crate::compose::model::{Healthcheck, MountKind, Service, ServiceNetwork, Span};
use crate::compose::{Project, Word};

/// Who the requests are for: they do not depend on anything else.
#[derive(Clone, Copy, Debug)]
pub struct Target<'p> {
    /// Name of the project for the engine.
    pub project: &'p str,
    /// The directory that relative paths of the file start from: absolute, without a `/` at its end.
    pub directory: &'p str,
    /// The version that was agreed on.
    pub api: ApiVersion,
}

/// The first version whose `create` takes more than one network.
const MANY_NETWORKS: ApiVersion = ApiVersion { major: 1, minor: 44 };

/// Collects the properties of one service, and what is wrong with them.
pub(super) struct Cx<'c> {
    pub(super) target: &'c Target<'c>,
    pub(super) project: &'c Project,
    pub(super) name: &'c str,
    pub(super) service: &'c Service,
}

impl Cx<'_> {
    pub(super) fn unsupported(&self, property: &'static str) -> EngineError {
        EngineError::Unsupported { service: Word::new(self.name), property }
    }

    pub(super) fn range(&self, property: &'static str) -> EngineError {
        EngineError::Range { service: Word::new(self.name), property }
    }

    pub(super) fn needs(&self, property: &'static str, major: u16, minor: u16) -> Result<(), EngineError> {
        let needed = ApiVersion { major, minor };
        if self.target.api >= needed {
            return Ok(());
        }
        let service = Word::new(self.name);
        Err(EngineError::NeedsApi { service, property, needed, has: self.target.api })
    }

    /// A path of the host, absolute.
    pub(super) fn host_path(&self, path: &str, property: &'static str) -> Result<String, EngineError> {
        if path.starts_with('~') {
            return Err(self.unsupported(property));
        }
        let full = if path.starts_with('/') {
            path.to_string()
        } else {
            format!("{}/{path}", self.target.directory)
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in full.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        Ok(format!("/{}", parts.join("/")))
    }
}

/// Adds members that have a value.
pub(super) fn set<V: Into<Value>>(body: &mut Map<String, Value>, name: &str, value: Option<V>) {
    if let Some(value) = value {
        body.insert(name.into(), value.into());
    }
}

/// Adds a list that is not empty.
pub(super) fn set_list(body: &mut Map<String, Value>, name: &str, list: &[String]) {
    if !list.is_empty() {
        body.insert(name.into(), json!(list));
    }
}

impl Target<'_> {
    /// Makes container `number` of a service under the name `container`, from `image`: a name with a digest,
    /// or the engine's id of an image that came from an archive. It is not started, and the engine does not
    /// start it by itself: that is for [`Request::set_restart`] once it has proven itself.
    ///
    /// # Errors
    /// If the service does not exist, or has a property that the engine cannot be told.
    pub fn create_container(
        &self,
        project: &Project,
        service: &str,
        number: u32,
        container: &str,
        image: &str,
    ) -> Result<Request, EngineError> {
        let word = Word::new(service);
        let model = project.services.get(service).ok_or(EngineError::NoService { service: word })?;
        let cx = Cx { target: self, project, name: service, service: model };
        refuse_unsupported(&cx)?;
        let mut body = container_config(&cx)?;
        body.insert("Image".into(), image.into());
        body.insert("Labels".into(), labels(&cx, number));
        body.insert("HostConfig".into(), super::host::host_config(&cx)?);
        let endpoints = endpoints(&cx);
        let first = if self.api >= MANY_NETWORKS { endpoints.len() } else { endpoints.len().min(1) };
        if first > 0 {
            let config: Map<String, Value> = endpoints.into_iter().take(first).collect();
            body.insert("NetworkingConfig".into(), json!({ "EndpointsConfig": config }));
        }
        let mut path = format!("/containers/create?name={}", escape(container));
        if let Some(platform) = &model.platform
            && self.api >= (ApiVersion { major: 1, minor: 41 })
        {
            path.push_str("&platform=");
            path.push_str(&escape(&platform.0));
        }
        Ok(Request::new(Method::Post, self.api, &path).with(body.into()))
    }

    /// The networks that [`create_container`](Self::create_container) could not name yet: engines before
    /// version 1.44 take one.
    #[must_use]
    pub fn connect_networks(&self, project: &Project, service: &str, container: &str) -> Vec<Request> {
        let Some(model) = project.services.get(service).filter(|_| self.api < MANY_NETWORKS) else {
            return Vec::new();
        };
        let cx = Cx { target: self, project, name: service, service: model };
        endpoints(&cx)
            .into_iter()
            .skip(1)
            .map(|(network, endpoint)| Request::connect(self.api, &network, container, endpoint))
            .collect()
    }

    /// Everything that brings a project to an engine that has nothing of it: pulls, networks, volumes,
    /// containers, and their start in the order of `depends_on`.
    ///
    /// # Errors
    /// As [`create_container`](Self::create_container); for a service without an image, for services that
    /// wait for each other, and for more containers than a project may have.
    pub fn requests(&self, project: &Project) -> Result<Vec<Request>, EngineError> {
        if let Some(service) = project.beyond_containers() {
            return Err(EngineError::TooManyContainers { service: Word::new(service) });
        }
        let order = project.start_order().map_err(|error| EngineError::Cycle { service: error.subject })?;
        let (mut requests, mut pulled) = (Vec::new(), BTreeSet::new());
        let mut last = Vec::new();
        let (mut networks, mut volumes) = (Vec::new(), Vec::new());
        for &name in &order {
            let Some(service) = project.services.get(name) else { continue };
            let missing = EngineError::NoImage { service: Word::new(name) };
            let image = service.image.as_ref().ok_or(missing)?;
            let reference = image.normalized();
            if let Some(reference) = &reference {
                let platform = service.platform.as_ref().map(|platform| platform.0.as_str());
                let pull = Request::pull(self.api, reference, platform);
                if pulled.insert(pull.path.clone()) {
                    requests.push(pull);
                }
            }
            networks.extend(service.networks.keys());
            let mounts = service.volumes.iter().filter(|mount| mount.0.kind() == MountKind::Volume);
            volumes.extend(mounts.filter_map(|mount| mount.0.source.as_ref()));
            let image = reference.map_or_else(|| image.to_string(), |image| image.to_pull().to_string());
            for number in 1..=service.replicas() {
                let container = self.container_name(name, service, number);
                last.push(self.create_container(project, name, number, &container, &image)?);
                last.extend(self.connect_networks(project, name, &container));
            }
        }
        networks.sort_unstable();
        networks.dedup();
        volumes.sort_unstable();
        volumes.dedup();
        let external = |it: &Option<crate::compose::model::resource::External>| {
            it.as_ref().is_some_and(|external| external.external)
        };
        for key in networks {
            if let Some(network) = project.networks.get(key).filter(|network| !external(&network.external)) {
                requests.push(self.create_network(key, network));
            }
        }
        for key in volumes {
            if let Some(volume) = project.volumes.get(key).filter(|volume| !external(&volume.external)) {
                requests.push(self.create_volume(key, volume));
            }
        }
        requests.append(&mut last);
        for &name in &order {
            let Some(service) = project.services.get(name) else { continue };
            let policy = service.restart.unwrap_or_default().to_string();
            for number in 1..=service.replicas() {
                let container = self.container_name(name, service, number);
                requests.push(Request::start(self.api, &container));
                if policy != "no" {
                    requests.push(Request::set_restart(self.api, &container, &policy));
                }
            }
        }
        Ok(requests)
    }

    /// The name of a service's container.
    #[must_use]
    pub fn container_name(&self, name: &str, service: &Service, number: u32) -> String {
        match &service.container_name {
            Some(container) => container.0.clone(),
            None => format!("{}-{name}-{number}", self.project),
        }
    }
}

/// What would be lost if the container were made: resolved earlier, done by others, or not possible.
fn refuse_unsupported(cx: &Cx<'_>) -> Result<(), EngineError> {
    let service = cx.service;
    for (property, used) in [
        ("credential_spec", service.credential_spec.is_some()),
        ("cpu_count", service.cpu_count.is_some()),
        ("cpu_percent", service.cpu_percent.is_some()),
        ("env_file", !service.env_file.is_empty()),
        ("extends", service.extends.is_some()),
        ("label_file", !service.label_file.is_empty()),
        ("models", !service.models.is_empty()),
        ("post_start", !service.post_start.is_empty()),
        ("pre_stop", !service.pre_stop.is_empty()),
        ("provider", service.provider.is_some()),
        ("use_api_socket", service.use_api_socket == Some(true)),
    ] {
        if used {
            return Err(cx.unsupported(property));
        }
    }
    Ok(())
}

fn container_config(cx: &Cx<'_>) -> Result<Map<String, Value>, EngineError> {
    let service = cx.service;
    let mut body = Map::new();
    set(&mut body, "Hostname", service.hostname.as_deref());
    set(&mut body, "Domainname", service.domainname.as_deref());
    set(&mut body, "User", service.user.as_deref());
    set(&mut body, "WorkingDir", service.working_dir.as_deref());
    set(&mut body, "Tty", service.tty);
    set(&mut body, "OpenStdin", service.stdin_open);
    set(&mut body, "StopSignal", service.stop_signal.as_deref());
    if let Some(command) = service.command.as_ref() {
        body.insert("Cmd".into(), json!(command.0));
    }
    if let Some(entrypoint) = service.entrypoint.as_ref() {
        body.insert("Entrypoint".into(), json!(entrypoint.0));
    }
    if let Some(grace) = service.stop_grace_period {
        let seconds = i64::try_from(grace.0.as_secs_ceil()).map_err(|_| cx.range("stop_grace_period"))?;
        body.insert("StopTimeout".into(), seconds.into());
    }
    let environment: Vec<String> = service
        .environment
        .iter()
        .map(|(name, value)| value.as_ref().map_or_else(|| name.clone(), |value| format!("{name}={value}")))
        .collect();
    set_list(&mut body, "Env", &environment);
    let mut exposed: Map<String, Value> = Map::new();
    for port in service.expose.iter() {
        let port = if port.contains('/') { port.clone() } else { format!("{port}/tcp") };
        exposed.insert(port, json!({}));
    }
    for port in service.ports.iter() {
        exposed.insert(format!("{}/{}", port.target, port.protocol().as_str()), json!({}));
    }
    if !exposed.is_empty() {
        body.insert("ExposedPorts".into(), exposed.into());
    }
    let anonymous: Map<String, Value> = service
        .volumes
        .iter()
        .filter(|mount| mount.0.kind() == MountKind::Volume && mount.0.source.is_none())
        .map(|mount| (mount.0.target.clone(), json!({})))
        .collect();
    if !anonymous.is_empty() {
        body.insert("Volumes".into(), anonymous.into());
    }
    // From version 1.44 on it belongs to the network.
    if cx.target.api < MANY_NETWORKS {
        set(&mut body, "MacAddress", service.mac_address.as_deref());
    }
    if let Some(check) = &service.healthcheck {
        body.insert("Healthcheck".into(), healthcheck(cx, check)?);
    }
    Ok(body)
}

fn healthcheck(cx: &Cx<'_>, check: &Healthcheck) -> Result<Value, EngineError> {
    if check.is_disabled() {
        return Ok(json!({ "Test": ["NONE"] }));
    }
    let mut body = Map::new();
    set(&mut body, "Test", check.test.as_ref().map(|test| json!(test.0)));
    let nanos = |span: Span| i64::try_from(span.0.as_nanos()).map_err(|_| cx.range("healthcheck"));
    for (name, span) in
        [("Interval", check.interval), ("Timeout", check.timeout), ("StartPeriod", check.start_period)]
    {
        set(&mut body, name, span.map(nanos).transpose()?);
    }
    if let Some(interval) = check.start_interval {
        cx.needs("start_interval", 1, 44)?;
        body.insert("StartInterval".into(), nanos(interval)?.into());
    }
    let retries = check.retries.map(i64::try_from).transpose().map_err(|_| cx.range("retries"))?;
    set(&mut body, "Retries", retries);
    Ok(body.into())
}

fn labels(cx: &Cx<'_>, number: u32) -> Value {
    let mut labels = pairs(&cx.service.labels);
    labels.insert(PROJECT_LABEL.into(), cx.target.project.into());
    labels.insert(SERVICE_LABEL.into(), cx.name.into());
    labels.insert(NUMBER_LABEL.into(), number.to_string().into());
    labels.insert(ONEOFF_LABEL.into(), "False".into());
    labels
        .insert(HASH_LABEL.into(), cx.service.config_hash().to_string().trim_start_matches("sha256:").into());
    labels.into()
}

/// The service's networks by the engine's names, those of higher priority first.
pub(super) fn endpoints(cx: &Cx<'_>) -> Vec<(String, Value)> {
    if cx.service.network_mode.is_some() {
        return Vec::new();
    }
    let mut networks: Vec<_> = cx.service.networks.iter().collect();
    let priority = |network: &Option<ServiceNetwork>| network.as_ref().and_then(|n| n.priority).unwrap_or(0);
    networks.sort_by_key(|(_, network)| core::cmp::Reverse(priority(network)));
    networks
        .into_iter()
        .map(|(key, network)| {
            let definition = cx.project.networks.get(key).cloned().unwrap_or_default();
            (cx.target.network_name(key, &definition), endpoint(cx, network.as_ref()))
        })
        .collect()
}

fn endpoint(cx: &Cx<'_>, network: Option<&ServiceNetwork>) -> Value {
    let mut body = Map::new();
    let mut aliases = Vec::from([cx.name.to_string()]);
    if let Some(network) = network {
        aliases.extend(network.aliases.iter().filter(|alias| *alias != cx.name).cloned());
        let mut ipam = Map::new();
        set(&mut ipam, "IPv4Address", network.ipv4_address.as_deref());
        set(&mut ipam, "IPv6Address", network.ipv6_address.as_deref());
        set_list(&mut ipam, "LinkLocalIPs", &network.link_local_ips);
        if !ipam.is_empty() {
            body.insert("IPAMConfig".into(), ipam.into());
        }
        set(&mut body, "MacAddress", network.mac_address.as_deref());
        set(&mut body, "GwPriority", network.gw_priority);
        let mut options = json!(network.driver_opts);
        if let (Some(name), Some(options)) = (&network.interface_name, options.as_object_mut()) {
            options.insert("com.docker.network.endpoint.ifname".into(), name.as_str().into());
        }
        if options.as_object().is_some_and(|options| !options.is_empty()) {
            body.insert("DriverOpts".into(), options);
        }
    }
    if cx.target.api >= MANY_NETWORKS && !body.contains_key("MacAddress") {
        set(&mut body, "MacAddress", cx.service.mac_address.as_deref());
    }
    body.insert("Aliases".into(), json!(aliases));
    let links: Vec<String> = cx
        .service
        .links
        .iter()
        .filter_map(|link| {
            let (name, alias) = link.split_once(':').unwrap_or((link, link));
            let service = cx.project.services.get(name)?;
            Some(format!("{}:{alias}", cx.target.container_name(name, service, 1)))
        })
        .chain(cx.service.external_links.iter().cloned())
        .collect();
    set_list(&mut body, "Links", &links);
    body.into()
}
