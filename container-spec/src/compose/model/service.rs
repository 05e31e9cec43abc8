//! A service: every property of the schema.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Deref;

use serde::{Deserialize, Serialize};

use super::build::{BuildForm, Flag};
use super::common::{ByteSize, Command, ImageName, List, Nullable, Options, PairMap, Span, Strings};
use super::deploy::{Deploy, DeviceRequest};
use super::file::{EnvFiles, FileForm, Paths};
use super::forms::{
    CredentialSpec, Dependency, DeviceForm, DeviceRule, Extends, Healthcheck, Hook, Logging, Provider,
    Restart, ServiceModel, Ulimit, depends_on, names_or_mapping,
};
use super::mount::MountForm;
use super::network::ServiceNetwork;
use super::port::Ports;
use crate::compose::decode::{Context, Decode, Target, record};
use crate::compose::error::{ErrorKind, Expected};
use crate::compose::tree::{Node, Value};
use crate::platform::Platform;

record! {
    /// A service of a project, in long form.
    pub struct Service {
        /// Labels for the runtime.
        annotations: PairMap = "annotations",
        /// Whether `up` shows its output.
        attach: Option<bool> = "attach",
        /// How its image is built.
        build: Option<BuildForm> = "build",
        /// Limits of block devices.
        blkio_config: Option<BlkioConfig> = "blkio_config",
        /// Capabilities that it gets.
        cap_add: Strings = "cap_add",
        /// Capabilities that it loses.
        cap_drop: Strings = "cap_drop",
        /// Namespace of cgroups: `host` or `private`.
        cgroup: Option<String> = "cgroup",
        /// Cgroup it is put into.
        cgroup_parent: Option<String> = "cgroup_parent",
        /// What it runs; the image's command if absent.
        command: Nullable<Command> = "command",
        /// Configs that it sees.
        configs: Vec<FileForm> = "configs",
        /// Name of its container; `PROJECT-SERVICE-1` if absent.
        container_name: Option<ContainerName> = "container_name",
        /// Number of processors, on Windows.
        cpu_count: Option<i64> = "cpu_count",
        /// Share of the processors in percent, on Windows.
        cpu_percent: Option<f64> = "cpu_percent",
        /// Relative weight.
        cpu_shares: Option<i64> = "cpu_shares",
        /// Processor time per period, in microseconds.
        cpu_quota: Option<i64> = "cpu_quota",
        /// The period, in microseconds.
        cpu_period: Option<i64> = "cpu_period",
        /// Real-time period.
        cpu_rt_period: Option<Flag> = "cpu_rt_period",
        /// Real-time processor time per period.
        cpu_rt_runtime: Option<Flag> = "cpu_rt_runtime",
        /// Number of processors, which may be a fraction.
        cpus: Option<f64> = "cpus",
        /// Processors it may run on.
        cpuset: Option<String> = "cpuset",
        /// Windows account.
        credential_spec: Option<CredentialSpec> = "credential_spec",
        /// Services that come first.
        depends_on: DependsOn = "depends_on",
        /// How it is deployed.
        deploy: Nullable<Deploy> = "deploy",
        /// How developers work with it.
        develop: Nullable<Develop> = "develop",
        /// Rules of the device cgroup.
        device_cgroup_rules: Vec<DeviceRule> = "device_cgroup_rules",
        /// Devices of the host.
        devices: Vec<DeviceForm> = "devices",
        /// Name servers.
        dns: List = "dns",
        /// Options of the resolver.
        dns_opt: Strings = "dns_opt",
        /// Domains of the resolver.
        dns_search: List = "dns_search",
        /// Domain name.
        domainname: Option<String> = "domainname",
        /// What starts its command; the image's entrypoint if absent.
        entrypoint: Nullable<Command> = "entrypoint",
        /// Files of variables.
        env_file: EnvFiles = "env_file",
        /// Variables; one without a value takes it from the environment.
        environment: PairMap = "environment",
        /// Ports for other services.
        expose: List = "expose",
        /// The service it takes its properties from.
        extends: Option<ExtendsForm> = "extends",
        /// Links to containers of other projects.
        external_links: Strings = "external_links",
        /// Lines for `/etc/hosts`.
        extra_hosts: ExtraHosts = "extra_hosts",
        /// GPUs.
        gpus: Option<Gpus> = "gpus",
        /// More groups of its user.
        group_add: List = "group_add",
        /// How to find out whether it works.
        healthcheck: Option<Healthcheck> = "healthcheck",
        /// Host name.
        hostname: Option<String> = "hostname",
        /// The image it is made from.
        image: Option<ImageName> = "image",
        /// With an init process.
        init: Option<bool> = "init",
        /// Namespace of interprocess communication.
        ipc: Option<String> = "ipc",
        /// Isolation on Windows.
        isolation: Option<String> = "isolation",
        /// Files of labels.
        label_file: Paths = "label_file",
        /// Labels.
        labels: PairMap = "labels",
        /// Services under another name.
        links: Strings = "links",
        /// Where its output goes.
        logging: Option<Logging> = "logging",
        /// Hardware address.
        mac_address: Option<String> = "mac_address",
        /// Most memory.
        mem_limit: Option<ByteSize> = "mem_limit",
        /// Memory it keeps under pressure.
        mem_reservation: Option<ByteSize> = "mem_reservation",
        /// How readily it is swapped out, 0 to 100.
        mem_swappiness: Option<i64> = "mem_swappiness",
        /// Most memory and swap; -1 is no limit.
        memswap_limit: Option<ByteSize> = "memswap_limit",
        /// Language models.
        models: ServiceModels = "models",
        /// `bridge`, `host`, `none`, `service:NAME` or `container:NAME`.
        network_mode: Option<String> = "network_mode",
        /// Networks it is attached to.
        networks: Networks = "networks",
        /// It is not killed when memory runs out.
        oom_kill_disable: Option<bool> = "oom_kill_disable",
        /// How soon it is killed then, -1000 to 1000.
        oom_score_adj: Option<i64> = "oom_score_adj",
        /// Namespace of processes.
        pid: Nullable<String> = "pid",
        /// Most processes; -1 is no limit.
        pids_limit: Option<i64> = "pids_limit",
        /// Platform of its image.
        platform: Option<PlatformName> = "platform",
        /// Published ports.
        ports: Ports = "ports",
        /// Commands after the start.
        post_start: Vec<Hook> = "post_start",
        /// Commands before the stop.
        pre_stop: Vec<Hook> = "pre_stop",
        /// With all privileges.
        privileged: Option<bool> = "privileged",
        /// Profiles of which one must be active.
        profiles: Strings = "profiles",
        /// A program that provides it in place of the engine.
        provider: Option<Provider> = "provider",
        /// When its image is pulled.
        pull_policy: Option<String> = "pull_policy",
        /// How old an image may be.
        pull_refresh_after: Option<String> = "pull_refresh_after",
        /// Its root file system cannot be written.
        read_only: Option<bool> = "read_only",
        /// When it is started again.
        restart: Option<Restart> = "restart",
        /// Runtime of the engine.
        runtime: Option<String> = "runtime",
        /// Number of containers.
        scale: Option<u32> = "scale",
        /// Secrets that it sees.
        secrets: Vec<FileForm> = "secrets",
        /// Options of security modules.
        security_opt: Strings = "security_opt",
        /// Size of `/dev/shm`.
        shm_size: Option<ByteSize> = "shm_size",
        /// Its input stays open.
        stdin_open: Option<bool> = "stdin_open",
        /// Time to end before it is killed; 10 s if absent.
        stop_grace_period: Option<Span> = "stop_grace_period",
        /// Signal that asks it to end.
        stop_signal: Option<String> = "stop_signal",
        /// Options of the storage driver.
        storage_opt: Options = "storage_opt",
        /// Kernel parameters.
        sysctls: PairMap = "sysctls",
        /// File systems in memory.
        tmpfs: List = "tmpfs",
        /// With a terminal.
        tty: Option<bool> = "tty",
        /// Limits of its processes.
        ulimits: BTreeMap<String, Ulimit> = "ulimits",
        /// It may talk to the engine.
        use_api_socket: Option<bool> = "use_api_socket",
        /// User and group.
        user: Option<String> = "user",
        /// Namespace of users.
        userns_mode: Option<String> = "userns_mode",
        /// Namespace of host names.
        uts: Option<String> = "uts",
        /// What is mounted.
        volumes: Vec<MountForm> = "volumes",
        /// Services whose mounts it shares.
        volumes_from: Strings = "volumes_from",
        /// Where its command runs.
        working_dir: Option<String> = "working_dir",
    }
    refused: ["pre_start"]
}

