//! Ed25519 on the group of `curve25519-dalek`, with the SHA-512 of `sha2`: both use what vectors the processor has.
//!
//! The verdicts are those of `ed25519-compact`, which [`Software`] uses: the equation of RFC 8032 clause 5.1.7 with
//! the cofactor, and neither a key nor an R that has small order or is not the one encoding of its point.

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};

use super::{Check, PublicKey, Software, Verifier};
use crate::canonical::Sink;

/// A verifier for documents of many megabytes on a processor with vectors, where SHA-512 is most of the work; it
/// takes 4 KiB more of stack than [`Software`], whose verdicts it gives.
#[derive(Clone, Copy, Debug)]
pub struct Accelerated;

/// A check by [`Accelerated`].
#[derive(Clone)]
pub struct AcceleratedCheck<'k>(State<'k>);

#[derive(Clone)]
enum State<'k> {
    Ed25519(Ed25519),
    // Without the features there is no key that needs it.
    #[cfg_attr(not(any(feature = "rsa", feature = "ecdsa-p256")), expect(dead_code))]
    Other(Check<'k>),
}

impl core::fmt::Debug for AcceleratedCheck<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("AcceleratedCheck").finish_non_exhaustive()
    }
}

impl Verifier for Accelerated {
    type Check<'k> = AcceleratedCheck<'k>;

    fn begin<'k>(key: &'k PublicKey, signature: &'k [u8]) -> Option<AcceleratedCheck<'k>> {
        let state = match key {
            PublicKey::Ed25519(bytes) => State::Ed25519(Ed25519::begin(bytes, signature)?),
            #[cfg(any(feature = "rsa", feature = "ecdsa-p256"))]
            _ => State::Other(Software::begin(key, signature)?),
        };
        Some(AcceleratedCheck(state))
    }

    fn finish(check: &mut AcceleratedCheck<'_>) -> bool {
        match &mut check.0 {
            State::Ed25519(check) => check.holds(),
            State::Other(check) => Software::finish(check),
        }
    }
}

impl Sink for AcceleratedCheck<'_> {
    fn write(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Ed25519(check) => check.hash.update(bytes),
            State::Other(check) => check.write(bytes),
        }
    }
}

/// An Ed25519 signature, with the message so far.
#[derive(Clone)]
struct Ed25519 {
    hash: Sha512,
    s: Scalar,
    minus_key: EdwardsPoint,
    r: EdwardsPoint,
}

impl Ed25519 {
    /// `None` if no message can have this signature.
    fn begin(key: &[u8; 32], signature: &[u8]) -> Option<Self> {
        let signature: &[u8; 64] = signature.try_into().ok()?;
        let (r, s) = signature.split_first_chunk::<32>()?;
        let s = Option::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
        let hash = Sha512::new().chain_update(r).chain_update(key);
        Some(Self { hash, s, minus_key: -point(key)?, r: point(r)? })
    }

    fn holds(&self) -> bool {
        let k = Scalar::from_bytes_mod_order_wide(&self.hash.clone().finalize().into());
        let r = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &self.minus_key, &self.s);
        (r - self.r).is_small_order()
    }
}

