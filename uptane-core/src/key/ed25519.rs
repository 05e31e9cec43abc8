//! Which Ed25519 keys count (RFC 8032), beyond what the verification equation asks.

/// The y coordinates of the points of small order on Curve25519, the non-canonical encodings included: such a
/// key accepts signatures that nobody made. The sign bit is not part of them.
pub(super) const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    first(1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    below_prime(0xec),
    below_prime(0xed),
    below_prime(0xee),
];

const fn first(byte: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = byte;
    bytes
}

/// 2^255 - 256 + `byte`, little-endian: the prime is 2^255 - 19, which ends in 0xed.
pub(super) const fn below_prime(byte: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = byte;
    bytes[31] = 0x7f;
    bytes
}

/// Whether such a key would accept signatures that nobody made.
pub(super) fn has_small_order(key: &[u8; 32]) -> bool {
    let mut y = *key;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

/// Whether y is below the prime (RFC 8032 clause 5.1.3): otherwise one key had two encodings, and counted twice.
pub(super) fn is_canonical(key: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = key;
    high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff) || *low < 0xed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PublicKey;

    #[test]
    fn a_key_of_small_order_never_counts() {
        for bytes in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut bytes = bytes;
                bytes[31] |= sign;
                let key = PublicKey::Ed25519(bytes);
                // For the identity, R = identity and S = 0 would verify any message.
                let mut forged = [0; 64];
                forged[0] = 1;
                assert!(has_small_order(&bytes));
                assert!(!key.verify_bytes(&forged, b"anything"));
            }
        }
    }

    #[test]
    fn a_key_with_a_y_that_is_not_below_the_prime_has_a_second_encoding_and_never_counts() {
        for (low, canonical) in [(0xec, true), (0xed, false), (0xf1, false), (0xff, false)] {
            for sign in [0, 0x80] {
                let mut bytes = below_prime(low);
                bytes[31] |= sign;
                assert_eq!(is_canonical(&bytes), canonical, "{low:x}");
            }
        }
        let mut other = below_prime(0xff);
        other[7] = 0xfe;
        assert!(is_canonical(&other));
    }

    /// RFC 8032 clause 7.1, TEST 3.
    const PUBLIC: [u8; 32] =
        hex_literal::hex!("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    const MESSAGE: [u8; 2] = hex_literal::hex!("af82");
    const SIGNATURE: [u8; 64] = hex_literal::hex!(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    );
    /// The order of the group, little-endian.
    const ORDER: [u8; 32] =
        hex_literal::hex!("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

    #[test]
    fn a_signature_with_s_beyond_the_order_is_a_second_one_for_its_message_and_refused() {
        let key = PublicKey::Ed25519(PUBLIC);
        assert!(key.verify_bytes(&SIGNATURE, &MESSAGE));
        let mut malleable = SIGNATURE;
        let mut carry = 0;
        for (byte, order) in malleable.iter_mut().skip(32).zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert_eq!(carry, 0);
        assert!(!key.verify_bytes(&malleable, &MESSAGE));
    }

    #[test]
    fn a_signature_that_is_cut_extended_or_changed_anywhere_is_refused() {
        let key = PublicKey::Ed25519(PUBLIC);
        assert!(!key.verify_bytes(&[], &MESSAGE));
        assert!(!key.verify_bytes(&SIGNATURE[..63], &MESSAGE));
        assert!(!key.verify_bytes(&[&SIGNATURE[..], &[0]].concat(), &MESSAGE));
        assert!(!key.verify_bytes(&[0; 64], &MESSAGE));
        assert!(!key.verify_bytes(&SIGNATURE, b""));
        for bit in 0..512 {
            let mut changed = SIGNATURE;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify_bytes(&changed, &MESSAGE), "bit {bit}");
        }
    }

    #[test]
    fn a_signature_whose_r_is_of_small_order_is_refused() {
        for bytes in SMALL_ORDER {
            let mut forged = SIGNATURE;
            forged[..32].copy_from_slice(&bytes);
            assert!(!PublicKey::Ed25519(PUBLIC).verify_bytes(&forged, &MESSAGE));
        }
    }
}
