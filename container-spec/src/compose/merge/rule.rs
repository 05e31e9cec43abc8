//! Which values are not merged as any mapping, list or scalar.

use super::unique::Key;

/// How the values at one path are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Mappings are merged, lists appended, scalars replaced.
    Plain,
    /// The later value stands alone.
    Replace,
    /// Two mappings are merged; of any other two values the later one stands.
    Either,
    /// `NAME=VALUE` lines or a mapping.
    Pairs,
    /// As pairs, or one of them alone.
    TextOrPairs,
    /// Names in a list, or a mapping.
    Names,
    /// As names, which in a list mean `service_started`.
    Dependencies,
    /// A directory, or a mapping with `context`.
    Build,
    /// `HOST=ADDRESS` lines or a mapping, several addresses for a name.
    Hosts,
    /// Merged if the driver is the same or not said.
    SameDriver,
    /// One text or a list of entries, each once.
    Texts(Key),
    /// A list of entries, each once.
    Unique(Key),
    /// By `subnet`.
    Subnets,
}

/// The rule for the value at `path`, from the root of the file.
pub(super) fn of(path: &[&str]) -> Rule {
    match path {
        [key] if key.starts_with("x-") => Rule::Replace,
        ["services", _, rest @ ..] => of_service(rest),
        ["networks", _, "ipam", "config"] => Rule::Subnets,
        ["networks" | "volumes" | "secrets" | "configs", _, "labels"] => Rule::Pairs,
        ["networks" | "volumes" | "secrets" | "configs", _, "external"] => Rule::Either,
        _ => Rule::Plain,
    }
}

fn of_service(path: &[&str]) -> Rule {
    match path {
        ["command" | "entrypoint" | "extends"] | ["healthcheck", "test"] => Rule::Replace,
        ["annotations" | "environment" | "labels" | "sysctls"]
        | ["build", "args" | "labels" | "additional_contexts"]
        | ["deploy", "labels"] => Rule::Pairs,
        ["build"] => Rule::Build,
        ["build", "ssh"] => Rule::TextOrPairs,
        ["depends_on"] => Rule::Dependencies,
        ["networks" | "models"] => Rule::Names,
        ["extra_hosts"] | ["build", "extra_hosts"] => Rule::Hosts,
        ["logging"] => Rule::SameDriver,
        ["gpus" | "credential_spec"] | ["ulimits", _] | ["build", "ulimits", _] => Rule::Either,
        ["dns" | "dns_search" | "label_file"] => Rule::Texts(Key::Whole),
        ["env_file"] => Rule::Texts(Key::Property("path")),
        ["tmpfs"] => Rule::Texts(Key::BeforeColon),
        ["ports"] => Rule::Unique(Key::Port),
        ["volumes"] => Rule::Unique(Key::MountTarget),
        ["devices"] => Rule::Unique(Key::DeviceTarget),
        ["secrets"] | ["build", "secrets"] => Rule::Unique(Key::FileTarget("/run/secrets")),
        ["configs"] => Rule::Unique(Key::FileTarget("")),
        ["blkio_config", list] if list.starts_with("device_") || *list == "weight_device" => {
            Rule::Unique(Key::Property("path"))
        }
        ["cap_add" | "cap_drop" | "device_cgroup_rules" | "dns_opt" | "expose" | "external_links"]
        | ["group_add" | "links" | "profiles" | "security_opt" | "volumes_from"]
        | ["networks", _, "aliases" | "link_local_ips"]
        | ["build", "cache_from" | "cache_to" | "entitlements" | "platforms" | "tags"] => {
            Rule::Unique(Key::Whole)
        }
        [.., key] if key.starts_with("x-") => Rule::Replace,
        _ => Rule::Plain,
    }
}
