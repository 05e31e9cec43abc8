//! Storage that needs more than reading and writing: write-protected boot partitions, and flash that is erased.

pub(crate) mod mtd;
pub(crate) mod protection;

use std::path::Path;

/// Where Linux describes its block devices.
pub(crate) const CLASS_BLOCK: &str = "/sys/class/block";

/// Writable until the result is dropped.
pub(crate) fn unprotected(device: &Path) -> anyhow::Result<protection::Unprotected> {
    protection::Unprotected::new(Path::new(CLASS_BLOCK), device)
}
