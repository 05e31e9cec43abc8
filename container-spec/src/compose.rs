//! Compose files: parse, interpolate, merge, check, canonicalise.
//!
//! [`load`] turns one file into a [`Project`] or says where it is wrong. What a short form means is resolved,
//! every property of the specification is in the [`model`], and whatever is not is an error with line and
//! column. [`Project::locked`] refuses what could change its meaning on the way to a device.

mod canonical;
mod decode;
mod environment;
mod error;
mod hash;
mod interpolate;
pub mod limits;
mod load;
mod loader;
mod merge;
pub mod model;
mod paths;
mod place;
mod project;
pub mod tree;
mod validate;
mod yaml;

pub use canonical::{canonical, canonical_files, check_locked, lock, lock_files};
pub use environment::Environment;
pub use error::{Error, ErrorKind, Expected};
pub use hash::CONFIG_HASH_VERSION;
pub use interpolate::{Unset, interpolate, substitute};
pub use load::{check, is_project_name, load};
pub use loader::{Files, Loader, Source};
pub use place::{MAX_WORD_BYTES, Position, Word};
pub use project::Project;
pub use yaml::parse as parse_yaml;
