//! The signing side: keys, metadata of every role in both dialects, rotation. What a factory's server does, and
//! what tests need. Everything is deterministic: Ed25519 keys come from seeds, and what other keys sign, wherever they
//! are, comes in ([`Signing`]).

mod delegations;
mod key;
mod metadata;
mod root;
mod sign;

pub use delegations::{Bins, DelegatedRole, Delegations, Scope};
pub use key::{KeyType, ListedKey, SigningKey};
pub use metadata::{
    FileEntry, RoleKeys, RootSpec, TargetSpec, TargetsSpec, meta_body, root_body, targets_body,
    timestamp_body,
};
pub use root::{ListedRole, ListedRoot};
pub use sign::{Signing, Wire, sign};

pub(crate) use metadata::quote;
