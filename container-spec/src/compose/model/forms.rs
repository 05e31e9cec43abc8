//! Properties of a service with a short and a long form.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::common::{Command, PairMap, Span, Strings};
use crate::compose::decode::{Context, Decode, Target, is_default, record};
use crate::compose::error::{ErrorKind, Expected};
use crate::compose::tree::{Kind, Node, Value};
use crate::device::{Access, DeviceCgroupRule, DeviceMapping};

/// What a service waits for before it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// The other one runs.
    #[default]
    #[serde(rename = "service_started")]
    Started,
    /// The other one's health check passes.
    #[serde(rename = "service_healthy")]
    Healthy,
    /// The other one ended with exit code 0.
    #[serde(rename = "service_completed_successfully")]
    Completed,
}

impl Decode for Condition {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        match cx.text(node)? {
            "service_started" => Some(Self::Started),
            "service_healthy" => Some(Self::Healthy),
            "service_completed_successfully" => Some(Self::Completed),
            other => {
                let names = "service_started, service_healthy or service_completed_successfully";
                cx.error(node.at, ErrorKind::Value(names), other);
                None
            }
        }
    }
}

record! {
    /// An entry of `depends_on`, `05-services.md`.
    pub struct DependencyForm {
        /// What to wait for.
        condition: Condition = "condition",
        /// Whether this one is restarted when the other one is.
        restart: Option<bool> = "restart",
        /// Whether the other one must be there at all.
        required: Option<bool> = "required",
    }
}

/// A service that another one depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// What to wait for.
    pub condition: Condition,
    /// Whether the dependent service is restarted when this one is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub restart: bool,
    /// Whether this one must be there at all.
    pub required: bool,
}

impl Dependency {
    pub(crate) const STARTED: Self = Self { condition: Condition::Started, restart: false, required: true };
}

pub(super) fn depends_on(node: &Node<'_>, cx: &mut Context) -> Option<BTreeMap<String, Dependency>> {
    let mut dependencies = BTreeMap::new();
    match &node.value {
        Value::List(items) => {
            for item in items {
                let Some(name) = cx.text(item) else { continue };
                cx.refer(Target::Service, name, item.at);
                if dependencies.insert(name.to_owned(), Dependency::STARTED).is_some() {
                    cx.error(item.at, ErrorKind::DuplicateItem, name);
                }
            }
        }
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let Some(form) = DependencyForm::decode(value, cx) else { continue };
                if value.get("condition").is_none() {
                    cx.error(value.at, ErrorKind::Missing("condition"), "depends_on");
                }
                let required = form.required.unwrap_or(true);
                let name = key.as_scalar().unwrap_or_default();
                if required {
                    cx.refer(Target::Service, name, key.at);
                }
                let restart = form.restart.unwrap_or_default();
                dependencies
                    .insert(name.to_owned(), Dependency { condition: form.condition, restart, required });
            }
        }
        Value::Scalar(..) => {
            cx.wrong_type(node, Expected::ListOrMapping);
            return None;
        }
    }
    Some(dependencies)
}

/// The command of a health check, with `NONE`, `CMD` or `CMD-SHELL` first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HealthTest(pub Vec<String>);

impl Decode for HealthTest {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Scalar(text, _) if node.kind() == Kind::Text => {
                Some(Self(["CMD-SHELL".to_owned(), text.to_string()].into()))
            }
            Value::List(items) => {
                let words: Vec<String> = Vec::decode(node, cx)?;
                match (words.first().map(String::as_str), items.len()) {
                    (Some("NONE"), 1) | (Some("CMD" | "CMD-SHELL"), 2..) => Some(Self(words)),
                    _ => {
                        let form = "a list that starts with NONE, CMD or CMD-SHELL, and a command";
                        cx.error(node.at, ErrorKind::Value(form), "test");
                        None
                    }
                }
            }
            _ => {
                cx.wrong_type(node, Expected::TextOrList);
                None
            }
        }
    }
}

record! {
    /// How to find out whether a service works.
    pub struct Healthcheck {
        /// The command.
        test: Option<HealthTest> = "test",
        /// Time between two checks; 30 s if absent.
        interval: Option<Span> = "interval",
        /// How long one check may take; 30 s if absent.
        timeout: Option<Span> = "timeout",
        /// Failures in a row that make the service unhealthy; 3 if absent.
        retries: Option<u64> = "retries",
        /// Time after the start in which failures do not count.
        start_period: Option<Span> = "start_period",
        /// Time between two checks in the start period.
        start_interval: Option<Span> = "start_interval",
        /// Switches the image's own check off.
        disable: Option<bool> = "disable",
    }
}

impl Healthcheck {
    /// Whether the check is switched off, in either way.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.disable == Some(true)
            || self.test.as_ref().is_some_and(|t| t.0.first().is_some_and(|w| w == "NONE"))
    }
}

/// When the engine starts a container again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// `no`
    #[default]
    No,
    /// `always`
    Always,
    /// `unless-stopped`
    UnlessStopped,
    /// `on-failure[:max-retries]`
    OnFailure(Option<u32>),
}

impl Restart {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.split_once(':') {
            None if text == "no" => Self::No,
            None if text == "always" => Self::Always,
            None if text == "unless-stopped" => Self::UnlessStopped,
            None if text == "on-failure" => Self::OnFailure(None),
            Some(("on-failure", max)) if max.bytes().all(|b| b.is_ascii_digit()) => {
                Self::OnFailure(Some(max.parse().ok()?))
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::Always => f.write_str("always"),
            Self::UnlessStopped => f.write_str("unless-stopped"),
            Self::OnFailure(None) => f.write_str("on-failure"),
            Self::OnFailure(Some(max)) => write!(f, "on-failure:{max}"),
        }
    }
}

