//! The productions of `regexp.go`, as nom parsers.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{opt, recognize};
use nom::multi::many0_count;
use nom::sequence::{delimited, pair, preceded};
use nom::{IResult, Parser};

use super::{MAX_TAG_BYTES, ReferenceErrorKind, supported};
use crate::digest::Digest;

type Parsed<'a> = IResult<&'a str, &'a str>;

/// Tag and digest.
type Suffix<'a> = (Option<&'a str>, Option<Digest<'a>>);

/// Splits off what can only be tag and digest: an `@`, or a `:` after which no `/` comes.
pub(super) fn split_name(text: &str) -> (&str, &str) {
    let end = text.find('@').unwrap_or(text.len());
    let named = text.get(..end).unwrap_or(text);
    // The colons of an IPv6 address are inside its brackets; without a `/` after them it is no domain.
    let from = named.rfind(['/', ']']).unwrap_or(0);
    let colon = named.get(from..).and_then(|last| last.find(':')).map_or(end, |at| from + at);
    text.split_at(colon)
}

/// Domain and path of a name, or the byte at which it cannot be one.
///
/// The first component is a domain whenever it can be one, as in a greedy regular expression.
pub(super) fn domain_and_path(name: &str) -> Result<(Option<&str>, &str), usize> {
    let position = |rest: &str| name.len() - rest.len();
    let with_domain = pair(domain, char('/')).parse(name);
    let mut furthest = 0;
    if let Ok((path, (domain, _))) = with_domain {
        match remote_name(path) {
            Ok(("", path)) => return Ok((Some(domain), path)),
            Ok((rest, _)) => furthest = position(rest),
            Err(_) => furthest = position(path),
        }
    }
    match remote_name(name) {
        Ok(("", path)) => Ok((None, path)),
        Ok((rest, _)) => Err(furthest.max(position(rest))),
        Err(_) => Err(furthest),
    }
}

/// Whether `name` would be a name if its capitals were small letters.
pub(super) fn is_name_ignoring_case(name: &str) -> bool {
    let any = || take_while1(|c: char| c.is_ascii_alphanumeric());
    let component = || recognize(pair(any(), many0_count(pair(separator, any()))));
    let path = |text| recognize(pair(component(), many0_count(pair(char('/'), component())))).parse(text);
    let whole = |parsed: Parsed<'_>| matches!(parsed, Ok(("", _)));
    whole(path(name))
        || pair(domain, char('/')).parse(name).is_ok_and(|(rest, _): (&str, _)| whole(path(rest)))
}

/// The tag and the digest of what follows the name, or the offset and kind of what is wrong.
pub(super) fn tag_and_digest(rest: &str) -> Result<Suffix<'_>, (usize, ReferenceErrorKind)> {
    let (tag_text, digest_text) = match rest.split_once('@') {
        Some((tag, digest)) => (tag, Some(digest)),
        None => (rest, None),
    };
    let tag = match tag_text.strip_prefix(':') {
        Some(text) if is_tag(text) => Some(text),
        None if tag_text.is_empty() => None,
        _ => return Err((1, ReferenceErrorKind::BadTag)),
    };
    let at = tag_text.len() + 1;
    let digest = match digest_text.map(Digest::parse).transpose() {
        Ok(Some(digest)) if !supported(digest) => {
            return Err((at, ReferenceErrorKind::UnsupportedAlgorithm));
        }
        Ok(digest) => digest,
        Err(error) => return Err((at, ReferenceErrorKind::BadDigest(error))),
    };
    Ok((tag, digest))
}

/// `[\w][\w.-]{0,127}`
pub(super) fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= MAX_TAG_BYTES
        && text.starts_with(word)
        && text.chars().all(|c| word(c) || c == '.' || c == '-')
}

/// `host [":" digits]`
pub(super) fn domain(text: &str) -> Parsed<'_> {
    let port = preceded(char(':'), take_while1(|c: char| c.is_ascii_digit()));
    recognize(pair(alt((domain_name, ipv6_address)), opt(port))).parse(text)
}

fn domain_name(text: &str) -> Parsed<'_> {
    recognize(pair(domain_component, many0_count(pair(char('.'), domain_component)))).parse(text)
}

/// Letters, digits and inner dashes. A trailing dash is left unread, and breaks what follows.
fn domain_component(text: &str) -> Parsed<'_> {
    let alphanumeric = || take_while1(|c: char| c.is_ascii_alphanumeric());
    let dashes = take_while1(|c: char| c == '-');
    recognize(pair(alphanumeric(), many0_count(pair(dashes, alphanumeric())))).parse(text)
}

fn ipv6_address(text: &str) -> Parsed<'_> {
    let inner = take_while1(|c: char| c.is_ascii_hexdigit() || c == ':');
    recognize(delimited(char('['), inner, char(']'))).parse(text)
}

/// `path-component ("/" path-component)*`
pub(super) fn remote_name(text: &str) -> Parsed<'_> {
    recognize(pair(path_component, many0_count(pair(char('/'), path_component)))).parse(text)
}

fn path_component(text: &str) -> Parsed<'_> {
    let alphanumeric = || take_while1(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    recognize(pair(alphanumeric(), many0_count(pair(separator, alphanumeric())))).parse(text)
}

/// One dot, one or two underscores, or any number of dashes.
fn separator(text: &str) -> Parsed<'_> {
    alt((tag("__"), tag("_"), tag("."), recognize(pair(char('-'), take_while(|c: char| c == '-')))))
        .parse(text)
}
