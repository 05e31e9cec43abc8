//! What canonical bytes are written into.

/// Takes bytes and cannot fail: a hash, a signature check, a buffer that grows, a counter.
pub trait Sink {
    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]);
}

impl Sink for sha2::Sha256 {
    fn write(&mut self, bytes: &[u8]) {
        sha2::Digest::update(self, bytes);
    }
}

impl Sink for sha2::Sha512 {
    fn write(&mut self, bytes: &[u8]) {
        sha2::Digest::update(self, bytes);
    }
}

impl Sink for ed25519_compact::VerifyingState {
    fn write(&mut self, bytes: &[u8]) {
        self.absorb(bytes);
    }
}

#[cfg(feature = "alloc")]
impl Sink for alloc::vec::Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts bytes and keeps none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Length {
    bytes: u64,
}

impl Length {
    /// How many bytes were written.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.bytes
    }
}

impl Sink for Length {
    fn write(&mut self, bytes: &[u8]) {
        // A slice is at most `isize::MAX` bytes.
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
}

impl<A: Sink, B: Sink> Sink for (&mut A, &mut B) {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }
}
