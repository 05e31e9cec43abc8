//! Timestamp and Snapshot metadata: which versions are current and belong together.

use crate::error::{Error, ErrorKind, Place, Role, Step};
use crate::json::{JsonError, JsonStr, Members};
use crate::metadata::MetaFile;
use crate::verify::{Signed, Verified};

/// Verified Timestamp metadata.
#[derive(Clone, Copy, Debug)]
pub struct Timestamp {
    /// Its version.
    pub version: u64,
    /// What it says of `snapshot.json`.
    pub snapshot: MetaFile,
}

/// Verified Snapshot metadata.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    signed: Signed<'a>,
}

impl<'a> Snapshot<'a> {
    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.signed.version
    }

    /// What it says of the file `name`, such as `targets.json`; `None` if it does not list it.
    ///
    /// # Errors
    /// If its entry is malformed.
    pub fn file(&self, name: &str) -> Result<Option<MetaFile>, Error> {
        let read = || -> Result<_, ErrorKind> {
            self.signed.body.get("meta")?.find(name)?.map(MetaFile::parse).transpose()
        };
        read().map_err(|kind| self.place().refuse(Step::Parse, kind))
    }

    /// The names of all files it lists, in its order.
    ///
    /// # Errors
    /// If `meta` is missing.
    pub fn names(&self) -> Result<impl Iterator<Item = JsonStr<'a>>, Error> {
        let members = self.members().map_err(|error| self.place().refuse(Step::Parse, error))?;
        Ok(members.map(|(name, _)| name))
    }

    fn members(&self) -> Result<Members<'a>, JsonError> {
        self.signed.body.get("meta")?.members()
    }

    fn place(&self) -> Place {
        self.signed.place
    }

    /// Compares with the snapshot trusted before: no listed file gets older (S5) or disappears (S6). Root is
    /// left out, as its own chain protects it and newer snapshots no longer list it.
    pub(crate) fn check_successor_of(&self, trusted: &Snapshot<'_>) -> Result<(), Error> {
        let refuse = |step, kind: ErrorKind| Err(self.place().refuse(step, kind));
        let parse = |error| self.place().refuse(Step::Parse, ErrorKind::Json(error));
        // Both list them in order, as a rule: each search goes on where the one before it ended.
        let mut listed = self.members().map_err(parse)?;
        for (name, file) in trusted.members().map_err(parse)? {
            if name.eq_text("root.json") {
                continue;
            }
            let before = MetaFile::parse(file).map_err(|kind| self.place().refuse(Step::Parse, kind))?;
            let named = |(other, _): &(JsonStr<'_>, _)| other.order(name).is_eq();
            let found = listed.find(named);
            let found = if found.is_some() {
                found
            } else {
                listed = self.members().map_err(parse)?;
                listed.find(named)
            };
            let Some((_, now)) = found else {
                return refuse(Step::S6, ErrorKind::Disappeared);
            };
            let now = MetaFile::parse(now).map_err(|kind| self.place().refuse(Step::Parse, kind))?;
            if now.version < before.version {
                return refuse(
                    Step::S5,
                    ErrorKind::Rollback { trusted: before.version, offered: now.version },
                );
            }
        }
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl Verified<Snapshot<'_>> {
    /// The same metadata with bytes of its own.
    #[must_use]
    pub fn to_owned(&self) -> Verified<crate::verify::Owned> {
        self.map(|snapshot| crate::verify::Owned::of(&snapshot.signed))
    }
}

#[cfg(feature = "alloc")]
impl Verified<crate::verify::Owned> {
    pub(crate) fn timestamp(&self) -> Result<Verified<Timestamp>, Error> {
        self.reread()?.into_timestamp()
    }

    pub(crate) fn snapshot(&self) -> Result<Verified<Snapshot<'_>>, Error> {
        self.reread()?.into_snapshot()
    }
}

impl<'a> Verified<Signed<'a>> {
    pub(crate) fn into_timestamp(self) -> Result<Verified<Timestamp>, Error> {
        self.try_map(|signed| {
            let read = || -> Result<_, ErrorKind> {
                MetaFile::parse(signed.body.get("meta")?.get("snapshot.json")?)
            };
            let snapshot = read().map_err(|kind| signed.place.refuse(Step::Parse, kind))?;
            Ok(Timestamp { version: signed.version, snapshot })
        })
    }

    pub(crate) fn into_snapshot(self) -> Result<Verified<Snapshot<'a>>, Error> {
        self.try_map(|signed| {
            debug_assert!(matches!(signed.place.role, Role::Snapshot | Role::OfflineSnapshot));
            let snapshot = Snapshot { signed };
            drop(snapshot.names()?);
            Ok(snapshot)
        })
    }
}
