//! What applying a merge asks of a file system: small steps, so that power may be cut between any two.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::apply::error::StorageError;

/// The metadata of a file that is written.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Permission bits (`0o7777`). Of no meaning for a symlink.
    pub mode: u32,
    /// Owner and group; `None` for those of this process.
    pub owner: Option<(u32, u32)>,
    /// Extended attributes.
    pub xattrs: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    /// When the content changed: seconds since 1970 and nanoseconds. `None` for now.
    pub mtime: Option<(i64, u32)>,
}

/// A file system, as far as applying a merge needs one. [`Disk`](crate::apply::Disk) is the real one.
///
/// Names are single components. What a step changed may be lost in a power cut until it is synced: the content and
/// metadata of a file or directory by [`finish`](Self::finish) or [`sync`](Self::sync) of itself, its name by
/// [`sync`](Self::sync) of its directory. [`exchange`](Self::exchange) and [`rename`](Self::rename) happen wholly or
/// not at all.
pub trait Storage {
    /// An open directory.
    type Directory;
    /// A file that is being written.
    type File;

    /// Opens the directory `name`; `None` if there is no such entry. A symlink is not followed.
    ///
    /// # Errors
    /// If it is no directory or cannot be opened.
    fn open(&self, parent: &Self::Directory, name: &[u8]) -> Result<Option<Self::Directory>, StorageError>;

    /// Makes and opens the directory `name`, which only the owner may enter until its attributes are set.
    ///
    /// # Errors
    /// If there is such an entry, or it cannot be made.
    fn make_directory(&self, parent: &Self::Directory, name: &[u8]) -> Result<Self::Directory, StorageError>;

    /// Creates the file `name`, which only the owner may read until it is finished.
    ///
    /// # Errors
    /// If there is such an entry, or it cannot be created.
    fn create(&self, parent: &Self::Directory, name: &[u8]) -> Result<Self::File, StorageError>;

    /// Appends `bytes`.
    ///
    /// # Errors
    /// If they cannot be written.
    fn write(&self, file: &mut Self::File, bytes: &[u8]) -> Result<(), StorageError>;

    /// Sets the attributes and makes content and attributes durable, at the latest with the next
    /// [`sync`](Self::sync).
    ///
    /// # Errors
    /// If an attribute cannot be set or the file not be synced.
    fn finish(&self, file: Self::File, attributes: &Attributes<'_>) -> Result<(), StorageError>;

    /// Makes the symlink `name`.
    ///
    /// # Errors
    /// If there is such an entry, or it cannot be made.
    fn symlink(
        &self,
        parent: &Self::Directory,
        name: &[u8],
        target: &[u8],
        attributes: &Attributes<'_>,
    ) -> Result<(), StorageError>;

    /// Sets a directory's attributes.
    ///
    /// # Errors
    /// If one cannot be set.
    fn set_attributes(
        &self,
        directory: &Self::Directory,
        attributes: &Attributes<'_>,
    ) -> Result<(), StorageError>;

    /// Makes a directory's names and attributes durable, at the latest with the next [`sync`](Self::sync).
    ///
    /// # Errors
    /// If it cannot be synced.
    fn sync_in_tree(&self, directory: &Self::Directory) -> Result<(), StorageError>;

    /// Makes a directory's names and attributes durable now.
    ///
    /// # Errors
    /// If it cannot be synced.
    fn sync(&self, directory: &Self::Directory) -> Result<(), StorageError>;

    /// Exchanges two entries in one step.
    ///
    /// # Errors
    /// If one is missing, or they cannot be exchanged.
    fn exchange(
        &self,
        a: (&Self::Directory, &[u8]),
        b: (&Self::Directory, &[u8]),
    ) -> Result<(), StorageError>;

    /// Renames an entry in one step; a file or empty directory at the new place is replaced.
    ///
    /// # Errors
    /// If it cannot be renamed.
    fn rename(
        &self,
        from: (&Self::Directory, &[u8]),
        to: (&Self::Directory, &[u8]),
    ) -> Result<(), StorageError>;

    /// Removes an entry with all below it; that there is none is no error. No symlink is followed.
    ///
    /// # Errors
    /// If something cannot be removed.
    fn remove(&self, parent: &Self::Directory, name: &[u8]) -> Result<(), StorageError>;

    /// The content of the small file `name`, up to `limit` bytes; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is longer.
    fn load(
        &self,
        parent: &Self::Directory,
        name: &[u8],
        limit: usize,
    ) -> Result<Option<Vec<u8>>, StorageError>;

    /// Whether the directory has no entries.
    ///
    /// # Errors
    /// If it cannot be listed.
    fn is_empty(&self, directory: &Self::Directory) -> Result<bool, StorageError>;

    /// What tells the directory from all others, also after it was renamed.
    ///
    /// # Errors
    /// If it cannot be looked at.
    fn identity(&self, directory: &Self::Directory) -> Result<u64, StorageError>;
}
