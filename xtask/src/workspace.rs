//! What cargo knows of this workspace: where it is, its libraries, its test binaries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// Workspaces of their own, beside the main one, by manifest.
pub(crate) const OTHER_WORKSPACES: &[&str] = &["firmware/Cargo.toml", "xtask/nostd-proof/Cargo.toml"];

/// The main workspace.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Shared by the workspaces that the same compiler builds.
    pub(crate) target: PathBuf,
    pub(crate) libraries: Vec<Library>,
    /// Names of integration test binaries.
    pub(crate) tests: BTreeSet<String>,
}

/// A package with the feature tiers none < `alloc` < `std`.
pub(crate) struct Library {
    pub(crate) name: String,
    /// Its features beside `default` and the tiers, sorted.
    pub(crate) optional: Vec<String>,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self> {
        let metadata = metadata(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")))?;
        Ok(Self {
            root: text(&metadata["workspace_root"]).into(),
            target: text(&metadata["target_directory"]).into(),
            libraries: list(&metadata["packages"]).iter().filter_map(library).collect(),
            tests: targets(&metadata, "test"),
        })
    }

    /// Cargo in the main workspace.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_program());
        command.current_dir(&self.root).args(arguments);
        command
    }

    /// Cargo in the workspace of `manifest`, building into the main one's target directory: what both
    /// need in the same form is built once.
    pub(crate) fn cargo_in(&self, manifest: &str, arguments: &[&str]) -> Command {
        let mut command = self.cargo(arguments);
        command.args(["--manifest-path", manifest]).env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// The binaries of another workspace.
    pub(crate) fn binaries_of(&self, manifest: &str) -> Result<BTreeSet<String>> {
        Ok(targets(&metadata(&self.path(manifest))?, "bin"))
    }

    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }
}

fn metadata(manifest: &Path) -> Result<Value> {
    let mut cargo = Command::new(cargo_program());
    cargo.args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]).arg(manifest);
    serde_json::from_slice(&command::quiet(&mut cargo)?).context("cargo metadata")
}

/// The names of all targets of one kind.
fn targets(metadata: &Value, kind: &str) -> BTreeSet<String> {
    list(&metadata["packages"])
        .iter()
        .flat_map(|package| list(&package["targets"]))
        .filter(|target| list(&target["kind"]).iter().any(|one| one == kind))
        .map(|target| text(&target["name"]))
        .collect()
}

/// The cargo that runs this program.
fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn library(package: &Value) -> Option<Library> {
    let features: BTreeMap<String, Value> = serde_json::from_value(package["features"].clone()).ok()?;
    let is_tiered = features.contains_key("alloc") && features.contains_key("std");
    is_tiered.then(|| Library {
        name: text(&package["name"]),
        optional: features
            .into_keys()
            .filter(|name| !matches!(name.as_str(), "default" | "alloc" | "std"))
            .collect(),
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
