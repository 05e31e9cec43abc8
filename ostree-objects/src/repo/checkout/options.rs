use crate::limits::{MAX_CHECKOUT_BYTES, MAX_CHECKOUT_ENTRIES};
use crate::repo::KnownLinks;

/// How to check out.
#[derive(Clone, Copy, Debug)]
pub struct CheckoutOptions<'a> {
    /// Whether files are links to the repository's own.
    pub links: Links,
    /// Whose the files are.
    pub ownership: Ownership,
    /// What happens to what is there already.
    pub union: Union,
    /// A file `.wh.NAME` removes NAME, and `.wh..wh..opq` all that was in its directory, as in layers of container
    /// images; none of these files is made.
    pub whiteouts: bool,
    /// The directory of the commit that is checked out, `/` for all of it.
    pub subpath: &'a str,
    /// Where to note which files are links to the repository's, so that they need not be read when the directory is
    /// committed ([`CommitOptions::known_links`](crate::repo::CommitOptions)).
    pub known_links: Option<&'a KnownLinks>,
    /// Most files, links and directories that are made: a commit may name one directory in many places.
    pub max_entries: u64,
    /// Most bytes of content that are copied; what is linked does not count.
    pub max_bytes: u64,
}

impl Default for CheckoutOptions<'_> {
    /// In user mode, all of the commit into a new directory, within [`MAX_CHECKOUT_ENTRIES`] and
    /// [`MAX_CHECKOUT_BYTES`].
    fn default() -> Self {
        Self {
            links: Links::Allowed,
            ownership: Ownership::User,
            union: Union::None,
            whiteouts: false,
            subpath: "/",
            known_links: None,
            max_entries: MAX_CHECKOUT_ENTRIES,
            max_bytes: MAX_CHECKOUT_BYTES,
        }
    }
}

/// Whether a checkout's files are links to those of the repository, which takes no space and hardly any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Where they can be; else they are copied.
    #[default]
    Allowed,
    /// No file is linked: for trees that will be edited (`--force-copy`).
    Never,
    /// A file that cannot be linked is an error (`--require-hardlinks`). Not meant are symbolic links, which are made
    /// anew where they are not files of their own, and empty files, which share nothing.
    Required,
}

/// Whose the files of a checkout are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// The caller's, without extended attributes and set-id bits (`ostree checkout -U`).
    #[default]
    User,
    /// As committed, with their extended attributes and all bits of their modes, which needs root. In a repository
    /// of mode `bare-user-only`, whose files have neither owners nor attributes, the same as `User`.
    Committed,
}

/// What a checkout does where something is already. In all but `None` a directory that is there is filled, and
/// keeps its owner, mode and time; a symbolic link is never followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Union {
    /// Nothing may be there, not even the destination.
    #[default]
    None,
    /// Files are replaced, one by one and each at once (`--union`).
    Files,
    /// Files that are there stay (`--union-add`).
    Add,
    /// Files that are there must be the same as those of the commit (`--union-identical`).
    Identical,
}
