//! What file objects say, remembered from one plan to the next.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use etc_merge::{Digest, Kind, Meta};
use ostree_objects::Checksum;
use serde::{Deserialize, Serialize};

/// What the file objects of a repository say, by their checksums.
///
/// It is never out of date, for an object is named by what it is; it only saves opening the objects. It must come
/// from where nobody else writes, for what it says is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(HashMap<Checksum, Rc<Fact>, BuildHasherDefault<Prefix>>);

/// The first bytes of a checksum as they are: it is a hash already.
#[derive(Default)]
struct Prefix(u64);

impl Hasher for Prefix {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    /// The length of a checksum, which is that of all others.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Facts in use: what an earlier walk left, and what this one met.
#[derive(Debug, Default)]
pub(super) struct Learned {
    before: Facts,
    met: Facts,
}

impl From<Facts> for Learned {
    fn from(before: Facts) -> Self {
        Self { before, met: Facts::default() }
    }
}

impl Learned {
    pub(super) fn get(&mut self, checksum: &Checksum) -> Option<Rc<Fact>> {
        if let Some(fact) = self.met.0.get(checksum) {
            return Some(Rc::clone(fact));
        }
        let fact = self.before.0.remove(checksum)?;
        self.add(*checksum, Rc::clone(&fact));
        Some(fact)
    }

    pub(super) fn add(&mut self, checksum: Checksum, fact: Rc<Fact>) {
        self.met.0.insert(checksum, fact);
    }

    /// What this walk met, whether it was known before or not: of other commits' files nothing is kept.
    pub(super) fn met(&self) -> Facts {
        self.met.clone()
    }
}

/// What one file object says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fact {
    mode: u32,
    uid: u32,
    gid: u32,
    size: u64,
    pub(super) xattrs: Option<Digest>,
    pub(super) content: FactContent,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FactContent {
    File(Digest),
    /// The target of a symbolic link.
    Symlink(Vec<u8>),
}

impl Fact {
    pub(super) const fn new(meta: Meta, xattrs: Option<Digest>, content: FactContent) -> Self {
        let Meta { mode, uid, gid, size, .. } = meta;
        Self { mode, uid, gid, size, xattrs, content }
    }

    pub(super) const fn meta(&self) -> Meta {
        let kind = match self.content {
            FactContent::File(_) => Kind::File,
            FactContent::Symlink(_) => Kind::Symlink,
        };
        Meta { mode: self.mode, uid: self.uid, gid: self.gid, size: self.size, ..Meta::new(kind) }
    }
}

impl Facts {
    /// How many objects are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Facts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_seq(self.0.iter().map(|(checksum, fact)| (Digest::from_bytes(checksum.0), &**fact)))
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The sequence says how long it is, and serde believes it only so far.
        let facts = Vec::<(Digest, Fact)>::deserialize(deserializer)?;
        Ok(Self(
            facts
                .into_iter()
                .map(|(checksum, fact)| (Checksum(*checksum.as_bytes()), Rc::new(fact)))
                .collect(),
        ))
    }
}
