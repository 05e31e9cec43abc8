//! `ota-agent etc-merge plan`: what a merge would do, a line for each path.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use etc_merge::{DirectoryTree, Index, OwnedStep, Policy, Report, Side, SourceError, Tree};
use ostree_objects::Checksum;
use ostree_objects::repo::Repo;
use serde::{Deserialize, Serialize};

use super::{Merge, diff};
use crate::cli::Exit;
use crate::ostree_tree::{Facts, OstreeTree};

pub(super) struct Options<'a> {
    pub(super) index: Option<&'a Path>,
    pub(super) repo: Option<&'a Path>,
    pub(super) diff: bool,
    pub(super) json: bool,
}

/// The largest index that is read, in bytes: that of some hundred thousand files.
const MAX_INDEX_BYTES: u64 = 64 * 1024 * 1024;

/// Where the defaults of a commit lie.
const DEFAULTS: &str = "usr/etc";

/// What is kept in the file of `--index`. It only saves time: without it every file is read.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    /// Of the trees that are directories: old, new, local.
    directories: [Index; 3],
    /// Of the defaults that are commits.
    objects: Facts,
}

impl Remembered {
    /// What is in the file; nothing if there is none, or none that can be read.
    fn read(path: &Path) -> Self {
        let read = || {
            let mut bytes = Vec::new();
            File::open(path).ok()?.take(MAX_INDEX_BYTES).read_to_end(&mut bytes).ok()?;
            // One that is longer is cut off here, and then cannot be read.
            postcard::from_bytes(&bytes).ok()
        };
        read().unwrap_or_default()
    }

    fn write(&self, path: &Path) -> anyhow::Result<()> {
        let bytes = postcard::to_allocvec(self).context("encoding the index")?;
        crate::atomic::write(path, &bytes).with_context(|| format!("writing {}", path.display()))
    }
}

pub(super) fn run(merge: &Merge, policy: &Policy<'_>, options: &Options<'_>) -> anyhow::Result<Exit> {
    let remembered = options.index.map(Remembered::read).unwrap_or_default();
    match options.repo {
        None => of_directories(merge, policy, options, remembered),
        Some(repo) => of_commits(merge, policy, options, remembered, repo),
    }
}

fn of_directories(
    merge: &Merge,
    policy: &Policy<'_>,
    options: &Options<'_>,
    Remembered { directories: [known_old, known_new, known_local], objects }: Remembered,
) -> anyhow::Result<Exit> {
    let old = directory(Side::Old, &merge.old, known_old, options)?;
    let new = directory(Side::New, &merge.new, known_new, options)?.with_links_of(&old);
    let local = directory(Side::Local, &merge.local, known_local, options)?;
    let exit = print(&old, &new, &local, policy, options, |side, path, limit| match side {
        Side::Old => old.content(path, limit),
        Side::New => new.content(path, limit),
        Side::Local => local.content(path, limit),
    })?;
    if let Some(path) = options.index {
        let read = old.files_read() + new.files_read() + local.files_read();
        if read > 0 {
            let directories = [old, new, local].map(|tree| tree.into_index().unwrap_or_default());
            Remembered { directories, objects }.write(path)?;
        }
    }
    Ok(exit)
}

fn of_commits(
    merge: &Merge,
    policy: &Policy<'_>,
    options: &Options<'_>,
    Remembered { directories: [known_old, known_new, known_local], objects }: Remembered,
    repo: &Path,
) -> anyhow::Result<Exit> {
    let repo = Repo::open(repo).with_context(|| format!("opening {}", repo.display()))?;
    let (old_commit, new_commit) = (commit(&repo, &merge.old)?, commit(&repo, &merge.new)?);
    let lacks = |commit: Checksum| format!("the commit {commit} has no /{DEFAULTS}");
    let known = objects.len();
    let old = OstreeTree::open(&repo, &old_commit, DEFAULTS)?.with_context(|| lacks(old_commit))?;
    let old = if options.index.is_some() { old.with_facts(objects) } else { old };
    let new = old.open_beside(&new_commit, DEFAULTS)?.with_context(|| lacks(new_commit))?;
    let local = directory(Side::Local, &merge.local, known_local, options)?;
    let exit = print(&old, &new, &local, policy, options, |side, path, limit| match side {
        Side::Old => old.content(path, limit),
        Side::New => new.content(path, limit),
        Side::Local => local.content(path, limit),
    })?;
    if let Some(path) = options.index {
        let objects = old.facts();
        if local.files_read() > 0 || objects.len() != known {
            let directories = [known_old, known_new, local.into_index().unwrap_or_default()];
            Remembered { directories, objects }.write(path)?;
        }
    }
    Ok(exit)
}

fn directory(side: Side, path: &Path, known: Index, options: &Options<'_>) -> anyhow::Result<DirectoryTree> {
    let tree = DirectoryTree::open(path);
    let tree = tree.with_context(|| format!("opening the {side} tree {}", path.display()))?;
    let tree = if side == Side::New { tree } else { tree.looked_through_ahead() };
    let now = i64::try_from(crate::clock::unix_now())?;
    Ok(if options.index.is_some() { tree.with_index(known, now) } else { tree })
}

fn commit(repo: &Repo, name: &Path) -> anyhow::Result<Checksum> {
    let name = name.to_str().with_context(|| format!("{}: no commit or ref", name.display()))?;
    repo.resolve(name).with_context(|| format!("looking for the commit `{name}`"))
}

/// Plans and prints. `content` is the content of a file of one of the trees, at most so long.
fn print<O: Tree, N: Tree>(
    old: &O,
    new: &N,
    local: &DirectoryTree,
    policy: &Policy<'_>,
    options: &Options<'_>,
    content: impl Fn(Side, &[u8], usize) -> Result<Option<Vec<u8>>, SourceError>,
) -> anyhow::Result<Exit> {
    let report = Report::plan(old, new, local, policy).context("planning the merge")?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for step in &report.steps {
        let changes = if options.diff { diff::of(step, &content)? } else { None };
        if options.json {
            writeln!(out, "{}", line(step, changes.as_deref())?)?;
        } else {
            writeln!(out, "{step}")?;
            write!(out, "{}", changes.unwrap_or_default())?;
        }
    }
    if options.json {
        writeln!(out, "{}", serde_json::json!({ "event": "totals", "totals": report.totals }))?;
    }
    out.flush()?;
    if !options.json {
        eprintln!("{}", report.totals);
    }
    Ok(if report.totals.refused == 0 { Exit::Done } else { Exit::Failed })
}

fn line(step: &OwnedStep, changes: Option<&str>) -> anyhow::Result<serde_json::Value> {
    let mut value = serde_json::to_value(step)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("event".into(), "path".into());
        if let Some(changes) = changes {
            object.insert("diff".into(), changes.into());
        }
    }
    Ok(value)
}
