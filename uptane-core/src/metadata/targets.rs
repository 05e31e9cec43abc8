//! Targets metadata: the images, as the Director assigns them and as the Image repository vouches for them.

use crate::error::{Error, ErrorKind, Place, Step};
use crate::json::walk::Walk;
use crate::json::{JsonError, JsonErrorKind, JsonStr, Value};
use crate::metadata::Hashes;
use crate::metadata::delegation::Delegations;
use crate::time::UtcTime;
use crate::verify::{Signed, Verified};

/// Verified Targets metadata.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    signed: Signed<'a>,
}

/// One image in Targets metadata.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its file name, unique in the repository.
    pub name: JsonStr<'a>,
    /// Its length in bytes. An OSTree commit has 0 here: its objects carry their own.
    pub length: u64,
    /// Its hashes, at least one.
    pub hashes: Hashes,
    custom: Option<Value<'a>>,
}

impl<'a> Targets<'a> {
    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.signed.version
    }

    /// The Director's name for this assignment.
    #[must_use]
    pub fn correlation_id(&self) -> Option<JsonStr<'a>> {
        self.signed.body.find("custom").ok()??.find("correlationId").ok()??.string().ok()
    }

    /// The vehicle that the Director's assignment is for, if it says so.
    #[must_use]
    pub fn vehicle_id(&self) -> Option<JsonStr<'a>> {
        self.signed.body.find("custom").ok()??.find("vehicleId").ok()??.string().ok()
    }

    /// Refuses an assignment for another vehicle, and an empty one that does not say for which it is: it could be
    /// another's, replayed to keep this one from its updates (Standard 2.1.0, `#directed_targets`).
    ///
    /// # Errors
    /// If it is not for `vehicle_id`.
    pub fn check_vehicle(&self, vehicle_id: &str) -> Result<(), Error> {
        let right = match self.vehicle_id() {
            Some(id) => id.eq_text(vehicle_id),
            None => self.iter().next().is_some(),
        };
        if right { Ok(()) } else { Err(self.place().refuse(Step::F6, ErrorKind::OtherVehicle)) }
    }

    /// The images, in the document's order.
    pub fn iter(&self) -> impl Iterator<Item = Result<Target<'a>, Error>> {
        let place = self.place();
        // `into_targets` made sure that `targets` is an object.
        let members = self.signed.body.get("targets").and_then(Value::members).into_iter().flatten();
        members.map(move |(name, value)| {
            Target::parse(name, value).map_err(|kind| place.refuse(Step::Parse, kind))
        })
    }

    /// The image called `name`.
    ///
    /// # Errors
    /// If its entry is malformed.
    pub fn find(&self, name: JsonStr<'_>) -> Result<Option<Target<'a>>, Error> {
        let mut members = self.signed.body.get("targets").and_then(Value::members).into_iter().flatten();
        let found = members.find(|(other, _)| other.order(name).is_eq());
        let parsed = found.map(|(name, value)| Target::parse(name, value)).transpose();
        parsed.map_err(|kind| self.place().refuse(Step::Parse, kind))
    }

    /// The image called `name`.
    ///
    /// # Errors
    /// If its entry is malformed.
    pub fn find_text(&self, name: &str) -> Result<Option<Target<'a>>, Error> {
        let mut members = self.signed.body.get("targets").and_then(Value::members).into_iter().flatten();
        let found = members.find(|(other, _)| other.eq_text(name));
        let parsed = found.map(|(name, value)| Target::parse(name, value)).transpose();
        parsed.map_err(|kind| self.place().refuse(Step::Parse, kind))
    }

    /// Its delegations; `None` if it delegates to nobody.
    ///
    /// # Errors
    /// If they are malformed.
    pub fn delegations(&self) -> Result<Option<Delegations<'a>>, Error> {
        let read = || -> Result<_, ErrorKind> {
            match self.signed.body.find("delegations")? {
                Some(delegations) => Delegations::parse(self.place(), delegations),
                None => Ok(None),
            }
        };
        read().map_err(|kind| self.place().refuse(Step::D4, kind))
    }

    /// When it expires.
    #[must_use]
    pub const fn expires(&self) -> UtcTime {
        self.signed.expires
    }

    pub(crate) fn place(&self) -> Place {
        self.signed.place
    }

    /// Refuses delegations, which the Director may not have (Check Targets 6).
    ///
    /// # Errors
    /// If it delegates.
    pub fn check_no_delegation(&self) -> Result<(), Error> {
        let delegations = self.signed.body.find("delegations");
        let delegations = delegations.map_err(|error| self.place().refuse(Step::Parse, error))?;
        let empty = |value: Value<'_>| match value.find("roles") {
            Ok(Some(roles)) => roles.elements().is_ok_and(|mut roles| roles.next().is_none()),
            Ok(None) => value.members().is_ok_and(|mut members| members.next().is_none()),
            Err(_) => false,
        };
        match delegations {
            Some(value) if !empty(value) => Err(self.place().refuse(Step::G6, ErrorKind::Delegation)),
            _ => Ok(()),
        }
    }
}

