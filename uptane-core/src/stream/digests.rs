//! The hashes and signature checks in progress while a document passes.

use sha2::Digest;

use super::MAX_STREAMED_SIGNATURES;
use crate::json::reader::Output;
use crate::key::PublicKey;
use crate::metadata::{Hashes, MetaFile};

/// Length and hashes of one sequence of bytes: only the hashes that are asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    length: u64,
    pub(super) sha256: Option<sha2::Sha256>,
    sha512: Option<sha2::Sha512>,
}

impl Sum {
    /// The hashes that `named` gives; SHA-256 in any case if it is to witness a second pass.
    pub(super) fn asked(named: Option<MetaFile>, witness: bool) -> Self {
        let hashes = named.map_or_else(Hashes::default, |named| named.hashes);
        Self {
            length: 0,
            sha256: (witness || hashes.sha256.is_some()).then(sha2::Sha256::new),
            sha512: hashes.sha512.map(|_| sha2::Sha512::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if let Some(hash) = &mut self.sha256 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.sha512 {
            hash.update(bytes);
        }
    }

    /// The length, and what of `hashes` differs.
    pub(super) fn check(self, hashes: Hashes) -> (u64, Result<(), &'static str>) {
        let length = self.length;
        let sha256 = self.sha256.map(|hash| hash.finalize().into());
        let sha512 = self.sha512.map(|hash| hash.finalize().into());
        let result = if hashes.sha256.is_some() && hashes.sha256 != sha256 {
            Err("sha256")
        } else if hashes.sha512.is_some() && hashes.sha512 != sha512 {
            Err("sha512")
        } else {
            Ok(())
        };
        (length, result)
    }
}

/// A signature by one of the role's keys. Only Ed25519 takes the message in pieces; keys and signatures of other
/// kinds would be four times as large, and there are [`MAX_STREAMED_SIGNATURES`] of them.
pub(super) struct Candidate {
    pub(super) key: [u8; 32],
    signature: [u8; 64],
    state: Option<ed25519_compact::VerifyingState>,
}

impl core::fmt::Debug for Candidate {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_tuple("Candidate").field(&PublicKey::Ed25519(self.key)).finish()
    }
}

impl Candidate {
    /// Begins to check `signature`; `None` if no message can have it.
    pub(super) fn new(key: [u8; 32], signature: &[u8]) -> Option<Self> {
        let mut candidate = Self { key, signature: signature.try_into().ok()?, state: None };
        candidate.restart();
        candidate.state.is_some().then_some(candidate)
    }

    /// Begins the message anew.
    pub(super) fn restart(&mut self) {
        self.state = crate::key::verifying_state(&self.key, &self.signature);
    }

    /// Whether it signed the message that passed.
    pub(super) fn holds(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.verify().is_ok())
    }
}

/// Everything that is fed while a document passes.
#[derive(Debug)]
pub(super) struct Digests {
    /// Of the document's bytes.
    pub(super) raw: Sum,
    /// Of its canonical form, from where that first differs from its bytes.
    pub(super) canonical: Option<Sum>,
    /// Whether the canonical form is hashed at all.
    pub(super) hash_canonical: bool,
    /// The signatures, each over the message so far.
    pub(super) candidates: heapless::Vec<Candidate, MAX_STREAMED_SIGNATURES>,
    /// How many signatures there are, those that are not tried included.
    pub(super) offered: u64,
    /// SHA-256 of the message, if it will be compared with what is trusted.
    pub(super) content: Option<sha2::Sha256>,
    /// Whether what passes belongs to the message.
    pub(super) in_message: bool,
    /// Whether this is a second pass: then `witness`, and not `raw`, takes the document's bytes.
    pub(super) witness: Option<sha2::Sha256>,
}

impl Digests {
    /// How many distinct keys signed the message that passed.
    pub(super) fn valid(&self) -> u64 {
        let mut counted: heapless::Vec<[u8; 32], MAX_STREAMED_SIGNATURES> = heapless::Vec::new();
        for candidate in self.candidates.iter().filter(|candidate| candidate.holds()) {
            if !counted.contains(&candidate.key) {
                // As many places as there are candidates.
                let _ = counted.push(candidate.key);
            }
        }
        u64::try_from(counted.len()).unwrap_or(0)
    }

    fn diverge(&mut self) {
        if self.hash_canonical && self.canonical.is_none() {
            self.canonical = Some(self.raw.clone());
        }
    }

    fn message(&mut self, bytes: &[u8]) {
        if !self.in_message {
            return;
        }
        for state in self.candidates.iter_mut().filter_map(|candidate| candidate.state.as_mut()) {
            state.absorb(bytes);
        }
        if let Some(content) = &mut self.content {
            content.update(bytes);
        }
    }

    fn document(&mut self, bytes: &[u8]) {
        match &mut self.witness {
            Some(witness) => witness.update(bytes),
            None => self.raw.update(bytes),
        }
    }
}

impl Output for &mut Digests {
    fn raw(&mut self, bytes: &[u8]) {
        self.diverge();
        self.document(bytes);
    }

    fn canonical(&mut self, bytes: &[u8]) {
        self.diverge();
        if let Some(canonical) = &mut self.canonical {
            canonical.update(bytes);
        }
        self.message(bytes);
    }

    fn both(&mut self, bytes: &[u8]) {
        if let Some(canonical) = &mut self.canonical {
            canonical.update(bytes);
        }
        self.document(bytes);
        self.message(bytes);
    }
}
