//! What a container gets from its host: `HostConfig`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use super::EngineError;
use super::create::{Cx, endpoints, set, set_list};
use super::request::restart_policy;
use super::resource::pairs;
use crate::compose::model::deploy::DeviceRequest;
use crate::compose::model::service::{BlkioConfig, Gpus};
use crate::compose::model::{ByteSize, FileReference, Mount, MountKind};

pub(super) fn host_config(cx: &Cx<'_>) -> Result<Value, EngineError> {
    let service = cx.service;
    let mut body = Map::new();
    body.insert("NetworkMode".into(), network_mode(cx).into());
    body.insert("RestartPolicy".into(), restart_policy("no"));
    mounts(cx, &mut body)?;
    ports(cx, &mut body);
    set(&mut body, "Privileged", service.privileged);
    set(&mut body, "ReadonlyRootfs", service.read_only);
    set(&mut body, "Init", service.init);
    set(&mut body, "Isolation", service.isolation.as_deref());
    set(&mut body, "Runtime", service.runtime.as_deref());
    set(&mut body, "CgroupParent", service.cgroup_parent.as_deref());
    set(&mut body, "CgroupnsMode", service.cgroup.as_deref());
    set(&mut body, "UsernsMode", service.userns_mode.as_deref());
    set(&mut body, "UTSMode", service.uts.as_deref());
    set(&mut body, "IpcMode", service.ipc.as_deref().map(|mode| of_service(cx, mode)));
    set(&mut body, "PidMode", service.pid.as_deref().map(|mode| of_service(cx, mode)));
    for (name, list) in [
        ("CapAdd", &service.cap_add.0),
        ("CapDrop", &service.cap_drop.0),
        ("Dns", &service.dns.0),
        ("DnsOptions", &service.dns_opt.0),
        ("DnsSearch", &service.dns_search.0),
        ("GroupAdd", &service.group_add.0),
        ("SecurityOpt", &service.security_opt.0),
    ] {
        set_list(&mut body, name, list);
    }
    let volumes_from: Vec<String> = service.volumes_from.iter().map(|from| volumes_from(cx, from)).collect();
    set_list(&mut body, "VolumesFrom", &volumes_from);
    let hosts: Vec<String> = service
        .extra_hosts
        .iter()
        .flat_map(|(host, addresses)| addresses.iter().map(move |address| format!("{host}:{address}")))
        .collect();
    set_list(&mut body, "ExtraHosts", &hosts);
    if !service.sysctls.is_empty() {
        body.insert("Sysctls".into(), pairs(&service.sysctls).into());
    }
    if !service.storage_opt.is_empty() {
        body.insert("StorageOpt".into(), json!(*service.storage_opt));
    }
    if !service.annotations.is_empty() {
        cx.needs("annotations", 1, 43)?;
        body.insert("Annotations".into(), pairs(&service.annotations).into());
    }
    if let Some(logging) = &service.logging {
        let driver = logging.driver.as_deref().unwrap_or_default();
        body.insert("LogConfig".into(), json!({ "Type": driver, "Config": *logging.options }));
    }
    let ulimits: Vec<Value> = service
        .ulimits
        .iter()
        .map(|(name, limit)| json!({ "Name": name, "Soft": limit.soft, "Hard": limit.hard }))
        .collect();
    if !ulimits.is_empty() {
        body.insert("Ulimits".into(), ulimits.into());
    }
    devices(cx, &mut body)?;
    limits(cx, &mut body)?;
    Ok(body.into())
}

fn network_mode(cx: &Cx<'_>) -> String {
    match &cx.service.network_mode {
        Some(mode) => of_service(cx, mode),
        None => endpoints(cx).into_iter().next().map_or_else(|| "none".to_string(), |(network, _)| network),
    }
}

/// `service:NAME` is the engine's `container:NAME`.
fn of_service(cx: &Cx<'_>, mode: &str) -> String {
    let service = mode.strip_prefix("service:").and_then(|name| {
        let service = cx.project.services.get(name)?;
        Some(format!("container:{}", cx.target.container_name(name, service, 1)))
    });
    service.unwrap_or_else(|| mode.to_string())
}

fn volumes_from(cx: &Cx<'_>, from: &str) -> String {
    if let Some(container) = from.strip_prefix("container:") {
        return container.to_string();
    }
    let (name, access) = from.split_once(':').map_or((from, None), |(name, access)| (name, Some(access)));
    let container = cx
        .project
        .services
        .get(name)
        .map_or_else(|| name.to_string(), |service| cx.target.container_name(name, service, 1));
    access.map_or_else(|| container.clone(), |access| format!("{container}:{access}"))
}

