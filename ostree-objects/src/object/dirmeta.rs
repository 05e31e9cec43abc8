use embedded_io::Write;

use super::{S_IFDIR, XattrsRef, metadata_span};
use crate::gvariant::{Span, Tuple, Writer};
use crate::{Error, ErrorKind, Limits};

/// A directory's owner, mode and extended attributes: `(uuua(ayay))`, numbers in big-endian order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirMetaRef<'a> {
    owner: Owner,
    xattrs: XattrsRef<'a>,
}

/// The numbers that dirmeta, file header and `user.ostreemeta` start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
}

impl Owner {
    /// Reads `(uuua(ayay))`, whatever the mode's type.
    pub(crate) fn read(span: Span<'_>) -> Result<(Self, XattrsRef<'_>), Error> {
        let mut tuple = Tuple::new(span, 0)?;
        let owner = Self { uid: tuple.be_u32()?, gid: tuple.be_u32()?, mode: tuple.be_u32()? };
        let xattrs = XattrsRef::from_span(tuple.last(1)?)?;
        Ok((owner, xattrs))
    }
}

/// Writes `(uuua(ayay))`.
pub(crate) fn write_owner<W: Write>(sink: W, owner: Owner, xattrs: &XattrsRef<'_>) -> Result<(), W::Error> {
    let mut writer = Writer::new(sink);
    for number in [owner.uid, owner.gid, owner.mode] {
        writer.be_u32(number)?;
    }
    xattrs.write(&mut writer)
}

/// Where the mode is in `(uuua(ayay))`.
const MODE_OFFSET: usize = 8;

impl<'a> DirMetaRef<'a> {
    /// Metadata from its parts; `mode` is the permission bits, with or without the type.
    ///
    /// # Errors
    /// If `mode` has other bits than 07777 and those of a directory.
    pub const fn new(uid: u32, gid: u32, mode: u32, xattrs: XattrsRef<'a>) -> Result<Self, Error> {
        let full = mode | S_IFDIR;
        if full & !(S_IFDIR | 0o7777) != 0 {
            return Err(Error { kind: ErrorKind::Mode { mode }, offset: MODE_OFFSET });
        }
        Ok(Self { owner: Owner { uid, gid, mode: full }, xattrs })
    }

    /// Reads a dirmeta object.
    ///
    /// # Errors
    /// If it is not in the normal form, larger than the default limit, not a directory's, or its extended
    /// attributes are not canonical.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::parse_with(bytes, &Limits::DEFAULT)
    }

    /// Like [`parse`](Self::parse) with other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let (owner, xattrs) = Owner::read(metadata_span(bytes, limits)?)?;
        if owner.mode & !0o7777 != S_IFDIR {
            return Err(Error { kind: ErrorKind::Mode { mode: owner.mode }, offset: MODE_OFFSET });
        }
        Ok(Self { owner, xattrs })
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

    /// The mode with the type bits, such as `0o040_755`.
    #[must_use]
    pub const fn mode(&self) -> u32 {
        self.owner.mode
    }

    /// The extended attributes.
    #[must_use]
    pub const fn xattrs(&self) -> XattrsRef<'a> {
        self.xattrs
    }

    /// Writes the object.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn encode<W: Write>(&self, sink: W) -> Result<(), W::Error> {
        write_owner(sink, self.owner, &self.xattrs)
    }
}

/// An owned [`DirMetaRef`].
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirMeta {
    owner: Owner,
    xattrs: super::Xattrs,
}

#[cfg(feature = "alloc")]
impl DirMeta {
    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> DirMetaRef<'_> {
        DirMetaRef { owner: self.owner, xattrs: self.xattrs.as_ref() }
    }

    /// The object's bytes.
    #[must_use]
    pub fn encode(&self) -> alloc::vec::Vec<u8> {
        let mut bytes = alloc::vec::Vec::new();
        let Ok(()) = self.as_ref().encode(&mut bytes);
        bytes
    }
}

#[cfg(feature = "alloc")]
impl From<DirMetaRef<'_>> for DirMeta {
    fn from(meta: DirMetaRef<'_>) -> Self {
        Self { owner: meta.owner, xattrs: meta.xattrs.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_directory() {
        let parse = |mode: u32| {
            let mut bytes = [0; 12];
            bytes[8..].copy_from_slice(&mode.to_be_bytes());
            DirMetaRef::parse(&bytes).map(|meta| meta.mode())
        };
        assert_eq!(parse(0o041_777), Ok(0o041_777));
        for mode in [0o100_644, 0o755, 0o240_755, 0] {
            assert_eq!(parse(mode), Err(Error { kind: ErrorKind::Mode { mode }, offset: 8 }), "{mode:o}");
        }
        assert_eq!(
            DirMetaRef::parse(&[0; 11]),
            Err(Error { kind: ErrorKind::Truncated { needed: 4, available: 3 }, offset: 8 })
        );
    }
}
