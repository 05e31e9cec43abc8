//! Signing a document, in either dialect's envelope.

use alloc::{format, string::String, vec::Vec};

use super::key::{ListedKey, SigningKey, hex};
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
    pub(super) const fn form(self) -> Form {
        match self {
            Self::Uptane => Form::JsonSubset,
            Self::Tuf => Form::Olpc,
        }
    }
}

/// A document that is being signed: what its keys are to sign, wherever they are, and what they have signed.
#[derive(Clone, Debug)]
pub struct Signing<'a> {
    body: &'a str,
    wire: Wire,
    message: Vec<u8>,
    signatures: Vec<String>,
}

impl<'a> Signing<'a> {
    /// Begins to sign `body`, a JSON object, which stays as it is written.
    ///
    /// The body may be anything, right or wrong for its role: a real signature makes it neither.
    ///
    /// # Errors
    /// If `body` is not JSON that this crate reads.
    pub fn new(body: &'a str, wire: Wire) -> Result<Self, JsonError> {
        let mut message = Vec::new();
        canonical::write(json::parse(body.as_bytes())?, wire.form(), &mut Vec::new(), &mut message)?;
        Ok(Self { body, wire, message, signatures: Vec::new() })
    }

    /// The bytes that each key signs: the body's canonical form.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Takes the signature that `key` made of the message, of a form as its type has it.
    pub fn add(&mut self, key: &ListedKey, signature: &[u8]) {
        let identifier = key.identifier();
        self.signatures.push(match self.wire {
            Wire::Uptane => format!(
                r#"{{"keyid":"{identifier}","method":"{}","sig":"{}"}}"#,
                key.key_type().scheme(),
                <base64ct::Base64 as base64ct::Encoding>::encode_string(signature)
            ),
            Wire::Tuf => format!(r#"{{"keyid":"{identifier}","sig":"{}"}}"#, hex(signature)),
        });
    }

    /// The document with the signatures so far: `{"signatures": […], "signed": body}`.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        // OLPC is not always JSON (raw line feeds), so the document itself keeps the body's own spelling.
        format!(r#"{{"signatures":[{}],"signed":{}}}"#, self.signatures.join(","), self.body).into_bytes()
    }
}

/// The document of `body`, a JSON object, signed by `keys`: see [`Signing`].
///
/// # Errors
/// If `body` is not JSON that this crate reads.
pub fn sign(body: &str, keys: &[SigningKey], wire: Wire) -> Result<Vec<u8>, JsonError> {
    let mut signing = Signing::new(body, wire)?;
    for key in keys {
        let signature = key.sign(signing.message());
        signing.add(&key.listed(), &signature);
    }
    Ok(signing.document())
}