#[cfg(feature = "alloc")]
impl Verified<Targets<'_>> {
    /// The same metadata with bytes of its own.
    #[must_use]
    pub fn to_owned(&self) -> Verified<crate::verify::Owned> {
        self.map(|targets| crate::verify::Owned::of(&targets.signed))
    }
}

#[cfg(feature = "alloc")]
impl Verified<crate::verify::Owned> {
    /// Reads it again; its signatures were checked before.
    ///
    /// # Errors
    /// Never, as it was read before; the type is the reader's.
    pub fn targets(&self) -> Result<Verified<Targets<'_>>, Error> {
        Ok(self.reread()?.into_targets_again())
    }
}

impl<'a> Verified<Signed<'a>> {
    /// Reads it as Targets metadata: each entry, whoever asks for it, is an image's.
    pub(crate) fn into_targets(self) -> Result<Verified<Targets<'a>>, Error> {
        self.try_map(|signed| {
            let listed = signed.body.get("targets").and_then(|targets| {
                // Nearly always the scan saw to it.
                if targets.lists_images() {
                    return Ok(());
                }
                let mut walk = Walk::of(targets);
                walk.enter()?;
                while walk.key().is_some() {
                    check_entry(&mut walk)?;
                }
                Ok(())
            });
            listed.map_err(|error| signed.place.refuse(Step::Parse, error))?;
            Ok(Targets { signed })
        })
    }

    /// As [`Self::into_targets`], of metadata that passed it before.
    #[cfg(feature = "alloc")]
    fn into_targets_again(self) -> Verified<Targets<'a>> {
        self.map(|&signed| Targets { signed })
    }
}

/// Goes past the entry of an image, and refuses one that no client takes (TUF 1.0.34, clause 4.5; python-tuf's
/// `TargetFile`): without a length that is not negative, or without a hash, whatever the algorithm. What `custom` holds
/// is the application's.
pub(crate) fn check_entry(walk: &mut Walk<'_>) -> Result<(), JsonError> {
    let start = walk.enter()?;
    let (mut length, mut hashes) = (false, false);
    while let Some(key) = walk.key() {
        if key.eq_text("length") {
            walk.unsigned()?;
            length = true;
        } else if key.eq_text("hashes") {
            check_hashes(walk)?;
            hashes = true;
        } else {
            walk.skip();
        }
    }
    let missing = match (length, hashes) {
        (true, true) => return Ok(()),
        (false, _) => "length",
        (true, false) => "hashes",
    };
    Err(JsonError { kind: JsonErrorKind::Missing(missing), offset: start })
}

fn check_hashes(walk: &mut Walk<'_>) -> Result<(), JsonError> {
    let start = walk.enter()?;
    let mut any = false;
    while walk.key().is_some() {
        walk.string()?;
        any = true;
    }
    if any { Ok(()) } else { Err(JsonError { kind: JsonErrorKind::Empty, offset: start }) }
}

