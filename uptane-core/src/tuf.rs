//! The client of a plain TUF repository (specification 1.0.34, clause 5), without I/O: [`Client`] says what to load,
//! fetch and keep, and is fed the answers.
//!
//! ```text
//! loop {
//!     match client.poll() {
//!         Action::Load { role } => client.feed(kept bytes, or None)?,
//!         Action::Fetch { role, version, max_bytes } => client.feed(at most max_bytes + 1 bytes, or None)?,
//!         Action::Persist { role, bytes } => { make it durable; client.persisted() }
//!         Action::Forget { role } => { delete what was kept, durably; client.persisted() }
//!         Action::Done => break,
//!     }
//! }
//! ```
//! After [`Action::Done`] the top-level metadata is current, and [`Client::search`] begins the same loop for one
//! target. [`Client::poll`] may be called again at any time and repeats its last answer.

mod stages;

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::marker::PhantomData;

use crate::canonical::Slot;
use crate::delegation::{Next, Search};
use crate::dialect::{Dialect, Tuf};
use crate::error::{Error, Place, Repository, Role};
use crate::metadata::snapshot::Timestamp;
use crate::metadata::targets::Target;
use crate::time::UtcTime;
use crate::verify::{Owned, Verified};

/// Most Root files followed in one verification; the same as in Uptane.
pub const MAX_ROTATIONS: u64 = crate::primary::MAX_ROTATIONS;

/// The largest metadata that is accepted, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Root; python-tuf has 512,000.
    pub root: usize,
    /// Timestamp; python-tuf has 16,384.
    pub timestamp: usize,
    /// Snapshot; python-tuf has 2,000,000.
    pub snapshot: usize,
    /// Each Targets file; python-tuf has 5,000,000.
    pub targets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { root: 512_000, timestamp: 16_384, snapshot: 2_000_000, targets: 8 * 1024 * 1024 }
    }
}

/// What the caller is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Read the metadata of `role` that was kept last; then [`Client::feed`].
    Load {
        /// `root`, `timestamp`, `snapshot`, `targets` or the name of a delegated role.
        role: &'a str,
    },
    /// Get the metadata of `role` from the repository; then [`Client::feed`]. One byte more than `max_bytes` is
    /// enough to see that there are too many.
    Fetch {
        /// The role; a delegated role's name may hold any character, so it has to be quoted in a URL.
        role: &'a str,
        /// The version that stands in front of the file's name, if any.
        version: Option<u64>,
        /// The most bytes that will be accepted.
        max_bytes: usize,
    },
    /// Keep `bytes` as the metadata of `role`, durably; then [`Client::persisted`].
    Persist {
        /// The role; a delegated role's name may hold any character, so it has to be quoted in a file's name.
        role: &'a str,
        /// The metadata, as it was served.
        bytes: &'a [u8],
    },
    /// Delete what was kept of `role`, whose keys were revoked (clause 5.3.11); then [`Client::persisted`].
    Forget {
        /// `timestamp` or `snapshot`.
        role: &'a str,
    },
    /// The verification, or the search, is complete.
    Done,
}

