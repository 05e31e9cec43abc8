//! Which repositories have to agree on a target: the map file of TAP 4, Uptane's repository mapping metadata.
//!
//! Uptane's own rule, Director and Image repository for everything, is the map
//! `{"mapping":[{"paths":["*"],"repositories":["director","image"],"threshold":2,"terminating":true}]}`.

use crate::dialect::Dialect;
use crate::error::ErrorKind;
use crate::json::{self, Elements, JsonError, JsonStr, Value};
use crate::metadata::Hashes;
use crate::metadata::pattern::path_matches;

/// A map file that was read. It is configuration: nobody signs it.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a> {
    body: Value<'a>,
}

/// One entry of a map that speaks of a target.
#[derive(Clone, Copy, Debug)]
pub struct Mapping<'a> {
    entry: Value<'a>,
    /// How many of the repositories have to agree.
    pub threshold: u64,
    /// Whether no later entry is asked, whether they agree or not.
    pub terminating: bool,
}

/// What a repository says of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Its length in bytes.
    pub length: u64,
    /// Its hashes.
    pub hashes: Hashes,
}

impl<'a> Map<'a> {
    /// Reads a map file.
    ///
    /// # Errors
    /// If it is not JSON that this crate reads, or has no list `mapping`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let body = json::parse(bytes)?;
        body.get("mapping")?.elements()?;
        Ok(Self { body })
    }

    /// The URLs of a repository, in order of preference.
    ///
    /// # Errors
    /// If the map does not list the repository.
    pub fn urls(&self, repository: JsonStr<'_>) -> Result<impl Iterator<Item = JsonStr<'a>>, ErrorKind> {
        let mut members = self.body.get("repositories")?.members()?;
        let (_, urls) = members.find(|(name, _)| name.order(repository).is_eq()).ok_or(ErrorKind::Absent)?;
        Ok(urls.elements()?.filter_map(|url| url.string().ok()))
    }

    /// The entries that speak of `target`, in order, up to the first terminating one; an error, which ends them, for
    /// one that is malformed or asks for the agreement of none.
    pub fn mappings<'t, D: Dialect>(&self, target: &'t str) -> Mappings<'a, 't, D> {
        let rest = self.body.get("mapping").and_then(Value::elements).ok();
        Mappings { rest, target, dialect: core::marker::PhantomData }
    }
}

/// The entries of a map that speak of a target; see [`Map::mappings`].
#[derive(Clone, Debug)]
pub struct Mappings<'a, 't, D> {
    rest: Option<Elements<'a>>,
    target: &'t str,
    dialect: core::marker::PhantomData<D>,
}

impl<'a, D: Dialect> Mappings<'a, '_, D> {
    fn read(&self, entry: Value<'a>) -> Result<Option<Mapping<'a>>, ErrorKind> {
        let mut patterns = entry.get("paths")?.elements()?.filter_map(|pattern| pattern.string().ok());
        if !patterns.any(|pattern| path_matches(pattern, self.target, D::STAR_CROSSES_SLASH)) {
            return Ok(None);
        }
        let threshold = entry.get("threshold")?.unsigned()?;
        if threshold == 0 {
            return Err(ErrorKind::IllegalThreshold { threshold });
        }
        entry.get("repositories")?.elements()?;
        let terminating = entry.find("terminating")?.map_or(Ok(false), Value::boolean)?;
        Ok(Some(Mapping { entry, threshold, terminating }))
    }
}

impl<'a, D: Dialect> Iterator for Mappings<'a, '_, D> {
    type Item = Result<Mapping<'a>, ErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = self.rest.as_mut()?.next()?;
            let read = self.read(entry);
            if matches!(read, Ok(Some(Mapping { terminating: true, .. })) | Err(_)) {
                self.rest = None;
            }
            if let Some(mapping) = read.transpose() {
                return Some(mapping);
            }
        }
    }
}

