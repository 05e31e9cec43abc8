//! `refs`, `reset` and `rev-parse`.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use ostree_objects::repo::{RefTarget, Repo, RepoError};
use ostree_objects::{Checksum, ObjectType};
use serde_json::json;

use super::{done, resolve};
use crate::output::say;

/// List, make and remove refs
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print whole names, not what follows PREFIX.
    #[arg(long)]
    list: bool,
    /// With --create make another name of a branch that follows it; without list these.
    #[arg(long, short = 'A')]
    alias: bool,
    /// Make a ref to the commit that the one argument names.
    #[arg(long, value_name = "NEWREF", conflicts_with = "delete")]
    create: Option<String>,
    /// Replace a ref that is there.
    #[arg(long, requires = "create")]
    force: bool,
    /// Remove the refs of that name or below it.
    #[arg(long)]
    delete: bool,
    /// A ref, or what refs start with up to a `/`; REMOTE: for those of a remote. With --create a revision.
    #[arg(value_name = "PREFIX")]
    prefixes: Vec<String>,
}

/// Make a ref lead to another commit
#[derive(Debug, clap::Args)]
pub(super) struct ResetArgs {
    /// A ref that is there.
    #[arg(value_name = "REF")]
    name: String,
    /// The commit or ref.
    rev: String,
}

/// Print the checksums that revisions stand for
#[derive(Debug, clap::Args)]
pub(super) struct RevParseArgs {
    /// Print the only commit of the repository.
    #[arg(long, short = 'S', conflicts_with = "revs")]
    single: bool,
    /// Commits or refs.
    #[arg(value_name = "REV", required_unless_present = "single")]
    revs: Vec<String>,
}

pub(super) fn run(repo: &Repo, args: &Args, json: bool) -> anyhow::Result<()> {
    if let Some(name) = &args.create {
        return create(repo, args, name, json);
    }
    if args.delete {
        ensure!(!args.prefixes.is_empty(), "which refs are to be removed? Name at least one PREFIX");
        return delete(repo, args, json);
    }
    let all = repo.list_refs()?;
    let prefixes = if args.prefixes.is_empty() { &[String::new()][..] } else { &args.prefixes };
    for prefix in prefixes {
        for (name, shown, target) in matching(&all, prefix)? {
            let shown = if args.list { name } else { &shown };
            match (&target.alias_of, args.alias) {
                (None, true) => {}
                (Some(of), true) if json => say!("{}", json!({ "ref": name, "alias_of": of })),
                (Some(of), true) => say!("{shown} -> {of}"),
                (_, false) if json => say!("{}", json!({ "ref": name, "commit": target.commit.to_string() })),
                (_, false) => say!("{shown}"),
            }
        }
    }
    Ok(())
}

/// The refs that are `prefix` or below it, with what follows it, but for the remote's name.
fn matching<'a>(
    all: &'a BTreeMap<String, RefTarget>,
    prefix: &str,
) -> anyhow::Result<Vec<(&'a str, String, &'a RefTarget)>> {
    let (remote, rest) = match prefix.split_once(':') {
        Some((remote, rest)) => (Some(remote), rest),
        None => (None, prefix),
    };
    if !rest.is_empty() {
        Repo::check_branch(rest).with_context(|| format!("{prefix:?}"))?;
    }
    let mut found = Vec::new();
    for (name, target) in all {
        if prefix.is_empty() {
            found.push((&**name, name.clone(), target));
            continue;
        }
        let (its_remote, branch) = match name.split_once(':') {
            Some((remote, branch)) => (Some(remote), branch),
            None => (None, &**name),
        };
        if its_remote != remote {
            continue;
        }
        let shown = match branch.strip_prefix(rest) {
            Some("") => branch,
            Some(below) if rest.is_empty() => below,
            Some(below) => match below.strip_prefix('/') {
                Some(below) => below,
                None => continue,
            },
            None => continue,
        };
        let shown = remote.map_or_else(|| shown.to_owned(), |remote| format!("{remote}:{shown}"));
        found.push((name, shown, target));
    }
    Ok(found)
}

