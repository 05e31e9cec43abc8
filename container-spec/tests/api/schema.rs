//! Every property of `schema/compose-spec.json` is modelled, or refused by name.
//!
//! The names are those of the schema's definitions, each at its own path. A property that the schema does not
//! have is an error, so what is listed here is all that a file may say.

use std::collections::BTreeSet;

use container_spec::compose::model::{
    Service, ServiceNetwork, build, deploy, file, forms, mount, port, resource, service,
};
use container_spec::compose::{self, Environment, ErrorKind};

/// A path in the schema, the names of its properties there, and ours.
type Row = (&'static str, &'static str, &'static [&'static str]);

const ROWS: &[Row] = &[
    (
        "service.build",
        "context dockerfile dockerfile_inline entitlements args ssh labels cache_from cache_to no_cache additional_contexts network provenance sbom pull target shm_size extra_hosts isolation privileged secrets tags ulimits platforms",
        build::Build::PROPERTIES,
    ),
    (
        "service.blkio_config",
        "device_read_bps device_read_iops device_write_bps device_write_iops weight weight_device",
        service::BlkioConfig::PROPERTIES,
    ),
    ("blkio_limit", "path rate", service::BlkioLimit::PROPERTIES),
    ("blkio_weight", "path weight", service::BlkioWeight::PROPERTIES),
    ("service.credential_spec", "config file registry", forms::CredentialSpec::PROPERTIES),
    ("service.depends_on.*", "restart required condition", forms::DependencyForm::PROPERTIES),
    ("service.devices.[]", "source target permissions", forms::Device::PROPERTIES),
    ("service.extends", "service file", forms::Extends::PROPERTIES),
    ("service.provider", "type options", forms::Provider::PROPERTIES),
    ("service.logging", "driver options", forms::Logging::PROPERTIES),
    ("service.models.*", "endpoint_var model_var", forms::ServiceModel::PROPERTIES),
    (
        "service.networks.*",
        "aliases interface_name ipv4_address ipv6_address link_local_ips mac_address driver_opts priority gw_priority",
        ServiceNetwork::PROPERTIES,
    ),
    ("service.ports.[]", "name mode host_ip target published protocol app_protocol", port::Port::PROPERTIES),
    (
        "service.volumes.[]",
        "type source target read_only consistency bind volume tmpfs image",
        mount::Mount::PROPERTIES,
    ),
    (
        "service.volumes.[].bind",
        "propagation create_host_path recursive selinux",
        mount::BindOptions::PROPERTIES,
    ),
    ("service.volumes.[].volume", "labels nocopy subpath", mount::VolumeOptions::PROPERTIES),
    ("service.volumes.[].tmpfs", "size mode", mount::TmpfsOptions::PROPERTIES),
    ("service.volumes.[].image", "subpath", mount::ImageOptions::PROPERTIES),
    (
        "healthcheck",
        "disable interval retries test timeout start_period start_interval",
        forms::Healthcheck::PROPERTIES,
    ),
    ("development", "watch", service::Develop::PROPERTIES),
    ("development.watch.[]", "ignore include path action target exec", service::Watch::PROPERTIES),
    (
        "deployment",
        "mode endpoint_mode replicas labels rollback_config update_config resources restart_policy placement",
        deploy::Deploy::PROPERTIES,
    ),
    (
        "deployment.update_config",
        "parallelism delay failure_action monitor max_failure_ratio order",
        deploy::UpdateConfig::PROPERTIES,
    ),
    ("deployment.resources", "limits reservations", deploy::Resources::PROPERTIES),
    ("deployment.resources.limits", "cpus memory pids", deploy::Limits::PROPERTIES),
    (
        "deployment.resources.reservations",
        "cpus memory generic_resources devices",
        deploy::Reservations::PROPERTIES,
    ),
    ("deployment.restart_policy", "condition delay max_attempts window", deploy::RestartPolicy::PROPERTIES),
    ("deployment.placement", "constraints preferences max_replicas_per_node", deploy::Placement::PROPERTIES),
    ("deployment.placement.preferences.[]", "spread", deploy::Preference::PROPERTIES),
    ("generic_resources.[]", "discrete_resource_spec", deploy::GenericResource::PROPERTIES),
    ("generic_resources.[].discrete_resource_spec", "kind value", deploy::DiscreteResource::PROPERTIES),
    ("devices.[]", "capabilities count device_ids driver options", deploy::DeviceRequest::PROPERTIES),
    ("service_hook", "command user privileged working_dir environment", forms::Hook::PROPERTIES),
    ("env_file.[]", "path format required", file::EnvFile::PROPERTIES),
    ("service_config_or_secret.[]", "source target uid gid mode", file::FileReference::PROPERTIES),
    ("ulimits.*", "hard soft", forms::UlimitForm::PROPERTIES),
    (
        "network",
        "name driver driver_opts ipam external internal enable_ipv4 enable_ipv6 attachable labels",
        resource::Network::PROPERTIES,
    ),
    ("network.ipam", "driver config options", resource::Ipam::PROPERTIES),
    ("network.ipam.config.[]", "subnet ip_range gateway aux_addresses", resource::IpamConfig::PROPERTIES),
    ("*.external", "name", resource::ExternalForm::PROPERTIES),
    ("volume", "name driver driver_opts external labels", resource::Volume::PROPERTIES),
    (
        "secret",
        "name environment file external labels driver driver_opts template_driver",
        resource::Secret::PROPERTIES,
    ),
    ("config", "name content environment file external labels template_driver", resource::Config::PROPERTIES),
    ("model", "name model context_size runtime_flags", resource::Model::PROPERTIES),
];

