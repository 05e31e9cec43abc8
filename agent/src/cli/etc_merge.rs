//! `ota-agent etc-merge`: the three-way merge of /etc, planned or applied.

mod diff;
mod plan;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use etc_merge::apply::merge_directories;
use etc_merge::{Driver, Lost, Policy, Rule, Treatment};
use serde::Deserialize;

use crate::cli::Exit;
use crate::output::say;

/// Merges the device's /etc with the defaults of a new system.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what a merge would do, a line for each path that differs; exits 1 if it would be refused.
    Plan {
        #[command(flatten)]
        merge: Merge,
        /// Also print how the content of each file changes.
        #[arg(long)]
        diff: bool,
        /// Remember in FILE what was read: the next plan opens only the files that changed since. FILE is believed:
        /// keep it where nobody else writes.
        #[arg(long, value_name = "FILE")]
        index: Option<PathBuf>,
        /// OLD and NEW are commits or refs of this OSTree repository, the defaults their /usr/etc: read from the
        /// objects, without a checkout.
        #[arg(long, value_name = "DIR")]
        repo: Option<PathBuf>,
    },
    /// Merge into a new directory. The losers of conflicts are saved in DIR.conflicts.
    Apply {
        #[command(flatten)]
        merge: Merge,
        /// Where the merged tree is left; it must not exist, or be empty.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Merge {
    /// Which decision table is followed.
    #[arg(long, value_enum, default_value_t = Table::Safe)]
    policy: Table,
    /// Rules by pattern, as TOML: `[[rule]]` with `pattern`, `treatment` and, to merge, `driver`.
    #[arg(long = "config", id = "rules", value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The defaults of the running system: /usr/etc of its deployment. With --repo a commit.
    old: PathBuf,
    /// The defaults of the new system: /usr/etc of its deployment. With --repo a commit.
    new: PathBuf,
    /// The running system's /etc.
    local: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Table {
    /// Nothing is lost silently.
    Safe,
    /// What libostree does, its losses included.
    Libostree,
}

/// The largest file of rules, in bytes.
pub(crate) const MAX_RULES_BYTES: usize = 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[serde(default, rename = "rule")]
    rules: Vec<OwnedRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnedRule {
    pattern: String,
    treatment: Name,
    driver: Option<Driver>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    KeepLocal,
    TakeNew,
    Merge,
    Pin,
    Drop,
    Fail,
}

impl OwnedRule {
    fn as_rule(&self) -> anyhow::Result<Rule<'_>> {
        let treatment = match (self.treatment, self.driver) {
            (Name::Merge, Some(driver)) => Treatment::Merge(driver),
            (Name::Merge, None) => {
                anyhow::bail!("the rule for `{}` merges, but names no driver", self.pattern)
            }
            (_, Some(_)) => {
                anyhow::bail!("the rule for `{}` names a driver, but does not merge", self.pattern)
            }
            (Name::KeepLocal, None) => Treatment::KeepLocal,
            (Name::TakeNew, None) => Treatment::TakeNew,
            (Name::Pin, None) => Treatment::Pin,
            (Name::Drop, None) => Treatment::Drop,
            (Name::Fail, None) => Treatment::Fail,
        };
        Ok(Rule { pattern: &self.pattern, treatment })
    }
}

/// Runs the command.
///
/// # Errors
/// If a tree or the rules cannot be read, the merge is refused, or its result cannot be written.
pub(crate) fn run(args: Args, json: bool) -> anyhow::Result<Exit> {
    let (Command::Plan { merge, .. } | Command::Apply { merge, .. }) = &args.command;
    let owned = merge.rules.as_deref().map(read_rules).transpose()?.unwrap_or_default();
    let rules = owned.rules.iter().map(OwnedRule::as_rule).collect::<anyhow::Result<Vec<_>>>()?;
    let policy = match merge.policy {
        Table::Safe => Policy::safe_with(&rules),
        Table::Libostree if !rules.is_empty() => {
            anyhow::bail!("rules need the safe policy: libostree has none")
        }
        Table::Libostree => Policy::libostree(),
    };
    match &args.command {
        Command::Plan { merge, diff, index, repo } => {
            let options = plan::Options { index: index.as_deref(), repo: repo.as_deref(), diff: *diff, json };
            plan::run(merge, &policy, &options)
        }
        Command::Apply { merge, out } => {
            let report = merge_directories(&merge.old, &merge.new, &merge.local, out, &policy)
                .context("the merge is not applied")?;
            for step in report.steps.iter().filter(|step| step.lost.contains(Lost::LOCAL_SPECIAL)) {
                tracing::warn!("{step}");
            }
            if json {
                say!("{}", serde_json::json!({ "event": "etc-merge", "totals": report.totals }));
            }
            Ok(Exit::Done)
        }
    }
}

fn read_rules(path: &Path) -> anyhow::Result<Rules> {
    let text = crate::files::read_text(path, MAX_RULES_BYTES)?;
    toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> anyhow::Result<usize> {
        let rules: Rules = toml::from_str(text)?;
        Ok(rules.rules.iter().map(OwnedRule::as_rule).collect::<anyhow::Result<Vec<_>>>()?.len())
    }

    #[test]
    fn rules_are_read_and_half_ones_refused() {
        let text = "[[rule]]\npattern = 'ssh/**'\ntreatment = 'pin'\n\n\
                    [[rule]]\npattern = 'sysctl.d/*'\ntreatment = 'merge'\ndriver = 'key-value'\n";
        assert_eq!(rules(text).unwrap(), 2);
        let error = rules("[[rule]]\npattern = 'a'\ntreatment = 'merge'\n").unwrap_err();
        assert_eq!(error.to_string(), "the rule for `a` merges, but names no driver");
        let error = rules("[[rule]]\npattern = 'a'\ntreatment = 'pin'\ndriver = 'ini'\n").unwrap_err();
        assert_eq!(error.to_string(), "the rule for `a` names a driver, but does not merge");
        assert!(
            rules("[[rule]]\npattern = 'a'\ntreatment = 'guess'\n")
                .unwrap_err()
                .to_string()
                .contains("guess")
        );
    }
}
