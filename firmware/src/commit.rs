//! An OSTree commit: that its name is the checksum of its bytes, and what it says.

use cortex_m_semihosting::hprintln;
use ostree_objects::{Checksum, CommitRef};
use uptane_core::UtcTime;

use crate::refused::Refused;

pub fn check(whose: &str, name: Checksum, bytes: &[u8]) -> Result<(), Refused> {
    // The name first: until it fits, the bytes are anybody's.
    let actual = Checksum::of(bytes);
    if actual != name {
        return Err(Refused::Checksum { name, actual });
    }
    let commit = CommitRef::parse(bytes)?;
    let made = UtcTime::from_unix(commit.timestamp());
    hprintln!("{} commit {}: {}, made at {}", whose, name, commit.subject(), made);
    hprintln!("  version {}, tree {}", version(&commit).unwrap_or("unknown"), commit.tree());
    Ok(())
}

/// The release's version, which libostree shows too.
fn version<'a>(commit: &CommitRef<'a>) -> Option<&'a str> {
    commit.metadata().get("version")?.as_str()
}
