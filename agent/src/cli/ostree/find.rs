//! Which repository is meant, and which commit: the rules of the real tool.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ostree_objects::Checksum;
use ostree_objects::repo::{Repo, RepoError};

/// Names the repository where neither the command line nor the working directory does.
const VARIABLE: &str = "OSTREE_REPO";

/// The repository of the running system.
const SYSTEM: &str = "/ostree/repo";

/// The repository that is named; or the working directory, if that is one; or what the environment names; or that of the
/// running system (`ostree_repo_new_default`).
pub(super) fn repository(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let is_repository = |path: &Path| path.join("objects").is_dir() && path.join("config").is_file();
    let of_environment = || std::env::var_os(VARIABLE).filter(|path: &OsString| !path.is_empty());
    if let Some(path) = named {
        Ok(path)
    } else if is_repository(Path::new(".")) {
        Ok(".".into())
    } else if let Some(path) = of_environment() {
        Ok(path.into())
    } else if is_repository(Path::new(SYSTEM)) {
        Ok(SYSTEM.into())
    } else {
        bail!("which repository? Say --repo DIR, set {VARIABLE}, or run this inside of one")
    }
}

/// The commit that `rev` names.
pub(super) fn resolve(repo: &Repo, rev: &str) -> anyhow::Result<Checksum> {
    match repo.resolve(rev) {
        Err(error @ RepoError::NoRef) => {
            Err(error).with_context(|| format!("{rev} (`ota-agent ostree refs` lists what there is)"))
        }
        Err(error @ RepoError::RefName) => Err(error).with_context(|| {
            format!("{rev:?} (a checksum or its start, BRANCH, REMOTE:REF, or one of them and ^)")
        }),
        found => found.with_context(|| rev.to_owned()),
    }
}
