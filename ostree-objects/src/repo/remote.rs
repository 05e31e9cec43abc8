//! The repositories that a repository's `config` names, and how far they are trusted.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::config::{self, boolean};
use super::{Repo, RepoError};

/// A `[remote "NAME"]` of the config, in the words of `ostree.repo-config(5)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remote {
    /// Where it is.
    pub url: Option<String>,
    /// Whether commits must be signed with a key of OpenPGP, which this crate cannot verify. As for libostree, they must
    /// unless `gpg-verify=false`.
    pub gpg_verify: bool,
    /// Whether its summary must be signed with such a key; only if `gpg-verify-summary=true`.
    pub gpg_verify_summary: bool,
    /// Whether commits must be signed with an Ed25519 key.
    pub sign_verify: bool,
    /// Whether its summary must be.
    pub sign_verify_summary: bool,
    /// The keys of `verification-ed25519-key`, in base64.
    pub ed25519_keys: Vec<String>,
    /// The file of keys that `verification-ed25519-file` names.
    pub ed25519_file: Option<String>,
    /// The file of authorities that vouch for the server; those of the system if absent.
    pub tls_ca_path: Option<String>,
    /// The file of the certificate that the server is shown.
    pub tls_client_cert_path: Option<String>,
    /// The file of its private key.
    pub tls_client_key_path: Option<String>,
    /// Whether nobody need vouch for the server.
    pub tls_permissive: bool,
}

impl Repo {
    /// The remote repository `name` of the config; `None` if it has none of that name.
    ///
    /// # Errors
    /// If an option is not understood that says how far it is trusted, or as of the file system.
    pub fn remote(&self, name: &str) -> Result<Option<Remote>, RepoError> {
        let text = config::text(&self.directory)?;
        remote(&text, name)
    }
}

fn remote(text: &str, name: &str) -> Result<Option<Remote>, RepoError> {
    let group = format!("remote \"{name}\"");
    let header = format!("[{group}]");
    if !text.lines().any(|line| line.trim() == header) {
        return Ok(None);
    }
    let value = |key| config::value(text, &group, key);
    let list = |key| {
        let values = value(key).unwrap_or_default().split(';').map(str::trim);
        values.filter(|value| !value.is_empty()).map(String::from).collect::<Vec<_>>()
    };
    Ok(Some(Remote {
        url: value("url").map(String::from),
        gpg_verify: boolean(value("gpg-verify"), true, NO_TRUTH)?,
        gpg_verify_summary: boolean(value("gpg-verify-summary"), false, NO_TRUTH)?,
        sign_verify: asked(value("sign-verify"))?,
        sign_verify_summary: asked(value("sign-verify-summary"))?,
        ed25519_keys: list("verification-ed25519-key"),
        ed25519_file: value("verification-ed25519-file").map(String::from),
        tls_ca_path: value("tls-ca-path").map(String::from),
        tls_client_cert_path: value("tls-client-cert-path").map(String::from),
        tls_client_key_path: value("tls-client-key-path").map(String::from),
        tls_permissive: boolean(value("tls-permissive"), false, NO_TRUTH)?,
    }))
}

const NO_TRUTH: &str = "an option of a remote that is neither true nor false";

/// A truth value, or the types of signatures of which one must be there: one is known here.
fn asked(value: Option<&str>) -> Result<bool, RepoError> {
    if let Ok(truth) = boolean(value, false, NO_TRUTH) {
        return Ok(truth);
    }
    let mut types = value.unwrap_or_default().split(';').map(str::trim);
    if types.any(|name| name == "ed25519") {
        return Ok(true);
    }
    Err(RepoError::Config {
        rule: "a remote whose signatures are of no type that is known, which is ed25519,",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[core]\nmode=bare\n\n[remote \"plain\"]\nurl=http://x/\ngpg-verify=false\n\
        # sign-verify=false\n[remote \"signed\"]\nurl = http://y/\ngpg-verify=false\nsign-verify=ed25519;\n\
        sign-verify-summary=true\nverification-ed25519-key=AA==;BB==\nverification-ed25519-file=/etc/keys\n\
        [remote \"default\"]\nurl=http://z/\n[remote \"unknown\"]\nsign-verify=dummy;\n[remote \"odd\"]\n\
        gpg-verify=perhaps\n";

    #[test]
    fn what_a_remote_is_trusted_with_is_read_as_libostree_reads_it() {
        let named = |name| remote(CONFIG, name);
        let plain = Remote { url: Some("http://x/".into()), ..Remote::default() };
        assert_eq!(named("plain").unwrap(), Some(plain));
        let signed = named("signed").unwrap().unwrap();
        assert_eq!((signed.sign_verify, signed.sign_verify_summary), (true, true));
        assert_eq!(
            (signed.url.as_deref(), &*signed.ed25519_keys),
            (Some("http://y/"), &["AA==".into(), "BB==".into()][..])
        );
        assert_eq!(signed.ed25519_file.as_deref(), Some("/etc/keys"));
        let default = named("default").unwrap().unwrap();
        assert!(default.gpg_verify && !default.gpg_verify_summary && !default.sign_verify);
        assert_eq!(named("none").unwrap(), None);
        assert!(matches!(named("unknown"), Err(RepoError::Config { .. })));
        assert!(matches!(named("odd"), Err(RepoError::Config { .. })));
    }
}
