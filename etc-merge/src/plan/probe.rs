//! Looking ahead: whether two subtrees differ anywhere.

use crate::error::{PlanError, Side, at};
use crate::limits::MAX_DEPTH;
use crate::plan::compare::changes;
use crate::tree::{Cursor, Kind};

/// Whether two directories differ: in their own metadata, or in anything below. It stops at the first
/// difference, and reads nothing of subtrees that say that they are equal.
pub(super) fn differ<A: Cursor, B: Cursor>(a: (Side, &A), b: (Side, &B)) -> Result<bool, PlanError> {
    if changes(a, b)?.any() {
        return Ok(true);
    }
    if equal_by_name(a.1, b.1) {
        return Ok(false);
    }
    let (side_a, side_b) = (a.0, b.0);
    let mut stack: heapless::Vec<(A, B), { MAX_DEPTH + 2 }> = heapless::Vec::new();
    let pair = (at(side_a, a.1.descend())?, at(side_b, b.1.descend())?);
    stack.push(pair).map_err(|_| TOO_DEEP)?;
    while let Some((a, b)) = stack.last_mut() {
        match (at(side_a, a.advance())?, at(side_b, b.advance())?) {
            (false, false) => {
                stack.pop();
                continue;
            }
            (true, true) if a.name() == b.name() => {}
            _ => return Ok(true),
        }
        if changes((side_a, a), (side_b, b))?.any() {
            return Ok(true);
        }
        if a.meta().kind == Kind::Directory && !equal_by_name(a, b) {
            let pair = (at(side_a, a.descend())?, at(side_b, b.descend())?);
            stack.push(pair).map_err(|_| TOO_DEEP)?;
        }
    }
    Ok(false)
}

fn equal_by_name<A: Cursor, B: Cursor>(a: &A, b: &B) -> bool {
    a.subtree().is_some_and(|subtree| b.subtree() == Some(subtree))
}

const TOO_DEEP: PlanError = PlanError::TooDeep { limit: MAX_DEPTH };
