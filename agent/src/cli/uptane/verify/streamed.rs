//! Targets metadata that is verified while it is read, in memory that does not depend on how much it lists.

use std::fs::File;
use std::io;

use anyhow::Context;
use embedded_io::{ErrorType, Read, Seek, SeekFrom};
use uptane_core::dialect::Dialect;
use uptane_core::metadata::targets::{Target, Targets};
use uptane_core::stream::{Error, Room, verify_targets_seek};
use uptane_core::trusted::Listed;
use uptane_core::{Role, Verified};

use super::{Found, Run, check_assigned};
use crate::cli::uptane::files::Files;
use crate::output::say;

/// The largest Targets metadata that is read as a stream, in bytes.
const MAX_STREAMED_BYTES: u64 = 1 << 32;

/// Room for the largest entry of Targets metadata, in bytes.
const WINDOW_BYTES: usize = 64 * 1024;

/// A file as the library reads one.
struct Source(File);

impl ErrorType for Source {
    type Error = io::Error;
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut self.0, buffer)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => io::SeekFrom::Start(at),
            SeekFrom::End(by) => io::SeekFrom::End(by),
            SeekFrom::Current(by) => io::SeekFrom::Current(by),
        };
        io::Seek::seek(&mut self.0, to)
    }
}

/// What one reading established.
enum Reading<T> {
    /// The version of the metadata, and what was made of the image that was looked for.
    Verified(u64, T),
    /// It has to be read as a whole.
    Whole(String),
}

impl Run<'_> {
    /// Verifies `targets.json` and looks up what was assigned and asked for, one reading for each; `false` if it has
    /// to be read as a whole, which it says.
    pub(super) fn streamed<D: Dialect>(
        &mut self,
        files: &Files,
        listed: &Listed<'_, D>,
        assigned: Option<&Verified<Targets<'_>>>,
    ) -> anyhow::Result<bool> {
        let mut version = None;
        for target in assigned.into_iter().flat_map(|assigned| assigned.iter()) {
            let target = target?;
            let ids = self.hardware_ids(&target);
            let reading = self.read(files, listed, &target.name.to_text(), |found| {
                ids.iter().try_for_each(|id| check_assigned(&target, found, id))
            })?;
            match reading {
                Reading::Verified(read, verdict) => {
                    verdict?;
                    version = Some(read);
                }
                Reading::Whole(why) => return Ok(self.not_streamed(&why)),
            }
        }
        let wanted = self.args.target.clone();
        if version.is_some() && wanted.is_none() {
            self.print_role(files, Role::Targets, version.unwrap_or_default());
            return Ok(true);
        }
        // Without a name to look for, the verification alone: no image has this name.
        let name = wanted.as_deref().unwrap_or_default();
        let found = |found: Option<&Target<'_>>| {
            found.map(|target| Found { length: target.length, hashes: target.hashes })
        };
        match self.read(files, listed, name, found)? {
            Reading::Whole(why) => Ok(self.not_streamed(&why)),
            Reading::Verified(version, found) => {
                self.print_role(files, Role::Targets, version);
                if wanted.is_some() {
                    let found = found.with_context(|| format!("no role that may list it lists {name}"))?;
                    self.print_target(name, &found);
                }
                Ok(true)
            }
        }
    }

    fn read<D: Dialect, T>(
        &mut self,
        files: &Files,
        listed: &Listed<'_, D>,
        name: &str,
        take: impl FnOnce(Option<&Target<'_>>) -> T,
    ) -> anyhow::Result<Reading<T>> {
        let path = files.directory.join("targets.json");
        let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        let expected = listed.expect_targets(Role::Targets, "targets.json", None)?;
        let (mut window, mut found) = (vec![0; WINDOW_BYTES], vec![0; WINDOW_BYTES]);
        let room = Room { window: &mut window, found: &mut found, index: &mut self.index };
        let read =
            verify_targets_seek::<D, _, _>(&mut Source(file), &expected, name, MAX_STREAMED_BYTES, room);
        match read {
            // Delegated roles are searched in the order in which the whole document lists them.
            Ok(read) if read.target.is_none() && read.delegates && !name.is_empty() => {
                Ok(Reading::Whole(format!("{name} may be listed by a delegated role")))
            }
            Ok(read) => Ok(Reading::Verified(read.version, take(read.target.as_ref()))),
            Err(Error::Unsuited(unsuited)) => Ok(Reading::Whole(unsuited.to_string())),
            Err(Error::Io(error)) => Err(error).with_context(|| format!("reading {}", path.display())),
            Err(Error::Refused(refusal)) => Err(refusal.into()),
            Err(error @ Error::Changed) => Err(anyhow::anyhow!("{}: {error}", path.display())),
        }
    }

    fn not_streamed(&self, why: &str) -> bool {
        if self.json {
            say!("{}", serde_json::json!({ "event": "not-streamed", "why": why }));
        } else {
            eprintln!("ota-agent: targets metadata is read as a whole: {why}");
        }
        false
    }
}