/// The point with this encoding, if it is the only one of it, and the point is not of small order.
fn point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    let encoded = CompressedEdwardsY(*bytes);
    let point = encoded.decompress()?;
    (point.compress() == encoded && !point.is_small_order()).then_some(point)
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};

    use super::*;
    use crate::key::ed25519::{SMALL_ORDER, below_prime};

    /// What both say; they must agree, also on what no message can have.
    fn verdict(key: &[u8; 32], signature: &[u8], message: &[u8]) -> bool {
        let key = PublicKey::Ed25519(*key);
        let ours = said::<Accelerated>(&key, signature, message);
        assert_eq!(ours, said::<Software>(&key, signature, message), "{key:02x?} {signature:02x?}");
        ours.unwrap_or(false)
    }

    fn said<V: Verifier>(key: &PublicKey, signature: &[u8], message: &[u8]) -> Option<bool> {
        let mut check = V::begin(key, signature)?;
        check.write(message);
        Some(V::finish(&mut check))
    }

    fn random(seed: u64) -> [u8; 64] {
        Sha512::digest(seed.to_le_bytes()).into()
    }

    fn half(seed: u64) -> [u8; 32] {
        *random(seed).first_chunk().unwrap()
    }

    /// A signature as whoever holds the key can make one: with parts of small order in the key and in R.
    fn signed(seed: u64, message: &[u8], in_key: EdwardsPoint, in_r: EdwardsPoint) -> ([u8; 32], [u8; 64]) {
        let scalar = |seed| Scalar::from_bytes_mod_order_wide(&random(seed));
        let (secret, nonce) = (scalar(seed), scalar(!seed));
        let key = (ED25519_BASEPOINT_POINT * secret + in_key).compress().to_bytes();
        let r = (ED25519_BASEPOINT_POINT * nonce + in_r).compress().to_bytes();
        let k = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize();
        let s = nonce + Scalar::from_bytes_mod_order_wide(&k.into()) * secret;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(s.as_bytes());
        (key, signature)
    }

    #[test]
    fn parts_of_small_order_in_key_and_r_get_the_verdict_of_the_other_implementation() {
        for (seed, in_key) in (0..).zip(EIGHT_TORSION) {
            for (more, in_r) in (0..).zip(EIGHT_TORSION) {
                let message = random(seed * 8 + more);
                let (key, signature) = signed(seed * 8 + more, &message, in_key, in_r);
                // With the cofactor, all of them hold.
                assert!(verdict(&key, &signature, &message));
                assert!(!verdict(&key, &signature, b"another message"));
            }
        }
    }

    #[test]
    fn every_changed_bit_of_key_and_signature_gets_the_verdict_of_the_other_implementation() {
        let (key, signature) = signed(1, b"message", EIGHT_TORSION[0], EIGHT_TORSION[0]);
        assert!(verdict(&key, &signature, b"message"));
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!verdict(&key, &changed, b"message"), "bit {bit} of the signature");
            let mut changed = key;
            changed[bit / 8 % 32] ^= 1 << (bit % 8);
            assert!(!verdict(&changed, &signature, b"message"), "bit {bit} of the key");
        }
        for length in [0, 32, 63] {
            assert!(!verdict(&key, &signature[..length], b"message"));
        }
        assert!(!verdict(&key, &[&signature[..], &[0]].concat(), b"message"));
    }

    #[test]
    fn points_of_small_order_and_second_encodings_get_the_verdict_of_the_other_implementation() {
        let odd = (0..=u8::MAX).map(below_prime).chain(SMALL_ORDER);
        let (good, signature) = signed(2, b"message", EIGHT_TORSION[0], EIGHT_TORSION[0]);
        for mut odd in odd.chain((3..200).map(half)) {
            for sign in [0, 0x80] {
                odd[31] = odd[31] & 0x7f | sign;
                let mut with_r = signature;
                with_r[..32].copy_from_slice(&odd);
                assert!(!verdict(&good, &with_r, b"message"));
                assert!(!verdict(&odd, &signature, b"message"));
                // For a key of small order, R = identity and S = 0 hold for any message, if they may.
                for first in [0, 1] {
                    let mut zero = [0; 64];
                    zero[0] = first;
                    assert!(!verdict(&odd, &zero, b"message"));
                }
            }
        }
    }

    #[test]
    fn s_around_the_order_gets_the_verdict_of_the_other_implementation() {
        let (key, signature) = signed(4, b"message", EIGHT_TORSION[0], EIGHT_TORSION[0]);
        let order = (-Scalar::ONE).to_bytes();
        for low in 0..=u8::MAX {
            for top in [0, 0x0f, 0x10, 0x11, 0x1f, 0x20, 0x80, 0xff] {
                for mut s in [order, [0; 32], [0xff; 32]] {
                    (s[0], s[31]) = (low, top);
                    let mut changed = signature;
                    changed[32..].copy_from_slice(&s);
                    assert!(!verdict(&key, &changed, b"message"));
                }
            }
        }
    }
}
