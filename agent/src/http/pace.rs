//! Servers that send, but next to nothing: the slow retrieval attack of TUF and Uptane.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// The fewest bytes a second that a server may send, on average over as long as it may stall: as libostree asks of
/// libcurl (`CURLOPT_LOW_SPEED_LIMIT` in `ostree-fetcher-curl.c`).
pub const MIN_BYTES_PER_SECOND: u64 = 1000;

/// The bytes that must come in as long as a server may stall.
pub(super) fn least_in(stall: Duration) -> u64 {
    u64::try_from(stall.as_millis().saturating_mul(u128::from(MIN_BYTES_PER_SECOND)) / 1000)
        .unwrap_or(u64::MAX)
}

/// A body that ends with [`io::ErrorKind::TimedOut`] if it comes too slowly. Only the time in which it is waited for
/// counts: who reads may take as long as it likes.
pub(super) struct Paced<R> {
    body: R,
    stall: Duration,
    /// How long it was waited for in this window of `stall`.
    waited: Duration,
    /// What came in it, in bytes.
    came: u64,
}

impl<R> Paced<R> {
    pub(super) const fn new(body: R, stall: Duration) -> Self {
        Self { body, stall, waited: Duration::ZERO, came: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        let count = self.body.read(out)?;
        self.waited = self.waited.saturating_add(start.elapsed());
        self.came = self.came.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if count > 0 && self.waited >= self.stall {
            if self.came < least_in(self.stall) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            (self.waited, self.came) = (Duration::ZERO, 0);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives as many bytes at a time, after a while.
    struct Slow(usize, Duration);

    impl Read for Slow {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(self.1);
            out[..self.0].fill(b'x');
            Ok(self.0)
        }
    }

    #[test]
    fn less_than_the_least_in_one_window_ends_it_and_the_least_does_not() {
        let stall = Duration::from_millis(20);
        assert_eq!(least_in(stall), 20);
        let mut out = [0; 32];
        // Each read is one window.
        let mut enough = Paced::new(Slow(20, stall), stall);
        for _ in 0..3 {
            assert_eq!(enough.read(&mut out).unwrap(), 20);
        }
        let mut few = Paced::new(Slow(19, stall), stall);
        assert_eq!(few.read(&mut out).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_window_is_as_long_as_what_was_waited_in_all() {
        let stall = Duration::from_millis(40);
        let mut trickle = Paced::new(Slow(1, Duration::from_millis(15)), stall);
        let mut out = [0; 32];
        let ended = (0..3).map(|_| trickle.read(&mut out)).find_map(Result::err).unwrap();
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn time_that_the_reader_takes_does_not_count() {
        let stall = Duration::from_millis(200);
        let mut body = Paced::new(Slow(1, Duration::ZERO), stall);
        let mut out = [0; 32];
        assert_eq!(body.read(&mut out).unwrap(), 1);
        std::thread::sleep(stall);
        assert_eq!(body.read(&mut out).unwrap(), 1);
    }
}
