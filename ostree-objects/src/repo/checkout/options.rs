use crate::limits::{MAX_CHECKOUT_BYTES, MAX_CHECKOUT_ENTRIES};

/// How to check out.
#[derive(Clone, Copy, Debug)]
pub struct CheckoutOptions<'a> {
    /// Copy file content even where the repository's own file could be linked: for trees that will be edited.
    pub copy: bool,
    /// Whose the files are.
    pub ownership: Ownership,
    /// What happens to what is there already.
    pub union: Union,
    /// A file `.wh.NAME` removes NAME, and `.wh..wh..opq` all that was in its directory, as in layers of container
    /// images; none of these files is made.
    pub whiteouts: bool,
    /// The directory of the commit that is checked out, `/` for all of it.
    pub subpath: &'a str,
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
            copy: false,
            ownership: Ownership::User,
            union: Union::None,
            whiteouts: false,
            subpath: "/",
            max_entries: MAX_CHECKOUT_ENTRIES,
            max_bytes: MAX_CHECKOUT_BYTES,
        }
    }
}

/// Whose the files of a checkout are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ownership {
    /// The caller's, without extended attributes and set-id bits (`ostree checkout -U`).
    #[default]
    User,
    /// As committed, with their extended attributes and all bits of their modes, which needs root.
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
