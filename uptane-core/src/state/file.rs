//! Records in files: each written beside, synced and renamed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::PathBuf;

use super::{MAX_OVERHEAD_BYTES, Record, StateError, Store, decode};
use crate::error::{Repository, Role};

/// A store in a directory of its own, one file a record.
#[derive(Clone, Debug)]
pub struct FileStore {
    directory: PathBuf,
}

impl FileStore {
    /// A store in `directory`, which exists.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    fn path(&self, repository: Repository, role: Role, suffix: &str) -> PathBuf {
        self.directory.join(std::format!("{}-{}.{suffix}", repository.name(), role.name()))
    }
}

impl Store for FileStore {
    type Medium = io::Error;

    fn load<'b>(
        &mut self,
        repository: Repository,
        role: Role,
        buffer: &'b mut [u8],
    ) -> Result<Option<Record<'b>>, StateError<io::Error>> {
        let mut file = match File::open(self.path(repository, role, "record")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(StateError::Medium)?,
        };
        let (mut used, mut beyond) = (0, [0]);
        loop {
            let limit = buffer.len();
            // With the buffer full, the next byte is the one too many.
            let room = if used < limit { buffer.get_mut(used..).unwrap_or_default() } else { &mut beyond };
            match file.read(room).map_err(StateError::Medium)? {
                0 => break,
                _ if used == limit => return Err(StateError::TooLong { limit }),
                read => used += read,
            }
        }
        decode(buffer.get(..used).unwrap_or_default(), repository, role).map(|(_, record)| Some(record))
    }

    fn persist(&mut self, record: &Record<'_>) -> Result<(), StateError<io::Error>> {
        let mut bytes = std::vec![0; record.bytes.map_or(0, <[u8]>::len) + MAX_OVERHEAD_BYTES];
        let length = record.encode(0, &mut bytes)?;
        let fresh = self.path(record.repository, record.role, "new");
        let write = || {
            let mut file = File::create(&fresh)?;
            file.write_all(bytes.get(..length).unwrap_or_default())?;
            file.sync_all()?;
            fs::rename(&fresh, self.path(record.repository, record.role, "record"))?;
            // The rename itself is durable once the directory is.
            File::open(&self.directory)?.sync_all()
        };
        write().map_err(StateError::Medium)
    }
}