impl Service {
    /// Properties of the schema that are refused: containers that run before the service's own one would
    /// have to be pinned, planned and undone too.
    pub const REFUSED: &'static [&'static str] = &["pre_start"];

    /// The service whose network, process, IPC or host name namespace it shares, or whose mounts it uses:
    /// it cannot outlive that one's container.
    pub fn namespace_owners(&self) -> impl Iterator<Item = &str> {
        let pid = self.pid.as_deref();
        [self.network_mode.as_deref(), self.ipc.as_deref(), pid, self.uts.as_deref(), self.cgroup.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(|mode| mode.strip_prefix("service:"))
    }

    /// The number of containers.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        self.scale.or_else(|| self.deploy.as_ref().and_then(|deploy| deploy.replicas)).unwrap_or(1)
    }
}

/// Services that come first, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DependsOn(pub BTreeMap<String, Dependency>);

/// Networks by key; nothing stands for an attachment without options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Networks(pub BTreeMap<String, Option<ServiceNetwork>>);

/// Models by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceModels(pub BTreeMap<String, Option<ServiceModel>>);

/// Addresses by host name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtraHosts(pub BTreeMap<String, Vec<String>>);

macro_rules! deref {
    ($($name:ident => $target:ty),*) => {$(
        impl Deref for $name {
            type Target = $target;

            fn deref(&self) -> &$target {
                &self.0
            }
        }
    )*};
}

