//! Properties of `uptane-core`.

mod cycle;
mod documents;
mod json;
mod roles;
mod stream;

pub use cycle::cycle;
pub use json::{canonical, json};
pub use roles::{root, snapshot, targets, timestamp};
pub use stream::{reader, stream};
