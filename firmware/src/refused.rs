//! Why the program exits with 1.

use ostree_objects::{Checksum, ChecksumError};

/// What did not hold: the libraries' own errors, and what only the program can say.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Something that whoever built the program wrote wrongly.
    #[error("{0}")]
    Input(&'static str),
    /// Metadata.
    #[error(transparent)]
    Metadata(#[from] uptane_core::Error),
    /// Metadata that holds and says nothing about this ECU.
    #[error("the director assigns no image to this ECU")]
    NoImage,
    /// An image that is something else.
    #[error("the image is not an OSTree commit")]
    NoCommit,
    /// The boot loader's environment.
    #[error(transparent)]
    Environment(#[from] bsp_imx95::env::Error),
    /// An environment without a variable that every one has.
    #[error("the environment has no {0}")]
    NoVariable(&'static str),
    /// What should be the commit's name.
    #[error("the name of a commit: {0}")]
    Name(#[from] ChecksumError),
    /// A commit under another commit's name.
    #[error("the commit called {name} has the checksum {actual}")]
    Checksum {
        /// The name it came with.
        name: Checksum,
        /// The checksum of its bytes.
        actual: Checksum,
    },
    /// A commit that is none.
    #[error("a commit: {0}")]
    Commit(#[from] ostree_objects::Error),
}