fn create(repo: &Repo, args: &Args, name: &str, json: bool) -> anyhow::Result<()> {
    let [from] = &args.prefixes[..] else {
        bail!("--create={name} takes one revision that it is to lead to")
    };
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if name.bytes().all(is_digit)
        && let Ok(commit) = repo.resolve(name)
    {
        bail!("{name} stands for commit {commit}: a ref of that name would never be looked for")
    }
    match repo.resolve_ref(name) {
        // An alias may be turned to another branch.
        Ok(_) if args.alias && repo.list_refs()?.get(name).is_some_and(|there| there.alias_of.is_some()) => {}
        Ok(there) if !args.force => bail!("{name} leads to {there}: --force replaces it, and reset sets it"),
        // What is to be replaced may be damaged.
        Ok(_) | Err(RepoError::NoRef | RepoError::BadRef { .. }) => {}
        // A directory, whose refs are in the way.
        Err(RepoError::Io { .. }) => {}
        Err(error) => return Err(error).with_context(|| format!("{name:?}")),
    }
    if args.alias {
        ensure!(
            !name.contains(':') && !from.contains(':'),
            "an alias is another name of a branch, not of a remote's"
        );
        repo.set_alias(name, from).with_context(|| format!("making {name} another name of {from}"))?;
        done(json, &json!({ "ref": name, "alias_of": from }));
        return Ok(());
    }
    set(repo, name, resolve(repo, from)?, json)
}

/// Makes a ref lead to a commit that is here: a ref to nothing would fail every prune and summary.
fn set(repo: &Repo, name: &str, commit: Checksum, json: bool) -> anyhow::Result<()> {
    ensure!(repo.has(ObjectType::Commit, &commit)?, "commit {commit} is not in the repository");
    repo.set_any_ref(name, &commit).with_context(|| name.to_owned())?;
    done(json, &json!({ "ref": name, "commit": commit.to_string() }));
    Ok(())
}

fn delete(repo: &Repo, args: &Args, json: bool) -> anyhow::Result<()> {
    let all = repo.list_refs()?;
    let mut names = Vec::new();
    // All are looked for before any is removed.
    for prefix in &args.prefixes {
        names.extend(matching(&all, prefix)?.into_iter().map(|(name, _, target)| (name, target)));
    }
    for (name, _) in &names {
        // The tool too leaves no alias of nothing behind: it refuses.
        let aliases = all.iter().filter(|(_, target)| target.alias_of.as_deref() == Some(*name));
        let mut left = aliases.filter(|(alias, _)| !names.iter().any(|(name, _)| *name == alias.as_str()));
        if let Some((alias, _)) = left.next() {
            bail!("{alias} is another name of {name}: remove it first");
        }
    }
    for (name, target) in names {
        if repo.remove_ref(name)? {
            done(json, &json!({ "ref": name, "commit": target.commit.to_string() }));
        }
    }
    Ok(())
}

pub(super) fn reset(repo: &Repo, args: &ResetArgs, json: bool) -> anyhow::Result<()> {
    let ResetArgs { name, rev } = args;
    repo.resolve_ref(name).with_context(|| name.clone())?;
    set(repo, name, resolve(repo, rev)?, json)
}

pub(super) fn rev_parse(repo: &Repo, args: &RevParseArgs, json: bool) -> anyhow::Result<()> {
    let print = |rev: Option<&str>, commit: Checksum| {
        if json {
            say!("{}", json!({ "rev": rev, "commit": commit.to_string() }));
        } else {
            say!("{commit}");
        }
    };
    if args.single {
        match repo.commits()?.as_slice() {
            [commit] => print(None, *commit),
            commits => bail!("the repository has {} commits", commits.len()),
        }
    }
    for rev in &args.revs {
        print(Some(rev), resolve(repo, rev)?);
    }
    Ok(())
}
