//! What Docker's `config.json` holds for a registry.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64ct::{Base64, Base64Url, Encoding as _};
use serde::{Deserialize, Serialize};

use crate::compose::Word;

/// The largest `config.json` that is read, in bytes.
pub const MAX_CREDENTIALS_BYTES: usize = 1 << 20;

/// Docker Hub's key in `auths`: it is older than the name `docker.io`.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// Credentials by registry. Printed, they show nothing but which registries these are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    auths: BTreeMap<String, Credential>,
}

/// What proves to one registry who asks. Printed, it shows nothing but which registry that is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    server: String,
    username: String,
    password: String,
    identity_token: String,
    registry_token: String,
}

/// Why there are no credentials. Nothing of them is in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// More than [`MAX_CREDENTIALS_BYTES`].
    #[error("{bytes} bytes of credentials, at most {MAX_CREDENTIALS_BYTES} are allowed")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// No JSON, or a property of another type.
    #[error("line {line}, column {column}: invalid JSON, or not the form of Docker's config.json")]
    Json {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
    },
    /// The credentials are with a program of this name, which is not run.
    #[error("the credentials are kept by the helper `{helper}`, which is not run: write them into `auths`")]
    Helper {
        /// What `credsStore` or `credHelpers` names.
        helper: Word,
    },
    /// `auth` is not base64 of `USER:PASSWORD`.
    #[error("`auth` of {registry} is not the base64 of USER:PASSWORD")]
    Auth {
        /// The registry, as the file names it.
        registry: Word,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    auths: Option<BTreeMap<String, Entry>>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Credentials {
    /// Reads a `config.json`. All but `auths` is passed over, unless it says that a helper has the credentials.
    ///
    /// # Errors
    /// If it has another form, or names a helper.
    pub fn read(json: &[u8]) -> Result<Self, CredentialsError> {
        if json.len() > MAX_CREDENTIALS_BYTES {
            return Err(CredentialsError::TooLarge { bytes: json.len() });
        }
        let file: File = serde_json::from_slice(json)
            .map_err(|error| CredentialsError::Json { line: error.line(), column: error.column() })?;
        let helpers = file.cred_helpers.unwrap_or_default();
        if let Some(helper) = file.creds_store.iter().chain(helpers.values()).find(|name| !name.is_empty()) {
            return Err(CredentialsError::Helper { helper: Word::new(helper) });
        }
        let mut auths = BTreeMap::new();
        for (server, entry) in file.auths.unwrap_or_default() {
            if let Some(credential) = Credential::new(&server, entry)? {
                auths.insert(server, credential);
            }
        }
        Ok(Self { auths })
    }

    /// What is sent to the registry of this name, as references name it; `None` if it is asked without.
    ///
    /// As in docker/cli's `ResolveAuthConfig`: the name itself counts before an address that leads to it.
    #[must_use]
    pub fn of_registry(&self, registry: &str) -> Option<&Credential> {
        let is_hub = registry == "docker.io";
        let names: &[&str] = if is_hub { &[HUB_KEY, "docker.io", "index.docker.io"] } else { &[registry] };
        let exact = names.iter().find_map(|name| self.auths.get(*name));
        exact.or_else(|| {
            let found = self.auths.iter().find(|(server, _)| names.contains(&host(server)));
            found.map(|(_, credential)| credential)
        })
    }
}

/// The host of an address such as `https://HOST/v1/`.
fn host(server: &str) -> &str {
    let rest = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    rest.split('/').next().unwrap_or(rest)
}

/// What an engine reads from `X-Registry-Auth`: `api/types/registry/authconfig.go` of moby.
#[derive(Serialize)]
struct AuthConfig<'c> {
    #[serde(skip_serializing_if = "str::is_empty")]
    username: &'c str,
    #[serde(skip_serializing_if = "str::is_empty")]
    password: &'c str,
    serveraddress: &'c str,
    #[serde(skip_serializing_if = "str::is_empty")]
    identitytoken: &'c str,
    #[serde(skip_serializing_if = "str::is_empty")]
    registrytoken: &'c str,
}

impl Credential {
    /// An entry without anything in it is none.
    fn new(server: &str, entry: Entry) -> Result<Option<Self>, CredentialsError> {
        let (mut username, mut password) =
            (entry.username.unwrap_or_default(), entry.password.unwrap_or_default());
        // As in `cli/config/configfile/file.go`: `auth` counts if both are given.
        if let Some(auth) = entry.auth.filter(|auth| !auth.is_empty()) {
            let refused = CredentialsError::Auth { registry: Word::new(host(server)) };
            let decoded = Base64::decode_vec(auth.trim()).map_err(|_| refused)?;
            let text = String::from_utf8(decoded).map_err(|_| refused)?;
            let (user, secret) = text.split_once(':').filter(|(user, _)| !user.is_empty()).ok_or(refused)?;
            (username, password) = (user.to_owned(), secret.trim_matches('\0').to_owned());
        }
        let this = Self {
            server: server.to_owned(),
            username,
            password,
            identity_token: entry.identitytoken.unwrap_or_default(),
            registry_token: entry.registrytoken.unwrap_or_default(),
        };
        let parts = [&this.username, &this.password, &this.identity_token, &this.registry_token];
        let is_empty = parts.iter().all(|part| part.is_empty());
        Ok((!is_empty).then_some(this))
    }

    /// The value of `X-Registry-Auth` of a pull: JSON in the alphabet of RFC 4648, section 5, with padding.
    #[must_use]
    pub fn registry_auth(&self) -> String {
        let config = AuthConfig {
            username: &self.username,
            password: &self.password,
            serveraddress: &self.server,
            identitytoken: &self.identity_token,
            registrytoken: &self.registry_token,
        };
        // Texts alone: writing them as JSON does not fail.
        Base64Url::encode_string(&serde_json::to_vec(&config).unwrap_or_else(|_| Vec::new()))
    }

    /// The value of `Authorization` for a registry or its token server; `None` if there is no user and password, but a
    /// token that only an engine can use.
    #[must_use]
    pub fn basic(&self) -> Option<String> {
        if self.username.is_empty() || !self.identity_token.is_empty() {
            return None;
        }
        let pair = [self.username.as_str(), ":", self.password.as_str()].concat();
        Some(["Basic ", &Base64::encode_string(pair.as_bytes())].concat())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, hidden)", host(&self.server))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.auths.values()).finish()
    }
}