impl Decode for Restart {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let text = cx.text(node)?;
        let restart = Self::parse(text);
        if restart.is_none() {
            cx.error(node.at, ErrorKind::Value("no, always, unless-stopped or on-failure[:number]"), text);
        }
        restart
    }
}

impl Serialize for Restart {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Restart {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no restart policy"))
    }
}

/// A device rule that follows the kernel's form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceRule(pub String);

impl Decode for DeviceRule {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let text = cx.text(node)?;
        match DeviceCgroupRule::parse(text) {
            Ok(_) => Some(Self(text.to_owned())),
            Err(error) => {
                cx.error(node.at, ErrorKind::Device(error.kind), text);
                None
            }
        }
    }
}

record! {
    /// A device of the host in the container.
    pub struct Device {
        /// Path on the host, or a CDI name.
        source: String = "source",
        /// Path in the container; the source if empty.
        target: String = "target",
        /// Letters of `rwm`; all of them if empty.
        permissions: String = "permissions",
    }
    required: [source]
}

/// A device in either form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceForm(pub Device);

impl Decode for DeviceForm {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let Value::Scalar(text, _) = &node.value else {
            let mut device = Device::decode(node, cx)?;
            if !device.permissions.is_empty() && Access::parse(&device.permissions).is_none() {
                let at = node.get("permissions").map_or(node.at, |value| value.at);
                cx.error(at, ErrorKind::Device(crate::device::DeviceErrorKind::Access), &device.permissions);
            }
            if device.target.is_empty() {
                device.target.clone_from(&device.source);
            }
            return Some(Self(device));
        };
        cx.text(node)?;
        match DeviceMapping::parse(text) {
            Ok(mapping) => Some(Self(Device {
                source: mapping.source.to_owned(),
                target: mapping.target.to_owned(),
                permissions: mapping.access.to_string(),
                ..Device::default()
            })),
            Err(error) => {
                cx.error(node.at, ErrorKind::Device(error.kind), text);
                None
            }
        }
    }
}

/// `setrlimit(2)` for one resource; -1 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// The limit that holds.
    pub soft: i64,
    /// The limit up to which the process may raise it.
    pub hard: i64,
}

record! {
    /// Long form of a ulimit.
    pub struct UlimitForm {
        /// The limit that holds.
        soft: i64 = "soft",
        /// The limit up to which it may be raised.
        hard: i64 = "hard",
    }
    required: [soft, hard]
}

impl Decode for Ulimit {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        if matches!(node.value, Value::Scalar(..)) {
            return i64::decode(node, cx).map(|limit| Self { soft: limit, hard: limit });
        }
        UlimitForm::decode(node, cx).map(|form| Self { soft: form.soft, hard: form.hard })
    }
}

record! {
    /// A service that this one takes its properties from.
    pub struct Extends {
        /// Its name.
        service: String = "service",
        /// The file it is in; this one if absent.
        file: Option<String> = "file",
    }
    required: [service]
}

record! {
    /// A command that runs after the start or before the stop of a container.
    pub struct Hook {
        /// The command.
        command: Option<Command> = "command",
        /// Who runs it.
        user: Option<String> = "user",
        /// With all privileges.
        privileged: Option<bool> = "privileged",
        /// Where it runs.
        working_dir: Option<String> = "working_dir",
        /// Its variables.
        environment: PairMap = "environment",
    }
    required: [command]
}

record! {
    /// Where output goes.
    pub struct Logging {
        /// The engine's driver.
        driver: Option<String> = "driver",
        /// Its options.
        options: super::common::Options = "options",
    }
}

record! {
    /// A Windows account. It is modelled because the schema has it.
    pub struct CredentialSpec {
        /// Name of a config.
        config: Option<String> = "config",
        /// Path of a file.
        file: Option<String> = "file",
        /// Path in the registry.
        registry: Option<String> = "registry",
    }
}

record! {
    /// A service that a program other than the engine provides.
    pub struct Provider {
        /// The program.
        kind: Option<String> = "type",
        /// Its options.
        options: BTreeMap<String, serde_json::Value> = "options",
    }
    required: []
}

record! {
    /// Variables that tell a service about a model.
    pub struct ServiceModel {
        /// Variable for the endpoint.
        endpoint_var: Option<String> = "endpoint_var",
        /// Variable for the name.
        model_var: Option<String> = "model_var",
    }
}

/// Names in a list, or a mapping of names to values that may be nothing.
pub(super) fn names_or_mapping<T: Decode + Default>(
    node: &Node<'_>,
    cx: &mut Context,
    target: Target,
) -> Option<BTreeMap<String, Option<T>>> {
    let mut map = BTreeMap::new();
    match &node.value {
        Value::List(items) => {
            let names = Strings::decode(node, cx)?;
            for item in items {
                cx.refer(target, item.as_scalar().unwrap_or_default(), item.at);
            }
            map.extend(names.0.into_iter().map(|name| (name, None)));
        }
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let name = key.as_scalar().unwrap_or_default();
                cx.refer(target, name, key.at);
                let value = if value.is_null() { None } else { Some(T::decode(value, cx)?) };
                map.insert(name.to_owned(), value);
            }
        }
        Value::Scalar(..) => {
            cx.wrong_type(node, Expected::ListOrMapping);
            return None;
        }
    }
    Some(map)
}
