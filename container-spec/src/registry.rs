//! Registries: where an image is asked for, with which credentials, and what pulling it takes on the disk.
//!
//! Nothing here opens a connection. An [`Endpoint`] says which paths of the registry's API to ask for, a [`Challenge`] what
//! a registry that answers 401 wants, [`Credentials`] what Docker's `config.json` holds for it, and [`pull_bytes`] what an
//! image that is not there yet takes.
//!
//! Source: `registry/spec/api.md` and `registry/spec/auth/token.md` of distribution, `cli/config` of docker/cli.

mod challenge;
mod credentials;
mod endpoint;
mod size;

pub use challenge::{Challenge, MAX_CHALLENGE_BYTES, MAX_TOKEN_BYTES, Token};
pub use credentials::{Credential, Credentials, CredentialsError, MAX_CREDENTIALS_BYTES};
pub use endpoint::{Endpoint, MANIFEST_TYPES, is_loopback};
pub use size::{PULL_COPIES, SizeError, pull_bytes};