fn mounts(cx: &Cx<'_>, body: &mut Map<String, Value>) -> Result<(), EngineError> {
    let (mut binds, mut mounts) = (Vec::new(), Vec::new());
    for mount in cx.service.volumes.iter().map(|form| &form.0) {
        match short(cx, mount)? {
            Some(bind) => binds.push(bind),
            None if mount.kind() == MountKind::Volume && mount.source.is_none() => {}
            None => mounts.push(long(cx, mount)?),
        }
    }
    let file = |property, reference: &FileReference, directory: &str, path: Option<&String>| {
        let target = match reference.target.as_deref() {
            Some(target) if target.starts_with('/') => target.to_string(),
            target => format!("{directory}/{}", target.unwrap_or(&reference.source)),
        };
        // What is not a file of the device would have to be written to one, and owners need a copy.
        match path {
            Some(path) if reference.uid.is_none() && reference.gid.is_none() && reference.mode.is_none() => {
                Ok(json!({
                    "Type": "bind", "Source": cx.host_path(path, property)?, "Target": target, "ReadOnly": true,
                }))
            }
            _ => Err(cx.unsupported(property)),
        }
    };
    for form in &cx.service.secrets {
        let path = cx.project.secrets.get(&form.0.source).and_then(|secret| secret.file.as_ref());
        mounts.push(file("secrets", &form.0, "/run/secrets", path)?);
    }
    for form in &cx.service.configs {
        let path = cx.project.configs.get(&form.0.source).and_then(|config| config.file.as_ref());
        mounts.push(file("configs", &form.0, "", path)?);
    }
    set_list(body, "Binds", &binds);
    if !mounts.is_empty() {
        body.insert("Mounts".into(), mounts.into());
    }
    let tmpfs: Map<String, Value> = cx
        .service
        .tmpfs
        .iter()
        .map(|entry| {
            let (path, options) = entry.split_once(':').unwrap_or((entry, ""));
            (path.to_string(), options.into())
        })
        .collect();
    if !tmpfs.is_empty() {
        body.insert("Tmpfs".into(), tmpfs.into());
    }
    Ok(())
}

/// The engine's short form, if the mount has one: only that makes missing directories of the host.
fn short(cx: &Cx<'_>, mount: &Mount) -> Result<Option<String>, EngineError> {
    let Some(source) = &mount.source else { return Ok(None) };
    let mut options = Vec::from([if mount.read_only == Some(true) { "ro" } else { "rw" }]);
    let source = match mount.kind() {
        MountKind::Bind => {
            let bind = mount.bind.clone().unwrap_or_default();
            if bind.create_host_path == Some(false) || bind.recursive.is_some() {
                return Ok(None);
            }
            match bind.selinux.as_deref() {
                Some("Z") => options.push("Z"),
                Some("z") => options.push("z"),
                _ => {}
            }
            let source = cx.host_path(source, "volumes")?;
            let options = options.join(",");
            let propagation = bind.propagation.map(|how| format!(",{how}")).unwrap_or_default();
            return Ok(Some(format!("{source}:{}:{options}{propagation}", mount.target)));
        }
        MountKind::Volume => {
            let volume = mount.volume.clone().unwrap_or_default();
            if volume.subpath.is_some() || !volume.labels.is_empty() {
                return Ok(None);
            }
            if volume.nocopy == Some(true) {
                options.push("nocopy");
            }
            let definition = cx.project.volumes.get(source).cloned().unwrap_or_default();
            cx.target.volume_name(source, &definition)
        }
        _ => return Ok(None),
    };
    Ok(Some(format!("{source}:{}:{}", mount.target, options.join(","))))
}

