//! What a commit says, in the lines of `ostree show`.

use ostree_objects::repo::Repo;
use ostree_objects::{Checksum, CommitRef, ObjectType};
use uptane_core::UtcTime;

use crate::output::say;

/// Prints a commit. The date is always in UTC.
pub(super) fn print(repo: &Repo, commit: &Checksum) -> anyhow::Result<()> {
    let bytes = repo.load_metadata(ObjectType::Commit, commit)?;
    let parsed = CommitRef::parse(&bytes)?;
    say!("commit {commit}");
    if let Some(parent) = parsed.parent() {
        say!("Parent:  {parent}");
    }
    let content = [parsed.tree().0, parsed.meta().0].concat();
    say!("ContentChecksum:  {}", Checksum::of(&content));
    let date = UtcTime::from_unix(parsed.timestamp()).to_string();
    say!("Date:  {} +0000", date.trim_end_matches('Z').replace('T', " "));
    if let Some(version) = parsed.metadata().get("version").and_then(|version| version.as_str()) {
        say!("Version: {version}");
    }
    if parsed.subject().is_empty() {
        say!("(no subject)");
    } else {
        say!("\n    {}", parsed.subject());
    }
    if !parsed.body().is_empty() {
        say!();
        for line in parsed.body().lines() {
            say!("    {line}");
        }
    }
    say!();
    Ok(())
}
