//! What a commit says, in the lines of `ostree show`.

use ostree_objects::repo::Repo;
use ostree_objects::{Checksum, CommitRef, ObjectType};
use uptane_core::UtcTime;

/// Prints a commit. The date is always in UTC.
pub(super) fn print(repo: &Repo, commit: &Checksum) -> anyhow::Result<()> {
    let bytes = repo.load_metadata(ObjectType::Commit, commit)?;
    let parsed = CommitRef::parse(&bytes)?;
    println!("commit {commit}");
    if let Some(parent) = parsed.parent() {
        println!("Parent:  {parent}");
    }
    let content = [parsed.tree().0, parsed.meta().0].concat();
    println!("ContentChecksum:  {}", Checksum::of(&content));
    let date = UtcTime::from_unix(parsed.timestamp()).to_string();
    println!("Date:  {} +0000", date.trim_end_matches('Z').replace('T', " "));
    if let Some(version) = parsed.metadata().get("version").and_then(|version| version.as_str()) {
        println!("Version: {version}");
    }
    if parsed.subject().is_empty() {
        println!("(no subject)");
    } else {
        println!("\n    {}", parsed.subject());
    }
    if !parsed.body().is_empty() {
        println!();
        for line in parsed.body().lines() {
            println!("    {line}");
        }
    }
    println!();
    Ok(())
}
