//! `staged-deployment`, `a{sv}`, as `ostree-sysroot-deploy.c` writes it: which deployment is staged, whose /etc it
//! takes over, and with which arguments its kernel starts.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::deployment::parse_name;
use super::super::{Deployment, StagedError};
use crate::gvariant::{MetadataRef, Span, Variant, VariantRef, Writer, write_metadata};
use crate::limits::MAX_STAGED_BYTES;
use crate::{Checksum, Name};

const TARGET: &str = "target";
const LOCKED: &str = "locked";
const MERGE: &str = "merge-deployment";
const ARGUMENTS: &str = "kargs";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Without arguments.
    pub(super) target: Named,
    /// Whether it stays staged when the system shuts down.
    pub(super) locked: bool,
    /// The deployment whose /etc is taken over.
    pub(super) merge: Option<Named>,
    /// The kernel's arguments; those of `merge` if there are none.
    pub(super) arguments: Option<String>,
}

/// A deployment and its kernel, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) stateroot: String,
    pub(super) commit: Checksum,
    pub(super) serial: u32,
    pub(super) kernel: Checksum,
}

impl Named {
    pub(super) fn new(deployment: &Deployment, kernel: Checksum) -> Self {
        let Deployment { stateroot, commit, serial, .. } = deployment;
        Self { stateroot: stateroot.clone(), commit: *commit, serial: *serial, kernel }
    }

    pub(super) fn with_arguments(self, arguments: String) -> Deployment {
        let Self { stateroot, commit, serial, .. } = self;
        Deployment { stateroot, commit, serial, arguments }
    }

    fn encode(&self) -> Result<Variant, StagedError> {
        let name = alloc::format!("{}.{}", self.commit, self.serial);
        Ok(Variant::metadata(&[
            ("name".into(), text(&name)?),
            ("osname".into(), text(&self.stateroot)?),
            ("bootcsum".into(), text(self.kernel.to_hex().as_str())?),
        ]))
    }

    fn parse(key: &'static str, value: VariantRef<'_>) -> Result<Self, StagedError> {
        let wrong = StagedError::Value { key };
        let members = value.as_metadata().ok_or(wrong)?;
        let member = |name| members.get(name).and_then(|value| value.as_str()).ok_or(wrong);
        let (commit, serial) = parse_name(member("name")?).ok_or(wrong)?;
        let stateroot = member("osname")?;
        Name::new(stateroot).map_err(|_| wrong)?;
        let kernel = Checksum::from_hex(member("bootcsum")?.as_bytes()).map_err(|_| wrong)?;
        Ok(Self { stateroot: stateroot.to_string(), commit, serial, kernel })
    }
}

impl Record {
    /// The bytes of the file.
    ///
    /// # Errors
    /// If one of the texts has a NUL, or all of it is longer than what is read.
    pub(super) fn encode(&self) -> Result<Vec<u8>, StagedError> {
        let mut entries = Vec::from([(TARGET.to_string(), self.target.encode()?)]);
        if self.locked {
            entries.push((LOCKED.to_string(), Variant::boolean(true)));
        }
        if let Some(merge) = &self.merge {
            entries.push((MERGE.to_string(), merge.encode()?));
        }
        if let Some(arguments) = &self.arguments {
            let arguments = Variant::strings(arguments.split_ascii_whitespace())
                .map_err(|_| StagedError::Value { key: ARGUMENTS })?;
            entries.push((ARGUMENTS.to_string(), arguments));
        }
        let mut bytes = Vec::new();
        let Ok(()) = write_metadata(&mut Writer::new(&mut bytes), &entries);
        check_len(bytes.len())?;
        Ok(bytes)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// If it is longer than [`MAX_STAGED_BYTES`], not in the normal form, or says something that is not known here: a
    /// later libostree may mean by it what has to be obeyed.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StagedError> {
        check_len(bytes.len())?;
        let (mut target, mut locked, mut merge, mut arguments) = (None, false, None, None);
        for (index, (key, value)) in MetadataRef::read(Span::new(bytes))?.iter().enumerate() {
            match key {
                TARGET => target = Some(Named::parse(TARGET, value)?),
                LOCKED => locked = value.as_bool().ok_or(StagedError::Value { key: LOCKED })?,
                MERGE => merge = Some(Named::parse(MERGE, value)?),
                ARGUMENTS => {
                    let all = value.as_strings().ok_or(StagedError::Value { key: ARGUMENTS })?;
                    // The tool passes on what the deployment before was booted by.
                    let own: Vec<&str> = all.filter(|argument| !argument.starts_with("ostree=")).collect();
                    arguments = Some(own.join(" "));
                }
                _ => return Err(StagedError::Key { index }),
            }
        }
        let target = target.ok_or(StagedError::Value { key: TARGET })?;
        Ok(Self { target, locked, merge, arguments })
    }
}

