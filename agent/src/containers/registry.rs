//! Registries, asked before the engine pulls from them: how large an image is.
//!
//! The engine itself tells of an image it does not have no more than the length of its manifest
//! (`/distribution/NAME/json`), so the registry is asked for the manifest and the config, by the digests that pin them. What
//! it says is checked against these; the pull itself remains the engine's.

use std::collections::{BTreeMap, BTreeSet};

use container_spec::digest::Sha256;
use container_spec::oci::{ImageConfig, Index, MAX_JSON_BYTES, Manifest, OciError};
use container_spec::platform::Platform;
use container_spec::reference::Normalized;
use container_spec::registry::{
    Challenge, Credential, Credentials, Endpoint, MANIFEST_TYPES, MAX_TOKEN_BYTES, SizeError, Token,
    is_loopback, pull_bytes,
};

mod connection;

use connection::{Answer, Connection};

/// Why a registry did not say what it was asked for, or did not let the engine pull. Credentials are never in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// It does not take the credentials that the file has for it, or not for this image.
    #[error("the registry {registry} refuses the credentials that are configured for it")]
    Refused {
        /// The registry, as references name it.
        registry: String,
    },
    /// It wants credentials, and there are none for it.
    #[error("the registry {registry} wants credentials, and none are configured for it")]
    NoCredentials {
        /// The registry, as references name it.
        registry: String,
    },
    /// It asks for credentials in a way, or at a place, that they are not sent to.
    #[error("the registry {registry} asks for credentials in a way that is not supported")]
    Challenge {
        /// The registry, as references name it.
        registry: String,
    },
    /// It answered with another status.
    #[error("the registry {registry} answered {status} to {path}")]
    Status {
        /// The registry, as references name it.
        registry: String,
        /// The status.
        status: u16,
        /// What was asked for.
        path: String,
    },
    /// It answered with more than an answer of this kind may have.
    #[error("the registry {registry} answered with more than {max_bytes} bytes to {path}")]
    TooLarge {
        /// The registry, as references name it.
        registry: String,
        /// What was asked for.
        path: String,
        /// The most bytes that are taken.
        max_bytes: usize,
    },
    /// It answered with other bytes than those of the digest.
    #[error("the registry {registry} answered with something else than {digest}")]
    NotTheDigest {
        /// The registry, as references name it.
        registry: String,
        /// What was asked for.
        digest: Sha256,
    },
    /// There is no manifest for this platform in the image's index.
    #[error("the image has no manifest for {platform}")]
    NoPlatform {
        /// The platform.
        platform: String,
    },
    /// What it answered cannot be read.
    #[error("the registry {registry}: {source}")]
    Document {
        /// The registry, as references name it.
        registry: String,
        /// What is wrong.
        source: SizeError,
    },
    /// It cannot be reached.
    #[error("asking the registry {registry}")]
    Connection {
        /// The registry, as references name it.
        registry: String,
        /// Why.
        source: Box<ureq::Error>,
    },
}

impl RegistryError {
    /// What a registry means that does not answer because of credentials.
    pub(super) fn unauthorized(registry: &str, sent: bool) -> Self {
        let registry = registry.to_owned();
        if sent { Self::Refused { registry } } else { Self::NoCredentials { registry } }
    }
}

/// What pulling `images` takes on the disk of an engine that has the layers `there`, by the digest that pins each: layers
/// that several share are counted for the first. What cannot be learned is handed to `unknown`.
pub(super) fn pull_sizes<'i>(
    images: impl Iterator<Item = (Sha256, &'i str)>,
    credentials: &Credentials,
    platform: Platform<'_>,
    mut there: BTreeSet<Sha256>,
    mut unknown: impl FnMut(&str, &anyhow::Error),
) -> BTreeMap<Sha256, u64> {
    let mut sizes = BTreeMap::new();
    for (digest, image) in images {
        let size = Normalized::parse(image).map_err(anyhow::Error::from).and_then(|reference| {
            let registry = Registry::new(reference, credentials);
            Ok(registry.pull_bytes(digest, platform, &mut there)?)
        });
        match size {
            Ok(size) => drop(sizes.insert(digest, size)),
            Err(error) => unknown(image, &error),
        }
    }
    sizes
}

/// The registry of one image.
struct Registry<'r> {
    endpoint: Endpoint<'r>,
    credential: Option<&'r Credential>,
    connection: Connection,
}

impl<'r> Registry<'r> {
    fn new(image: Normalized<'r>, credentials: &'r Credentials) -> Self {
        let endpoint = Endpoint::of(image);
        let credential = credentials.of_registry(endpoint.registry());
        Self { endpoint, credential, connection: Connection::new(endpoint.host()) }
    }

    fn name(&self) -> String {
        self.endpoint.registry().to_owned()
    }