fn long(cx: &Cx<'_>, mount: &Mount) -> Result<Value, EngineError> {
    let mut body = Map::new();
    body.insert("Target".into(), mount.target.as_str().into());
    set(&mut body, "ReadOnly", mount.read_only);
    set(&mut body, "Consistency", mount.consistency.as_deref());
    let source = mount.source.as_deref().unwrap_or_default();
    match mount.kind() {
        MountKind::Bind => {
            let bind = mount.bind.clone().unwrap_or_default();
            body.insert("Type".into(), "bind".into());
            body.insert("Source".into(), cx.host_path(source, "volumes")?.into());
            let mut options = Map::new();
            set(&mut options, "Propagation", bind.propagation);
            match bind.recursive.as_deref() {
                None | Some("enabled") => {}
                Some("disabled") => drop(options.insert("NonRecursive".into(), true.into())),
                Some("writable") => {
                    cx.needs("recursive", 1, 44)?;
                    options.insert("ReadOnlyNonRecursive".into(), true.into());
                }
                Some("readonly") => {
                    cx.needs("recursive", 1, 44)?;
                    options.insert("ReadOnlyForceRecursive".into(), true.into());
                }
                Some(_) => return Err(cx.unsupported("recursive")),
            }
            if !options.is_empty() {
                body.insert("BindOptions".into(), options.into());
            }
        }
        MountKind::Volume => {
            let volume = mount.volume.clone().unwrap_or_default();
            let definition = cx.project.volumes.get(source).cloned().unwrap_or_default();
            body.insert("Type".into(), "volume".into());
            body.insert("Source".into(), cx.target.volume_name(source, &definition).into());
            let mut options = Map::new();
            set(&mut options, "NoCopy", volume.nocopy);
            if let Some(subpath) = volume.subpath {
                cx.needs("subpath", 1, 45)?;
                options.insert("Subpath".into(), subpath.into());
            }
            options.insert("Labels".into(), pairs(&volume.labels).into());
            body.insert("VolumeOptions".into(), options.into());
        }
        MountKind::Tmpfs => {
            let tmpfs = mount.tmpfs.clone().unwrap_or_default();
            body.insert("Type".into(), "tmpfs".into());
            let mut options = Map::new();
            set(&mut options, "SizeBytes", tmpfs.size.map(|size| size.0));
            set(&mut options, "Mode", tmpfs.mode);
            body.insert("TmpfsOptions".into(), options.into());
        }
        MountKind::Image => {
            cx.needs("type: image", 1, 48)?;
            body.insert("Type".into(), "image".into());
            body.insert("Source".into(), source.into());
            if let Some(subpath) = mount.image.clone().unwrap_or_default().subpath {
                body.insert("ImageOptions".into(), json!({ "Subpath": subpath }));
            }
        }
        MountKind::Cluster | MountKind::Npipe => return Err(cx.unsupported("volumes")),
    }
    Ok(body.into())
}

fn ports(cx: &Cx<'_>, body: &mut Map<String, Value>) {
    let mut bindings: Map<String, Value> = Map::new();
    for port in cx.service.ports.iter() {
        let key = format!("{}/{}", port.target, port.protocol().as_str());
        let binding = json!({
            "HostIp": port.host_ip.as_deref().unwrap_or_default(),
            "HostPort": port.published.as_ref().map_or("", |port| &port.0),
        });
        if let Value::Array(list) = bindings.entry(key).or_insert_with(|| Value::Array(Vec::new())) {
            list.push(binding);
        }
    }
    if !bindings.is_empty() {
        body.insert("PortBindings".into(), bindings.into());
    }
}

fn devices(cx: &Cx<'_>, body: &mut Map<String, Value>) -> Result<(), EngineError> {
    let rules: Vec<String> = cx.service.device_cgroup_rules.iter().map(|rule| rule.0.clone()).collect();
    set_list(body, "DeviceCgroupRules", &rules);
    let (mut devices, mut requests, mut cdi) = (Vec::new(), Vec::new(), Vec::new());
    for device in cx.service.devices.iter().map(|form| &form.0) {
        if device.source.starts_with('/') {
            let permissions = if device.permissions.is_empty() { "rwm" } else { &device.permissions };
            let target = if device.target.is_empty() { &device.source } else { &device.target };
            devices.push(json!({
                "PathOnHost": device.source, "PathInContainer": target, "CgroupPermissions": permissions,
            }));
        } else {
            cdi.push(device.source.as_str());
        }
    }
    if !cdi.is_empty() {
        cx.needs("devices", 1, 44)?;
        requests.push(json!({ "Driver": "cdi", "DeviceIDs": cdi }));
    }
    match &cx.service.gpus {
        Some(Gpus::All(_)) => requests.push(json!({ "Count": -1, "Capabilities": [["gpu"]] })),
        Some(Gpus::Some(gpus)) => {
            for gpu in gpus {
                requests.push(device_request(cx, gpu, "gpu")?);
            }
        }
        None => {}
    }
    let resources = cx.service.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref());
    if let Some(reserved) = resources.and_then(|resources| resources.reservations.as_ref()) {
        if !reserved.generic_resources.is_empty() {
            return Err(cx.unsupported("generic_resources"));
        }
        for device in &reserved.devices {
            requests.push(device_request(cx, device, "")?);
        }
    }
    if !devices.is_empty() {
        body.insert("Devices".into(), devices.into());
    }
    if !requests.is_empty() {
        body.insert("DeviceRequests".into(), requests.into());
    }
    Ok(())
}

