//! Removing whatever has a name.

use alloc::borrow::ToOwned;
use alloc::ffi::CString;
use alloc::vec::Vec;
use std::fs::File;

use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;

use crate::limits::MAX_DEPTH;
use crate::repo::{RepoError, open_directory};

/// Removes `name` in `at`, with everything below it if it is a directory; nothing there is fine. No symbolic link is
/// followed.
pub(super) fn remove(at: &File, name: &str) -> Result<(), RepoError> {
    let io = || RepoError::io("removing a directory and what is in it");
    let name = CString::new(name).map_err(|_| RepoError::Name(crate::NameError::Nul))?;
    if unlink(at, &name)? {
        return Ok(());
    }
    // Directories that are being emptied, each in the one before it.
    let mut levels: Vec<(File, CString)> = Vec::from([(open_directory(at, &*name)?, name)]);
    while let Some((directory, _)) = levels.last() {
        let mut below = None;
        for entry in Dir::read_from(directory).map_err(io())? {
            let entry = entry.map_err(io())?;
            let name = entry.file_name();
            if name != c"." && name != c".." && !unlink(directory, name)? {
                below = Some((open_directory(directory, name)?, name.to_owned()));
                break;
            }
        }
        match below {
            Some(_) if levels.len() >= MAX_DEPTH => return Err(RepoError::Depth { limit: MAX_DEPTH }),
            Some(below) => levels.push(below),
            None => {
                let Some((emptied, name)) = levels.pop() else { break };
                drop(emptied);
                let parent = levels.last().map_or(at, |(directory, _)| directory);
                rustix::fs::unlinkat(parent, &*name, AtFlags::REMOVEDIR).map_err(io())?;
            }
        }
    }
    Ok(())
}

/// False if it is a directory.
fn unlink(at: &File, name: &core::ffi::CStr) -> Result<bool, RepoError> {
    match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        // Linux says EISDIR, POSIX EPERM.
        Err(Errno::ISDIR | Errno::PERM) => Ok(false),
        Err(error) => Err(RepoError::io("removing a directory and what is in it")(error)),
    }
}