impl<'a> Target<'a> {
    pub(crate) fn parse(name: JsonStr<'a>, value: Value<'a>) -> Result<Self, ErrorKind> {
        let length = value.get("length")?.unsigned()?;
        let hashes = Hashes::parse(value.get("hashes")?)?;
        if hashes.is_empty() {
            return Err(ErrorKind::NoHash);
        }
        Ok(Self { name, length, hashes, custom: value.find("custom")? })
    }

    /// The ECUs that the Director assigns the image to: serial number and hardware identifier.
    pub fn ecus(&self) -> impl Iterator<Item = (JsonStr<'a>, Option<JsonStr<'a>>)> {
        let listed = self.member("ecuIdentifiers").and_then(|listed| listed.members().ok());
        listed.into_iter().flatten().map(|(serial, ecu)| {
            (serial, ecu.find("hardwareId").ok().flatten().and_then(|id| id.string().ok()))
        })
    }

    /// The hardware identifiers that the image fits, as the Image repository lists them.
    pub fn hardware_ids(&self) -> impl Iterator<Item = JsonStr<'a>> {
        let listed = self.member("hardwareIds").and_then(|listed| listed.elements().ok());
        listed.into_iter().flatten().filter_map(|id| id.string().ok())
    }

    /// Whether the image is for this hardware, said of hardware or of ECUs with it (aktualizr's `MatchTarget`).
    fn fits(&self, hardware_id: &str) -> bool {
        let by_ecu = self.ecus().filter_map(|(_, id)| id);
        self.hardware_ids().chain(by_ecu).any(|fits| fits.eq_text(hardware_id))
    }

    /// The image's release counter: images of one kind never go back in it.
    #[must_use]
    pub fn release_counter(&self) -> Option<u64> {
        self.member("releaseCounter")?.unsigned().ok()
    }

    /// Where the image is to be had, if not at its usual place. The value `https://example.com/` is how
    /// servers write "nowhere else".
    #[must_use]
    pub fn uri(&self) -> Option<JsonStr<'a>> {
        let uri = self.member("uri")?.string().ok()?;
        (!uri.eq_text("https://example.com/") && !uri.eq_text("")).then_some(uri)
    }

    /// Whether the image is an OSTree commit: said so, or said nothing and of length 0 (aktualizr's rule).
    #[must_use]
    pub fn is_ostree(&self) -> bool {
        match self.member("targetFormat").and_then(|format| format.string().ok()) {
            Some(format) if !format.eq_text("") => format.eq_text("OSTREE"),
            _ => self.length == 0,
        }
    }

    fn member(&self, name: &str) -> Option<Value<'a>> {
        self.custom?.find(name).ok().flatten()
    }

    /// Compares what the Director assigns with what the Image repository lists under the same name
    /// (Full verification 10): length, every hash both give and at least one, and the hardware if an identifier is given.
    ///
    /// # Errors
    /// What they disagree on, in words.
    pub fn check_match(&self, listed: &Target<'_>, hardware_id: Option<&str>) -> Result<(), &'static str> {
        if self.length != listed.length {
            return Err("the length");
        }
        let both256 = self.hashes.sha256.zip(listed.hashes.sha256);
        let both512 = self.hashes.sha512.zip(listed.hashes.sha512);
        if both256.is_some_and(|(ours, theirs)| ours != theirs)
            || both512.is_some_and(|(ours, theirs)| ours != theirs)
        {
            return Err("a hash");
        }
        if both256.is_none() && both512.is_none() {
            return Err("the hash algorithms");
        }
        if hardware_id.is_some_and(|id| !listed.fits(id)) {
            return Err("the hardware");
        }
        // The Director need not repeat it, but must not claim another one.
        if self.release_counter().is_some_and(|counter| listed.release_counter() != Some(counter)) {
            return Err("the release counter");
        }
        Ok(())
    }
}
