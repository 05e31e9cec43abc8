//! Images that are encrypted for one ECU (Standard 2.1.0, `#verify_image` 6): decrypted while they pass through.

use super::{ImageVerifier, PLACE};
use crate::error::{Error, ErrorKind, Step};

/// The ECU's way of decrypting: which cipher and which key is between the ECU and its Director, and the key may lie
/// in hardware. Only ciphers that keep the length fit: what else they need, such as a nonce or a tag, the caller
/// takes off before and hands to the cipher.
pub trait Cipher {
    /// Decrypts the next bytes in place.
    ///
    /// # Errors
    /// If they cannot be decrypted.
    fn decrypt(&mut self, bytes: &mut [u8]) -> Result<(), Undecryptable>;

    /// Says whether all of it was authentic, as far as the cipher knows.
    ///
    /// # Errors
    /// If it was not.
    fn finish(&mut self) -> Result<(), Undecryptable>;
}

/// The image was encrypted with another key, or was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the image cannot be decrypted")]
pub struct Undecryptable;

/// Decrypts an image, passes it on to `sink` and checks that it is the one that the metadata describes: length and
/// hashes are those of the decrypted image. Nothing of it may be used before [`Decrypted::finish`].
#[derive(Debug)]
pub struct Decrypted<'b, C, W> {
    cipher: C,
    verifier: ImageVerifier,
    sink: W,
    /// Where it is decrypted, a piece at a time; not empty.
    room: &'b mut [u8],
}

/// Why an image was not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure<E> {
    /// The image is refused.
    #[error("{0}")]
    Refused(Error),
    /// The sink failed.
    #[error("writing failed")]
    Sink(E),
    /// The room to decrypt in is empty.
    #[error("no room to decrypt in")]
    NoRoom,
}

impl<'b, C: Cipher, W: embedded_io::Write> Decrypted<'b, C, W> {
    /// Decrypts in pieces of the size of `room`.
    pub fn new(cipher: C, verifier: ImageVerifier, sink: W, room: &'b mut [u8]) -> Self {
        Self { cipher, verifier, sink, room }
    }

    /// Takes the next bytes of the encrypted image.
    ///
    /// # Errors
    /// If they cannot be decrypted, at the first byte beyond the image's length, or as of the sink.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Failure<W::Error>> {
        if self.room.is_empty() {
            return Err(Failure::NoRoom);
        }
        for piece in bytes.chunks(self.room.len()) {
            // A piece is no longer than the room.
            let Some(room) = self.room.get_mut(..piece.len()) else { return Err(Failure::NoRoom) };
            room.copy_from_slice(piece);
            self.cipher.decrypt(room).map_err(|_| undecryptable())?;
            self.verifier.update(room).map_err(Failure::Refused)?;
            self.sink.write_all(room).map_err(Failure::Sink)?;
        }
        Ok(())
    }

    /// Says that the image is authentic, complete and right, and returns the sink.
    ///
    /// # Errors
    /// If it is not (Verify image 6 and 7), or as of the sink.
    pub fn finish(mut self) -> Result<W, Failure<W::Error>> {
        self.cipher.finish().map_err(|_| undecryptable())?;
        self.verifier.finish().map_err(Failure::Refused)?;
        self.sink.flush().map_err(Failure::Sink)?;
        Ok(self.sink)
    }
}

const fn undecryptable<E>() -> Failure<E> {
    Failure::Refused(Error {
        repository: PLACE.repository,
        role: PLACE.role,
        step: Step::I6,
        kind: ErrorKind::Undecryptable,
    })
}
