use embedded_io::Write;

use super::{Owner, S_IFLNK, S_IFMT, S_IFREG, XattrsRef};
use crate::gvariant::{Span, Tuple, Writer, framed_len, minimal_width};
use crate::limits::{MAX_FILE_HEADER_BYTES, MAX_SYMLINK_BYTES};
use crate::{Error, ErrorKind};

/// Bytes of the frame before a header: its size as a big-endian number, and four zero bytes.
pub(crate) const FRAME_BYTES: usize = 8;

/// What a file object says before its content: owner, mode, symbolic link's target and extended attributes.
///
/// As `(uuuusa(ayay))` it is what the object's checksum starts with; as `(tuuuusa(ayay))`, with the content's
/// size before it, it is what a `.filez` starts with (`ostree-core.c`, `_ostree_file_header_new` and
/// `_ostree_zlib_file_header_new`). Numbers are in big-endian order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeaderRef<'a> {
    owner: Owner,
    target: &'a str,
    xattrs: XattrsRef<'a>,
}

impl<'a> FileHeaderRef<'a> {
    /// The header of a regular file; `mode` with its type bits, such as `0o100_644`.
    ///
    /// # Errors
    /// If the mode is not a regular file's.
    pub fn regular(uid: u32, gid: u32, mode: u32, xattrs: XattrsRef<'a>) -> Result<Self, Error> {
        Self::check(Owner { uid, gid, mode }, "", xattrs, 0)
    }

    /// The header of a symbolic link.
    ///
    /// # Errors
    /// If the target is empty or too long.
    pub fn symlink(uid: u32, gid: u32, target: &'a str, xattrs: XattrsRef<'a>) -> Result<Self, Error> {
        Self::check(Owner { uid, gid, mode: S_IFLNK | 0o777 }, target, xattrs, 0)
    }

    /// Reads `(uuuusa(ayay))` without its frame.
    ///
    /// # Errors
    /// If it is not in the normal form, or describes what no file object can be.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let span = Span::new(bytes);
        Self::read(Tuple::new(span, 1)?, 0)
    }

    pub(crate) fn read(mut tuple: Tuple<'a>, at: usize) -> Result<Self, Error> {
        let owner = Owner { uid: tuple.be_u32()?, gid: tuple.be_u32()?, mode: tuple.be_u32()? };
        let rdev = tuple.be_u32()?;
        if rdev != 0 {
            return Err(Error { kind: ErrorKind::DeviceNumber { rdev }, offset: at + 12 });
        }
        let target = tuple.variable(1)?.string()?;
        let xattrs = XattrsRef::from_span(tuple.last(1)?)?;
        Self::check(owner, target, xattrs, at)
    }

    fn check(owner: Owner, target: &'a str, xattrs: XattrsRef<'a>, at: usize) -> Result<Self, Error> {
        let kind = owner.mode & S_IFMT;
        if owner.mode & !(S_IFMT | 0o7777) != 0 || (kind != S_IFREG && kind != S_IFLNK) {
            return Err(Error { kind: ErrorKind::Mode { mode: owner.mode }, offset: at + 8 });
        }
        let bytes = target.len();
        let legal = if kind == S_IFLNK { (1..=MAX_SYMLINK_BYTES).contains(&bytes) } else { bytes == 0 };
        if !legal || target.contains('\0') {
            return Err(Error { kind: ErrorKind::SymlinkTarget { bytes }, offset: at + 16 });
        }
        Ok(Self { owner, target, xattrs })
    }

    /// The owner.
    #[must_use]
    pub const fn uid(&self) -> u32 {
        self.owner.uid
    }

    /// The group.
    #[must_use]
    pub const fn gid(&self) -> u32 {
        self.owner.gid
    }

    /// The mode with the type bits.
    #[must_use]
    pub const fn mode(&self) -> u32 {
        self.owner.mode
    }

    /// The target, if this is a symbolic link.
    #[must_use]
    pub fn symlink_target(&self) -> Option<&'a str> {
        (self.owner.mode & S_IFMT == S_IFLNK).then_some(self.target)
    }

    /// The extended attributes.
    #[must_use]
    pub const fn xattrs(&self) -> XattrsRef<'a> {
        self.xattrs
    }

    /// What a commit lists as such an object's size ([`ObjectSize::unpacked`](crate::ObjectSize)), with `content` bytes of
    /// content: a symbolic link has those of its target instead.
    #[must_use]
    pub fn unpacked_size(&self, content: u64) -> u64 {
        match self.symlink_target() {
            Some(target) => u64::try_from(target.len()).unwrap_or(u64::MAX),
            None => content,
        }
    }

    /// Writes the header with its frame, as the object's checksum starts.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn encode_framed<W: Write>(&self, mut sink: W) -> Result<(), W::Error> {
        let len = u32::try_from(self.len(0)).unwrap_or(u32::MAX);
        sink.write_all(&len.to_be_bytes())?;
        sink.write_all(&[0; 4])?;
        self.encode_members(0, &mut Writer::new(sink))
    }

    /// Writes the header of a `.filez` with its frame, for content of `size` bytes.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn encode_filez<W: Write>(&self, size: u64, mut sink: W) -> Result<(), W::Error> {
        let len = u32::try_from(self.len(8)).unwrap_or(u32::MAX);
        sink.write_all(&len.to_be_bytes())?;
        sink.write_all(&[0; 4])?;
        let mut writer = Writer::new(sink);
        writer.bytes(&size.to_be_bytes())?;
        self.encode_members(8, &mut writer)
    }

    /// The header's size without its frame, after `before` bytes of other members.
    fn len(&self, before: usize) -> usize {
        framed_len(self.body_len(before), 1)
    }

    fn body_len(&self, before: usize) -> usize {
        before + 16 + self.target.len() + 1 + self.xattrs.as_bytes().len()
    }

    fn encode_members<W: Write>(&self, before: usize, writer: &mut Writer<W>) -> Result<(), W::Error> {
        for number in [self.owner.uid, self.owner.gid, self.owner.mode, 0] {
            writer.be_u32(number)?;
        }
        writer.string(self.target)?;
        self.xattrs.write(writer)?;
        let string_end = before + 16 + self.target.len() + 1;
        writer.offset(string_end, minimal_width(self.body_len(before), 1))
    }
}

