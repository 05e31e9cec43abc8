//! The extended attributes of files on disk.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::fs::File;
use std::os::fd::AsRawFd;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::RepoError;
use crate::limits::MAX_XATTR_VALUE_BYTES;
use crate::{Xattrs, XattrsRef};

/// Most bytes of names that a file has: Linux' `XATTR_LIST_MAX`.
const MAX_LIST_BYTES: usize = 65_536;

/// All attributes of an open file or directory.
pub(super) fn of_file(file: &File) -> Result<Xattrs, RepoError> {
    collect(|list| rustix::fs::flistxattr(file, list), |name, value| rustix::fs::fgetxattr(file, name, value))
}

/// All attributes of what `name` is in `directory`, which may be a symbolic link.
pub(super) fn of_name(directory: &File, name: &str) -> Result<Xattrs, RepoError> {
    let path = path_of(directory, name);
    collect(
        |list| rustix::fs::llistxattr(&*path, list),
        |name, value| rustix::fs::lgetxattr(&*path, name, value),
    )
}

/// Linux has no calls for names relative to a directory; the way through `/proc` follows no symbolic link but its
/// own.
fn path_of(directory: &File, name: &str) -> String {
    format!("/proc/self/fd/{}/{name}", directory.as_raw_fd())
}

fn collect(
    list: impl Fn(&mut [u8]) -> Result<usize, Errno>,
    get: impl Fn(&[u8], &mut [u8]) -> Result<usize, Errno>,
) -> Result<Xattrs, RepoError> {
    let io = || RepoError::io("reading extended attributes");
    // Most files have none: the names of others do not fit.
    match list(&mut [0]) {
        Ok(0) | Err(Errno::NOTSUP) => return Ok(Xattrs::default()),
        Ok(_) | Err(Errno::RANGE) => {}
        Err(error) => return Err(io()(error)),
    }
    let mut names = vec![0; MAX_LIST_BYTES];
    let count = list(&mut names).map_err(io())?;
    let mut pairs = Vec::new();
    let mut value = vec![0; MAX_XATTR_VALUE_BYTES];
    for name in names.get(..count).unwrap_or_default().split(|byte| *byte == 0) {
        if name.is_empty() {
            continue;
        }
        let count = get(name, &mut value).map_err(io())?;
        // libostree does not see attributes without a value (libglnx, `read_xattr_name_array`).
        if let Some(value @ [_, ..]) = value.get(..count) {
            pairs.push((name, value.to_vec()));
        }
    }
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_slice()));
    Xattrs::new(pairs).map_err(|error| RepoError::Xattrs { error })
}

/// Gives an open file or directory the attributes.
pub(super) fn set_of_file(file: &File, xattrs: XattrsRef<'_>) -> Result<(), RepoError> {
    for (name, value) in xattrs.iter() {
        rustix::fs::fsetxattr(file, name, value, XattrFlags::empty())
            .map_err(RepoError::io("setting an extended attribute"))?;
    }
    Ok(())
}

/// Gives what `name` is in `directory` the attributes.
pub(super) fn set_of_name(directory: &File, name: &str, xattrs: XattrsRef<'_>) -> Result<(), RepoError> {
    if xattrs.is_empty() {
        return Ok(());
    }
    let path = path_of(directory, name);
    for (name, value) in xattrs.iter() {
        rustix::fs::lsetxattr(&*path, name, value, XattrFlags::empty())
            .map_err(RepoError::io("setting an extended attribute"))?;
    }
    Ok(())
}
