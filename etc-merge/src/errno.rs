//! Errors of Linux in words.

use core::fmt;

/// The `errno` of a call, shown as `strerror` names it. The numbers are those that all of Linux's architectures share but
/// for MIPS, SPARC, Alpha and PA-RISC (`asm-generic/errno.h`).
#[derive(Clone, Copy)]
pub(crate) struct Errno(pub(crate) i32);

/// What happens to files, and to those who change them.
const NAMES: &[(i32, &str)] = &[
    (1, "Operation not permitted"),
    (2, "No such file or directory"),
    (4, "Interrupted system call"),
    (5, "Input/output error"),
    (9, "Bad file descriptor"),
    (12, "Cannot allocate memory"),
    (13, "Permission denied"),
    (16, "Device or resource busy"),
    (17, "File exists"),
    (18, "Invalid cross-device link"),
    (20, "Not a directory"),
    (21, "Is a directory"),
    (22, "Invalid argument"),
    (23, "Too many open files in system"),
    (24, "Too many open files"),
    (26, "Text file busy"),
    (27, "File too large"),
    (28, "No space left on device"),
    (30, "Read-only file system"),
    (31, "Too many links"),
    (34, "Numerical result out of range"),
    (36, "File name too long"),
    (38, "Function not implemented"),
    (39, "Directory not empty"),
    (40, "Too many levels of symbolic links"),
    (61, "No data available"),
    (75, "Value too large for defined data type"),
    (95, "Operation not supported"),
    (116, "Stale file handle"),
    (117, "Structure needs cleaning"),
    (122, "Disk quota exceeded"),
];

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(code, _)| *code == self.0) {
            Some((code, name)) => write!(f, "{name} (os error {code})"),
            None => write!(f, "os error {}", self.0),
        }
    }
}

#[cfg(all(test, feature = "std", target_os = "linux"))]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn the_words_are_the_systems() {
        for (code, _) in NAMES {
            assert_eq!(Errno(*code).to_string(), std::io::Error::from_raw_os_error(*code).to_string());
        }
        assert_eq!(Errno(4000).to_string(), "os error 4000");
    }
}
