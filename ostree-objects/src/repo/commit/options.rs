use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::Checksum;
use crate::repo::KnownLinks;

/// What a commit says, and what of its files is taken over.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// The owner of everything in it; as on disk if `None`.
    pub uid: Option<u32>,
    /// The group of everything in it; as on disk if `None`.
    pub gid: Option<u32>,
    /// Everything is root's, modes are cut to 0755 and there are no extended attributes, so that the same tree gives
    /// the same commit whoever makes it. Always so in a `bare-user-only` repository.
    pub canonical_permissions: bool,
    /// Leave extended attributes out.
    pub skip_xattrs: bool,
    /// The branch that it is the new head of, which the commit also names itself (`ostree.ref-binding`).
    pub branch: Option<String>,
    /// Further refs that the commit names itself.
    pub bind_refs: Vec<String>,
    /// Name no refs in it.
    pub no_bindings: bool,
    /// One line that says what it is.
    pub subject: String,
    /// More lines of it.
    pub body: String,
    /// When it was made, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: u64,
    /// The commit before it.
    pub parent: Option<Checksum>,
    /// List the sizes of its objects in it (`ostree.sizes`), so that who pulls it knows how much that is. Only an archive
    /// knows what an object takes when it is served: in other repositories this does nothing, as with libostree.
    #[cfg(feature = "zlib")]
    pub generate_sizes: bool,
    /// Which files are links to the repository's own: what is known is not read, and in a repository of mode `bare-user` it
    /// is committed with the owner and the attributes of its object, not those on disk (`--link-checkout-speedup`).
    pub known_links: Option<Arc<KnownLinks>>,
    /// Commit what is known as it is in the repository, whatever these options say of owners and attributes
    /// (`--devino-canonical`).
    pub trust_links: bool,
    /// Further metadata, strings by key, in the order in which the tool is given them.
    pub metadata: Vec<(String, String)>,
}
