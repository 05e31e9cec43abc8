//! The recorded OSTree repository: what the real tool made, unpacked and looked through.

use std::path::Path;

use anyhow::Context;
use ostree_objects::pull::Planner;
use ostree_objects::repo::Repo;
use ostree_objects::{Checksum, Limits, ObjectType};

/// The repository, as recorded by `fixtures/record-os-v1.sh`.
const ARCHIVE: &[u8] = include_bytes!("../../fixtures/os-v1.tar");
/// Which tool made it, its ref and its commit.
const DESCRIPTION: &str = include_str!("../../fixtures/os-v1.txt");

/// Unpacks the repository, or the one in `other`, into `directory`.
pub(super) fn unpack(other: Option<&Path>, directory: &Path) -> anyhow::Result<Repo> {
    let read;
    let bytes = match other {
        Some(path) => {
            read = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            &read[..]
        }
        None => ARCHIVE,
    };
    std::fs::create_dir_all(directory)?;
    tar::Archive::new(bytes).unpack(directory).context("unpacking the recorded repository")?;
    Ok(Repo::open(directory)?)
}

/// A line of the description.
pub(super) fn described(key: &str) -> anyhow::Result<&'static str> {
    let line = DESCRIPTION.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    line.with_context(|| format!("the recorded repository does not say its {key}"))
}

/// Reads every object of `commit` and compares its content with its name; returns how many there are.
pub(super) fn check_objects(repo: &Repo, commit: Checksum) -> anyhow::Result<usize> {
    let mut planner = Planner::new(commit, Limits::DEFAULT);
    while let Some(request) = planner.next_request() {
        if request.object_type == ObjectType::File {
            repo.check_file(&request.checksum)?;
            planner.file_arrived(request)?;
        } else {
            let bytes = repo.load_metadata(request.object_type, &request.checksum)?;
            planner.metadata_arrived(request, &bytes)?;
        }
    }
    Ok(planner.progress().0)
}
