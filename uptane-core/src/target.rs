//! The image itself: checked while it passes through, released only when all of it is right.

mod encrypted;

pub use encrypted::{Cipher, Decrypted, Failure, Undecryptable};

use sha2::Digest;

use crate::error::{Error, ErrorKind, Place, Repository, Role, Step};
use crate::metadata::Hashes;

/// Hashes an image and refuses the first byte too many. Nothing may be used before [`ImageVerifier::finish`].
///
/// ```
/// use embedded_io::Write;
/// use sha2::Digest;
/// use uptane_core::{metadata::Hashes, target::ImageVerifier};
///
/// let hashes = Hashes { sha256: Some(sha2::Sha256::digest(b"firmware").into()), sha512: None };
/// let mut verifier = ImageVerifier::new(8, hashes);
/// verifier.write_all(b"firm")?;
/// verifier.write_all(b"ware")?;
/// verifier.finish()?;
/// # Ok::<(), uptane_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageVerifier {
    length: u64,
    seen: u64,
    hashes: Hashes,
    sha256: sha2::Sha256,
    sha512: sha2::Sha512,
}

const PLACE: Place = Place { repository: Repository::Image, role: Role::Targets };

impl ImageVerifier {
    /// A verifier of an image of `length` bytes with these hashes, all of which are checked.
    #[must_use]
    pub fn new(length: u64, hashes: Hashes) -> Self {
        Self { length, seen: 0, hashes, sha256: sha2::Sha256::new(), sha512: sha2::Sha512::new() }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// At the first byte beyond the image's length.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let offered = u64::try_from(bytes.len()).ok().and_then(|more| self.seen.checked_add(more));
        let offered = offered.unwrap_or(u64::MAX);
        if offered > self.length {
            return Err(PLACE.refuse(Step::I7, ErrorKind::TooLarge { limit: self.length }));
        }
        self.seen = offered;
        if self.hashes.sha256.is_some() {
            self.sha256.update(bytes);
        }
        if self.hashes.sha512.is_some() {
            self.sha512.update(bytes);
        }
        Ok(())
    }

    /// Says that the image is complete and right.
    ///
    /// # Errors
    /// If bytes are missing, a hash differs, or there is no hash to check.
    pub fn finish(self) -> Result<(), Error> {
        let refuse = |kind| Err(PLACE.refuse(Step::I7, kind));
        if self.seen != self.length {
            return refuse(ErrorKind::Length { required: self.length, offered: self.seen });
        }
        if self.hashes.is_empty() {
            return refuse(ErrorKind::NoHash);
        }
        if self.hashes.sha256.is_some_and(|hash| self.sha256.finalize().as_slice() != hash) {
            return refuse(ErrorKind::Hash("sha256"));
        }
        if self.hashes.sha512.is_some_and(|hash| self.sha512.finalize().as_slice() != hash) {
            return refuse(ErrorKind::Hash("sha512"));
        }
        Ok(())
    }
}

impl embedded_io::ErrorType for ImageVerifier {
    type Error = Error;
}

impl embedded_io::Write for ImageVerifier {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.update(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl embedded_io::Error for Error {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::InvalidData
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(bytes: &[u8]) -> Hashes {
        Hashes {
            sha256: Some(sha2::Sha256::digest(bytes).into()),
            sha512: Some(sha2::Sha512::digest(bytes).into()),
        }
    }

    fn kind(result: Result<(), Error>) -> ErrorKind {
        let error = result.unwrap_err();
        assert_eq!(error.step, Step::I7);
        error.kind
    }

    #[test]
    fn refuses_the_first_byte_too_many_and_a_missing_one() {
        let mut verifier = ImageVerifier::new(3, hashes(b"abc"));
        verifier.update(b"abc").unwrap();
        assert_eq!(kind(verifier.clone().update(b"d")), ErrorKind::TooLarge { limit: 3 });
        verifier.finish().unwrap();
        let mut short = ImageVerifier::new(3, hashes(b"abc"));
        short.update(b"ab").unwrap();
        assert_eq!(kind(short.finish()), ErrorKind::Length { required: 3, offered: 2 });
    }

    #[test]
    fn checks_every_hash_and_demands_one() {
        let run = |hashes| {
            let mut verifier = ImageVerifier::new(3, hashes);
            verifier.update(b"abc").unwrap();
            verifier.finish()
        };
        let right = hashes(b"abc");
        assert_eq!(kind(run(Hashes { sha256: hashes(b"x").sha256, ..right })), ErrorKind::Hash("sha256"));
        assert_eq!(kind(run(Hashes { sha512: hashes(b"x").sha512, ..right })), ErrorKind::Hash("sha512"));
        assert_eq!(kind(run(Hashes::default())), ErrorKind::NoHash);
    }
}