/// The framed header at the start of a `.filez`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilezHeaderRef<'a> {
    /// The content's size in bytes, before compression; 0 for a symbolic link.
    pub size: u64,
    /// What the object's checksum starts with.
    pub file: FileHeaderRef<'a>,
}

impl<'a> FilezHeaderRef<'a> {
    /// How many bytes the header has after its frame of eight.
    ///
    /// # Errors
    /// If the frame is malformed, or announces more than the limit.
    pub fn len_from_frame(frame: [u8; FRAME_BYTES]) -> Result<usize, Error> {
        let [a, b, c, d, padding @ ..] = frame;
        if let Some(&value) = padding.iter().find(|byte| **byte != 0) {
            return Err(Error { kind: ErrorKind::Padding { value }, offset: 4 });
        }
        let actual = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if actual > MAX_FILE_HEADER_BYTES {
            let kind = ErrorKind::TooLarge { limit: MAX_FILE_HEADER_BYTES, actual };
            return Err(Error { kind, offset: 0 });
        }
        Ok(actual)
    }

    /// Reads `(tuuuusa(ayay))` without its frame.
    ///
    /// # Errors
    /// As [`FileHeaderRef::parse`]; a symbolic link has no content.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut tuple = Tuple::new(Span::new(bytes), 1)?;
        let size = tuple.be_u64()?;
        let file = FileHeaderRef::read(tuple, 8)?;
        if file.symlink_target().is_some() && size != 0 {
            return Err(Error { kind: ErrorKind::SymlinkContent { bytes: size }, offset: 0 });
        }
        Ok(Self { size, file })
    }
}

/// An owned [`FileHeaderRef`].
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHeader {
    owner: Owner,
    target: alloc::string::String,
    xattrs: super::Xattrs,
}

#[cfg(feature = "alloc")]
impl FileHeader {
    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> FileHeaderRef<'_> {
        FileHeaderRef { owner: self.owner, target: &self.target, xattrs: self.xattrs.as_ref() }
    }
}

#[cfg(feature = "alloc")]
impl From<FileHeaderRef<'_>> for FileHeader {
    fn from(header: FileHeaderRef<'_>) -> Self {
        Self { owner: header.owner, target: header.target.into(), xattrs: header.xattrs.into() }
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_header_without_attributes_has_the_bytes_that_ostree_writes() {
        // ostree 2022.7: a `.filez` of a 5-byte file 0644 root:root starts with these bytes.
        let header = FileHeaderRef::regular(0, 0, 0o100_644, XattrsRef::EMPTY).unwrap();
        let mut bytes = Vec::new();
        header.encode_filez(5, &mut bytes).unwrap();
        let mut expected = hex_literal::hex!("0000001a 00000000 0000000000000005 00000000 00000000").to_vec();
        expected.extend(hex_literal::hex!("000081a4 00000000 00 19"));
        assert_eq!(bytes, expected);
        let parsed = FilezHeaderRef::parse(&bytes[8..]).unwrap();
        assert_eq!((parsed.size, parsed.file), (5, header));
        assert_eq!(FilezHeaderRef::len_from_frame(bytes[..8].try_into().unwrap()), Ok(26));
    }

    #[test]
    fn refuses_what_no_file_object_can_be() {
        let kind = |result: Result<FileHeaderRef<'_>, Error>| result.unwrap_err().kind;
        let regular = |mode| FileHeaderRef::regular(0, 0, mode, XattrsRef::EMPTY);
        assert_eq!(kind(regular(0o040_755)), ErrorKind::Mode { mode: 0o040_755 });
        assert_eq!(kind(regular(0o020_644)), ErrorKind::Mode { mode: 0o020_644 });
        let long = "x".repeat(MAX_SYMLINK_BYTES + 1);
        let link = |target| FileHeaderRef::symlink(0, 0, target, XattrsRef::EMPTY);
        assert_eq!(kind(link("")), ErrorKind::SymlinkTarget { bytes: 0 });
        assert_eq!(kind(link(&long)), ErrorKind::SymlinkTarget { bytes: 4096 });
        assert_eq!(link(&long[1..]).map(|header| header.mode()), Ok(0o120_777));
    }
}
