use core::convert::Infallible;

use sha2::{Digest, Sha256};

use crate::{Checksum, FileHeaderRef};

/// A SHA-256 that can be written to.
#[derive(Clone, Debug, Default)]
pub struct Sha256Writer(Sha256);

impl Sha256Writer {
    /// The checksum of all that was written.
    #[must_use]
    pub fn finish(self) -> Checksum {
        Checksum(self.0.finalize().into())
    }
}

impl embedded_io::ErrorType for Sha256Writer {
    type Error = Infallible;
}

impl embedded_io::Write for Sha256Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The checksum of a file object while its content streams by: SHA-256 of header and content.
///
/// It does not depend on the repository's mode. A symbolic link has no content.
/// ```
/// use ostree_objects::{Checksum, ContentHasher, FileHeaderRef, XattrsRef};
///
/// let header = FileHeaderRef::regular(0, 0, 0o100_750, XattrsRef::EMPTY)?;
/// let mut hasher = ContentHasher::new(&header);
/// hasher.update(b"hi\n");
/// let expected = "e56e7a536f95a81d8502788df459853297de688f879fa7d55af19a8d91c342ef".parse::<Checksum>()?;
/// assert_eq!(hasher.finish(), expected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ContentHasher {
    hash: Sha256Writer,
    content_bytes: u64,
}

impl ContentHasher {
    /// Starts with the header.
    #[must_use]
    pub fn new(header: &FileHeaderRef<'_>) -> Self {
        let mut hash = Sha256Writer::default();
        let Ok(()) = header.encode_framed(&mut hash);
        Self { hash, content_bytes: 0 }
    }

    /// Takes the next bytes of the content.
    pub fn update(&mut self, content: &[u8]) {
        self.hash.0.update(content);
        self.content_bytes =
            self.content_bytes.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX));
    }

    /// How much content there was so far, in bytes.
    #[must_use]
    pub const fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// The object's name.
    #[must_use]
    pub fn finish(self) -> Checksum {
        self.hash.finish()
    }
}
