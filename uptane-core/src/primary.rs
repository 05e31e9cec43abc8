//! Full verification by a Primary, without I/O: [`Cycle`] says what to load, fetch and store, and is fed the
//! answers; at its end it knows which images the Director assigns and the Image repository vouches for.
//!
//! ```text
//! loop {
//!     match cycle.poll()? {
//!         Action::Load { repository, role } => cycle.feed(stored bytes, or None)?,
//!         Action::Fetch { repository, file, max_bytes } => cycle.feed(at most max_bytes + 1 bytes, or None)?,
//!         Action::Persist { .. } | Action::Forget { .. } => { make it durable; cycle.persisted() }
//!         Action::Done => break,
//!     }
//! }
//! ```
//! [`Cycle::poll`] may be called again at any time and repeats its last answer.

mod outcome;
mod repository;

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

pub use outcome::{Assigned, Outcome};
use outcome::{IMAGE, pairs};
use repository::{LOCKBOX_DIRECTOR, LOCKBOX_IMAGE, ONLINE, Verification};

use crate::canonical::Slot;
use crate::delegation::{MAX_DELEGATIONS, Next, Search};
use crate::dialect::Uptane;
use crate::error::{Error, ErrorKind, Place, Repository, Role, RoleName, Step};
use crate::time::UtcTime;
use crate::vehicle::{Ecu, check_assignments};

/// Largest Root, Timestamp, Snapshot and Director Targets metadata, in bytes (aktualizr's `fetcher.h`).
pub const MAX_METADATA_BYTES: usize = 64 * 1024;

/// Largest Image Targets metadata, in bytes (aktualizr's `kMaxImageTargetsSize`).
pub const MAX_IMAGE_TARGETS_BYTES: usize = 8 * 1024 * 1024;

/// Most Root files followed in one cycle, for each repository (aktualizr-torizon's `kMaxRotations`).
pub const MAX_ROTATIONS: u64 = 1000;

/// What the caller is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Read the trusted metadata of `role` that was persisted last; then [`Cycle::feed`].
    Load {
        /// Of which repository.
        repository: Repository,
        /// Of which role.
        role: Role,
    },
    /// Get `file` from the repository; then [`Cycle::feed`]. One byte more than `max_bytes` is enough to see
    /// that there are too many.
    Fetch {
        /// From which repository.
        repository: Repository,
        /// The file's name.
        file: &'a str,
        /// The most bytes that will be accepted.
        max_bytes: usize,
    },
    /// Make `bytes` the trusted metadata of `role`, durably; then [`Cycle::persisted`].
    Persist {
        /// Of which repository.
        repository: Repository,
        /// Of which role.
        role: Role,
        /// The metadata's version.
        version: u64,
        /// The metadata, as it was served.
        bytes: &'a [u8],
    },
    /// Forget the trusted metadata of `role`, whose keys were revoked; then [`Cycle::persisted`].
    Forget {
        /// Of which repository.
        repository: Repository,
        /// Of which role.
        role: Role,
    },
    /// The verification is complete: [`Cycle::into_outcome`].
    Done,
}

/// What a vehicle may ask for beyond the metadata itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expectations<'v> {
    /// The vehicle's identifier, if its Director names vehicles: then an assignment of nothing has to.
    pub vehicle_id: Option<&'v str>,
    /// The release counters of the images that are installed, by the serial number of the ECU.
    pub release_counters: &'v [(&'v str, u64)],
}

/// One full verification of the Director and the Image repository (Standard 2.1.0, `#full_verification`).
#[derive(Debug)]
pub struct Cycle<'v> {
    ecus: &'v [Ecu<'v>],
    now: UtcTime,
    expectations: Expectations<'v>,
    director: Verification,
    image: Verification,
    lockbox: bool,
    outcome: Option<Outcome>,
    /// The outcome so far, while an image is searched for.
    begun: Option<Outcome>,
    search: Option<Search>,
    /// The file with the metadata that the search needs.
    file: String,
    /// The delegated roles' metadata that was fetched, for the searches to come.
    delegated: BTreeMap<String, Vec<u8>>,
    index: Vec<Slot>,
}

