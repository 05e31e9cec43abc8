//! The first pass: every member hashed, JSON kept, nothing else.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use sha2::Digest as _;

use super::error::{ArchiveError, ArchiveErrorKind};
use super::tar::{BLOCK, Header, Kind, Pending, link_target, safe_path};
use super::{MAX_JSON_BYTES, MAX_JSON_MEMBER_BYTES, MAX_MEMBERS, MAX_PATH_BYTES, MAX_TAIL_BYTES};
use crate::digest::Sha256;

/// What is known of a member after it was read.
#[derive(Clone, Debug)]
pub(super) enum Member {
    Directory,
    /// A path within the archive.
    Link(String),
    File(File),
}

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) at_bytes: u64,
    pub(super) digest: Sha256,
    pub(super) size: u64,
    /// The content, if the name or the first byte says that it may be JSON and it is short.
    pub(super) json: Option<Vec<u8>>,
}

/// What is read now.
#[derive(Debug)]
enum State {
    Header,
    Content {
        header: Header,
        left: u64,
        hasher: sha2::Sha256,
        kept: Option<Vec<u8>>,
        at: u64,
    },
    Padding {
        left: usize,
    },
    /// One block of zeros was read.
    FirstZero,
    End,
}

/// Reads an archive as its bytes come in.
#[derive(Debug)]
pub struct Reader {
    state: State,
    block: Vec<u8>,
    pending: Pending,
    hasher: sha2::Sha256,
    /// Bytes read.
    pub(super) len: u64,
    /// Where the content of the last file ends.
    pub(super) content_end: u64,
    json_bytes: u64,
    pub(super) members: BTreeMap<String, Member>,
    failed: Option<ArchiveError>,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// Nothing is read yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Header,
            block: Vec::new(),
            pending: Pending::default(),
            hasher: sha2::Sha256::new(),
            len: 0,
            content_end: 0,
            json_bytes: 0,
            members: BTreeMap::new(),
            failed: None,
        }
    }

    /// Takes the next bytes of the archive.
    ///
    /// # Errors
    /// As soon as something is wrong, and then again at every later call.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), ArchiveError> {
        while !bytes.is_empty() {
            if let Some(error) = self.failed {
                return Err(error);
            }
            let taken = match self.step(bytes) {
                Ok(taken) => taken,
                Err(error) => return Err(*self.failed.get_or_insert(error)),
            };
            let (done, rest) = bytes.split_at(taken);
            self.hasher.update(done);
            self.len = self.len.saturating_add(u64::try_from(done.len()).unwrap_or(u64::MAX));
            bytes = rest;
        }
        Ok(())
    }

    /// Bytes read so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was read yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The digest of all bytes, once the archive has ended.
    pub(super) fn end(&mut self) -> Result<Sha256, ArchiveError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !matches!(self.state, State::End) {
            return Err(ArchiveError::new(self.len, "archive", ArchiveErrorKind::CutOff));
        }
        self.check_tail(self.len)?;
        Ok(Sha256::from_bytes(core::mem::take(&mut self.hasher).finalize().into()))
    }

    /// Works on a part of `bytes`, and returns how many.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, ArchiveError> {
        match &mut self.state {
            State::Header | State::FirstZero => {
                let missing = BLOCK - self.block.len();
                let part = bytes.get(..missing).unwrap_or(bytes);
                self.block.extend_from_slice(part);
                if let Ok(block) = <[u8; BLOCK]>::try_from(self.block.as_slice()) {
                    self.block.clear();
                    let read = u64::try_from(part.len()).unwrap_or(u64::MAX);
                    let at = self.len.saturating_add(read).saturating_sub(512);
                    self.header(&block, at)?;
                }
                Ok(part.len())
            }
            State::Content { left, hasher, kept, .. } => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let part = bytes.get(..most).unwrap_or(bytes);
                hasher.update(part);
                // A short member that begins like JSON is kept; names say nothing in the new form.
                if let Some(kept) = kept {
                    kept.extend_from_slice(part);
                }
                *left = left.saturating_sub(u64::try_from(part.len()).unwrap_or(u64::MAX));
                if *left == 0 {
                    let end = self.len.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
                    self.close(end)?;
                }
                Ok(part.len())
            }
            State::Padding { left } => {
                let part = bytes.get(..*left).unwrap_or(bytes);
                *left -= part.len();
                if *left == 0 {
                    self.state = State::Header;
                }
                Ok(part.len())
            }
            State::End => {
                let zeros = bytes.iter().position(|&byte| byte != 0);
                let read = u64::try_from(zeros.unwrap_or(bytes.len())).unwrap_or(u64::MAX);
                let end = self.len.saturating_add(read);
                self.check_tail(end)?;
                // Where the byte is, however the archive comes in.
                zeros.map_or(Ok(bytes.len()), |_| {
                    Err(ArchiveError::new(end, "archive", ArchiveErrorKind::Trailing))
                })
            }
        }
    }

    /// Whether an archive that ends at `end` has too much behind its last file.
    fn check_tail(&self, end: u64) -> Result<(), ArchiveError> {
        if end.saturating_sub(self.content_end) > MAX_TAIL_BYTES {
            let kind = ArchiveErrorKind::LongTail { limit: MAX_TAIL_BYTES };
            return Err(ArchiveError::new(self.content_end, "archive", kind));
        }
        Ok(())
    }

    fn header(&mut self, block: &[u8; BLOCK], at: u64) -> Result<(), ArchiveError> {
        let wrong = |name: &str, kind| Err(ArchiveError::new(at, name, kind));
        let header = match Header::read(block) {
            Ok(header) => header,
            Err(kind) => return wrong("header", kind),
        };
        let Some(mut header) = header else {
            self.state = if matches!(self.state, State::FirstZero) { State::End } else { State::FirstZero };
            return Ok(());
        };
        if matches!(self.state, State::FirstZero) {
            return wrong("archive", ArchiveErrorKind::Trailing);
        }
        if !matches!(header.kind, Kind::Extension(_)) {
            header.extend(core::mem::take(&mut self.pending));
        } else if header.size > 4 * u64::try_from(MAX_PATH_BYTES).unwrap_or(u64::MAX) {
            return wrong("header", ArchiveErrorKind::LongPath);
        }
        let kept = (header.size <= MAX_JSON_MEMBER_BYTES).then(Vec::new);
        let left = header.size;
        self.state = State::Content { header, left, hasher: sha2::Sha256::new(), kept, at };
        if left == 0 { self.close(at.saturating_add(512)) } else { Ok(()) }
    }

    /// The content of a member is complete; it ends at `end`.
    fn close(&mut self, end: u64) -> Result<(), ArchiveError> {
        let State::Content { header, hasher, kept, at, .. } =
            core::mem::replace(&mut self.state, State::Header)
        else {
            return Ok(());
        };
        let over = usize::try_from(header.size % 512).unwrap_or(0);
        if over > 0 {
            self.state = State::Padding { left: BLOCK - over };
        }
        let failed = |name: &str, kind| ArchiveError::new(at, name, kind);
        if let Kind::Extension(extension) = header.kind {
            let content = kept.unwrap_or_default();
            return self.pending.read(extension, &content).map_err(|kind| failed("header", kind));
        }
        let printable = String::from_utf8_lossy(&header.name);
        if header.name.len() > MAX_PATH_BYTES || header.link.len() > MAX_PATH_BYTES {
            return Err(failed(&printable, ArchiveErrorKind::LongPath));
        }
        let name = safe_path(&header.name).ok_or_else(|| failed(&printable, ArchiveErrorKind::UnsafePath))?;
        let member = match header.kind {
            Kind::Symlink => {
                let target = link_target(&name, &header.link);
                Member::Link(target.ok_or_else(|| failed(&name, ArchiveErrorKind::BadLink))?)
            }
            Kind::Hardlink => {
                let target = safe_path(&header.link);
                Member::Link(target.ok_or_else(|| failed(&name, ArchiveErrorKind::BadLink))?)
            }
            Kind::File => {
                self.content_end = end;
                let like_json = |bytes: &Vec<u8>| {
                    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
                    matches!(first, Some(b'{' | b'['))
                };
                let json = kept.filter(like_json);
                if json.is_none() && header.size > MAX_JSON_MEMBER_BYTES && has_json_name(&name) {
                    return Err(failed(&name, ArchiveErrorKind::LargeJson { bytes: header.size }));
                }
                if json.is_some() {
                    self.json_bytes = self.json_bytes.saturating_add(header.size);
                    if self.json_bytes > MAX_JSON_BYTES {
                        return Err(failed(&name, ArchiveErrorKind::TooMuchJson));
                    }
                }
                let digest = Sha256::from_bytes(hasher.finalize().into());
                Member::File(File { at_bytes: at, digest, size: header.size, json })
            }
            Kind::Directory | Kind::Extension(_) => Member::Directory,
        };
        if self.members.len() >= MAX_MEMBERS {
            return Err(failed(&name, ArchiveErrorKind::TooManyMembers));
        }
        let directory = matches!(member, Member::Directory);
        match self.members.insert(name.clone(), member) {
            None => Ok(()),
            Some(Member::Directory) if directory => Ok(()),
            Some(_) => Err(failed(&name, ArchiveErrorKind::Duplicate)),
        }
    }
}

fn has_json_name(name: &str) -> bool {
    name.ends_with(".json") || matches!(name.rsplit('/').next(), Some("json" | "repositories" | "oci-layout"))
}
