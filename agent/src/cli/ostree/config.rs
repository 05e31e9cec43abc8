//! `config`: single settings of the repository.

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use ostree_objects::repo::Repo;
use serde_json::json;

use super::done;
use crate::output::say;

/// Read and change the repository's settings
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The group of the key, which is then without it: `--group='remote "x"' get url`.
    #[arg(long, global = true, value_name = "GROUP")]
    group: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the value of a key
    Get {
        /// GROUP.KEY, such as core.mode.
        key: String,
    },
    /// Give a key a value
    Set {
        /// GROUP.KEY.
        key: String,
        /// What it is set to.
        value: String,
    },
    /// Take a key out
    Unset {
        /// GROUP.KEY.
        key: String,
    },
}

pub(super) fn run(repo: &Repo, args: Args, json: bool) -> anyhow::Result<()> {
    let Args { group, command } = args;
    let (Command::Get { key } | Command::Set { key, .. } | Command::Unset { key }) = &command;
    let (group, key) = match &group {
        Some(group) => (&**group, &**key),
        // The group ends at the first dot; one of a remote's URL may have several.
        None => key.split_once('.').with_context(|| format!("{key}: not GROUP.KEY"))?,
    };
    match &command {
        Command::Get { .. } => {
            let Some(value) = repo.setting(group, key)? else {
                ensure!(repo.setting_groups()?.contains(group), "the config has no group [{group}]");
                bail!("the config has no key {key} in group [{group}]")
            };
            if json {
                say!("{}", json!({ "group": group, "key": key, "value": value }));
            } else {
                say!("{value}");
            }
        }
        Command::Set { value, .. } => {
            repo.set_settings(group, &[(key, Some(value))])?;
            done(json, &json!({ "group": group, "key": key, "value": value }));
        }
        Command::Unset { .. } => {
            repo.set_settings(group, &[(key, None)])?;
            done(json, &json!({ "group": group, "key": key, "value": null }));
        }
    }
    Ok(())
}
