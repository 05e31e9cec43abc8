//! Signing a document, in either dialect's envelope.

use alloc::{format, string::String, vec::Vec};

use super::key::{SigningKey, hex};
use crate::canonical::{self, Form};
use crate::json::{self, JsonError};

/// How a signed document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// As ota-tuf: JSON subset, `method`, base64.
    Uptane,
    /// As TUF: OLPC canonical JSON, hex.
    Tuf,
}

impl Wire {
    const fn form(self) -> Form {
        match self {
            Self::Uptane => Form::JsonSubset,
            Self::Tuf => Form::Olpc,
        }
    }
}

/// The signed document of `body`, a JSON object: `{"signatures": […], "signed": body}`.
///
/// The body may be anything, right or wrong for its role: a real signature makes it neither.
///
/// # Errors
/// If `body` is not JSON that this crate reads.
pub fn sign(body: &str, keys: &[SigningKey], wire: Wire) -> Result<Vec<u8>, JsonError> {
    let mut message = Vec::new();
    canonical::write(json::parse(body.as_bytes())?, wire.form(), &mut Vec::new(), &mut message)?;
    let signatures: Vec<String> = keys
        .iter()
        .map(|key| {
            let signature = key.sign(&message);
            match wire {
                Wire::Uptane => format!(
                    r#"{{"keyid":"{}","method":"ed25519","sig":"{}"}}"#,
                    key.identifier(),
                    <base64ct::Base64 as base64ct::Encoding>::encode_string(&signature)
                ),
                Wire::Tuf => format!(r#"{{"keyid":"{}","sig":"{}"}}"#, key.identifier(), hex(&signature)),
            }
        })
        .collect();
    // OLPC is not always JSON (raw line feeds), so the document itself keeps the body's own spelling.
    Ok(format!(r#"{{"signatures":[{}],"signed":{body}}}"#, signatures.join(",")).into_bytes())
}