fn check_len(actual: usize) -> Result<(), StagedError> {
    let limit = MAX_STAGED_BYTES;
    if actual > limit { Err(StagedError::TooLarge { limit, actual }) } else { Ok(()) }
}

fn text(text: &str) -> Result<Variant, StagedError> {
    Variant::string(text).map_err(|_| StagedError::Value { key: TARGET })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Of the real tool (`tests/fixtures/record-staged.sh`).
    const PLAIN: &[u8] = include_bytes!("../../../tests/fixtures/plain.staged");
    const ARGUMENTS_TOO: &[u8] = include_bytes!("../../../tests/fixtures/arguments.staged");
    const NAMES: &str = include_str!("../../../tests/fixtures/staged.txt");

    fn commit(key: &str) -> Checksum {
        let line = NAMES.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().parse().unwrap()
    }

    fn with(key: &str, value: Variant) -> Vec<u8> {
        let mut entries: Vec<(String, Variant)> = MetadataRef::read(Span::new(PLAIN))
            .unwrap()
            .iter()
            .map(|(key, value)| (key.to_string(), Variant::from(value)))
            .filter(|(other, _)| other != key)
            .collect();
        entries.push((key.to_string(), value));
        let mut bytes = Vec::new();
        let Ok(()) = write_metadata(&mut Writer::new(&mut bytes), &entries);
        bytes
    }

    #[test]
    fn reads_and_writes_what_the_tool_writes() {
        let record = Record::parse(PLAIN).unwrap();
        let merge = record.merge.as_ref().unwrap();
        assert_eq!((record.target.commit, merge.commit), (commit("two "), commit("one ")));
        assert_eq!((&*record.target.stateroot, record.target.serial), ("demo", 0));
        assert_eq!((record.locked, &record.arguments), (false, &None));
        assert_eq!(record.encode().unwrap(), PLAIN);

        let record = Record::parse(ARGUMENTS_TOO).unwrap();
        // The tool passes on the old deployment's `ostree=`, which is of no use to the new one.
        assert_eq!(record.arguments.as_deref(), Some("root=LABEL=otaroot quiet"));
        assert_eq!(Record::parse(&record.encode().unwrap()), Ok(record));
    }

    #[test]
    fn a_lock_is_an_entry_of_its_own() {
        let record = Record { locked: true, ..Record::parse(PLAIN).unwrap() };
        let bytes = record.encode().unwrap();
        assert_eq!(Record::parse(&bytes), Ok(record));
        assert_eq!(Record::parse(&with(LOCKED, Variant::boolean(false))), Record::parse(PLAIN));
    }

    #[test]
    fn refuses_what_it_does_not_know_and_what_is_not_what_it_should_be() {
        let parse = |key: &'static str, value| Record::parse(&with(key, value)).unwrap_err();
        let text = || Variant::string("text").unwrap();
        assert_eq!(parse("overlay-initrds", Variant::strings(["a"]).unwrap()), StagedError::Key { index: 2 });
        for key in [TARGET, LOCKED, MERGE, ARGUMENTS] {
            assert_eq!(parse(key, text()), StagedError::Value { key }, "{key}");
        }
        for (name, wrong) in [("name", "x.0"), ("osname", ".."), ("bootcsum", "1")] {
            let right = Record::parse(PLAIN).unwrap().target.encode().unwrap();
            let members = right.as_ref().as_metadata().unwrap();
            let members: Vec<(String, Variant)> = members
                .iter()
                .map(|(key, value)| {
                    let value =
                        if key == name { Variant::string(wrong).unwrap() } else { Variant::from(value) };
                    (key.to_string(), value)
                })
                .collect();
            assert_eq!(parse(TARGET, Variant::metadata(&members)), StagedError::Value { key: TARGET });
        }
        assert_eq!(Record::parse(b""), Err(StagedError::Value { key: TARGET }));
    }

    #[test]
    fn a_record_is_as_long_as_the_limit_and_no_longer() {
        let of = |spare: usize| {
            let arguments = Some("a".repeat(MAX_STAGED_BYTES - spare));
            Record { arguments, ..Record::parse(PLAIN).unwrap() }
        };
        // Whatever is in it besides the arguments.
        let spare = (0..1000).find(|spare| of(*spare).encode().is_ok()).unwrap();
        let bytes = of(spare).encode().unwrap();
        assert_eq!(bytes.len(), MAX_STAGED_BYTES);
        assert_eq!(Record::parse(&bytes), Ok(of(spare)));
        let (limit, actual) = (MAX_STAGED_BYTES, MAX_STAGED_BYTES + 1);
        assert_eq!(of(spare - 1).encode(), Err(StagedError::TooLarge { limit, actual }));
        assert_eq!(Record::parse(&vec![0; actual]), Err(StagedError::TooLarge { limit, actual }));
    }
}
