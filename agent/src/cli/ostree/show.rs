//! What a commit says, in the lines of `ostree show`.

use anyhow::Context;
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

/// Prints how large the commit says its objects are: those that are not here, and all of them.
pub(super) fn print_sizes(repo: &Repo, commit: &Checksum) -> anyhow::Result<()> {
    let bytes = repo.load_metadata(ObjectType::Commit, commit)?;
    let sizes = CommitRef::parse(&bytes)?.sizes().context("ostree.sizes")?;
    let sizes = sizes.context("No metadata key ostree.sizes in commit")?;
    let found = repo.sizes_needed(&sizes)?;
    let (needed, total) = (found.needed, found.total);
    say!("Compressed size (needed/total): {}/{}", size(needed.archived), size(total.archived));
    say!("Unpacked size (needed/total): {}/{}", size(needed.unpacked), size(total.unpacked));
    say!("Number of objects (needed/total): {}/{}", needed.objects, total.objects);
    Ok(())
}

/// A size as GLib's `g_format_size` has it: powers of 1000 with one decimal, before whose unit the line does not break.
fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" });
    }
    let [high, low] = [bytes >> 32, bytes & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or(u32::MAX));
    let exact = f64::from(high).mul_add(4_294_967_296.0, f64::from(low));
    let units = [("EB", 1e18), ("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)];
    let (unit, factor) = units.into_iter().find(|(_, factor)| exact >= *factor).unwrap_or(("kB", 1e3));
    format!("{:.1}\u{a0}{unit}", exact / factor)
}
