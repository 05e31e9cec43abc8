//! `remote`: the repositories that a repository's config names.

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use ostree_objects::repo::Repo;
use serde_json::json;

use super::{done, pull};
use crate::output::say;

/// Name other repositories, and ask them what they have
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(AddArgs),
    /// Forget a remote
    Delete {
        /// Do nothing if there is no such remote.
        #[arg(long)]
        if_exists: bool,
        /// Its name.
        name: String,
    },
    /// List the remotes
    List {
        /// Print where they are too.
        #[arg(long, short = 'u')]
        show_urls: bool,
    },
    /// Print where a remote is
    ShowUrl {
        /// Its name.
        name: String,
    },
    /// List the branches that a remote's summary names
    Refs {
        /// Its name.
        name: String,
    },
    /// Print a remote's summary
    Summary {
        /// Print it as one value.
        #[arg(long)]
        raw: bool,
        /// Its name.
        name: String,
    },
}

/// Name a repository
#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// Do nothing if there is a remote of that name.
    #[arg(long, conflicts_with = "force")]
    if_not_exists: bool,
    /// Replace a remote of that name.
    #[arg(long)]
    force: bool,
    /// Commits need no OpenPGP signature; without this a pull is refused, for none is verified here.
    #[arg(long)]
    no_gpg_verify: bool,
    /// Commits need no signature at all.
    #[arg(long, conflicts_with = "sign_verify")]
    no_sign_verify: bool,
    /// Commits must be signed with one of these keys: ed25519=inline:KEY or ed25519=file:PATH; may be repeated.
    #[arg(long, value_name = "KEY")]
    sign_verify: Vec<String>,
    /// Where content is, if that is elsewhere.
    #[arg(long, value_name = "URL")]
    contenturl: Option<String>,
    /// A further setting; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Its name.
    name: String,
    /// Where it is.
    url: String,
    /// Its branches that are pulled if none is named.
    #[arg(value_name = "BRANCH")]
    branches: Vec<String>,
}

impl Args {
    pub(super) const fn prints_values(&self) -> bool {
        matches!(self.command, Command::Summary { .. })
    }
}

pub(super) fn run(repo: &Repo, args: Args, json: bool) -> anyhow::Result<()> {
    match args.command {
        Command::Add(args) => add(repo, &args, json),
        Command::Delete { if_exists, name } => {
            if names(repo)?.contains(&name) {
                repo.remove_settings(&group(&name))?;
                done(json, &json!({ "remote": name }));
                return Ok(());
            }
            ensure!(if_exists, "there is no remote {name}");
            Ok(())
        }
        Command::List { show_urls } => {
            let names = names(repo)?;
            let width = names.iter().map(String::len).max().unwrap_or_default();
            for name in &names {
                let url = repo.setting(&group(name), "url")?;
                match (json, show_urls) {
                    (true, _) => say!("{}", json!({ "remote": name, "url": url })),
                    (false, true) => say!("{name:width$}  {}", url.unwrap_or_default()),
                    (false, false) => say!("{name}"),
                }
            }
            Ok(())
        }
        Command::ShowUrl { name } => {
            let url = url(repo, &name)?;
            if json {
                say!("{}", json!({ "remote": name, "url": url }));
            } else {
                say!("{url}");
            }
            Ok(())
        }
        Command::Refs { name } => {
            url(repo, &name)?;
            for (branch, commit) in pull::remote_refs(repo, &name)? {
                if json {
                    say!("{}", json!({ "remote": name, "ref": branch, "commit": commit.to_string() }));
                } else {
                    say!("{name}:{branch}");
                }
            }
            Ok(())
        }
        Command::Summary { raw, name } => {
            url(repo, &name)?;
            super::summary::print(&pull::remote_summary(repo, &name)?, raw, false)
        }
    }
}

fn group(name: &str) -> String {
    format!("remote \"{name}\"")
}

/// The remotes, in the order of their names.
fn names(repo: &Repo) -> anyhow::Result<Vec<String>> {
    let of_group = |group: &str| Some(group.strip_prefix("remote \"")?.strip_suffix('"')?.to_owned());
    Ok(repo.setting_groups()?.iter().filter_map(|group| of_group(group)).collect())
}

fn url(repo: &Repo, name: &str) -> anyhow::Result<String> {
    ensure!(names(repo)?.iter().any(|known| known == name), "there is no remote {name}");
    repo.setting(&group(name), "url")?.with_context(|| format!("remote {name} has no url"))
}

fn add(repo: &Repo, args: &AddArgs, json: bool) -> anyhow::Result<()> {
    let AddArgs { name, url, .. } = args;
    ensure!(
        !name.contains('/') && Repo::check_branch(name).is_ok(),
        "{name:?} is no name of a remote: letters, digits, `_`, and inside of it `-` and `.`"
    );
    let is_there = names(repo)?.contains(name);
    if is_there && args.if_not_exists {
        return Ok(());
    }
    ensure!(!is_there || args.force, "there is a remote {name}: --force replaces it");
    let mut settings: Vec<(String, String)> = Vec::new();
    let mut set = |key: &str, value: String| settings.push((key.to_owned(), value));
    match url.strip_prefix("metalink=") {
        Some(metalink) => set("metalink", metalink.to_owned()),
        None => set("url", url.clone()),
    }
    if !args.branches.is_empty() {
        set("branches", args.branches.iter().flat_map(|branch| [branch, ";"]).collect());
    }
    if let Some(url) = &args.contenturl {
        set("contenturl", url.clone());
    }
    for text in &args.set {
        let (key, value) = text.split_once('=').with_context(|| format!("{text}: not KEY=VALUE"))?;
        set(key, value.to_owned());
    }
    if args.no_gpg_verify || args.no_sign_verify {
        set("gpg-verify", "false".to_owned());
    }
    if args.no_sign_verify {
        set("sign-verify", "false".to_owned());
    }
    trust(&args.sign_verify, &mut set)?;
    if is_there {
        repo.remove_settings(&group(name))?;
    }
    let settings: Vec<_> = settings.iter().map(|(key, value)| (&**key, Some(&**value))).collect();
    repo.set_settings(&group(name), &settings)?;
    done(json, &json!({ "remote": name, "url": url }));
    Ok(())
}

/// Which keys must have signed, in the words of `ostree.repo-config(5)`.
fn trust(keys: &[String], set: &mut impl FnMut(&str, String)) -> anyhow::Result<()> {
    let (mut inline, mut file) = (String::new(), None);
    for key in keys {
        crate::pull::parse_key(key).with_context(|| key.clone())?;
        match key.strip_prefix("ed25519=").and_then(|key| key.split_once(':')) {
            Some(("inline", key)) => inline.extend([key, ";"]),
            Some(("file", path)) if file.is_none() => file = Some(path.to_owned()),
            _ => bail!("{key}: of files there can be one"),
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    set("sign-verify", "ed25519;".to_owned());
    if !inline.is_empty() {
        set("verification-ed25519-key", inline.trim_end_matches(';').to_owned());
    }
    if let Some(file) = file {
        set("verification-ed25519-file", file);
    }
    Ok(())
}
