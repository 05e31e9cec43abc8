//! Who checks signatures: software here, or hardware that takes over.

use super::PublicKey;
use crate::canonical::Sink;
use sha2::Digest;

/// Checks signatures. The dialect names one ([`Dialect::Verifier`](crate::dialect::Dialect::Verifier)), so an HSM,
/// the ELE of an i.MX95 or a faster SHA-512 takes over with [`With`](crate::dialect::With), for every role alike.
///
/// A verifier sees the message once, in pieces, and never has to keep it. Of Targets metadata that is streamed
/// ([`crate::stream`]) up to [`MAX_STREAMED_SIGNATURES`](crate::stream::MAX_STREAMED_SIGNATURES) signatures are checked
/// at once, and each is begun anew for a second pass.
pub trait Verifier {
    /// One check in progress: the canonical bytes of the message are written into it.
    type Check<'k>: Sink;

    /// Begins to check `signature` by `key`; `None` if it cannot be valid whatever the message is.
    fn begin<'k>(key: &'k PublicKey, signature: &'k [u8]) -> Option<Self::Check<'k>>;

    /// Whether the signature is valid for what was written.
    fn finish(check: &mut Self::Check<'_>) -> bool;
}

/// The verifier of this crate, in software.
#[derive(Clone, Copy, Debug)]
pub struct Software;

/// A check by [`Software`].
#[derive(Clone)]
pub struct Check<'k>(State<'k>);

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "without a heap there is no box to put the large one into")]
enum State<'k> {
    Ed25519(ed25519_compact::VerifyingState),
    // Without the features there is no key that needs it.
    #[cfg_attr(not(any(feature = "rsa", feature = "ecdsa-p256")), expect(dead_code))]
    Sha256 {
        key: &'k PublicKey,
        signature: &'k [u8],
        hash: sha2::Sha256,
    },
}

impl core::fmt::Debug for Check<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Check").finish_non_exhaustive()
    }
}

impl Verifier for Software {
    type Check<'k> = Check<'k>;

    fn begin<'k>(key: &'k PublicKey, signature: &'k [u8]) -> Option<Check<'k>> {
        match key {
            PublicKey::Ed25519(bytes) => begin_ed25519(bytes, signature),
            #[cfg(any(feature = "rsa", feature = "ecdsa-p256"))]
            _ => begin_prehash(key, signature),
        }
    }

    fn finish(check: &mut Check<'_>) -> bool {
        match &check.0 {
            State::Ed25519(state) => state.verify().is_ok(),
            State::Sha256 { key, signature, hash } => {
                key.verify_prehash(&hash.clone().finalize().into(), signature)
            }
        }
    }
}

// One function a kind of key: without optimisation what each moves about would add up on the small stack of an ECU.
#[cfg(any(feature = "rsa", feature = "ecdsa-p256"))]
fn begin_prehash<'k>(key: &'k PublicKey, signature: &'k [u8]) -> Option<Check<'k>> {
    Some(Check(State::Sha256 { key, signature, hash: sha2::Sha256::new() }))
}

fn begin_ed25519<'k>(key: &[u8; 32], signature: &[u8]) -> Option<Check<'k>> {
    verifying_state(key, signature).map(|state| Check(State::Ed25519(state)))
}

/// What the message is written to; `None` if no message can have this signature.
fn verifying_state(key: &[u8; 32], signature: &[u8]) -> Option<ed25519_compact::VerifyingState> {
    if super::ed25519::has_small_order(key) {
        return None;
    }
    let key = ed25519_compact::PublicKey::new(*key);
    let signature = ed25519_compact::Signature::from_slice(signature).ok()?;
    // Refuses S that is not below the group's order (RFC 8032 clause 5.1.7).
    key.verify_incremental(&signature).ok()
}

impl Sink for Check<'_> {
    fn write(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Ed25519(state) => state.write(bytes),
            State::Sha256 { hash, .. } => hash.write(bytes),
        }
    }
}
