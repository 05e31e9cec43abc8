//! Delegations in Targets metadata: who may say what about which names.

use core::fmt;

use sha2::Digest;

use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Place, Role, RoleName, Step};
use crate::json::{Elements, JsonStr, Value};
use crate::metadata::pattern::path_matches;
use crate::verify::Signers;

/// The delegations of one Targets metadata, in its order.
#[derive(Clone, Copy, Debug)]
pub struct Delegations<'a> {
    place: Place,
    keys: Value<'a>,
    form: Form<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Form<'a> {
    /// `roles`: a list of roles by name.
    Listed(Value<'a>),
    /// `succinct_roles`: bins by the hash of the target's name (TAP 15).
    Succinct { role: Value<'a>, bits: u32, prefix: JsonStr<'a> },
}

/// One delegation.
#[derive(Clone, Copy, Debug)]
pub struct Delegation<'a> {
    /// The name of the delegated role.
    pub name: DelegatedName<'a>,
    /// Whether the search ends with this role and those below it, found or not.
    pub terminating: bool,
    signers: Signers<'a>,
}

/// The name of a delegated role: written out, or computed from the target's name (TAP 15).
#[derive(Clone, Copy, Debug)]
pub enum DelegatedName<'a> {
    /// As the delegation lists it.
    Listed(JsonStr<'a>),
    /// Bin `number` of those with `prefix`, in `digits` hex digits.
    Bin {
        /// What all bins' names begin with.
        prefix: JsonStr<'a>,
        /// The number of the bin.
        number: u32,
        /// How many hex digits each bin's number has.
        digits: usize,
    },
}

impl fmt::Display for DelegatedName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |text: JsonStr<'_>, formatter: &mut fmt::Formatter<'_>| {
            text.chars().try_for_each(|character| fmt::Write::write_char(formatter, character))
        };
        match *self {
            Self::Listed(name) => write(name, formatter),
            Self::Bin { prefix, number, digits } => {
                write(prefix, formatter)?;
                write!(formatter, "-{number:0digits$x}")
            }
        }
    }
}

impl<'a> Delegations<'a> {
    /// Reads the member `delegations`; `None` if it delegates to nobody.
    pub(crate) fn parse(place: Place, delegations: Value<'a>) -> Result<Option<Self>, ErrorKind> {
        let (roles, succinct) = (delegations.find("roles")?, delegations.find("succinct_roles")?);
        let form = match (roles, succinct) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(ErrorKind::BadMember("delegations have roles and succinct_roles"));
            }
            (Some(roles), None) if roles.elements()?.next().is_none() => return Ok(None),
            (Some(roles), None) => Form::Listed(roles),
            (None, Some(role)) => {
                let bits = role.get("bit_length")?.unsigned()?;
                let bits = u32::try_from(bits).ok().filter(|bits| (1..=32).contains(bits));
                let bits = bits.ok_or(ErrorKind::BadMember("bit_length is not within 1 to 32"))?;
                Form::Succinct { role, bits, prefix: role.get("name_prefix")?.string()? }
            }
        };
        Ok(Some(Self { place, keys: delegations.get("keys")?, form }))
    }

    /// The delegations that say something about `target` (Resolve delegations 4), in their order. With a hardware
    /// identifier, those that are restricted to other hardware are left out.
    pub fn matching<'t, D: Dialect>(
        &self,
        target: &'t str,
        hardware_id: Option<&'t str>,
    ) -> Matching<'a, 't, D> {
        let rest = match self.form {
            Form::Listed(roles) => roles.elements().map(Rest::Listed).unwrap_or(Rest::None),
            Form::Succinct { role, bits, prefix } => {
                let digest: [u8; 32] = sha2::Sha256::digest(target.as_bytes()).into();
                let first = digest.first_chunk().map_or(0, |first| u32::from_be_bytes(*first));
                let digits = usize::try_from(bits.div_ceil(4)).unwrap_or(8);
                Rest::Bin(role, DelegatedName::Bin { prefix, number: first >> (32 - bits), digits })
            }
        };
        let Self { place, keys, .. } = *self;
        Matching { place, keys, rest, target, hardware_id, dialect: core::marker::PhantomData }
    }
}

/// Delegations that match; see [`Delegations::matching`].
#[derive(Clone, Debug)]
pub struct Matching<'a, 't, D> {
    place: Place,
    keys: Value<'a>,
    rest: Rest<'a>,
    target: &'t str,
    hardware_id: Option<&'t str>,
    dialect: core::marker::PhantomData<D>,
}

#[derive(Clone, Debug)]
enum Rest<'a> {
    Listed(Elements<'a>),
    Bin(Value<'a>, DelegatedName<'a>),
    None,
}

