//! The Docker Engine API as values: requests go out as method, path and JSON, answers come in as bytes.
//!
//! Nothing here opens a socket. An executor sends a [`Request`] over whatever it has and hands the status and
//! the body of the answer to [`response`]. A status of 200 proves little with this API: pulls and loads answer
//! with a stream that tells of errors inside of it, and [`response::read_stream`] finds them.
//!
//! Source: `api/swagger.yaml` of moby, versions 1.40 to 1.56.

use crate::compose::Word;
use crate::compose::limits::MAX_CONTAINERS;

mod create;
mod host;
mod identity;
mod inspect;
mod request;
mod resource;
pub mod response;
mod version;

pub use create::Target;
pub use identity::{ImageIdentity, Mismatch, Store};
pub use inspect::{ContainerState, Health, HealthStatus, ImageDetails};
pub(crate) use request::escape;
pub use request::{Method, Request};
pub use version::{ApiVersion, MAX_API, MIN_API, NegotiationError};

/// Label that names the project of a container, network or volume.
pub const PROJECT_LABEL: &str = "com.docker.compose.project";
/// Label that names the service of a container.
pub const SERVICE_LABEL: &str = "com.docker.compose.service";
/// Label with the number of a container among those of its service.
pub const NUMBER_LABEL: &str = "com.docker.compose.container-number";
/// Label with the [hash](crate::compose::model::Service::config_hash) of the service.
pub const HASH_LABEL: &str = "com.docker.compose.config-hash";
/// Label that tells containers of services from those of a single command.
pub const ONEOFF_LABEL: &str = "com.docker.compose.oneoff";

/// Why there is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The project has no such service.
    #[error("there is no service {service}")]
    NoService {
        /// Its name.
        service: Word,
    },
    /// The service has no image.
    #[error("service {service} has no image")]
    NoImage {
        /// Its name.
        service: Word,
    },
    /// A property that the engine cannot be told, or that had to be resolved before.
    #[error("service {service}: `{property}` cannot be given to the engine")]
    Unsupported {
        /// Name of the service.
        service: Word,
        /// Name of the property.
        property: &'static str,
    },
    /// A property that the engine learns only from a later version on.
    #[error("service {service}: `{property}` needs API {needed}, the engine has {has}")]
    NeedsApi {
        /// Name of the service.
        service: Word,
        /// Name of the property.
        property: &'static str,
        /// The first version that has it.
        needed: ApiVersion,
        /// The version that was agreed on.
        has: ApiVersion,
    },
    /// A number that the engine's field cannot hold.
    #[error("service {service}: `{property}` is out of range")]
    Range {
        /// Name of the service.
        service: Word,
        /// Name of the property.
        property: &'static str,
    },
    /// More than [`MAX_CONTAINERS`] containers.
    #[error("with service {service} there are more than {MAX_CONTAINERS} containers")]
    TooManyContainers {
        /// The service.
        service: Word,
    },
    /// The services wait for each other.
    #[error("service {service} depends on itself through others")]
    Cycle {
        /// One of them.
        service: Word,
    },
}
