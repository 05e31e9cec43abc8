//! Headers of tar: POSIX.1-2001 `ustar` and `pax`, and GNU's long names.

use alloc::string::String;
use alloc::vec::Vec;

use super::error::ArchiveErrorKind;

pub(super) const BLOCK: usize = 512;

/// What a header announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    Hardlink,
    /// Its content belongs to the next header.
    Extension(Extension),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    Pax,
    /// For all that follow: only comments are let through.
    PaxGlobal,
    LongName,
    LongLink,
}

#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) size: u64,
}

/// What an extended header said about the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
}

fn field(block: &[u8; BLOCK], start: usize, len: usize) -> &[u8] {
    block.get(start..start + len).unwrap_or_default()
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}

/// Octal digits, or base 256 if the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    let (&first, rest) = field.split_first()?;
    if first == 0x80 {
        return rest.iter().try_fold(0_u64, |sum, &b| sum.checked_mul(256)?.checked_add(b.into()));
    }
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0_u64, |sum, &b| {
        if !(b'0'..=b'7').contains(&b) {
            return None;
        }
        sum.checked_mul(8)?.checked_add((b - b'0').into())
    })
}

impl Header {
    /// `None` is a block of zeros.
    pub(super) fn read(block: &[u8; BLOCK]) -> Result<Option<Self>, ArchiveErrorKind> {
        if block.iter().all(|&b| b == 0) {
            return Ok(None);
        }
        let stored = number(field(block, 148, 8)).ok_or(ArchiveErrorKind::Header)?;
        let blank = |index: usize, byte: u8| if (148..156).contains(&index) { b' ' } else { byte };
        let sum: u64 = block.iter().enumerate().map(|(index, &byte)| u64::from(blank(index, byte))).sum();
        if stored != sum {
            return Err(ArchiveErrorKind::Checksum);
        }
        let kind = match block.get(156).copied().unwrap_or_default() {
            0 | b'0' | b'7' => Kind::File,
            b'1' => Kind::Hardlink,
            b'2' => Kind::Symlink,
            b'5' => Kind::Directory,
            b'x' => Kind::Extension(Extension::Pax),
            b'g' => Kind::Extension(Extension::PaxGlobal),
            b'L' => Kind::Extension(Extension::LongName),
            b'K' => Kind::Extension(Extension::LongLink),
            other => return Err(ArchiveErrorKind::MemberType(other)),
        };
        let mut name = Vec::new();
        // GNU's own headers use the prefix for something else.
        let prefix = text(field(block, 345, 155));
        if field(block, 257, 6) == b"ustar\0" && !prefix.is_empty() {
            name.extend_from_slice(prefix);
            name.push(b'/');
        }
        name.extend_from_slice(text(field(block, 0, 100)));
        let size = number(field(block, 124, 12)).ok_or(ArchiveErrorKind::Header)?;
        // What is no file or extension has no content, whatever the field says.
        let size = if matches!(kind, Kind::File | Kind::Extension(_)) { size } else { 0 };
        Ok(Some(Self { kind, name, link: text(field(block, 157, 100)).to_vec(), size }))
    }

    /// Takes over what extended headers said.
    pub(super) fn extend(&mut self, pending: Pending) {
        if let Some(name) = pending.name {
            self.name = name;
        }
        if let Some(link) = pending.link {
            self.link = link;
        }
        if let (Some(size), Kind::File) = (pending.size, self.kind) {
            self.size = size;
        }
    }
}

impl Pending {
    pub(super) fn read(&mut self, kind: Extension, content: &[u8]) -> Result<(), ArchiveErrorKind> {
        match kind {
            Extension::LongName => self.name = Some(text(content).to_vec()),
            Extension::LongLink => self.link = Some(text(content).to_vec()),
            Extension::Pax | Extension::PaxGlobal => {
                for (key, value) in records(content).ok_or(ArchiveErrorKind::Header)? {
                    match (key, kind) {
                        (b"path" | b"linkpath" | b"size", Extension::PaxGlobal) => {
                            return Err(ArchiveErrorKind::Header);
                        }
                        (b"path", _) => self.name = Some(value.to_vec()),
                        (b"linkpath", _) => self.link = Some(value.to_vec()),
                        (b"size", _) => {
                            let size = str::from_utf8(value).ok().filter(|t| !t.starts_with('+'));
                            let size = size.and_then(|text| text.parse().ok());
                            self.size = Some(size.ok_or(ArchiveErrorKind::Header)?);
                        }
                        // Sparse files would have other content than is stored.
                        (key, _) if key.starts_with(b"GNU.sparse") => return Err(ArchiveErrorKind::Header),
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }
}

/// `LENGTH KEY=VALUE\n`, the length counting all of it.
fn records(mut content: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut records = Vec::new();
    while !content.is_empty() {
        let blank = content.iter().position(|&b| b == b' ')?;
        let digits = str::from_utf8(content.get(..blank)?).ok().filter(|text| !text.starts_with('+'))?;
        let len: usize = digits.parse().ok()?;
        let (record, rest) = content.split_at_checked(len)?;
        let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|&b| b == b'=')?;
        records.push((record.get(..equals)?, record.get(equals + 1..)?));
        content = rest;
    }
    Some(records)
}

/// The path of a member without `./` and a `/` at its end; nothing if it is not safe.
pub(super) fn safe_path(bytes: &[u8]) -> Option<String> {
    let text = str::from_utf8(bytes).ok()?;
    let text = text.strip_suffix('/').unwrap_or(text);
    let text = text.strip_prefix("./").unwrap_or(text);
    let good = |part: &str| !matches!(part, "" | "." | "..");
    let safe = text == "." || text.split('/').all(good);
    (safe && !text.contains(['\0', '\\'])).then(|| String::from(text))
}

/// Where a link in `member` leads to; nothing if that is outside of the archive.
pub(super) fn link_target(member: &str, link: &[u8]) -> Option<String> {
    let link = str::from_utf8(link).ok().filter(|link| !link.starts_with('/') && !link.is_empty())?;
    let mut parts: Vec<&str> = member.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
