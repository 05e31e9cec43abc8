//! The result of a merge as a tree in memory.

use alloc::vec::Vec;

use crate::error::{PlanError, Side};
use crate::plan::{Workspace, plan};
use crate::policy::Policy;
use crate::report::OwnedStep;
use crate::resolve;
use crate::step::{Action, Content, Refusal};
use crate::tree::memory::{MemoryError, MemoryTree, Node};
use crate::tree::{Cursor, Kind, Meta, Tree};

/// Why there is no merged tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A tree cannot be read or exceeds a limit.
    #[error("{}: {error}", crate::PathText(path))]
    Plan {
        /// Where.
        path: Vec<u8>,
        /// Why.
        error: PlanError,
    },
    /// The policy refuses the merge.
    #[error("{}: {refusal}", crate::PathText(path))]
    Refused {
        /// The first path at which it is refused.
        path: Vec<u8>,
        /// Why.
        refusal: Refusal,
    },
    /// The result is no tree that memory can hold.
    #[error("{}: {error}", crate::PathText(path))]
    Memory {
        /// Where.
        path: Vec<u8>,
        /// Why.
        error: MemoryError,
    },
}

/// Merges three trees into a new one in memory. All content of the result is held there: this is for small
/// trees, for tests, and for looking at a result without writing it.
///
/// # Errors
/// If the policy refuses the merge, or a tree cannot be read.
pub fn merge_in_memory<O: Tree, N: Tree, L: Tree>(
    old: &O,
    new: &N,
    local: &L,
    policy: &Policy<'_>,
) -> Result<MemoryTree, MergeError> {
    let failed = |path: &[u8], error| MergeError::Plan { path: path.into(), error };
    let mut workspace = Workspace::new();
    let mut plan = plan(&mut workspace, old, new, local, policy).map_err(|error| failed(b"", error))?;
    // Directories come after their entries: collected first, put in from the end.
    let mut nodes: Vec<(Vec<u8>, Node)> = Vec::new();
    loop {
        let step = match plan.next_entry() {
            Ok(None) => break,
            Ok(Some(step)) => OwnedStep::from(step),
            Err(error) => return Err(failed(plan.path(), error)),
        };
        let mut step = step;
        let merged =
            resolve::settle(&mut step, plan.cursors()).map_err(|error| failed(plan.path(), error))?;
        match (step.action, step.path) {
            (Action::Absent, _) => {}
            (Action::Refuse(refusal), path) => return Err(MergeError::Refused { path, refusal }),
            (Action::Place(place), path) => {
                let sides = plan.cursors();
                let node = || -> Result<Node, PlanError> {
                    let content = match place.content {
                        _ if place.kind == Kind::Directory => Vec::new(),
                        Content::New => all(Side::New, sides.1)?,
                        Content::Driver(_) => merged.unwrap_or_default(),
                        Content::Local => all(Side::Local, sides.2)?,
                    };
                    let (mode, uid, gid) = (place.mode, place.uid, place.gid);
                    let meta = Meta { mode, uid, gid, ..Meta::new(place.kind) };
                    Ok(Node { meta, content, xattrs: resolve::xattrs(place.xattrs, sides)? })
                };
                let node = node().map_err(|error| failed(&path, error))?;
                nodes.push((path, node));
            }
        }
    }
    let mut tree = MemoryTree::new();
    for (path, node) in nodes.into_iter().rev() {
        tree.insert(&path, node).map_err(|error| MergeError::Memory { path, error })?;
    }
    Ok(tree)
}

fn all<C: Cursor>(side: Side, cursor: Option<&C>) -> Result<Vec<u8>, PlanError> {
    let content = cursor.map(|cursor| resolve::content(side, cursor, usize::MAX)).transpose()?;
    Ok(content.flatten().unwrap_or_default())
}
