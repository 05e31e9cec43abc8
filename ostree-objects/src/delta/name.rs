use core::fmt;
use core::str::FromStr;

use crate::{Checksum, Error, ErrorKind};

/// Which static delta: to a commit, from another one or from nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeltaName {
    /// The commit that must be there already; none for a delta from scratch.
    pub from: Option<Checksum>,
    /// The commit that is there afterwards.
    pub to: Checksum,
}

/// A path below a repository, such as `deltas/Ug/8n…-_2T…`, on the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaPath(heapless::String<PATH_BYTES>);

/// `delta-indexes/`, 2 characters, a slash and 41, a hyphen and 43, `.index` or `/superblock`.
const PATH_BYTES: usize = 14 + 2 + 1 + 41 + 1 + 43 + 11;

impl DeltaName {
    /// The delta's directory below the repository.
    #[must_use]
    pub fn directory(&self) -> DeltaPath {
        let mut path = DeltaPath(heapless::String::new());
        let to = self.to.to_mbase64();
        path.push("deltas/");
        match &self.from {
            None => path.push_split(to.as_str()),
            Some(from) => {
                path.push_split(from.to_mbase64().as_str());
                path.push("-");
                path.push(to.as_str());
            }
        }
        path
    }

    /// Where its superblock is below the repository.
    #[must_use]
    pub fn superblock_path(&self) -> DeltaPath {
        let mut path = self.directory();
        path.push("/superblock");
        path
    }

    /// Where the index of all deltas to `to` is below the repository.
    #[must_use]
    pub fn index_path(to: &Checksum) -> DeltaPath {
        let mut path = DeltaPath(heapless::String::new());
        path.push("delta-indexes/");
        path.push_split(to.to_mbase64().as_str());
        path.push(".index");
        path
    }

    /// The name of the delta in a directory below `deltas/`: two characters, and the rest.
    ///
    /// # Errors
    /// If it is not one.
    pub fn from_directory(first: &str, rest: &str) -> Result<Self, Error> {
        let bad = Error { kind: ErrorKind::DeltaName, offset: 0 };
        let mut name = heapless::String::<{ 43 + 1 + 43 }>::new();
        name.push_str(first).and_then(|()| name.push_str(rest)).map_err(|_| bad)?;
        let read = |text: &str| Checksum::from_mbase64(text).ok_or(bad);
        if first.len() != 2 {
            return Err(bad);
        }
        match name.split_once('-') {
            Some((from, to)) => Ok(Self { from: Some(read(from)?), to: read(to)? }),
            None => Ok(Self { from: None, to: read(&name)? }),
        }
    }
}

impl DeltaPath {
    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `PATH_BYTES` is the sum of the longest parts.
    fn push(&mut self, part: &str) {
        let _ = self.0.push_str(part);
    }

    fn push_split(&mut self, name: &str) {
        let (directory, rest) = name.split_at_checked(2).unwrap_or_default();
        self.push(directory);
        self.push("/");
        self.push(rest);
    }
}

impl fmt::Display for DeltaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `FROM-TO` or `TO` in hexadecimal digits, as summaries and `ostree static-delta list` have it.
impl fmt::Display for DeltaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(from) = &self.from {
            write!(f, "{from}-")?;
        }
        write!(f, "{}", self.to)
    }
}

impl FromStr for DeltaName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = |text: &str| {
            Checksum::from_hex(text.as_bytes()).map_err(|_| Error { kind: ErrorKind::DeltaName, offset: 0 })
        };
        match text.split_once('-') {
            Some((from, to)) => Ok(Self { from: Some(read(from)?), to: read(to)? }),
            None => Ok(Self { from: None, to: read(text)? }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and paths as ostree 2022.7 gave them.
    #[test]
    fn paths_are_the_tools() {
        let to = "ff64c14ea6a3e873b5637e265e6bb863c22dea4255a8463b4a01c82b22f7ec6d";
        let from = "520f27d8ddca332bd096caac216136a34d88418c2d2d1b315cf4ed3872584e86";
        let scratch: DeltaName = to.parse().unwrap();
        assert_eq!(
            scratch.superblock_path().as_str(),
            "deltas/_2/TBTqaj6HO1Y34mXmu4Y8It6kJVqEY7SgHIKyL37G0/superblock"
        );
        assert_eq!(
            DeltaName::index_path(&scratch.to).as_str(),
            "delta-indexes/_2/TBTqaj6HO1Y34mXmu4Y8It6kJVqEY7SgHIKyL37G0.index"
        );
        let text = alloc_free_join(from, to);
        let both: DeltaName = text.parse().unwrap();
        let rest = "8n2N3KMyvQlsqsIWE2o02IQYwtLRsxXPTtOHJYToY-_2TBTqaj6HO1Y34mXmu4Y8It6kJVqEY7SgHIKyL37G0";
        assert_eq!(both.directory().as_str().strip_prefix("deltas/Ug/"), Some(rest));
        assert_eq!(DeltaName::from_directory("Ug", rest), Ok(both));
        assert_eq!(DeltaName::from_directory("_2", &scratch.directory().as_str()[10..]), Ok(scratch));
    }

    fn alloc_free_join(from: &str, to: &str) -> heapless::String<129> {
        let mut text = heapless::String::new();
        for part in [from, "-", to] {
            text.push_str(part).unwrap();
        }
        text
    }

    #[test]
    fn refuses_other_names() {
        let bad = Err(Error { kind: ErrorKind::DeltaName, offset: 0 });
        assert_eq!("".parse::<DeltaName>(), bad);
        assert_eq!("ab-cd".parse::<DeltaName>(), bad);
        assert_eq!(DeltaName::from_directory("_2", "TBTqaj6"), bad);
        assert_eq!(DeltaName::from_directory("_", "2TBTqaj6HO1Y34mXmu4Y8It6kJVqEY7SgHIKyL37G0"), bad);
        // The last character has bits beyond the 32 bytes.
        assert_eq!(DeltaName::from_directory("_2", "TBTqaj6HO1Y34mXmu4Y8It6kJVqEY7SgHIKyL37G1"), bad);
    }
}
