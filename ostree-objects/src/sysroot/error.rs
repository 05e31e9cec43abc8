use alloc::string::String;
use std::io;

use crate::repo::RepoError;
use crate::{Checksum, Error};

/// Why a sysroot cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SysrootError {
    /// The file system refused.
    #[error("{doing} {path}: {error}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file or directory.
        path: String,
        /// What the file system said.
        error: io::Error,
    },
    /// The repository refused.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Objects of the commit may be missing: it was never pulled to its end.
    #[error("commit {commit} is not complete: pull it first")]
    Partial {
        /// The commit.
        commit: Checksum,
    },
    /// The stateroot's name is not allowed.
    #[error("not a name for a stateroot")]
    Stateroot,
    /// `boot/loader` is not a symbolic link to `loader.0` or `loader.1`.
    #[error("boot/loader leads to neither loader.0 nor loader.1: this is no sysroot with boot entries")]
    Loader,
    /// A boot entry is malformed, or leads to no deployment.
    #[error("{file} does not lead to a deployment")]
    Entry {
        /// The entry's file.
        file: String,
    },
    /// The tree has no kernel where OSTree looks for it.
    #[error("the tree has no kernel at usr/lib/modules/VERSION/vmlinuz")]
    NoKernel,
    /// The tree has more than one kernel.
    #[error("the tree has more than one kernel in usr/lib/modules")]
    ManyKernels,
    /// The tree does not say what it is.
    #[error("the tree has no usr/lib/os-release with PRETTY_NAME or ID")]
    NoOsRelease,
    /// The tree has no default configuration.
    #[error("the tree has neither /usr/etc nor /etc")]
    NoEtc,
    /// The tree has two default configurations.
    #[error("the tree has both /etc and /usr/etc")]
    BothEtc,
    /// A directory of the tree is none, or a symbolic link, which is not followed.
    #[error("{path} in the tree is not a directory")]
    NotDirectory {
        /// Its path.
        path: &'static str,
    },
    /// A directory of device trees nests deeper than the limit.
    #[error("device trees nest deeper than {limit}")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// There is something staged that cannot be finalized.
    #[error("the staged deployment: {0}")]
    Staged(#[from] StagedError),
}

/// What is wrong with the record of a staged deployment, or with what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StagedError {
    /// The record is not in the normal form of its type.
    #[error("malformed record: {0}")]
    Malformed(#[from] Error),
    /// The record is longer than the limit.
    #[error("a record of more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// How many there are, as far as they were read.
        actual: usize,
    },
    /// The record says something that only another program understands.
    #[error("entry {index} of the record is not known here: what staged it has to finalize it")]
    Key {
        /// Which entry, from 0.
        index: usize,
    },
    /// An entry is missing, or not what it should be.
    #[error("no valid {key} in the record")]
    Value {
        /// Its key.
        key: &'static str,
    },
    /// The deployment whose /etc is to be taken over is not in the boot order.
    #[error("the deployment whose /etc it takes over is gone")]
    Merge,
    /// It is not there.
    #[error("it is gone")]
    Gone,
}

/// Why a deployment could not be prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError<E> {
    /// The sysroot refused.
    #[error(transparent)]
    Sysroot(#[from] SysrootError),
    /// The caller's merge of /etc failed.
    #[error("merging /etc: {0}")]
    Merge(E),
}

impl<E> From<RepoError> for PrepareError<E> {
    fn from(error: RepoError) -> Self {
        Self::Sysroot(error.into())
    }
}
