//! What has to stay free on the repository's file system, as libostree keeps it free
//! (`ostree.repo-config(5)`, `min-free-space-percent` and `min-free-space-size`).

use rustix::fs::StatVfs;

use super::{Repo, RepoError};

/// What has to stay free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserve {
    /// Part of the file system, in percent.
    Percent(u8),
    /// So many bytes.
    Bytes(u64),
}

/// What libostree keeps free unless it is told otherwise, in percent.
const DEFAULT_PERCENT: u8 = 3;

impl Reserve {
    /// From the two values of the config; a size that is not 0 is what counts.
    pub(super) fn parse(size: Option<&str>, percent: Option<&str>) -> Result<Self, RepoError> {
        match size.map(bytes).transpose()? {
            Some(0) if percent.is_none() => Ok(Self::Bytes(0)),
            None | Some(0) => match percent.map(str::parse) {
                None => Ok(Self::Percent(DEFAULT_PERCENT)),
                Some(Ok(percent @ 0..=99)) => Ok(Self::Percent(percent)),
                Some(_) => Err(RepoError::Config { rule: "min-free-space-percent is not from 0 to 99" }),
            },
            Some(bytes) => Ok(Self::Bytes(bytes)),
        }
    }

    fn bytes_of(self, stat: &StatVfs) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => {
                (stat.f_blocks / 100).saturating_mul(u64::from(percent)).saturating_mul(stat.f_frsize)
            }
        }
    }
}

/// A size with its unit, MB, GB or TB, in bytes: powers of 1024, as libostree counts.
fn bytes(text: &str) -> Result<u64, RepoError> {
    let units = [("MB", 20), ("GB", 30), ("TB", 40)];
    let number = |(unit, shift): (&str, u32)| {
        let digits = text.strip_suffix(unit)?;
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        u64::checked_mul(number, 1 << shift)
    };
    let found = units.into_iter().find_map(number);
    found.ok_or(RepoError::Config { rule: "min-free-space-size is no number with MB, GB or TB" })
}

impl Repo {
    /// Refuses to write `bytes` of content more if what is reserved would not be left. Metadata does not count, as in
    /// libostree: it is small.
    pub(super) fn check_space(&self, bytes: u64) -> Result<(), RepoError> {
        if matches!(self.config.reserve, Reserve::Percent(0) | Reserve::Bytes(0)) {
            return Ok(());
        }
        let stat =
            rustix::fs::fstatvfs(&self.directory).map_err(RepoError::io("asking for the free space"))?;
        let reserved = self.config.reserve.bytes_of(&stat);
        // What only root may use is for root (`ostree_repo_prepare_transaction`).
        let blocks = if rustix::process::geteuid().is_root() { stat.f_bfree } else { stat.f_bavail };
        let free = blocks.saturating_mul(stat.f_frsize);
        leaves(reserved, free, bytes)
    }
}

/// Whether `reserved` bytes of `free` ones are left after `needed` more are written.
fn leaves(reserved: u64, free: u64, needed: u64) -> Result<(), RepoError> {
    if free.checked_sub(reserved).is_some_and(|left| left >= needed) {
        Ok(())
    } else {
        Err(RepoError::FreeSpace { needed, free, reserved })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_left_and_not_a_byte_less() {
        assert!(leaves(10, 15, 5).is_ok() && leaves(10, 10, 0).is_ok());
        for (free, needed) in [(15, 6), (9, 0), (0, u64::MAX)] {
            let error = leaves(10, free, needed);
            let expected = (needed, free, 10);
            assert!(
                matches!(error, Err(RepoError::FreeSpace { needed, free, reserved })
                    if (needed, free, reserved) == expected),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_size_counts_before_a_percentage_and_both_have_their_range() {
        let parse = |size, percent| match Reserve::parse(size, percent) {
            Ok(reserve) => Ok(reserve),
            Err(RepoError::Config { rule }) => Err(rule),
            Err(_) => Err("another error"),
        };
        assert_eq!(parse(None, None), Ok(Reserve::Percent(3)));
        assert_eq!(parse(None, Some("0")), Ok(Reserve::Percent(0)));
        assert_eq!(parse(None, Some("99")), Ok(Reserve::Percent(99)));
        let range = Err("min-free-space-percent is not from 0 to 99");
        assert_eq!(parse(None, Some("100")), range);
        assert_eq!(parse(None, Some("-1")), range);
        assert_eq!(parse(Some("500MB"), Some("7")), Ok(Reserve::Bytes(500 << 20)));
        assert_eq!(parse(Some("0MB"), Some("7")), Ok(Reserve::Percent(7)));
        assert_eq!(parse(Some("1TB"), None), Ok(Reserve::Bytes(1 << 40)));
        let unit = Err("min-free-space-size is no number with MB, GB or TB");
        for size in ["5", "MB", "5 MB", "+5MB", "5mb", "99999999TB"] {
            assert_eq!(parse(Some(size), None), unit, "{size}");
        }
    }
}
