//! How much of what a commit lists is here.

use super::{Repo, RepoError};
use crate::{SizesRef, SizesTotal};

/// What a commit's sizes say of what there is to fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizesNeeded {
    /// Of the objects that the repository lacks.
    pub needed: SizesTotal,
    /// Of all that are listed.
    pub total: SizesTotal,
}

impl Repo {
    /// Looks for each object that is listed.
    ///
    /// # Errors
    /// As of the file system.
    pub fn sizes_needed(&self, sizes: &SizesRef<'_>) -> Result<SizesNeeded, RepoError> {
        let mut found = SizesNeeded::default();
        for size in sizes.iter() {
            found.total.add(&size);
            if !self.has(size.object_type(), &size.checksum)? {
                found.needed.add(&size);
            }
        }
        Ok(found)
    }
}