impl<'a, D: Dialect> Matching<'a, '_, D> {
    /// The next role that matches: its name, whether it ends the search, its entry.
    fn next_matching(&mut self) -> Result<Option<(DelegatedName<'a>, bool, Value<'a>)>, ErrorKind> {
        match core::mem::replace(&mut self.rest, Rest::None) {
            Rest::None => Ok(None),
            // TAP 15: bins never end the search.
            Rest::Bin(role, name) => Ok(Some((name, false, role))),
            Rest::Listed(mut roles) => {
                while let Some(role) = roles.next() {
                    if self.matches(role)? {
                        self.rest = Rest::Listed(roles);
                        let terminating = role.find("terminating")?.map_or(Ok(false), Value::boolean)?;
                        let name = role.get("name")?.string()?;
                        if TOP_LEVEL.iter().any(|taken| name.eq_text(taken)) {
                            return Err(ErrorKind::BadMember("a delegated role has a top-level role's name"));
                        }
                        return Ok(Some((DelegatedName::Listed(name), terminating, role)));
                    }
                }
                Ok(None)
            }
        }
    }

    fn matches(&self, role: Value<'_>) -> Result<bool, ErrorKind> {
        if let (Some(id), Some(fits)) = (self.hardware_id, role.find("hardwareIds")?)
            && !fits.elements()?.any(|fit| fit.string().is_ok_and(|fit| fit.eq_text(id)))
        {
            return Ok(false);
        }
        match (role.find("paths")?, role.find("path_hash_prefixes")?) {
            (Some(_), Some(_)) => Err(ErrorKind::BadMember("a delegation has paths and path_hash_prefixes")),
            (Some(paths), None) => {
                let mut patterns = paths.elements()?.filter_map(|pattern| pattern.string().ok());
                Ok(patterns.any(|pattern| path_matches(pattern, self.target, D::STAR_CROSSES_SLASH)))
            }
            (None, Some(prefixes)) => {
                let digest: [u8; 32] = sha2::Sha256::digest(self.target.as_bytes()).into();
                let mut prefixes = prefixes.elements()?.filter_map(|prefix| prefix.string().ok());
                Ok(prefixes.any(|prefix| is_hex_prefix(prefix, &digest)))
            }
            (None, None) => Ok(false),
        }
    }
}

impl<'a, D: Dialect> Iterator for Matching<'a, '_, D> {
    type Item = Result<Delegation<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (name, terminating, role) = match self.next_matching() {
            Ok(found) => found?,
            Err(kind) => return Some(Err(self.place.refuse(Step::D4, kind))),
        };
        let place = Place { role: Role::Delegated(RoleName::new(&name)), ..self.place };
        let signers = Signers::parse(self.keys, role).map_err(|kind| place.refuse(Step::Parse, kind));
        Some(signers.map(|signers| Delegation { name, terminating, signers }))
    }
}

/// Names that are taken: a delegated role with one of them would be kept in the other's place.
const TOP_LEVEL: [&str; 4] = ["root", "timestamp", "snapshot", "targets"];

impl<'a> Delegation<'a> {
    /// Who signs for the delegated role.
    #[must_use]
    pub const fn signers(&self) -> &Signers<'a> {
        &self.signers
    }

    /// The role's name as errors have it.
    #[must_use]
    pub fn role_name(&self) -> RoleName {
        RoleName::new(&self.name)
    }
}

fn is_hex_prefix(prefix: JsonStr<'_>, digest: &[u8; 32]) -> bool {
    let mut digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    prefix.chars().all(|character| character.to_digit(16) == digits.next().map(u32::from))
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use crate::dialect::{Tuf, Uptane};
    use crate::error::Repository;
    use crate::json::parse;
    use alloc::{format, string::ToString, vec::Vec};

    const PLACE: Place = Place { repository: Repository::Image, role: Role::Targets };

    fn matching<D: Dialect>(roles: &str, target: &str, hardware: Option<&str>) -> Vec<alloc::string::String> {
        let text = format!(r#"{{"keys":{{}},{roles}}}"#);
        let delegations = Delegations::parse(PLACE, parse(text.as_bytes()).unwrap()).unwrap().unwrap();
        delegations.matching::<D>(target, hardware).map(|found| found.unwrap().name.to_string()).collect()
    }

    #[test]
    fn hash_prefixes_and_bins_go_by_the_hash_of_the_name() {
        // echo -n file1.txt | sha256sum: 55ae75d991c770d8f3ef07cbfde124ffce9c420da5db6203afab700b27e10cf9
        let roles = r#""roles":[{"name":"a","keyids":[],"threshold":1,"path_hash_prefixes":["54","55A"]},
            {"name":"b","keyids":[],"threshold":1,"path_hash_prefixes":["55b"]},
            {"name":"c","keyids":[],"threshold":1}]"#;
        assert_eq!(matching::<Tuf>(roles, "file1.txt", None), ["a"]);
        for (bits, name) in [(1, "bin-0"), (4, "bin-5"), (5, "bin-0a"), (8, "bin-55"), (32, "bin-55ae75d9")] {
            let roles = format!(
                r#""succinct_roles":{{"keyids":[],"threshold":1,"bit_length":{bits},"name_prefix":"bin"}}"#
            );
            assert_eq!(matching::<Tuf>(&roles, "file1.txt", None), [name]);
        }
        for bits in [0, 33] {
            let text = format!(r#"{{"keys":{{}},"succinct_roles":{{"bit_length":{bits}}}}}"#);
            let error = Delegations::parse(PLACE, parse(text.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(error, ErrorKind::BadMember("bit_length is not within 1 to 32"));
        }
    }

    #[test]
    fn a_delegation_for_other_hardware_says_nothing_about_this_one() {
        let roles = r#""roles":[{"name":"a","keyids":[],"threshold":1,"paths":["*"],"hardwareIds":["imx8"]},
            {"name":"b","keyids":[],"threshold":1,"paths":["*"]}]"#;
        assert_eq!(matching::<Uptane>(roles, "os", Some("imx95")), ["b"]);
        assert_eq!(matching::<Uptane>(roles, "os", Some("imx8")), ["a", "b"]);
        assert_eq!(matching::<Uptane>(roles, "os", None), ["a", "b"]);
    }
}
