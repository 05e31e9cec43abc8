use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use embedded_io::Write;

use super::{DirTreeRef, Span};
use crate::gvariant::{Counter, Writer, framed_len, minimal_width, write_array};
use crate::{Checksum, Error, Limits, Name, NameBuf};

/// A directory's entries, to be built up; always sorted, and without a name twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirTree {
    files: BTreeMap<NameBuf, Checksum>,
    dirs: BTreeMap<NameBuf, (Checksum, Checksum)>,
}

/// The directory already has an entry of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory already has an entry of that name")]
pub struct Clash;

impl DirTree {
    /// An empty directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file or symbolic link.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn insert_file(&mut self, name: Name<'_>, checksum: Checksum) -> Result<(), Clash> {
        self.check(name)?;
        self.files.insert(name.into(), checksum);
        Ok(())
    }

    /// Adds a directory: its entries and its metadata.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn insert_dir(&mut self, name: Name<'_>, tree: Checksum, meta: Checksum) -> Result<(), Clash> {
        self.check(name)?;
        self.dirs.insert(name.into(), (tree, meta));
        Ok(())
    }

    fn check(&self, name: Name<'_>) -> Result<(), Clash> {
        let taken = self.files.contains_key(name.as_str()) || self.dirs.contains_key(name.as_str());
        if taken { Err(Clash) } else { Ok(()) }
    }

    /// The files, in the order of their names.
    #[must_use]
    pub fn files(&self) -> impl ExactSizeIterator<Item = (Name<'_>, Checksum)> + Clone {
        self.files.iter().map(|(name, checksum)| (name.as_name(), *checksum))
    }

    /// The directories with their trees and metadata, in the order of their names.
    #[must_use]
    pub fn dirs(&self) -> impl ExactSizeIterator<Item = (Name<'_>, Checksum, Checksum)> + Clone {
        self.dirs.iter().map(|(name, (tree, meta))| (name.as_name(), *tree, *meta))
    }

    /// The object's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Ok(()) = self.encode_into(&mut bytes);
        bytes
    }

    /// Writes the object into a sink, such as a hash.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn encode_into<W: Write>(&self, sink: W) -> Result<(), W::Error> {
        let mut counter = Counter::default();
        let Ok(()) = self.write_files(&mut Writer::new(&mut counter));
        let files_end = counter.bytes;
        let Ok(()) = self.write_dirs(&mut Writer::new(&mut counter));
        let mut writer = Writer::new(sink);
        self.write_files(&mut writer)?;
        self.write_dirs(&mut writer)?;
        writer.offset(files_end, minimal_width(counter.bytes, 1))
    }

    fn write_files<W: Write>(&self, writer: &mut Writer<W>) -> Result<(), W::Error> {
        let body = |name: &Name<'_>| string_len(name).saturating_add(32);
        let len = |(name, _): &(Name<'_>, Checksum)| framed_len(body(name), 1);
        write_array(writer, 1, self.files(), len, |writer, (name, checksum)| {
            writer.string(name.as_str())?;
            writer.bytes(&checksum.0)?;
            writer.offset(string_len(&name), minimal_width(body(&name), 1))
        })
    }

    fn write_dirs<W: Write>(&self, writer: &mut Writer<W>) -> Result<(), W::Error> {
        let body = |name: &Name<'_>| string_len(name).saturating_add(64);
        let len = |(name, _, _): &(Name<'_>, Checksum, Checksum)| framed_len(body(name), 2);
        write_array(writer, 1, self.dirs(), len, |writer, (name, tree, meta)| {
            writer.string(name.as_str())?;
            writer.bytes(&tree.0)?;
            writer.bytes(&meta.0)?;
            let width = minimal_width(body(&name), 2);
            writer.offset(string_len(&name).saturating_add(32), width)?;
            writer.offset(string_len(&name), width)
        })
    }
}

impl From<DirTreeRef<'_>> for DirTree {
    fn from(tree: DirTreeRef<'_>) -> Self {
        Self {
            files: tree.files().map(|entry| (entry.name.into(), entry.checksum)).collect(),
            dirs: tree.dirs().map(|entry| (entry.name.into(), (entry.tree, entry.meta))).collect(),
        }
    }
}

/// The size of a name as a value of type `s`.
fn string_len(name: &Name<'_>) -> usize {
    name.as_str().len().saturating_add(1)
}

/// The bytes of a dirtree object, checked once, to be kept while walking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirTreeBuf {
    bytes: Vec<u8>,
}

impl DirTreeBuf {
    /// Checks the bytes.
    ///
    /// # Errors
    /// As [`DirTreeRef::parse`].
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Error> {
        DirTreeRef::parse_with(&bytes, limits)?;
        Ok(Self { bytes })
    }

    /// The entries; takes the same short time however many there are.
    #[must_use]
    pub fn as_ref(&self) -> DirTreeRef<'_> {
        // `parse` has opened the same bytes; the empty directory is one zero byte.
        let empty = Span::new(&[0]);
        DirTreeRef::open(Span::new(&self.bytes))
            .or_else(|_| DirTreeRef::open(empty))
            .unwrap_or_else(|_| unreachable!("the empty directory is in the normal form"))
    }

    /// The object's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
