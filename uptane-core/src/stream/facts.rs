//! What is kept of a document that passes.

use crate::dialect::Dialect;
use crate::error::{ErrorKind, Place, Step};
use crate::json::{JsonError, JsonErrorKind, Kind, Value};
use crate::time::UtcTime;
use crate::verify::check_specification_version;

/// The few members of `signed` that matter, as far as they were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    right_type: Option<bool>,
    version: Option<u64>,
    expires: Option<UtcTime>,
    /// What is wrong with the version of the specification, if it was seen.
    specification: Option<Result<(), ErrorKind>>,
    has_targets: bool,
    /// What is wrong with the first entry of `targets` that is none of an image.
    pub(super) malformed: Option<JsonError>,
    pub(super) delegates: bool,
    /// How many bytes of the room hold the entry that was looked for.
    pub(super) found: Option<usize>,
}

impl Facts {
    /// Whether `read` has something to learn from the member `key`.
    pub(super) fn wants<D: Dialect>(key: &str) -> bool {
        matches!(key, "_type" | "expires" | "version") || D::NAMES_SPECIFICATION && key == "spec_version"
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
            "spec_version" => self.specification = Some(check_specification_version(value)),
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

    /// Refuses metadata of another major version of TUF, which comes after the threshold of signatures.
    pub(super) fn check_specification<D: Dialect>(&self, place: Place) -> Result<(), crate::error::Error> {
        if !D::NAMES_SPECIFICATION {
            return Ok(());
        }
        let specification = self.specification.ok_or_else(|| missing(place, "spec_version"))?;
        specification.map_err(|kind| place.refuse(Step::Parse, kind))
    }

    /// Version and expiry, if everything is there that the role needs.
    pub(super) fn complete(&self, place: Place) -> Result<(u64, UtcTime), crate::error::Error> {
        let expires = self.expires.ok_or_else(|| missing(place, "expires"))?;
        let version = self.version.ok_or_else(|| missing(place, "version"))?;
        match self.right_type {
            None => return Err(missing(place, "_type")),
            Some(false) => return Err(place.refuse(Step::Parse, ErrorKind::OtherType)),
            Some(true) => {}
        }
        if !self.has_targets {
            return Err(missing(place, "targets"));
        }
        Ok((version, expires))
    }
}

fn missing(place: Place, name: &'static str) -> crate::error::Error {
    let kind = JsonErrorKind::Missing(name);
    place.refuse(Step::Parse, JsonError { kind, offset: 0 })
}
