//! The `deploy` of a service: what of it has a meaning on one device, and the rest.

use alloc::string::String;
use alloc::vec::Vec;

use super::build::Flag;
use super::common::{ByteSize, PairMap, Span, Strings};
use crate::compose::decode::record;

record! {
    /// How a service is deployed.
    pub struct Deploy {
        /// `replicated` or `global`.
        mode: Option<String> = "mode",
        /// `vip` or `dnsrr`.
        endpoint_mode: Option<String> = "endpoint_mode",
        /// Number of containers.
        replicas: Option<u32> = "replicas",
        /// Labels of the service.
        labels: PairMap = "labels",
        /// How an update is undone.
        rollback_config: Option<UpdateConfig> = "rollback_config",
        /// How an update is made.
        update_config: Option<UpdateConfig> = "update_config",
        /// Limits and reservations.
        resources: Option<Resources> = "resources",
        /// When containers are started again.
        restart_policy: Option<RestartPolicy> = "restart_policy",
        /// Where in a cluster.
        placement: Option<Placement> = "placement",
    }
}

record! {
    /// The pace of an update.
    pub struct UpdateConfig {
        /// Containers at a time.
        parallelism: Option<u64> = "parallelism",
        /// Time between two groups.
        delay: Option<Span> = "delay",
        /// `continue`, `pause` or `rollback`.
        failure_action: Option<String> = "failure_action",
        /// How long a container is watched.
        monitor: Option<Span> = "monitor",
        /// Share of failures that is tolerated.
        max_failure_ratio: Option<f64> = "max_failure_ratio",
        /// `start-first` or `stop-first`.
        order: Option<String> = "order",
    }
}

record! {
    /// Limits and reservations.
    pub struct Resources {
        /// At most.
        limits: Option<Limits> = "limits",
        /// At least.
        reservations: Option<Reservations> = "reservations",
    }
}

record! {
    /// At most.
    pub struct Limits {
        /// Processors.
        cpus: Option<Flag> = "cpus",
        /// Memory.
        memory: Option<ByteSize> = "memory",
        /// Processes.
        pids: Option<i64> = "pids",
    }
}

record! {
    /// At least.
    pub struct Reservations {
        /// Processors.
        cpus: Option<Flag> = "cpus",
        /// Memory.
        memory: Option<ByteSize> = "memory",
        /// Resources that the user counts.
        generic_resources: Vec<GenericResource> = "generic_resources",
        /// Devices such as GPUs.
        devices: Vec<DeviceRequest> = "devices",
    }
}

record! {
    /// A resource that the user counts.
    pub struct GenericResource {
        /// Kind and number.
        discrete_resource_spec: Option<DiscreteResource> = "discrete_resource_spec",
    }
}

record! {
    /// Kind and number of a resource.
    pub struct DiscreteResource {
        /// Kind.
        kind: Option<String> = "kind",
        /// Number.
        value: Option<i64> = "value",
    }
}

record! {
    /// Devices that a driver provides.
    pub struct DeviceRequest {
        /// What they can do.
        capabilities: Strings = "capabilities",
        /// How many, or `all`.
        count: Option<Flag> = "count",
        /// Which ones.
        device_ids: Strings = "device_ids",
        /// Whose they are.
        driver: Option<String> = "driver",
        /// Options of the driver.
        options: PairMap = "options",
    }
}

record! {
    /// When containers are started again.
    pub struct RestartPolicy {
        /// `none`, `on-failure` or `any`.
        condition: Option<String> = "condition",
        /// Time between two attempts.
        delay: Option<Span> = "delay",
        /// Most attempts.
        max_attempts: Option<u64> = "max_attempts",
        /// Time after which an attempt counts as a success.
        window: Option<Span> = "window",
    }
}

record! {
    /// Where in a cluster.
    pub struct Placement {
        /// Conditions that a node meets.
        constraints: Vec<String> = "constraints",
        /// What to spread over.
        preferences: Vec<Preference> = "preferences",
        /// Most containers on one node.
        max_replicas_per_node: Option<u64> = "max_replicas_per_node",
    }
}

record! {
    /// What to spread over.
    pub struct Preference {
        /// A label of nodes.
        spread: Option<String> = "spread",
    }
}
