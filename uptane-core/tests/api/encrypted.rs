//! Verify image 6: images that are encrypted for one ECU.

use sha2::{Digest, Sha256};
use uptane_core::metadata::Hashes;
use uptane_core::target::{Cipher, Decrypted, Failure, ImageVerifier, Undecryptable};
use uptane_core::{Error, ErrorKind, Repository, Role, Step};

/// A stream cipher from SHA-256 in counter mode, which authenticates with a hash over key and image.
struct HashStream {
    key: [u8; 32],
    at: u64,
    seen: Sha256,
    tag: [u8; 32],
}

impl HashStream {
    fn new(key: [u8; 32], tag: [u8; 32]) -> Self {
        Self { key, at: 0, seen: Sha256::new_with_prefix(key), tag }
    }

    fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let block =
                Sha256::new_with_prefix(self.key).chain_update((self.at / 32).to_le_bytes()).finalize();
            *byte ^= block[usize::try_from(self.at % 32).unwrap()];
            self.at += 1;
        }
    }
}

impl Cipher for HashStream {
    fn decrypt(&mut self, bytes: &mut [u8]) -> Result<(), Undecryptable> {
        self.apply(bytes);
        self.seen.update(bytes);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Undecryptable> {
        if self.seen.clone().finalize().as_slice() == self.tag { Ok(()) } else { Err(Undecryptable) }
    }
}

const IMAGE: &[u8] = b"the firmware of one ECU, which nobody else is to read";
const KEY: [u8; 32] = [7; 32];

fn tag(key: [u8; 32]) -> [u8; 32] {
    Sha256::new_with_prefix(key).chain_update(IMAGE).finalize().into()
}

fn encrypted() -> Vec<u8> {
    let mut bytes = IMAGE.to_vec();
    HashStream::new(KEY, [0; 32]).apply(&mut bytes);
    bytes
}

/// What reaches the sink, decrypted in pieces of `room` bytes with `key`, if its tag is `tag`.
fn decrypt(
    bytes: &[u8],
    cipher: HashStream,
    room: usize,
) -> Result<Vec<u8>, Failure<core::convert::Infallible>> {
    let length = u64::try_from(IMAGE.len()).unwrap();
    let hashes = Hashes { sha256: Some(Sha256::digest(IMAGE).into()), sha512: None };
    let mut room = vec![0; room];
    let verifier = ImageVerifier::new(length, hashes);
    let mut decrypted = Decrypted::new(cipher, verifier, Vec::new(), &mut room);
    for part in bytes.chunks(10) {
        decrypted.update(part)?;
    }
    decrypted.finish()
}

fn refused<E>(step: Step, kind: ErrorKind) -> Result<Vec<u8>, Failure<E>> {
    Err(Failure::Refused(Error { repository: Repository::Image, role: Role::Targets, step, kind }))
}

#[test]
fn verify_image_6_an_image_is_decrypted_while_it_passes_and_its_hashes_are_those_of_the_plain_one() {
    assert_ne!(encrypted(), IMAGE);
    for room in [1, 7, 10, 64] {
        assert_eq!(decrypt(&encrypted(), HashStream::new(KEY, tag(KEY)), room), Ok(IMAGE.to_vec()));
    }
    assert_eq!(decrypt(&encrypted(), HashStream::new(KEY, tag(KEY)), 0), Err(Failure::NoRoom));
}

#[test]
fn verify_image_6_another_key_or_damage_is_refused() {
    let other = HashStream::new([8; 32], tag(KEY));
    assert_eq!(decrypt(&encrypted(), other, 8), refused(Step::I6, ErrorKind::Undecryptable));
    let mut damaged = encrypted();
    damaged[3] ^= 1;
    let cipher = HashStream::new(KEY, tag(KEY));
    assert_eq!(decrypt(&damaged, cipher, 8), refused(Step::I6, ErrorKind::Undecryptable));
}

#[test]
fn verify_image_7_what_decrypts_must_still_be_the_image_that_the_metadata_names() {
    let mut long = IMAGE.to_vec();
    long.push(b'!');
    let (mut bytes, seen) = (long.clone(), Sha256::new_with_prefix(KEY).chain_update(&long).finalize());
    HashStream::new(KEY, [0; 32]).apply(&mut bytes);
    let limit = u64::try_from(IMAGE.len()).unwrap();
    let cipher = || HashStream::new(KEY, seen.into());
    assert_eq!(decrypt(&bytes, cipher(), 8), refused(Step::I7, ErrorKind::TooLarge { limit }));
    let mut other = IMAGE.to_vec();
    other[0] = b'T';
    let seen = Sha256::new_with_prefix(KEY).chain_update(&other).finalize();
    HashStream::new(KEY, [0; 32]).apply(&mut other);
    let cipher = HashStream::new(KEY, seen.into());
    assert_eq!(decrypt(&other, cipher, 8), refused(Step::I7, ErrorKind::Hash("sha256")));
}