deref!(
    DependsOn => BTreeMap<String, Dependency>,
    Networks => BTreeMap<String, Option<ServiceNetwork>>,
    ServiceModels => BTreeMap<String, Option<ServiceModel>>,
    ExtraHosts => BTreeMap<String, Vec<String>>
);

impl Decode for DependsOn {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        depends_on(node, cx).map(Self)
    }
}

impl Decode for Networks {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        names_or_mapping(node, cx, Target::Network).map(Self)
    }
}

impl Decode for ServiceModels {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        names_or_mapping(node, cx, Target::Model).map(Self)
    }
}

impl Decode for ExtraHosts {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let mut hosts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        match &node.value {
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    let addresses = List::decode(value, cx)?;
                    hosts
                        .entry(key.as_scalar().unwrap_or_default().to_owned())
                        .or_default()
                        .extend(addresses.0);
                }
            }
            Value::List(items) => {
                for item in items {
                    let Some(text) = cx.text(item) else { continue };
                    match text.split_once('=').or_else(|| text.split_once(':')) {
                        Some((host, address)) if !host.is_empty() && !address.is_empty() => {
                            hosts.entry(host.to_owned()).or_default().push(address.to_owned());
                        }
                        _ => cx.error(item.at, ErrorKind::Value("HOST=ADDRESS"), text),
                    }
                }
            }
            Value::Scalar(..) => {
                cx.wrong_type(node, Expected::ListOrMapping);
                return None;
            }
        }
        Some(Self(hosts))
    }
}

/// All GPUs, or some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Gpus {
    /// `all`
    All(String),
    /// Those requested.
    Some(Vec<DeviceRequest>),
}

impl Decode for Gpus {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        match node.as_scalar() {
            Some("all") => Some(Self::All("all".to_owned())),
            Some(other) => {
                cx.error(node.at, ErrorKind::Value("all, or a list"), other);
                None
            }
            None => Vec::decode(node, cx).map(Self::Some),
        }
    }
}

/// A service alone, or the long form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtendsForm(pub Extends);

impl Decode for ExtendsForm {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        if matches!(node.value, Value::Scalar(..)) {
            let service = cx.text(node)?.to_owned();
            return Some(Self(Extends { service, ..Extends::default() }));
        }
        Extends::decode(node, cx).map(Self)
    }
}

/// A platform that follows the form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlatformName(pub String);

impl Decode for PlatformName {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let text = cx.text(node)?;
        match Platform::parse(text) {
            Ok(_) => Some(Self(text.to_owned())),
            Err(error) => {
                cx.error(node.at, ErrorKind::Platform(error.kind), text);
                None
            }
        }
    }
}

/// A name that the engine accepts: a letter or digit, then letters, digits, `_`, `.` and `-`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerName(pub String);

impl Decode for ContainerName {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let text = cx.text(node)?;
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        let good = text.len() >= 2
            && text.bytes().all(inner)
            && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if good {
            return Some(Self(text.to_owned()));
        }
        cx.error(node.at, ErrorKind::Value("a letter or digit, then letters, digits, `_`, `.`, `-`"), text);
        None
    }
}

record! {
    /// Limits of block devices.
    pub struct BlkioConfig {
        /// Bytes read per second.
        device_read_bps: Vec<BlkioLimit> = "device_read_bps",
        /// Reads per second.
        device_read_iops: Vec<BlkioLimit> = "device_read_iops",
        /// Bytes written per second.
        device_write_bps: Vec<BlkioLimit> = "device_write_bps",
        /// Writes per second.
        device_write_iops: Vec<BlkioLimit> = "device_write_iops",
        /// Relative weight, 10 to 1000.
        weight: Option<u16> = "weight",
        /// Relative weight for some devices.
        weight_device: Vec<BlkioWeight> = "weight_device",
    }
}

record! {
    /// Rate of one block device.
    pub struct BlkioLimit {
        /// Path of the device.
        path: String = "path",
        /// Bytes or operations per second.
        rate: Option<ByteSize> = "rate",
    }
}

record! {
    /// Weight for one block device.
    pub struct BlkioWeight {
        /// Path of the device.
        path: String = "path",
        /// Relative weight, 10 to 1000.
        weight: Option<u16> = "weight",
    }
}

record! {
    /// How developers work with a service.
    pub struct Develop {
        /// What follows changes of files.
        watch: Vec<Watch> = "watch",
    }
}

record! {
    /// What follows changes of files.
    pub struct Watch {
        /// Files that are not watched.
        ignore: List = "ignore",
        /// Files that are watched.
        include: List = "include",
        /// Directory that is watched.
        path: Option<String> = "path",
        /// What is done.
        action: Option<String> = "action",
        /// Where files are copied to.
        target: Option<String> = "target",
        /// What is run.
        exec: Option<Hook> = "exec",
    }
    required: [path, action]
}