impl<'v> Cycle<'v> {
    /// Begins a verification for a vehicle with these ECUs. `now` is the time of every expiry check in it.
    #[must_use]
    pub fn new(ecus: &'v [Ecu<'v>], now: UtcTime) -> Self {
        Self {
            ecus,
            now,
            expectations: Expectations::default(),
            director: Verification::new(Repository::Director, ONLINE, MAX_METADATA_BYTES),
            image: Verification::new(Repository::Image, ONLINE, MAX_IMAGE_TARGETS_BYTES),
            lockbox: false,
            outcome: None,
            begun: None,
            search: None,
            file: String::new(),
            delegated: BTreeMap::new(),
            index: Vec::new(),
        }
    }

    /// Begins a verification of a Lockbox: an offline update on a medium (PURE-2 as Torizon ships it).
    ///
    /// The files fetched are those of the medium's `metadata/director` and `metadata/image-repo`; the trusted
    /// metadata is the same as online, so an offline snapshot older than one seen before is refused. There is
    /// no trust on first use: the Root must be there already.
    #[must_use]
    pub fn lockbox(ecus: &'v [Ecu<'v>], now: UtcTime) -> Self {
        Self {
            director: Verification::new(Repository::Director, LOCKBOX_DIRECTOR, MAX_METADATA_BYTES),
            image: Verification::new(Repository::Image, LOCKBOX_IMAGE, MAX_IMAGE_TARGETS_BYTES),
            lockbox: true,
            ..Self::new(ecus, now)
        }
    }

    /// With these expectations (Full verification 6 and 10).
    #[must_use]
    pub fn expecting(self, expectations: Expectations<'v>) -> Self {
        Self { expectations, ..self }
    }

    /// What to do next.
    #[must_use]
    pub fn poll(&self) -> Action<'_> {
        if self.search.is_some() {
            let (repository, file) = (Repository::Image, &*self.file);
            return Action::Fetch { repository, file, max_bytes: MAX_IMAGE_TARGETS_BYTES };
        }
        match self.director.poll() {
            Action::Done if self.outcome.is_some() => Action::Done,
            Action::Done => self.image.poll(),
            action => action,
        }
    }

    /// Answers the last [`Action::Load`] or [`Action::Fetch`]; `None` if there is no such file.
    ///
    /// # Errors
    /// At the step that does not hold. The cycle is then at its end: begin a new one.
    pub fn feed(&mut self, bytes: Option<&[u8]>) -> Result<(), Error> {
        if let Some(search) = &self.search {
            if let Next::Role(name) = search.next() {
                let role = Role::Delegated(RoleName::new(&name));
                let absent = Place { role, ..IMAGE }.refuse(Step::G1, ErrorKind::Absent);
                if self.delegated.len() >= MAX_DELEGATIONS {
                    self.delegated.clear();
                }
                self.delegated.insert(name.into(), bytes.ok_or(absent)?.into());
            }
        } else if self.director.poll() != Action::Done {
            let (ecus, vehicle_id) = (self.ecus, self.expectations.vehicle_id);
            self.director.feed(bytes, self.now, &mut self.index, |targets| {
                targets.check_no_delegation()?;
                vehicle_id.map_or(Ok(()), |id| targets.check_vehicle(id))?;
                check_assignments(targets, ecus)
            })?;
        } else {
            self.image.feed(bytes, self.now, &mut self.index, |_| Ok(()))?;
        }
        self.conclude()
    }

    /// Answers the last [`Action::Persist`] or [`Action::Forget`]: it is durable.
    ///
    /// # Errors
    /// If that was the last step and the repositories do not agree.
    pub fn persisted(&mut self) -> Result<(), Error> {
        if self.director.poll() == Action::Done {
            self.image.persisted();
        } else {
            self.director.persisted();
        }
        self.conclude()
    }

    /// What was established, once [`Action::Done`] was polled.
    #[must_use]
    pub fn into_outcome(self) -> Option<Outcome> {
        self.outcome
    }

    /// Draws the conclusion as soon as both repositories are through, or the Director assigns nothing.
    fn conclude(&mut self) -> Result<(), Error> {
        if self.outcome.is_some() || self.director.poll() != Action::Done {
            return Ok(());
        }
        let Some(director) = self.director.targets()? else {
            return Ok(());
        };
        if director.iter().next().is_none() {
            self.outcome = Some(Outcome::nothing(&director));
            return Ok(());
        }
        if self.image.poll() != Action::Done {
            return Ok(());
        }
        let Some(image) = self.image.targets()? else { return Ok(()) };
        let mut outcome = self.begun.take().unwrap_or_else(|| {
            if self.lockbox {
                Outcome::nothing_of_lockbox(self.director.targets_name(), &director)
            } else {
                Outcome::nothing(&director)
            }
        });
        let pairs = pairs(&director, self.ecus, self.lockbox)?;
        while let Some((target, ecu)) = pairs.get(outcome.assigned.len()) {
            let mut counters = self.expectations.release_counters.iter();
            let installed = counters.find(|(serial, _)| *serial == ecu.serial).map(|(_, counter)| *counter);
            if let Some(listed) = image.find(target.name)? {
                outcome.push(&director, &listed, target, ecu, installed)?;
                continue;
            }
            let mut search = match self.search.take() {
                Some(search) => search,
                None => Search::new::<Uptane>(&image, &target.name.to_text(), Some(ecu.hardware_id))?,
            };
            while let Next::Role(name) = search.next() {
                let Some(bytes) = self.delegated.get(name) else {
                    self.file = delegation_file(name, self.lockbox);
                    (self.search, self.begun) = (Some(search), Some(outcome));
                    return Ok(());
                };
                let listed = self.image.listed(self.now)?;
                search.take(&listed, bytes, MAX_IMAGE_TARGETS_BYTES, &mut self.index)?;
            }
            let listed = search.found()?;
            let listed = listed.ok_or_else(|| IMAGE.refuse(Step::F10, ErrorKind::NotInImageRepository))?;
            outcome.push(&director, &listed, target, ecu, installed)?;
        }
        self.outcome = Some(outcome);
        Ok(())
    }
}

/// Where the metadata of a delegated role lies: beside the others in a Lockbox, in a directory of its own on a
/// server (aktualizr). Whoever delegates chooses the name, so it is quoted to be one name of a file.
fn delegation_file(name: &str, lockbox: bool) -> String {
    let directory = if lockbox { "" } else { "delegations/" };
    let mut file = String::from(directory);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            file.push(char::from(byte));
        } else {
            file.push_str(&format!("%{byte:02X}"));
        }
    }
    file.push_str(".json");
    file
}
