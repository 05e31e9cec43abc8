use core::cmp::Ordering;

use super::metadata_span;
use crate::gvariant::{Array, Span, Tuple};
use crate::{Checksum, Error, ErrorKind, Limits, Name};

#[cfg(feature = "alloc")]
mod owned;
#[cfg(feature = "alloc")]
pub use owned::{Clash, DirTree, DirTreeBuf};

/// A directory's entries: `(a(say)a(sayay))`, files and then directories.
///
/// Parsing checks every entry, so that the iterators need not fail: each name is a [`Name`], each list is in
/// strictly increasing order, and no name is in both. libostree accepts unsorted, repeated and clashing names.
#[derive(Clone, Copy, Debug)]
pub struct DirTreeRef<'a> {
    files: Array<'a>,
    dirs: Array<'a>,
}

/// A regular file or symbolic link in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEntry<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// The file object.
    pub checksum: Checksum,
}

/// A directory in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// Its name.
    pub name: Name<'a>,
    /// The dirtree object: its entries.
    pub tree: Checksum,
    /// The dirmeta object: its owner and mode.
    pub meta: Checksum,
}

impl<'a> DirTreeRef<'a> {
    /// Reads a dirtree object.
    ///
    /// # Errors
    /// If it is not in the normal form, larger than the default limit, or a name breaks a rule.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::parse_with(bytes, &Limits::DEFAULT)
    }

    /// Like [`parse`](Self::parse) with other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let tree = Self::open(metadata_span(bytes, limits)?)?;
        check_order(&tree.files, |span| read_file(span).map(|entry| entry.name))?;
        check_order(&tree.dirs, |span| read_dir(span).map(|entry| entry.name))?;
        tree.check_clashes()?;
        Ok(tree)
    }

    /// Finds the two arrays, without a look at the entries.
    fn open(span: Span<'a>) -> Result<Self, Error> {
        let mut tuple = Tuple::new(span, 1)?;
        let files = Array::new(tuple.variable(1)?, 1)?;
        let dirs = Array::new(tuple.last(1)?, 1)?;
        Ok(Self { files, dirs })
    }

    /// Both lists are sorted: one pass finds a name that is in both.
    fn check_clashes(&self) -> Result<(), Error> {
        let (mut file, mut dir) = (0, 0);
        while file < self.files.len() && dir < self.dirs.len() {
            let span = self.dirs.get(dir)?;
            match read_file(self.files.get(file)?)?.name.cmp(&read_dir(span)?.name) {
                Ordering::Less => file += 1,
                Ordering::Greater => dir += 1,
                Ordering::Equal => return Err(span.error(0, ErrorKind::Clash)),
            }
        }
        Ok(())
    }

    /// The files and symbolic links, in the order of their names.
    #[must_use]
    pub fn files(&self) -> impl ExactSizeIterator<Item = FileEntry<'a>> + use<'a> {
        Entries { array: self.files, read: read_file, next: 0 }
    }

    /// The directories, in the order of their names.
    #[must_use]
    pub fn dirs(&self) -> impl ExactSizeIterator<Item = DirEntry<'a>> + use<'a> {
        Entries { array: self.dirs, read: read_dir, next: 0 }
    }

    /// File number `index`, in the order of the names.
    #[must_use]
    pub fn file_at(&self, index: usize) -> Option<FileEntry<'a>> {
        entry(&self.files, read_file, index)
    }

    /// Directory number `index`, in the order of the names.
    #[must_use]
    pub fn dir_at(&self, index: usize) -> Option<DirEntry<'a>> {
        entry(&self.dirs, read_dir, index)
    }

    /// The file with that name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<FileEntry<'a>> {
        self.file_at(search(&self.files, name, |span| read_file(span).map(|entry| entry.name))?)
    }

    /// The directory with that name.
    #[must_use]
    pub fn dir(&self, name: &str) -> Option<DirEntry<'a>> {
        self.dir_at(search(&self.dirs, name, |span| read_dir(span).map(|entry| entry.name))?)
    }
}

/// Entries that were checked when the object was parsed.
struct Entries<'a, T> {
    array: Array<'a>,
    read: fn(Span<'a>) -> Result<T, Error>,
    next: usize,
}

impl<T> Iterator for Entries<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let entry = entry(&self.array, self.read, self.next)?;
        self.next += 1;
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.array.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl<T> ExactSizeIterator for Entries<'_, T> {}

fn entry<'a, T>(array: &Array<'a>, read: fn(Span<'a>) -> Result<T, Error>, index: usize) -> Option<T> {
    if index >= array.len() {
        return None;
    }
    array.get(index).and_then(read).ok()
}

fn search<'a>(
    array: &Array<'a>,
    name: &str,
    read: impl Fn(Span<'a>) -> Result<Name<'a>, Error>,
) -> Option<usize> {
    let (mut low, mut high) = (0, array.len());
    while low < high {
        let middle = low.midpoint(high);
        match read(array.get(middle).ok()?).ok()?.as_str().cmp(name) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Some(middle),
        }
    }
    None
}

fn check_order<'a>(
    array: &Array<'a>,
    name: impl Fn(Span<'a>) -> Result<Name<'a>, Error>,
) -> Result<(), Error> {
    let mut previous = None;
    for index in 0..array.len() {
        let span = array.get(index)?;
        let name = name(span)?;
        if previous >= Some(name) {
            return Err(span.error(0, ErrorKind::Order));
        }
        previous = Some(name);
    }
    Ok(())
}

fn read_name<'a>(tuple: &mut Tuple<'a>) -> Result<Name<'a>, Error> {
    let span = tuple.variable(1)?;
    Name::new(span.string()?).map_err(|rule| span.error(0, ErrorKind::Name(rule)))
}

/// `(say)`
fn read_file(span: Span<'_>) -> Result<FileEntry<'_>, Error> {
    let mut tuple = Tuple::new(span, 1)?;
    let name = read_name(&mut tuple)?;
    let checksum = tuple.last(1)?.checksum()?;
    Ok(FileEntry { name, checksum })
}

/// `(sayay)`
fn read_dir(span: Span<'_>) -> Result<DirEntry<'_>, Error> {
    let mut tuple = Tuple::new(span, 2)?;
    let name = read_name(&mut tuple)?;
    let tree = tuple.variable(1)?.checksum()?;
    let meta = tuple.last(1)?.checksum()?;
    Ok(DirEntry { name, tree, meta })
}