fn device_request(cx: &Cx<'_>, device: &DeviceRequest, capability: &str) -> Result<Value, EngineError> {
    let mut capabilities: Vec<&str> = device.capabilities.iter().map(String::as_str).collect();
    if !capability.is_empty() && !capabilities.contains(&capability) {
        capabilities.push(capability);
    }
    let count = match device.count.as_ref().map(|count| count.0.as_str()) {
        Some("all") => -1,
        None if device.device_ids.is_empty() => -1,
        None => 0,
        Some(count) => count.parse::<i64>().map_err(|_| cx.range("count"))?,
    };
    Ok(json!({
        "Driver": device.driver.as_deref().unwrap_or_default(),
        "Count": count,
        "DeviceIDs": device.device_ids.0,
        "Capabilities": [capabilities],
        "Options": pairs(&device.options),
    }))
}

/// A number of processors in billionths, rounded.
fn nanos(cpus: f64) -> Option<i64> {
    format!("{:.0}", cpus * 1e9).parse().ok()
}

fn limits(cx: &Cx<'_>, body: &mut Map<String, Value>) -> Result<(), EngineError> {
    let service = cx.service;
    let resources = service.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref());
    let limits = resources.and_then(|resources| resources.limits.as_ref());
    let reserved = resources.and_then(|resources| resources.reservations.as_ref());
    let bytes = |size: ByteSize| size.0;
    let memory = service.mem_limit.or_else(|| limits.and_then(|limits| limits.memory));
    set(body, "Memory", memory.map(bytes));
    let reservation = service.mem_reservation.or_else(|| reserved.and_then(|reserved| reserved.memory));
    set(body, "MemoryReservation", reservation.map(bytes));
    set(body, "MemorySwap", service.memswap_limit.map(bytes));
    set(body, "MemorySwappiness", service.mem_swappiness);
    set(body, "ShmSize", service.shm_size.map(bytes));
    set(body, "OomKillDisable", service.oom_kill_disable);
    set(body, "OomScoreAdj", service.oom_score_adj);
    set(body, "CpuShares", service.cpu_shares);
    set(body, "CpuQuota", service.cpu_quota);
    set(body, "CpuPeriod", service.cpu_period);
    set(body, "CpusetCpus", service.cpuset.as_deref());
    for (name, property, value) in [
        ("CpuRealtimePeriod", "cpu_rt_period", &service.cpu_rt_period),
        ("CpuRealtimeRuntime", "cpu_rt_runtime", &service.cpu_rt_runtime),
    ] {
        let value = value.as_ref().map(|value| value.0.parse::<i64>().map_err(|_| cx.range(property)));
        set(body, name, value.transpose()?);
    }
    let in_text = limits.and_then(|limits| limits.cpus.as_ref());
    let in_text = in_text.map(|cpus| cpus.0.parse::<f64>().map_err(|_| cx.range("cpus"))).transpose()?;
    if let Some(cpus) = service.cpus.or(in_text) {
        body.insert("NanoCpus".into(), nanos(cpus).ok_or(cx.range("cpus"))?.into());
    }
    set(body, "PidsLimit", service.pids_limit.or_else(|| limits.and_then(|limits| limits.pids)));
    if let Some(blkio) = &service.blkio_config {
        blkio_limits(blkio, body);
    }
    Ok(())
}

fn blkio_limits(blkio: &BlkioConfig, body: &mut Map<String, Value>) {
    set(body, "BlkioWeight", blkio.weight);
    let weights: Vec<Value> =
        blkio.weight_device.iter().map(|it| json!({ "Path": it.path, "Weight": it.weight })).collect();
    if !weights.is_empty() {
        body.insert("BlkioWeightDevice".into(), weights.into());
    }
    for (name, list) in [
        ("BlkioDeviceReadBps", &blkio.device_read_bps),
        ("BlkioDeviceReadIOps", &blkio.device_read_iops),
        ("BlkioDeviceWriteBps", &blkio.device_write_bps),
        ("BlkioDeviceWriteIOps", &blkio.device_write_iops),
    ] {
        let rate = |rate: Option<ByteSize>| rate.map(|rate| rate.0).unwrap_or_default();
        let rates: Vec<Value> =
            list.iter().map(|it| json!({ "Path": it.path, "Rate": rate(it.rate) })).collect();
        if !rates.is_empty() {
            body.insert(name.into(), rates.into());
        }
    }
}
