use std::io;

use rustix::io::Errno;

use crate::{Checksum, Error, ObjectType};

/// Why a repository cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepoError {
    /// The file system refused.
    #[error("{doing}: {error}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the file system said.
        error: io::Error,
    },
    /// The directory is no repository of a mode that is supported.
    #[error("repository mode {mode:?} is not supported here")]
    Mode {
        /// The mode's name.
        mode: &'static str,
    },
    /// The `config` file is not a repository's.
    #[error("{rule} in the repository's config")]
    Config {
        /// What is wrong with it.
        rule: &'static str,
    },
    /// An object is not there.
    #[error("{} {checksum} is not in the repository", .object_type.name())]
    Missing {
        /// Its type.
        object_type: ObjectType,
        /// Its name.
        checksum: Checksum,
    },
    /// An object's content has another checksum than its name says.
    #[error("{} {expected} has the content of {actual}", .object_type.name())]
    Corrupt {
        /// Its type.
        object_type: ObjectType,
        /// Its name.
        expected: Checksum,
        /// The checksum of its content.
        actual: Checksum,
    },
    /// An object is malformed, or breaks a rule of this crate.
    #[error("{} {checksum}: {error}", .object_type.name())]
    Malformed {
        /// Its type.
        object_type: ObjectType,
        /// Its name.
        checksum: Checksum,
        /// What is wrong with it.
        error: Error,
    },
    /// An object is larger than its commit says.
    #[error("{0}")]
    BeyondSizes(#[from] crate::BeyondSizes),
    /// A directory of a commit is inside more directories than the limit.
    #[error("dirtree {checksum} is in more than {limit} directories")]
    TooDeep {
        /// The directory's entries.
        checksum: Checksum,
        /// The limit.
        limit: usize,
    },
    /// Directories on disk nest deeper than the limit.
    #[error("directories nest deeper than {limit}")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// A name of the tree that is committed cannot be in an object.
    #[error("a name that {0}")]
    Name(crate::NameError),
    /// Something in the tree that is committed is neither file, directory nor symbolic link.
    #[error("no file, directory or symbolic link")]
    FileType,
    /// Something went wrong with one entry of the tree that is committed.
    #[error("{path}: {error}")]
    At {
        /// Its path below the directory that is committed.
        path: alloc::boxed::Box<str>,
        /// What went wrong.
        error: alloc::boxed::Box<Self>,
    },
    /// The commit has no such directory.
    #[error("no such directory in the commit")]
    NoDirectory,
    /// The tree of a commit has no such entry.
    #[error("no such file or directory in the commit: {path}")]
    NoEntry {
        /// Its path, from `/`.
        path: alloc::boxed::Box<str>,
    },
    /// What was to have an entry is no directory.
    #[error("not a directory in the commit: {path}")]
    NotDirectory {
        /// Its path, from `/`.
        path: alloc::boxed::Box<str>,
    },
    /// What was to be a file is a directory.
    #[error("a directory in the commit, not a file: {path}")]
    IsDirectory {
        /// Its path, from `/`.
        path: alloc::boxed::Box<str>,
    },
    /// A symbolic link of a commit leads to another one, and so on.
    #[error("more than {limit} symbolic links lead to each other")]
    Links {
        /// The limit.
        limit: usize,
    },
    /// A whiteout names nothing that can be in its directory.
    #[error("the name in a whiteout {0}")]
    Whiteout(crate::NameError),
    /// A file that is there is not what a checkout would have made.
    #[error("what is there differs from file {checksum}")]
    Differs {
        /// The file object.
        checksum: Checksum,
    },
    /// A commit has more objects than the limit.
    #[error("more than {limit} objects")]
    Objects {
        /// The limit.
        limit: usize,
    },
    /// A checkout that may only link cannot do so.
    #[error("cannot link files of a repository of mode {}: {rule}", .mode.name())]
    CannotLink {
        /// The repository's mode.
        mode: crate::RepoMode,
        /// What is in the way.
        rule: &'static str,
    },
    /// A checkout has more entries than the limit.
    #[error("the checkout has more than {limit} entries")]
    CheckoutEntries {
        /// The limit.
        limit: u64,
    },
    /// A checkout copies more content than the limit.
    #[error("the checkout copies more than {limit} bytes")]
    CheckoutBytes {
        /// The limit in bytes.
        limit: u64,
    },
    /// The file system would have less free than the repository's config reserves (`min-free-space-…`).
    #[error("{needed} bytes more would be written, with {free} free of which {reserved} are reserved")]
    FreeSpace {
        /// Bytes that were to be written.
        needed: u64,
        /// Bytes that are free for this user.
        free: u64,
        /// Bytes that have to stay free.
        reserved: u64,
    },
    /// Somebody else has the repository's lock.
    #[error("no {kind} lock of the repository in {seconds} seconds: somebody else writes it")]
    Locked {
        /// Which lock, `shared` or `exclusive`.
        kind: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A file changed while it was committed.
    #[error("it changes while it is committed")]
    Changed,
    /// The extended attributes of something on disk cannot be in an object.
    #[error("the extended attributes of a file: {error}")]
    Xattrs {
        /// What is wrong with them.
        error: Error,
    },
    /// A `bare-user-only` repository stores root's files below 0775 without extended attributes, and no others.
    #[error(
        "mode bare-user-only cannot store a file of {uid}:{gid} with mode {mode:#o} and {xattrs} extended attributes"
    )]
    NotCanonical {
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
        /// Its mode.
        mode: u32,
        /// How many extended attributes it has.
        xattrs: usize,
    },
    /// A commit that should be deleted is one that a ref leads to.
    #[error("{path} leads to commit {commit}")]
    Referenced {
        /// The commit.
        commit: Checksum,
        /// The ref's file in the repository.
        path: alloc::boxed::Box<str>,
    },
    /// A ref's name is not allowed.
    #[error("not a name of a ref")]
    RefName,
    /// Other refs are below the name of a ref, or one has the name of a directory that it would be in.
    #[error("another ref is in the way: of NAME and NAME/MORE there can be one")]
    RefConflict,
    /// A ref is not there.
    #[error("no such ref or commit")]
    NoRef,
    /// Some digits are the start of more than one commit's checksum.
    #[error("the checksums of {commits} commits start like that: give more of it")]
    Ambiguous {
        /// How many.
        commits: usize,
    },
    /// More than one remote has a ref of that name.
    #[error("a ref of {remotes} remotes: name one, as REMOTE:REF")]
    AmbiguousRemote {
        /// How many, of those whose refs lead to different commits.
        remotes: usize,
    },
    /// A commit has no parent.
    #[error("commit {commit} has no parent")]
    NoParent {
        /// The commit.
        commit: Checksum,
    },
    /// A ref is there and holds no checksum.
    #[error("{path} holds no checksum of a commit")]
    BadRef {
        /// Its file in the repository.
        path: alloc::boxed::Box<str>,
    },
}

impl RepoError {
    /// Whether it is the object that is wrong. If the file system only refuses to let it be read, for want of a
    /// permission or of memory, it may be whole.
    #[must_use]
    pub fn is_of_object(&self) -> bool {
        match self {
            // A compressed object that ends early or is none; a link or a directory in the place of one.
            Self::Io { error, .. } => {
                matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)
                    || [Errno::LOOP, Errno::ISDIR].contains(&Errno::from_io_error(error).unwrap_or(Errno::IO))
            }
            _ => true,
        }
    }

    /// The same, of the entry at `path`; empty for the tree itself. That the disk is full is of none.
    pub(super) fn at(self, path: alloc::string::String) -> Self {
        if path.is_empty() || matches!(self, Self::FreeSpace { .. }) {
            return self;
        }
        Self::At { path: path.into(), error: alloc::boxed::Box::new(self) }
    }

    /// What the file system said, if that is it.
    pub(super) fn errno(&self) -> Option<Errno> {
        match self {
            Self::Io { error, .. } => Errno::from_io_error(error),
            _ => None,
        }
    }

    pub(crate) fn io<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Io { doing, error: error.into() }
    }
}
