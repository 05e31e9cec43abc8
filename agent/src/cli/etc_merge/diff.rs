//! How the content of a file changes, from what the device has now to what the merge leaves.

use std::fmt::Write as _;

use anyhow::Context as _;
use etc_merge::driver::{MAX_DRIVER_BYTES, line_changes, merge};
use etc_merge::{Action, Class, Content, Kind, OwnedStep, Side, SourceError};

/// The changed lines of a file, as hunks without context: of the device's version to the result; for what stays as
/// the device has it, of the new default to it. None for what is no text of modest size.
pub(super) fn of(
    step: &OwnedStep,
    content: impl Fn(Side, &[u8], usize) -> Result<Option<Vec<u8>>, SourceError>,
) -> anyhow::Result<Option<String>> {
    let Action::Place(place) = step.action else { return Ok(None) };
    if place.kind != Kind::File {
        return Ok(None);
    }
    let read = |side: Side| {
        let content = content(side, &step.path, MAX_DRIVER_BYTES);
        content.map(Option::unwrap_or_default).with_context(|| format!("reading {step}"))
    };
    let (before, after) = match place.content {
        Content::New if step.class == Class::Same => return Ok(None),
        Content::New => (read(Side::Local)?, read(Side::New)?),
        Content::Local => (read(Side::New)?, read(Side::Local)?),
        Content::Driver(driver) => {
            let (old, new, local) = (read(Side::Old)?, read(Side::New)?, read(Side::Local)?);
            let Ok(merged) = merge(driver, &old, &new, &local) else { return Ok(None) };
            (local, merged)
        }
    };
    if before.contains(&0) || after.contains(&0) {
        return Ok(None);
    }
    let Some(changes) = line_changes(&before, &after) else { return Ok(None) };
    let split = |text: &[u8]| -> Vec<String> {
        text.split_inclusive(|&byte| byte == b'\n')
            .map(|line| String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line)).into_owned())
            .collect()
    };
    let (before, after) = (split(&before), split(&after));
    let mut text = String::new();
    for (old, new) in changes {
        writeln!(text, "@@ -{},{} +{},{} @@", old.start + 1, old.len(), new.start + 1, new.len())?;
        for line in before.get(old).unwrap_or(&[]) {
            writeln!(text, "-{line}")?;
        }
        for line in after.get(new).unwrap_or(&[]) {
            writeln!(text, "+{line}")?;
        }
    }
    Ok(Some(text))
}
