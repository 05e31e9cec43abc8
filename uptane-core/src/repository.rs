//! The signing side: keys, metadata of every role in both dialects, rotation. What a factory's server does, and
//! what tests need. Everything is deterministic: keys come from seeds.

mod key;
mod metadata;
mod sign;

pub use key::SigningKey;
pub use metadata::{
    FileEntry, RoleKeys, RootSpec, TargetSpec, meta_body, root_body, targets_body, timestamp_body,
};
pub use sign::{Wire, sign};

pub(crate) use metadata::quote;
