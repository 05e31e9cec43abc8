//! What a step's action stands for: the extended attributes, and the content that a driver makes.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use crate::driver::{self, DriverConflict, MAX_DRIVER_BYTES};
use crate::error::{PlanError, Side, at};
use crate::report::OwnedStep;
use crate::step::{Action, Class, Content, Lost, Resolution, Row, Xattrs};
use crate::tree::Cursor;

/// Names with values.
pub(crate) type XattrMap = BTreeMap<Vec<u8>, Vec<u8>>;

/// The extended attributes of an entry of the result.
pub(crate) fn xattrs<O: Cursor, N: Cursor, L: Cursor>(
    rule: Xattrs,
    (old, new, local): (Option<&O>, Option<&N>, Option<&L>),
) -> Result<XattrMap, PlanError> {
    Ok(match rule {
        Xattrs::New => all(Side::New, new)?,
        Xattrs::Local => all(Side::Local, local)?,
        Xattrs::LocalOverNew => {
            let mut map = all(Side::New, new)?;
            map.extend(all(Side::Local, local)?);
            map
        }
        // Who is asked first has the say where both changed a value.
        Xattrs::ThreeWay => {
            three_way(&all(Side::Old, old)?, &all(Side::Local, local)?, &all(Side::New, new)?)
        }
        Xattrs::ThreeWayTakingNew => {
            three_way(&all(Side::Old, old)?, &all(Side::New, new)?, &all(Side::Local, local)?)
        }
    })
}

fn three_way(old: &XattrMap, first: &XattrMap, second: &XattrMap) -> XattrMap {
    let mut map = XattrMap::new();
    for name in first.keys().chain(second.keys()) {
        let (was, one, other) = (old.get(name), first.get(name), second.get(name));
        let value = if one == was { other } else { one };
        if let Some(value) = value {
            map.insert(name.clone(), value.clone());
        }
    }
    map
}

fn all<C: Cursor>(side: Side, cursor: Option<&C>) -> Result<XattrMap, PlanError> {
    let mut map = XattrMap::new();
    if let Some(cursor) = cursor {
        at(side, cursor.xattrs(&mut |name, value| drop(map.insert(name.into(), value.into()))))?;
    }
    Ok(map)
}

/// Runs the driver that a step names. It returns what the driver made; if the driver finds a conflict, the
/// step says so and keeps the device's version.
pub(crate) fn settle<O: Cursor, N: Cursor, L: Cursor>(
    step: &mut OwnedStep,
    (old, new, local): (Option<&O>, Option<&N>, Option<&L>),
) -> Result<Option<Vec<u8>>, PlanError> {
    let Action::Place(place) = &mut step.action else { return Ok(None) };
    let Content::Driver(driver) = place.content else { return Ok(None) };
    let read = |base: Option<Option<Vec<u8>>>| base.unwrap_or(Some(Vec::new()));
    let old = read(old.map(|old| content(Side::Old, old, MAX_DRIVER_BYTES)).transpose()?);
    let new = read(new.map(|new| content(Side::New, new, MAX_DRIVER_BYTES)).transpose()?);
    let local = read(local.map(|local| content(Side::Local, local, MAX_DRIVER_BYTES)).transpose()?);
    let merged = match (&old, &new, &local) {
        (Some(old), Some(new), Some(local)) => driver::merge(driver, old, new, local),
        _ => Err(DriverConflict::TooLong { limit: MAX_DRIVER_BYTES }),
    };
    match merged {
        Ok(merged) => {
            (step.class, step.row, step.conflict) = (Class::Merged, Row::BothEditedApart, None);
            Ok(Some(merged))
        }
        Err(conflict) => {
            place.content = Content::Local;
            step.lost |= Lost::NEW_CONTENT;
            step.note = Some(format!("{driver}: {conflict}"));
            if let Some(conflict) = &mut step.conflict {
                conflict.resolution = Resolution::KeptLocal;
            }
            Ok(None)
        }
    }
}

/// All content of a file or symlink, up to `limit` bytes; `None` if it is longer.
pub(crate) fn content<C: Cursor>(side: Side, cursor: &C, limit: usize) -> Result<Option<Vec<u8>>, PlanError> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let offset = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let length = at(side, cursor.read(offset, &mut buffer))?;
        if length == 0 {
            at(side, cursor.check_unchanged())?;
            return Ok(Some(bytes));
        }
        bytes.extend_from_slice(buffer.get(..length).unwrap_or(&[]));
        if bytes.len() > limit {
            return Ok(None);
        }
    }
}
