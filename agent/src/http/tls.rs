//! TLS: which authorities vouch for a server, and the certificate that a device shows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::files;

/// Files in PEM that say whom a connection trusts, and as whom it speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The authorities, of which one must vouch for the server's certificate; those of the system if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<PathBuf>,
    /// The certificate that is shown to a server which asks for one, and what leads from it to an authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The private key of that certificate: PKCS#8, PKCS#1 or SEC 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// Why files for TLS are of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate without its key, or a key without its certificate.
    #[error("a client's certificate and its private key are named together, or not at all")]
    HalfIdentity,
    /// There is no certificate in the file.
    #[error("{}: there is no certificate in PEM in it", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in the file that could be used.
    #[error("{}: there is no private key in PEM in it", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// What stands in the file as PEM is damaged.
    #[error("{}: {error}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: rustls::pki_types::pem::Error,
    },
    /// A certificate cannot be read, or the key is not the one of the certificate.
    #[error("{} with {}: {error}", certificate.display(), key.display())]
    Identity {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

/// Whom a connection trusts, and as whom it speaks.
#[derive(Clone, Debug)]
pub struct Tls(TlsConfig);

impl Default for Tls {
    /// The system's authorities, and no certificate of our own.
    fn default() -> Self {
        Self::with(RootCerts::PlatformVerifier, None, false)
    }
}

impl Tls {
    /// What the files say.
    ///
    /// # Errors
    /// If one cannot be read, or is of no use ([`TlsError`]).
    pub fn read(settings: &TlsFiles) -> anyhow::Result<Self> {
        let authorities = match &settings.authorities {
            None => RootCerts::PlatformVerifier,
            Some(path) => certificates(path)?.iter().map(owned).collect::<Vec<_>>().into(),
        };
        let identity = match (&settings.certificate, &settings.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(identity(certificate, key)?),
            _ => return Err(TlsError::HalfIdentity.into()),
        };
        Ok(Self::with(authorities, identity, false))
    }

    /// The same for servers that nobody vouches for. Whoever stands between can read and change everything: only for
    /// what is verified by itself.
    #[must_use]
    pub fn permissive(self) -> Self {
        Self::with(self.0.root_certs().clone(), self.0.client_cert().cloned(), true)
    }

    fn with(authorities: RootCerts, identity: Option<ClientCert>, permissive: bool) -> Self {
        let config = TlsConfig::builder()
            .root_certs(authorities)
            .client_cert(identity)
            .disable_verification(permissive)
            .unversioned_rustls_crypto_provider(provider());
        Self(config.build())
    }

    pub(super) fn into_config(self) -> TlsConfig {
        self.0
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn owned(certificate: &CertificateDer<'static>) -> Certificate<'static> {
    Certificate::from_der(certificate).to_owned()
}

/// The certificates of a file; there is one at least.
fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let bytes = files::read(path, files::MAX_SETTINGS_BYTES)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| TlsError::Pem { path: path.into(), error })?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate { path: path.into() }.into());
    }
    Ok(found)
}

/// The certificate with its key. That they belong together is checked here: the server would only say no.
fn identity(certificate: &Path, key: &Path) -> anyhow::Result<ClientCert> {
    let chain = certificates(certificate)?;
    let bytes = files::read(key, files::MAX_SETTINGS_BYTES)?;
    let secret = match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(secret) => secret,
        Err(rustls::pki_types::pem::Error::NoItemsFound) => {
            return Err(TlsError::NoKey { path: key.into() }.into());
        }
        Err(error) => return Err(TlsError::Pem { path: key.into(), error }.into()),
    };
    let shown: Vec<_> = chain.iter().map(owned).collect();
    let used = PrivateKey::from_pem(&bytes)?;
    CertifiedKey::from_der(chain, secret, &provider()).map_err(|error| TlsError::Identity {
        certificate: certificate.into(),
        key: key.into(),
        error,
    })?;
    Ok(ClientCert::new_with_certs(&shown, used))
}
