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
