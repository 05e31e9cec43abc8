//! The search for a target through delegations: pre-order and depth first, as TUF (clause 5.6.7) and the Uptane
//! Standard (`#resolve_delegations`) say, without I/O.
//!
//! ```text
//! let mut search = Search::new::<D>(&top_level_targets, name, hardware_id)?;
//! loop {
//!     match search.next() {
//!         Next::Role(name) => search.take(&listed, metadata of that role, limit, &mut index)?,
//!         Next::Found | Next::NotFound => break,
//!     }
//! }
//! ```
//! The keys of a role are those that its delegator names *now*: metadata that was kept is offered to
//! [`Search::take`] as well, and if that refuses it, the search stands where it stood.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::canonical::MemberIndex;
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Place, Step};
use crate::metadata::targets::{Target, Targets};
use crate::trusted::Listed;
use crate::verify::{Owned, Verified};

/// Most delegated roles that one search visits, as python-tuf.
pub const MAX_DELEGATIONS: usize = 32;

/// What a search needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'s> {
    /// The metadata of this role.
    Role(&'s str),
    /// Nothing: the target was found.
    Found,
    /// Nothing: no role that may say so lists the target.
    NotFound,
}

/// A search for one target.
#[derive(Clone, Debug)]
pub struct Search {
    target: String,
    hardware_id: Option<String>,
    /// The metadata of the roles that were visited, the top-level one first.
    documents: Vec<Verified<Owned>>,
    visited: Vec<String>,
    /// What is still to be visited, the next one last.
    pending: Vec<Pending>,
    found: bool,
    place: Place,
}

#[derive(Clone, Debug)]
struct Pending {
    name: String,
    /// The place of its delegator's metadata in `documents`.
    delegator: usize,
    /// Its place among the delegations there that match.
    nth: usize,
}

impl Search {
    /// Begins at the top-level Targets metadata. With a hardware identifier, delegations that are restricted to
    /// other hardware are passed by.
    ///
    /// # Errors
    /// If the target's entry or the delegations there are malformed.
    pub fn new<D: Dialect>(
        top: &Verified<Targets<'_>>,
        target: &str,
        hardware_id: Option<&str>,
    ) -> Result<Self, Error> {
        let mut search = Self {
            target: target.into(),
            hardware_id: hardware_id.map(String::from),
            documents: Vec::new(),
            visited: Vec::new(),
            pending: Vec::new(),
            found: false,
            place: top.place(),
        };
        search.visit::<D>(top)?;
        Ok(search)
    }

    /// What is needed next. Asking again gives the same answer.
    #[must_use]
    pub fn next(&self) -> Next<'_> {
        match self.pending.last() {
            _ if self.found => Next::Found,
            Some(pending) => Next::Role(&pending.name),
            None => Next::NotFound,
        }
    }

    /// Takes the metadata of the role that is needed, as `listed` says what is current.
    ///
    /// # Errors
    /// At the step that does not hold; the role is then still needed.
    pub fn take<D: Dialect, I: MemberIndex>(
        &mut self,
        listed: &Listed<'_, D>,
        bytes: &[u8],
        limit: usize,
        index: &mut I,
    ) -> Result<(), Error> {
        let Some(pending) = self.pending.last() else { return Ok(()) };
        let absent = || self.place.refuse(Step::D4, ErrorKind::Absent);
        let delegator = self.documents.get(pending.delegator).ok_or_else(absent)?.targets()?;
        let delegations = delegator.delegations()?.ok_or_else(absent)?;
        let mut matching = delegations.matching::<D>(&self.target, self.hardware_id.as_deref());
        let delegation = matching.nth(pending.nth).ok_or_else(absent)??;
        let file = format!("{}.json", pending.name);
        let targets = listed.delegated(&delegation, &file, bytes, limit, index)?;
        let owned = targets.to_owned();
        self.visit::<D>(&owned.targets()?)
    }

    /// The place of the role that is needed, for errors of the caller.
    pub(crate) fn needed(&self) -> Option<crate::error::RoleName> {
        self.pending.last().map(|pending| crate::error::RoleName::new(&pending.name))
    }

    /// The target, once it was found.
    ///
    /// # Errors
    /// Never, as it was read before; the type is the reader's.
    pub fn found(&self) -> Result<Option<Verified<Target<'_>>>, Error> {
        let Some(document) = self.documents.last().filter(|_| self.found) else { return Ok(None) };
        let targets = document.targets()?;
        Ok(targets.find_text(&self.target)?.map(|target| targets.map(|_| target)))
    }

    /// Looks the target up in a role's metadata, or else follows its delegations.
    fn visit<D: Dialect>(&mut self, targets: &Verified<Targets<'_>>) -> Result<(), Error> {
        let found = targets.find_text(&self.target)?.is_some();
        let name = self.pending.last().map(|pending| pending.name.clone());
        let (mut below, mut terminated) = (Vec::new(), false);
        if !found && let Some(delegations) = targets.delegations()? {
            for (nth, delegation) in
                delegations.matching::<D>(&self.target, self.hardware_id.as_deref()).enumerate()
            {
                let delegation = delegation?;
                let child = delegation.name.to_string();
                if !self.visited.contains(&child) && name.as_ref() != Some(&child) {
                    below.push(Pending { name: child, delegator: self.documents.len(), nth });
                }
                if delegation.terminating {
                    // Resolve delegations 3: nobody else is asked any more.
                    terminated = true;
                    break;
                }
            }
        }
        self.pending.pop();
        self.visited.extend(name);
        self.documents.push(targets.to_owned());
        self.found = found;
        if terminated {
            self.pending.clear();
        }
        self.pending.extend(below.into_iter().rev());
        // A role may be pending twice, by two delegators: the first one decides.
        while self.pending.last().is_some_and(|pending| self.visited.contains(&pending.name)) {
            self.pending.pop();
        }
        if !found && self.visited.len() >= MAX_DELEGATIONS && !self.pending.is_empty() {
            let kind = ErrorKind::TooMany { what: "delegated roles", limit: MAX_DELEGATIONS };
            return Err(self.place.refuse(Step::D4, kind));
        }
        Ok(())
    }
}
