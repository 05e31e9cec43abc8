//! The hashes and signature checks in progress while a document passes.

use core::cell::OnceCell;

use sha2::Digest;

use super::MAX_STREAMED_SIGNATURES;
use crate::canonical::Sink;
use crate::json::reader::Output;
use crate::key::{Fingerprint, PublicKey, Signature, Verifier};
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

/// The signatures by keys of the role, read while the document passes: the checks of them borrow from here. A cell each,
/// as a signature is long, and the stack of an ECU small.
pub(super) struct Signatures([OnceCell<(PublicKey, Signature)>; MAX_STREAMED_SIGNATURES]);

impl Signatures {
    pub(super) const fn new() -> Self {
        Self([const { OnceCell::new() }; MAX_STREAMED_SIGNATURES])
    }

    /// Keeps one more; `None` if there is no room.
    fn keep(&self, kept: (PublicKey, Signature)) -> Option<&(PublicKey, Signature)> {
        let free = self.0.iter().find(|cell| cell.get().is_none())?;
        Some(free.get_or_init(|| kept))
    }
}

/// A signature by one of the role's keys, with the check of it in progress.
struct Candidate<'k, V: Verifier> {
    key: &'k PublicKey,
    signature: &'k [u8],
    check: Option<V::Check<'k>>,
}

impl<V: Verifier> Candidate<'_, V> {
    /// Begins the message anew.
    fn restart(&mut self) {
        self.check = V::begin(self.key, self.signature);
    }

    /// Whether it signed the message that passed.
    fn holds(&mut self) -> bool {
        self.check.as_mut().is_some_and(V::finish)
    }
}

/// Everything that is fed while a document passes.
pub(super) struct Digests<'k, V: Verifier> {
    /// Of the document's bytes.
    pub(super) raw: Sum,
    /// Of its canonical form, from where that first differs from its bytes.
    pub(super) canonical: Option<Sum>,
    /// Whether the canonical form is hashed at all.
    pub(super) hash_canonical: bool,
    /// The signatures.
    signatures: &'k Signatures,
    /// The checks of them, each over the message so far.
    candidates: heapless::Vec<Candidate<'k, V>, MAX_STREAMED_SIGNATURES>,
    /// How many signatures there are, those that are not tried included.
    pub(super) offered: u64,
    /// SHA-256 of the message, if it will be compared with what is trusted.
    pub(super) content: Option<sha2::Sha256>,
    /// Whether what passes belongs to the message.
    pub(super) in_message: bool,
    /// Whether this is a second pass: then `witness`, and not `raw`, takes the document's bytes.
    pub(super) witness: Option<sha2::Sha256>,
}

impl<'k, V: Verifier> Digests<'k, V> {
    /// For what `named` asks, and the content if it will be compared.
    pub(super) fn new(
        signatures: &'k Signatures,
        named: Option<MetaFile>,
        hash_canonical: bool,
        compares: bool,
    ) -> Self {
        Self {
            raw: Sum::asked(named, false),
            canonical: None,
            hash_canonical,
            signatures,
            candidates: heapless::Vec::new(),
            offered: 0,
            content: compares.then(sha2::Sha256::new),
            in_message: false,
            witness: None,
        }
    }

    /// Begins to check a signature; `None` if there is no room for another one.
    pub(super) fn try_signature(&mut self, signature: (PublicKey, Signature)) -> Option<()> {
        let (key, signature) = self.signatures.keep(signature)?;
        let mut candidate = Candidate { key, signature, check: None };
        candidate.restart();
        self.candidates.push(candidate).ok()
    }

    /// Begins the message anew.
    pub(super) fn restart(&mut self) {
        self.content = self.content.take().map(|_| sha2::Sha256::new());
        self.candidates.iter_mut().for_each(Candidate::restart);
    }

    /// How many distinct keys signed the message that passed.
    pub(super) fn valid(&mut self) -> u64 {
        let mut counted: heapless::Vec<Fingerprint, MAX_STREAMED_SIGNATURES> = heapless::Vec::new();
        for candidate in &mut self.candidates {
            let key = candidate.key.fingerprint();
            if !counted.contains(&key) && candidate.holds() {
                // As many places as there are candidates.
                let _ = counted.push(key);
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
        for check in self.candidates.iter_mut().filter_map(|candidate| candidate.check.as_mut()) {
            check.write(bytes);
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

impl<V: Verifier> Output for &mut Digests<'_, V> {
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
