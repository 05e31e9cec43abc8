use core::fmt;

/// The kinds of objects; the numbers are those of libostree's `OstreeObjectType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ObjectType {
    /// 1: content of a regular file or symbolic link, with owner, mode and extended attributes.
    File,
    /// 2: a directory's entries.
    DirTree,
    /// 3: a directory's owner, mode and extended attributes.
    DirMeta,
    /// 4: a commit.
    Commit,
    /// 5: the mark of a commit that was deleted on purpose.
    TombstoneCommit,
    /// 6: signatures and other data beside a commit; not covered by any checksum.
    CommitMeta,
    /// 7: a link from a content's own checksum to the file object.
    PayloadLink,
    /// 8: extended attributes, in `bare-split-xattrs` repositories.
    FileXattrs,
    /// 9: the link from a file object to its extended attributes, in `bare-split-xattrs` repositories.
    FileXattrsLink,
}

impl ObjectType {
    /// The number that stands for this type inside objects.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::File => 1,
            Self::DirTree => 2,
            Self::DirMeta => 3,
            Self::Commit => 4,
            Self::TombstoneCommit => 5,
            Self::CommitMeta => 6,
            Self::PayloadLink => 7,
            Self::FileXattrs => 8,
            Self::FileXattrsLink => 9,
        }
    }

    /// The type that a number stands for.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::File,
            2 => Self::DirTree,
            3 => Self::DirMeta,
            4 => Self::Commit,
            5 => Self::TombstoneCommit,
            6 => Self::CommitMeta,
            7 => Self::PayloadLink,
            8 => Self::FileXattrs,
            9 => Self::FileXattrsLink,
            _ => return None,
        })
    }

    /// Whether such an object is one GVariant: commit, dirtree, dirmeta, tombstone and commitmeta.
    #[must_use]
    pub const fn is_metadata(self) -> bool {
        matches!(
            self,
            Self::DirTree | Self::DirMeta | Self::Commit | Self::TombstoneCommit | Self::CommitMeta
        )
    }

    /// The GVariant type of such an object, if it is one (`ostree-core.h`).
    #[must_use]
    pub const fn type_string(self) -> Option<&'static str> {
        Some(match self {
            Self::Commit => "(a{sv}aya(say)sstayay)",
            Self::DirTree => "(a(say)a(sayay))",
            Self::DirMeta => "(uuua(ayay))",
            Self::TombstoneCommit | Self::CommitMeta => "a{sv}",
            _ => return None,
        })
    }

    /// Whether the name of such an object is the SHA-256 of its bytes.
    #[must_use]
    pub const fn is_named_by_bytes(self) -> bool {
        matches!(self, Self::DirTree | Self::DirMeta | Self::Commit)
    }

    /// The ending of the object's file name in a repository of that mode, without the dot.
    #[must_use]
    pub const fn extension(self, mode: RepoMode) -> &'static str {
        match (self, mode) {
            (Self::File, RepoMode::Archive) => "filez",
            _ => self.name(),
        }
    }

    /// The type's name, as libostree writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::DirTree => "dirtree",
            Self::DirMeta => "dirmeta",
            Self::Commit => "commit",
            Self::TombstoneCommit => "tombstone-commit",
            Self::CommitMeta => "commitmeta",
            Self::PayloadLink => "payload-link",
            Self::FileXattrs => "file-xattrs",
            Self::FileXattrsLink => "file-xattrs-link",
        }
    }

    /// The type with that [`extension`](Self::extension) in a repository of that mode.
    #[must_use]
    pub fn from_extension(extension: &str, mode: RepoMode) -> Option<Self> {
        (1..=9).filter_map(Self::from_number).find(|kind| kind.extension(mode) == extension)
    }
}

impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a repository keeps its objects: `mode` in the section `[core]` of its `config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RepoMode {
    /// `archive-z2` (or `archive`): files compressed, for serving over HTTP.
    Archive,
    /// `bare`: files as they are checked out, with their real owners; needs root.
    Bare,
    /// `bare-user`: files with owner, mode and extended attributes in the attribute `user.ostreemeta`.
    BareUser,
    /// `bare-user-only`: files without owners and extended attributes.
    BareUserOnly,
    /// `bare-split-xattrs`: files with their extended attributes in objects of their own.
    BareSplitXattrs,
}

impl RepoMode {
    /// The mode as `config` names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive-z2",
            Self::Bare => "bare",
            Self::BareUser => "bare-user",
            Self::BareUserOnly => "bare-user-only",
            Self::BareSplitXattrs => "bare-split-xattrs",
        }
    }

    /// The mode with that name; `archive` is `archive-z2`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "archive" | "archive-z2" => Self::Archive,
            "bare" => Self::Bare,
            "bare-user" => Self::BareUser,
            "bare-user-only" => Self::BareUserOnly,
            "bare-split-xattrs" => Self::BareSplitXattrs,
            _ => return None,
        })
    }
}

impl fmt::Display for RepoMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