#[test]
fn every_property_below_the_services_is_modelled() {
    for (path, schema, ours) in ROWS {
        let schema: BTreeSet<&str> = schema.split_whitespace().collect();
        let modelled: BTreeSet<&str> = ours.iter().copied().collect();
        assert_eq!(modelled, schema, "{path}");
    }
    assert_eq!(ROWS.len(), 44);
    assert_eq!(Service::REFUSED, ["pre_start"]);
    assert_eq!(ServiceNetwork::PROPERTIES.len(), 9);
}

#[test]
fn every_property_of_a_file_is_read_and_no_other() {
    // `include` is followed, and a file that is not there is refused.
    let known = "version name services models networks volumes secrets configs x-own";
    let check = |line: &str| {
        let errors = compose::check(&format!("{line}\nservices: {{a: {{image: x}}}}\n"), &Environment::new());
        errors.iter().map(|error| error.kind).collect::<Vec<_>>()
    };
    for name in known.split_whitespace().filter(|name| *name != "services") {
        let value = match name {
            "version" | "name" => "'1'",
            _ => "{}",
        };
        assert_eq!(check(&format!("{name}: {value}")), [], "{name}");
    }
    assert_eq!(check("include: [a.yml]"), [ErrorKind::NoFile]);
    assert_eq!(check("jobs: {}"), [ErrorKind::UnknownProperty]);
}

#[test]
fn a_property_that_a_definition_does_not_have_is_an_error_there() {
    for (text, subject) in [
        ("networks: {n: {bogus: 1}}", "bogus"),
        ("networks: {n: {ipam: {bogus: 1}}}", "bogus"),
        ("networks: {n: {ipam: {config: [{bogus: 1}]}}}", "bogus"),
        ("networks: {n: {external: {bogus: 1}}}", "bogus"),
        ("volumes: {v: {file: x}}", "file"),
        ("secrets: {s: {content: x}}", "content"),
        ("configs: {c: {driver: x}}", "driver"),
        ("models: {m: {model: x, bogus: 1}}", "bogus"),
    ] {
        let errors = compose::check(&format!("services: {{a: {{image: x}}}}\n{text}\n"), &Environment::new());
        let found: Vec<_> = errors.iter().map(|error| (error.kind, error.subject.as_str())).collect();
        assert_eq!(found, [(ErrorKind::UnknownProperty, subject)], "{text}");
        assert!(errors.iter().all(|error| error.at.line == 2));
    }
}