    fn pull_bytes(
        &self,
        pinned: Sha256,
        platform: Platform<'_>,
        there: &mut BTreeSet<Sha256>,
    ) -> Result<u64, RegistryError> {
        let document = |source: SizeError| RegistryError::Document { registry: self.name(), source };
        let read = |error: OciError| document(error.into());
        let mut asking = Asking { registry: self, base: None, authorization: None };
        let mut bytes =
            asking.document(&self.endpoint.manifest_path(pinned), pinned, Some(MANIFEST_TYPES))?;
        if let Ok(index) = Index::verify(&bytes, pinned) {
            let chosen = index.select(&platform);
            let chosen =
                chosen.ok_or_else(|| RegistryError::NoPlatform { platform: platform.to_string() })?;
            let digest = chosen.sha256().map_err(read)?;
            bytes = asking.document(&self.endpoint.manifest_path(digest), digest, Some(MANIFEST_TYPES))?;
        }
        let manifest = Manifest::read(&bytes).map_err(read)?;
        let digest = manifest.config.sha256().map_err(read)?;
        let config = asking.document(&self.endpoint.blob_path(digest), digest, None)?;
        let config = ImageConfig::read(&config).map_err(read)?;
        pull_bytes(&manifest, &config, there).map_err(document)
    }
}

/// Requests to a registry, and what they found out: how it is reached, and what it wants to see.
struct Asking<'a, 'r> {
    registry: &'a Registry<'r>,
    /// `https://HOST` or `http://HOST`.
    base: Option<String>,
    authorization: Option<String>,
}

impl Asking<'_, '_> {
    /// The bytes that `digest` stands for.
    fn document(
        &mut self,
        path: &str,
        digest: Sha256,
        accept: Option<&str>,
    ) -> Result<Vec<u8>, RegistryError> {
        let registry = self.registry;
        let mut answer = self.get(path, accept)?;
        if answer.status == 401 {
            let challenge = answer.challenge.as_deref().and_then(Challenge::parse);
            self.authorization = Some(self.authorize(challenge)?);
            answer = self.get(path, accept)?;
        }
        match answer.status {
            200 => {}
            401 | 403 => {
                return Err(RegistryError::unauthorized(&registry.name(), registry.credential.is_some()));
            }
            status => {
                return Err(RegistryError::Status {
                    registry: registry.name(),
                    status,
                    path: path.to_owned(),
                });
            }
        }
        if answer.body.len() > MAX_JSON_BYTES {
            let (registry, path) = (registry.name(), path.to_owned());
            return Err(RegistryError::TooLarge { registry, path, max_bytes: MAX_JSON_BYTES });
        }
        if Sha256::of(&answer.body) != digest {
            return Err(RegistryError::NotTheDigest { registry: registry.name(), digest });
        }
        Ok(answer.body)
    }

    /// Asks over HTTPS, and what is on this device itself, like engines do, over plain HTTP if that is all it speaks.
    fn get(&mut self, path: &str, accept: Option<&str>) -> Result<Answer, RegistryError> {
        let (host, connection) = (self.registry.endpoint.host(), &self.registry.connection);
        let failed =
            |source| RegistryError::Connection { registry: self.registry.name(), source: Box::new(source) };
        let authorization = self.authorization.as_deref();
        if let Some(base) = &self.base {
            return connection
                .get(&format!("{base}{path}"), accept, authorization, MAX_JSON_BYTES)
                .map_err(failed);
        }
        let bases: &[&str] = if is_loopback(host) { &["https", "http"] } else { &["https"] };
        let mut last = None;
        for scheme in bases {
            let base = format!("{scheme}://{host}");
            match connection.get(&format!("{base}{path}"), accept, authorization, MAX_JSON_BYTES) {
                Ok(answer) => {
                    self.base = Some(base);
                    return Ok(answer);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(failed(last.unwrap_or(ureq::Error::ConnectionFailed)))
    }

    /// What the registry wants to see, had from where it says.
    fn authorize(&self, challenge: Option<Challenge>) -> Result<String, RegistryError> {
        let (registry, credential) = (self.registry.name(), self.registry.credential);
        let basic = credential.and_then(Credential::basic);
        let challenge = challenge.ok_or_else(|| RegistryError::Challenge { registry: registry.clone() })?;
        let unauthorized = || RegistryError::unauthorized(&registry, credential.is_some());
        if challenge == Challenge::Basic {
            return basic.ok_or_else(unauthorized);
        }
        let url = challenge.token_url(&self.registry.endpoint.scope());
        let url = url.ok_or_else(|| RegistryError::Challenge { registry: registry.clone() })?;
        let answer = self.registry.connection.get(&url, None, basic.as_deref(), MAX_TOKEN_BYTES);
        let answer = answer.map_err(|source| RegistryError::Connection {
            registry: registry.clone(),
            source: Box::new(source),
        })?;
        match answer.status {
            200 => {}
            401 | 403 => return Err(unauthorized()),
            status => {
                return Err(RegistryError::Status {
                    registry,
                    status,
                    path: "the request for a token".into(),
                });
            }
        }
        let token = Token::read(&answer.body);
        token.map(|token| token.authorization()).ok_or(RegistryError::Challenge { registry })
    }
}
