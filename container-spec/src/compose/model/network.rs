//! How a service is attached to a network.

use alloc::string::String;

use super::common::{Options, Strings};
use crate::compose::decode::record;

record! {
    /// One attachment of a service.
    pub struct ServiceNetwork {
        /// More names for the service on this network.
        aliases: Strings = "aliases",
        /// Name of the interface in the container.
        interface_name: Option<String> = "interface_name",
        /// Fixed IPv4 address.
        ipv4_address: Option<String> = "ipv4_address",
        /// Fixed IPv6 address.
        ipv6_address: Option<String> = "ipv6_address",
        /// Link-local addresses.
        link_local_ips: Strings = "link_local_ips",
        /// Hardware address.
        mac_address: Option<String> = "mac_address",
        /// Options of the network's driver.
        driver_opts: Options = "driver_opts",
        /// Networks of higher priority are attached first.
        priority: Option<i64> = "priority",
        /// The network of the highest one gives the default route.
        gw_priority: Option<i64> = "gw_priority",
    }
}
