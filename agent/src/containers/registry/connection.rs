//! HTTP and HTTPS with registries.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::files::{self, MAX_SETTINGS_BYTES, read_prefix};

/// How long a registry may take to accept a connection.
const TIMEOUT_CONNECT: Duration = Duration::from_secs(5);

/// How long it may take to answer whole: a manifest or a config has some kilobytes.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The certificates of authorities that the system trusts, where Debian, Yocto and Torizon have them.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where an engine looks for those of one registry: `HOST/*.crt`.
const ENGINE_AUTHORITIES: &str = "/etc/docker/certs.d";

/// A client for one registry.
#[derive(Debug)]
pub(super) struct Connection {
    agent: Agent,
}

/// An answer, as much of it as may be read.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The value of `WWW-Authenticate`.
    pub(super) challenge: Option<String>,
    /// One byte more than was allowed if there are more.
    pub(super) body: Vec<u8>,
}

impl Connection {
    pub(super) fn new(host: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(TIMEOUT_CONNECT))
            .timeout_global(Some(TIMEOUT))
            .tls_config(tls(host))
            .user_agent(concat!("ota-agent/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into() }
    }

    /// Asks for `url`. Where a registry leads on to another server, it is followed without the authorization.
    pub(super) fn get(
        &self,
        url: &str,
        accept: Option<&str>,
        authorization: Option<&str>,
        max_bytes: usize,
    ) -> Result<Answer, ureq::Error> {
        let mut request = self.agent.get(url);
        for (name, value) in [("accept", accept), ("authorization", authorization)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let mut answer = request.call()?;
        let challenge = answer.headers().get("www-authenticate").and_then(|value| value.to_str().ok());
        let (status, challenge) = (answer.status().as_u16(), challenge.map(str::to_owned));
        let reader = answer.body_mut().with_config().limit(u64::MAX).reader();
        Ok(Answer { status, challenge, body: read_prefix(reader, max_bytes)? })
    }
}

fn tls(host: &str) -> TlsConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = TlsConfig::builder().root_certs(authorities(&Path::new(ENGINE_AUTHORITIES).join(host)));
    builder.unversioned_rustls_crypto_provider(provider).build()
}

/// Whose certificates are trusted: the system's authorities, and those that the engine has for this registry.
fn authorities(own: &Path) -> RootCerts {
    let paths = std::fs::read_dir(own).into_iter().flatten().flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "crt"));
    let own: Vec<_> = paths.flat_map(|path| certificates(&path)).collect();
    if own.is_empty() {
        return RootCerts::PlatformVerifier;
    }
    RootCerts::new_with_certs(&[certificates(Path::new(SYSTEM_AUTHORITIES)), own].concat())
}

/// The certificates of a PEM file; none if there is no such file. One that cannot be read vouches for nobody.
fn certificates(path: &Path) -> Vec<Certificate<'static>> {
    let Ok(Some(text)) = files::read_if_there(path, MAX_SETTINGS_BYTES) else { return Vec::new() };
    let items = parse_pem(&text).flatten();
    items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect()
}