impl<'a> Mapping<'a> {
    /// The repositories that are asked, in order.
    pub fn repositories(&self) -> impl Iterator<Item = JsonStr<'a>> {
        // `read` made sure that it is a list.
        let names = self.entry.get("repositories").and_then(Value::elements).into_iter().flatten();
        names.filter_map(|name| name.string().ok())
    }

    /// What a threshold of the repositories says alike, given what each says, in their order. A repository that is
    /// named twice is asked once.
    #[must_use]
    pub fn agreed(&self, said: &[Option<Listing>]) -> Option<Listing> {
        let first = |at: usize, name: JsonStr<'_>| {
            !self.repositories().take(at).any(|other| other.order(name).is_eq())
        };
        said.iter()
            .flatten()
            .find(|wanted| {
                !wanted.hashes.is_empty() && {
                    let alike = self.repositories().zip(said).enumerate();
                    let alike = alike
                        .filter(|(at, (name, said))| first(*at, *name) && said.as_ref() == Some(*wanted));
                    u64::try_from(alike.count()).is_ok_and(|alike| alike >= self.threshold)
                }
            })
            .copied()
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use crate::dialect::Tuf;
    use alloc::{string::String, vec::Vec};

    const MAP: &[u8] =
        br#"{"repositories":{"a":["https://one/","https://two/"],"b":["https://b/"],"c":["https://c/"]},
        "mapping":[{"paths":["os/*"],"repositories":["a","b"],"threshold":2,"terminating":true},
                   {"paths":["*"],"repositories":["c","c","a"],"threshold":2},
                   {"paths":["os/*","app"],"repositories":["b"],"threshold":1,"terminating":false}]}"#;

    fn listing(byte: u8) -> Option<Listing> {
        Some(Listing { length: 1, hashes: Hashes { sha256: Some([byte; 32]), sha512: None } })
    }

    fn mappings(target: &str) -> Vec<Mapping<'static>> {
        Map::parse(MAP).unwrap().mappings::<Tuf>(target).map(Result::unwrap).collect()
    }

    #[test]
    fn the_entries_that_match_come_in_order_up_to_a_terminating_one() {
        assert_eq!(mappings("os/1").len(), 1);
        assert_eq!(mappings("app").len(), 2);
        assert_eq!(mappings("other").len(), 1);
        assert_eq!(mappings("other/1").len(), 0);
        let names: Vec<String> = mappings("os/1")[0].repositories().map(JsonStr::to_text).collect();
        assert_eq!(names, ["a", "b"]);
        let name = mappings("os/1")[0].repositories().next().unwrap();
        let urls: Vec<String> = Map::parse(MAP).unwrap().urls(name).unwrap().map(JsonStr::to_text).collect();
        assert_eq!(urls, ["https://one/", "https://two/"]);
    }

    #[test]
    fn a_threshold_of_repositories_has_to_say_the_same() {
        let both = mappings("os/1")[0];
        assert_eq!(both.agreed(&[listing(1), listing(1)]), listing(1));
        assert_eq!(both.agreed(&[listing(1), listing(2)]), None);
        assert_eq!(both.agreed(&[listing(1), None]), None);
        assert_eq!(both.agreed(&[listing(1)]), None);
        let nothing = Some(Listing { length: 1, hashes: Hashes::default() });
        assert_eq!(both.agreed(&[nothing, nothing]), None);
    }

    #[test]
    fn a_repository_that_is_named_twice_counts_once() {
        let twice = mappings("other")[0];
        assert_eq!(twice.agreed(&[listing(1), listing(1), None]), None);
        assert_eq!(twice.agreed(&[listing(1), listing(1), listing(1)]), listing(1));
    }

    #[test]
    fn a_threshold_of_zero_is_refused() {
        let map = br#"{"mapping":[{"paths":["*"],"repositories":[],"threshold":0}]}"#;
        let mut mappings = Map::parse(map).unwrap().mappings::<Tuf>("x");
        assert_eq!(mappings.next().unwrap().unwrap_err(), ErrorKind::IllegalThreshold { threshold: 0 });
        assert!(mappings.next().is_none());
    }
}
