//! What a registry wants that answers 401.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use serde::Deserialize;

use super::is_loopback;
use crate::engine::escape;

/// The longest value of `WWW-Authenticate` that is read, in bytes.
pub const MAX_CHALLENGE_BYTES: usize = 8 << 10;

/// The longest answer of a token server that is read, in bytes.
pub const MAX_TOKEN_BYTES: usize = 64 << 10;

/// The value of `WWW-Authenticate` (RFC 9110, section 11.6.1), as far as registries use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token, which another server gives out.
    Bearer {
        /// The address of that server.
        realm: String,
        /// The name that it knows the registry by.
        service: Option<String>,
        /// What the token must allow.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads the value; `None` if it asks for something else, or is longer than [`MAX_CHALLENGE_BYTES`].
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > MAX_CHALLENGE_BYTES {
            return None;
        }
        let (scheme, mut rest) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        while !rest.trim_matches([' ', '\t', ',']).is_empty() {
            let (name, value, after) = parameter(rest)?;
            rest = after;
            let slot = match name {
                name if name.eq_ignore_ascii_case("realm") => &mut realm,
                name if name.eq_ignore_ascii_case("service") => &mut service,
                name if name.eq_ignore_ascii_case("scope") => &mut scope,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return None;
            }
        }
        Some(Self::Bearer { realm: realm?, service, scope })
    }

    /// The address at which a token is had, for `scope` if the challenge names none. `None` if none is asked for, or at an
    /// address that credentials must not be sent to: only HTTPS will do, or this device itself.
    #[must_use]
    pub fn token_url(&self, scope: &str) -> Option<String> {
        let Self::Bearer { realm, service, scope: wanted } = self else { return None };
        let host = |url: &'_ str| url.split(['/', '?', '#']).next().unwrap_or_default().to_string();
        let is_safe = match (realm.strip_prefix("https://"), realm.strip_prefix("http://")) {
            (Some(rest), _) => !host(rest).is_empty() && !host(rest).contains('@'),
            (None, Some(rest)) => is_loopback(&host(rest)),
            (None, None) => false,
        };
        if !is_safe || !realm.bytes().all(|b| b.is_ascii_graphic()) || realm.contains('#') {
            return None;
        }
        let mut url = realm.clone();
        let mut joint = if realm.contains('?') { '&' } else { '?' };
        for (name, value) in
            [("service", service.as_deref()), ("scope", Some(wanted.as_deref().unwrap_or(scope)))]
        {
            let Some(value) = value else { continue };
            url.push(joint);
            url.push_str(&format!("{name}={}", escape(value)));
            joint = '&';
        }
        Some(url)
    }
}

/// One `name=value` or `name="value"`, and what follows it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let (name, rest) = text.split_once('=')?;
    let is_token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if name.is_empty() || !name.bytes().all(is_token) {
        return None;
    }
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find([',', ' ', '\t']).unwrap_or(rest.len());
        return Some((name, rest.get(..end)?.into(), rest.get(end..)?));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((name, value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            character => value.push(character),
        }
    }
    None
}

/// A token; printed, it shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    token: String,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Token {
    /// Reads the answer of a token server; `None` if there is no token in it that can be sent.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let answer: Answer = serde_json::from_slice(body).ok()?;
        let token = answer.token.or(answer.access_token)?;
        let good = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
        good.then_some(Self { token })
    }

    /// The value of `Authorization`.
    #[must_use]
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}
