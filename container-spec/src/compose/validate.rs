//! What only shows when the whole project is known.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use super::decode::{Context, Target};
use super::error::ErrorKind;
use super::model::forms::Dependency;
use super::model::resource::External;
use super::model::{MountKind, Service};
use super::place::Position;
use super::project::Project;
use super::tree::Node;

/// Adds what the specification implies: the default network, and the dependencies of services that share a
/// namespace, mounts or a link.
pub(crate) fn normalize(project: &mut Project) {
    let mut uses_default = false;
    for service in project.services.values_mut() {
        let mut implied: alloc::vec::Vec<String> = service.namespace_owners().map(str::to_owned).collect();
        for link in service.links.iter() {
            implied.push(link.split(':').next().unwrap_or(link).to_owned());
        }
        for from in service.volumes_from.iter().filter(|from| !from.starts_with("container:")) {
            implied.push(from.split(':').next().unwrap_or(from).to_owned());
        }
        for name in implied {
            service.depends_on.0.entry(name).or_insert(Dependency::STARTED);
        }
        if service.networks.is_empty() && service.network_mode.is_none() && service.provider.is_none() {
            service.networks.0.insert("default".to_owned(), None);
        }
        uses_default |= service.networks.contains_key("default");
    }
    if uses_default {
        project.networks.entry("default".to_owned()).or_default();
    }
    let Some(project_name) = &project.name else { return };
    for (key, network) in &mut project.networks {
        set_name(&mut network.name, network.external.as_mut(), project_name, key);
    }
    for (key, volume) in &mut project.volumes {
        set_name(&mut volume.name, volume.external.as_mut(), project_name, key);
    }
    for (key, secret) in &mut project.secrets {
        set_name(&mut secret.name, secret.external.as_mut(), project_name, key);
    }
    for (key, config) in &mut project.configs {
        set_name(&mut config.name, config.external.as_mut(), project_name, key);
    }
}

/// Gives what has no name one: that of the project and the key, or the key alone if it is not ours.
fn set_name(name: &mut Option<String>, external: Option<&mut External>, project: &str, key: &str) {
    if name.is_some() {
        return;
    }
    *name = Some(match external.filter(|external| external.external) {
        Some(external) => external.name.take().unwrap_or_else(|| key.to_owned()),
        None => alloc::format!("{project}_{key}"),
    });
}

/// What the file says of each service.
type Services<'n, 'a> = BTreeMap<&'n str, &'n Node<'a>>;

/// Notes every contradiction within the project.
pub(crate) fn validate(project: &Project, root: &Node<'_>, cx: &mut Context) {
    for (target, name, at) in core::mem::take(&mut cx.references) {
        let defined = match target {
            Target::Service => project.places.contains_key(&name),
            Target::Network => name == "default" || project.networks.contains_key(&name),
            Target::Volume => project.volumes.contains_key(&name),
            Target::Model => project.models.contains_key(&name),
        };
        if !defined {
            cx.error(at, ErrorKind::Undefined(target.name()), &name);
        }
    }
    let services: Services<'_, '_> = root
        .get("services")
        .map(Node::entries)
        .unwrap_or_default()
        .iter()
        .map(|(name, service)| (name.as_scalar().unwrap_or_default(), service))
        .collect();
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, service) in &project.services {
        let node = services.get(name.as_str()).copied();
        let at = project.position(name).unwrap_or_default();
        let place = |property: &str| node.and_then(|node| node.get(property)).map_or(at, |value| value.at);
        let named = project.places.get(name).is_some_and(|places| places.image.is_some());
        if !named && service.build.is_none() && service.provider.is_none() {
            cx.error(at, ErrorKind::NoImage, name);
        }
        if let Some(container) = &service.container_name {
            if names.insert(&container.0, name).is_some() {
                cx.error(place("container_name"), ErrorKind::Taken("service"), &container.0);
            }
            if service.replicas() > 1 {
                cx.error(place("container_name"), ErrorKind::Conflict("scale"), &container.0);
            }
        }
        network_mode(service, &place, cx);
        references(project, service, &place, cx);
        for (other, dependency) in service.depends_on.iter() {
            if dependency.required && project.inactive.contains_key(other) {
                cx.error(place("depends_on"), ErrorKind::Inactive, other);
            }
        }
        mounts(service, &place, cx);
        if let Some(check) = &service.healthcheck
            && check.disable == Some(true)
            && check.test.as_ref().is_some_and(|test| test.0.first().is_some_and(|word| word != "NONE"))
        {
            cx.error(place("healthcheck"), ErrorKind::Conflict("disable"), "test");
        }
        range(service.oom_score_adj, -1000, 1000, "a number from -1000 to 1000", place("oom_score_adj"), cx);
        range(service.mem_swappiness, 0, 100, "a number from 0 to 100", place("mem_swappiness"), cx);
    }
    if let Some(name) = project.beyond_containers() {
        let node = services.get(name).and_then(|node| node.get("scale").or_else(|| node.get("deploy")));
        let at = node.map(|node| node.at).or_else(|| project.position(name)).unwrap_or_default();
        cx.error(at, ErrorKind::TooManyContainers, name);
    }
    published_ports(project, &services, cx);
    if let Err(error) = project.start_order() {
        cx.errors.push(error);
    }
}