/// One update of a client, at one fixed time (clause 5.1).
#[derive(Debug)]
pub struct Client<D = Tuf> {
    now: UtcTime,
    limits: Limits,
    stage: Stage,
    /// What to keep of which role; nothing, if it is to be forgotten.
    writes: VecDeque<(String, Option<Vec<u8>>)>,
    rotations: u64,
    /// Whether a new Root changed the keys of Timestamp or Snapshot (clause 5.3.11).
    renewed: bool,
    consistent: bool,
    root: Option<Verified<Owned>>,
    root_version: u64,
    /// What was kept before, as far as the current Root verifies it: the baseline against rollback.
    kept_timestamp: Option<(Verified<Timestamp>, Vec<u8>)>,
    kept_snapshot: Option<Vec<u8>>,
    timestamp: Option<Verified<Timestamp>>,
    snapshot: Option<Verified<Owned>>,
    targets: Option<Verified<Owned>>,
    search: Option<Search>,
    index: Vec<Slot>,
    dialect: PhantomData<D>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Load(TopLevel),
    Fetch { role: TopLevel, version: Option<u64> },
    LoadDelegated,
    FetchDelegated { version: Option<u64> },
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TopLevel {
    Root,
    Timestamp,
    Snapshot,
    Targets,
}

impl TopLevel {
    const fn role(self) -> Role {
        match self {
            Self::Root => Role::Root,
            Self::Timestamp => Role::Timestamp,
            Self::Snapshot => Role::Snapshot,
            Self::Targets => Role::Targets,
        }
    }
}

impl Client {
    /// A client whose every expiry check is at the time `now`.
    #[must_use]
    pub fn new(now: UtcTime, limits: Limits) -> Self {
        Self::with_dialect(now, limits)
    }
}

impl<D: Dialect> Client<D> {
    /// As [`Client::new`], with another verifier ([`With`](crate::dialect::With)).
    #[must_use]
    pub fn with_dialect(now: UtcTime, limits: Limits) -> Self {
        Self {
            now,
            limits,
            stage: Stage::Load(TopLevel::Root),
            writes: VecDeque::new(),
            rotations: 0,
            renewed: false,
            consistent: false,
            root: None,
            root_version: 0,
            kept_timestamp: None,
            kept_snapshot: None,
            timestamp: None,
            snapshot: None,
            targets: None,
            search: None,
            index: Vec::new(),
            dialect: PhantomData,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn poll(&self) -> Action<'_> {
        if let Some((role, bytes)) = self.writes.front() {
            return match bytes {
                Some(bytes) => Action::Persist { role, bytes },
                None => Action::Forget { role },
            };
        }
        match self.stage {
            Stage::Load(role) => Action::Load { role: role.role().name() },
            Stage::Fetch { role, version } => {
                let max_bytes = match role {
                    TopLevel::Root => self.limits.root,
                    TopLevel::Timestamp => self.limits.timestamp,
                    TopLevel::Snapshot => self.limits.snapshot,
                    TopLevel::Targets => self.limits.targets,
                };
                Action::Fetch { role: role.role().name(), version, max_bytes }
            }
            Stage::LoadDelegated => Action::Load { role: self.delegated() },
            Stage::FetchDelegated { version } => {
                Action::Fetch { role: self.delegated(), version, max_bytes: self.limits.targets }
            }
            Stage::Done => Action::Done,
        }
    }

    /// Answers the last [`Action::Load`] or [`Action::Fetch`]; `None` if there is no such file.
    ///
    /// # Errors
    /// At the step that does not hold. The client is then at its end: begin a new one.
    pub fn feed(&mut self, bytes: Option<&[u8]>) -> Result<(), Error> {
        // The index is used beside views of the metadata that the client owns.
        let mut index = core::mem::take(&mut self.index);
        let result = self.take(bytes, &mut index);
        self.index = index;
        result
    }

    /// Answers the last [`Action::Persist`] or [`Action::Forget`]: it is durable.
    pub fn persisted(&mut self) {
        self.writes.pop_front();
    }

    /// Begins the search for `target`, once the top-level metadata is there; goes on with [`Self::poll`].
    ///
    /// # Errors
    /// If the entry of the target or the top-level delegations are malformed.
    pub fn search(&mut self, target: &str) -> Result<(), Error> {
        let Some(targets) = &self.targets else { return Ok(()) };
        self.search = Some(Search::new::<D>(&targets.targets()?, target, None)?);
        self.go_on_searching();
        Ok(())
    }

    /// The target, once a search for it has ended with its being found.
    ///
    /// # Errors
    /// Never, as it was read before; the type is the reader's.
    pub fn found(&self) -> Result<Option<Verified<Target<'_>>>, Error> {
        self.search.as_ref().map_or(Ok(None), Search::found)
    }

    /// Whether targets are served with their hash in front of their names (clause 5.7.3).
    #[must_use]
    pub const fn consistent_snapshot(&self) -> bool {
        self.consistent
    }

    /// The top-level Targets metadata, once it passed.
    #[must_use]
    pub const fn targets(&self) -> Option<&Verified<Owned>> {
        self.targets.as_ref()
    }

    fn go_on_searching(&mut self) {
        let needs_role = self.search.as_ref().is_some_and(|search| matches!(search.next(), Next::Role(_)));
        self.stage = if needs_role { Stage::LoadDelegated } else { Stage::Done };
    }

    fn delegated(&self) -> &str {
        match self.search.as_ref().map(Search::next) {
            Some(Next::Role(name)) => name,
            _ => "",
        }
    }

    fn place(role: Role) -> Place {
        Place { repository: Repository::Image, role }
    }
}
