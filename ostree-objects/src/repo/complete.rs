//! Whether a commit has all of its objects.

use super::fsck::refused;
use super::{Repo, RepoError};
use crate::pull::Planner;
use crate::{Checksum, Limits, ObjectType};

impl Repo {
    /// Looks whether everything that `commit` needs is there, and if so takes the mark away that it is partial.
    /// Metadata is compared with its name, files are only looked for: whoever stored them compared them.
    ///
    /// # Errors
    /// If an object is missing or malformed, or as of the file system. The mark then stays.
    pub fn complete(&self, commit: &Checksum) -> Result<(), RepoError> {
        let mut planner = Planner::new(*commit, Limits::DEFAULT);
        while let Some(request) = planner.next_request() {
            let (object_type, checksum) = (request.object_type, request.checksum);
            let arrived = if object_type == ObjectType::File {
                if !self.has(object_type, &checksum)? {
                    return Err(RepoError::Missing { object_type, checksum });
                }
                planner.file_arrived(request)
            } else {
                planner.metadata_arrived(request, &self.load_metadata(object_type, &checksum)?)
            };
            arrived.map_err(|error| refused(request, error))?;
        }
        self.set_complete(commit)
    }
}