fn range(value: Option<i64>, min: i64, max: i64, must: &'static str, at: Position, cx: &mut Context) {
    if value.is_some_and(|value| value < min || value > max) {
        cx.error(at, ErrorKind::Value(must), "value");
    }
}

fn network_mode(service: &Service, place: &impl Fn(&str) -> Position, cx: &mut Context) {
    let Some(mode) = &service.network_mode else { return };
    if !service.networks.is_empty() {
        cx.error(place("network_mode"), ErrorKind::Conflict("networks"), "network_mode");
    }
    if mode == "host" && !service.ports.is_empty() {
        cx.error(place("ports"), ErrorKind::Conflict("network_mode: host"), "ports");
    }
}

/// Services that are named by something else than `depends_on`.
fn references(project: &Project, service: &Service, place: &impl Fn(&str) -> Position, cx: &mut Context) {
    let mut refer = |property: &str, name: &str| {
        if !project.places.contains_key(name) {
            cx.error(place(property), ErrorKind::Undefined("service"), name);
        }
    };
    let pid = service.pid.as_deref();
    for (property, mode) in [
        ("network_mode", service.network_mode.as_deref()),
        ("ipc", service.ipc.as_deref()),
        ("pid", pid),
        ("uts", service.uts.as_deref()),
        ("cgroup", service.cgroup.as_deref()),
    ] {
        if let Some(name) = mode.and_then(|mode| mode.strip_prefix("service:")) {
            refer(property, name);
        }
    }
    for link in service.links.iter() {
        refer("links", link.split(':').next().unwrap_or(link));
    }
    for from in service.volumes_from.iter().filter(|from| !from.starts_with("container:")) {
        refer("volumes_from", from.split(':').next().unwrap_or(from));
    }
    for form in service.secrets.iter().filter(|form| !project.secrets.contains_key(&form.0.source)) {
        cx.error(place("secrets"), ErrorKind::Undefined("secret"), &form.0.source);
    }
    for form in service.configs.iter().filter(|form| !project.configs.contains_key(&form.0.source)) {
        cx.error(place("configs"), ErrorKind::Undefined("config"), &form.0.source);
    }
}

fn mounts(service: &Service, place: &impl Fn(&str) -> Position, cx: &mut Context) {
    let mut targets = BTreeSet::new();
    for mount in service.volumes.iter() {
        if !targets.insert(mount.0.target.trim_end_matches('/')) {
            cx.error(place("volumes"), ErrorKind::Taken("mount"), &mount.0.target);
        }
        if mount.0.kind() == MountKind::Bind && mount.0.source.as_deref() == Some("") {
            cx.error(place("volumes"), ErrorKind::Missing("source"), &mount.0.target);
        }
    }
}

/// Two services cannot listen on the same port of the same address.
fn published_ports(project: &Project, services: &Services<'_, '_>, cx: &mut Context) {
    let mut taken: BTreeMap<(String, &str, &'static str), &str> = BTreeMap::new();
    for (name, service) in &project.services {
        for port in service.ports.iter() {
            let Some(published) = port.published.as_ref().filter(|port| port.0 != "0") else { continue };
            let ip = port.host_ip.clone().unwrap_or_default();
            let key = (ip, published.0.as_str(), port.protocol().as_str());
            if let Some(other) = taken.insert(key, name)
                && other != name
            {
                let node = services.get(name.as_str()).and_then(|node| node.get("ports"));
                let at = node.map(|node| node.at).or_else(|| project.position(name)).unwrap_or_default();
                cx.error(at, ErrorKind::Taken("service"), &published.0);
            }
        }
    }
}
