//! What differs between Uptane as Torizon and aktualizr write it, and plain TUF.

use core::marker::PhantomData;

use crate::canonical::Form;
use crate::error::Role;
use crate::json::JsonStr;
use crate::key::{Signature, Software, Verifier};

/// A dialect of signed metadata: everything else is checked alike.
pub trait Dialect {
    /// The `_type` of a role's metadata.
    fn type_name(role: Role) -> &'static str;
    /// The canonical forms that signatures may be over, tried in this order.
    const FORMS: &'static [Form];
    /// Whether hashes of metadata may be over the canonical form of the whole document as well as its bytes.
    const HASHES_CANONICAL: bool;
    /// Whether `*` and `?` in the paths of a delegation stand for `/` as well.
    const STAR_CROSSES_SLASH: bool;
    /// Whether metadata is still valid in the very second in which it expires.
    const VALID_WHEN_IT_EXPIRES: bool;
    /// Whether documents name the version of the specification that they follow.
    const NAMES_SPECIFICATION: bool;
    /// Who checks the signatures.
    type Verifier: Verifier;
    /// The signature in a `sig` member, if it is in the dialect's encoding.
    fn signature(text: JsonStr<'_>) -> Option<Signature>;
}

/// The dialect `D` with another verifier: an HSM in the place of software.
#[derive(Clone, Copy, Debug)]
pub struct With<D, V>(PhantomData<(D, V)>);

impl<D: Dialect, V: Verifier> Dialect for With<D, V> {
    const FORMS: &'static [Form] = D::FORMS;
    const HASHES_CANONICAL: bool = D::HASHES_CANONICAL;
    const STAR_CROSSES_SLASH: bool = D::STAR_CROSSES_SLASH;
    const VALID_WHEN_IT_EXPIRES: bool = D::VALID_WHEN_IT_EXPIRES;
    const NAMES_SPECIFICATION: bool = D::NAMES_SPECIFICATION;
    type Verifier = V;

    fn type_name(role: Role) -> &'static str {
        D::type_name(role)
    }

    fn signature(text: JsonStr<'_>) -> Option<Signature> {
        D::signature(text)
    }
}

/// Uptane as ota-tuf signs and aktualizr verifies it.
#[derive(Clone, Copy, Debug)]
pub struct Uptane;

impl Dialect for Uptane {
    fn type_name(role: Role) -> &'static str {
        match role {
            Role::Root => "Root",
            Role::Timestamp => "Timestamp",
            Role::Snapshot => "Snapshot",
            Role::Targets | Role::Delegated(_) => "Targets",
            Role::OfflineSnapshot => "Offline-Snapshot",
            Role::OfflineUpdates => "Offline-Updates",
        }
    }

    // The server writes characters beyond ASCII as they are, the client re-writes them as escapes.
    const FORMS: &'static [Form] = &[Form::JsonSubset, Form::JsonSubsetAscii];
    const HASHES_CANONICAL: bool = true;
    // aktualizr calls fnmatch without flags (`director.cc`, `iterator.cc`).
    const STAR_CROSSES_SLASH: bool = true;
    const VALID_WHEN_IT_EXPIRES: bool = true;
    const NAMES_SPECIFICATION: bool = false;

    type Verifier = Software;

    fn signature(text: JsonStr<'_>) -> Option<Signature> {
        Signature::from_base64(text)
    }
}

/// TUF 1.0.34.
#[derive(Clone, Copy, Debug)]
pub struct Tuf;

impl Dialect for Tuf {
    fn type_name(role: Role) -> &'static str {
        match role {
            Role::Delegated(_) => "targets",
            role => role.name(),
        }
    }

    const FORMS: &'static [Form] = &[Form::Olpc];
    const HASHES_CANONICAL: bool = false;
    const STAR_CROSSES_SLASH: bool = false;
    // Clauses 5.3.10, 5.4.4, 5.5.6 and 5.6.5: the expiry must be later than the time of the update.
    const VALID_WHEN_IT_EXPIRES: bool = false;
    const NAMES_SPECIFICATION: bool = true;

    type Verifier = Software;

    fn signature(text: JsonStr<'_>) -> Option<Signature> {
        Signature::from_hex(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn signatures_are_read_in_the_dialects_encoding_only() {
        let base64 =
            br#""AQIDBAUGBwgBAgMEBQYHCAECAwQFBgcIAQIDBAUGBwgBAgMEBQYHCAECAwQFBgcIAQIDBAUGBwgBAgMEBQYHCA==""#;
        let text = parse(base64).unwrap().string().unwrap();
        let signature = Uptane::signature(text).unwrap();
        assert_eq!((signature.len(), signature.first_chunk()), (64, Some(&[1, 2, 3, 4, 5, 6, 7, 8, 1])));
        assert_eq!(Tuf::signature(text), None);
    }
}
