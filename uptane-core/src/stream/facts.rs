//! What is kept of a document that passes.

use crate::dialect::Dialect;
use crate::error::{ErrorKind, Place, Step};
use crate::json::{JsonErrorKind, Kind, Value};
use crate::time::UtcTime;

/// The few members of `signed` that matter, as far as they were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    right_type: Option<bool>,
    version: Option<u64>,
    expires: Option<UtcTime>,
    has_targets: bool,
    pub(super) delegates: bool,
    /// How many bytes of the room hold the entry that was looked for.
    pub(super) found: Option<usize>,
}

impl Facts {
    /// Whether `read` has something to learn from the member `key`.
    pub(super) fn wants(key: &str) -> bool {
        matches!(key, "_type" | "expires" | "version")
    }

    /// Takes a member that [`Self::wants`].
    pub(super) fn read<D: Dialect>(
        &mut self,
        place: Place,
        key: &str,
        value: Value<'_>,
    ) -> Result<(), ErrorKind> {
        match key {
            "_type" => self.right_type = Some(value.string()?.eq_text(D::type_name(place.role))),
            "version" => self.version = Some(value.unsigned()?),
            _ => {
                let text = value.string()?.plain();
                let time = text.and_then(|text| UtcTime::parse(text.as_bytes()).ok());
                self.expires = Some(time.ok_or(ErrorKind::BadMember("expires is not a time"))?);
            }
        }
        Ok(())
    }

    pub(super) fn targets_passed(&mut self) {
        self.has_targets = true;
    }

    /// Takes `delegations`, of which only the first byte need be seen.
    pub(super) fn delegations(&mut self, kind: Option<Kind>) {
        self.delegates = kind.is_some_and(|kind| kind != Kind::Null);
    }

    /// Version and expiry, if everything is there that the role needs.
    pub(super) fn complete(&self, place: Place) -> Result<(u64, UtcTime), crate::error::Error> {
        let missing = |name| {
            let kind = JsonErrorKind::Missing(name);
            place.refuse(Step::Parse, crate::json::JsonError { kind, offset: 0 })
        };
        let expires = self.expires.ok_or_else(|| missing("expires"))?;
        let version = self.version.ok_or_else(|| missing("version"))?;
        match self.right_type {
            None => return Err(missing("_type")),
            Some(false) => return Err(place.refuse(Step::Parse, ErrorKind::OtherType)),
            Some(true) => {}
        }
        if !self.has_targets {
            return Err(missing("targets"));
        }
        Ok((version, expires))
    }
}
