//! What a plan says about one path: what is done, why, and what is lost.

mod lost;
mod row;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use lost::Lost;
pub use row::Row;

use crate::digest::Digest;
use crate::error::Side;
use crate::path::PathText;
use crate::policy::Driver;
use crate::tree::Kind;

/// What the merge does with one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'p> {
    /// Relative to /etc, without a leading `/`; empty for /etc itself.
    pub path: &'p [u8],
    /// What the result holds there.
    pub action: Action,
    /// Why: the row of the decision table.
    pub row: Row,
    /// Who contributed.
    pub class: Class,
    /// What neither the result nor the other side's file holds any more.
    pub lost: Lost,
    /// If both sides changed the same thing: what, and who won.
    pub conflict: Option<Conflict>,
}

/// Who contributed to what the result holds at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nobody changed it.
    Same,
    /// The image changed, added or removed it; the device did not touch it.
    Updated,
    /// The device changed, added or removed it; that stays.
    Kept,
    /// Both changed it, without contradiction.
    Merged,
    /// Both changed the same thing: see [`Step::conflict`].
    Conflict,
    /// The device had something that is not carried over.
    Dropped,
}

/// What the result holds at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing.
    Absent,
    /// A file, symlink or directory.
    Place(Place),
    /// There is no result: the whole merge is refused.
    Refuse(Refusal),
}

/// A file, symlink or directory of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What it is: file, symlink or directory.
    pub kind: Kind,
    /// Where its content (or target) comes from. Of no meaning for a directory.
    pub content: Content,
    /// Permission bits (`0o7777`).
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Where its extended attributes come from.
    pub xattrs: Xattrs,
}

/// Where content comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// From the new defaults.
    New,
    /// From the device.
    Local,
    /// From this driver; if it finds a conflict, from the device.
    Driver(Driver),
}

/// Where extended attributes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Xattrs {
    /// From the new defaults.
    New,
    /// From the device.
    Local,
    /// All of both; where both have a name, the device's value.
    LocalOverNew,
    /// Key by key: who changed it wins; if both did, the device.
    ThreeWay,
    /// Key by key: who changed it wins; if both did, the new defaults.
    ThreeWayTakingNew,
}

/// Why a merge is refused at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refusal {
    /// The new default is a directory where the device has a changed file.
    #[error("the changed file newly defaults to a directory")]
    NewDefaultIsDirectory,
    /// A directory above the device's change is a file in the new defaults.
    #[error("a directory above it became a file")]
    ParentIsFile,
    /// A directory above the device's change is a symlink in the new defaults: it is not followed.
    #[error("a directory above it became a symlink, which is not followed")]
    ParentIsSymlink,
    /// A rule says that a conflict here refuses the merge.
    #[error("a rule refuses conflicts here")]
    ByRule,
}

/// A contradiction between the device's change and the image's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// What both changed.
    pub kind: ConflictKind,
    /// The old default's content; `None` if it is no file or symlink.
    pub old: Option<Digest>,
    /// The new default's content; `None` if it is no file or symlink.
    pub new: Option<Digest>,
    /// The device's content; `None` if it is no file or symlink.
    pub local: Option<Digest>,
    /// Who won.
    pub resolution: Resolution,
}

/// What both sides changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// The content of a file or the target of a symlink.
    Content,
    /// The kind of file: a directory on one side, none on the other.
    Type,
    /// The device changed what the image removed.
    EditedRemoved,
    /// The device removed what the image changed.
    RemovedChanged,
    /// The mode, the owner or the group.
    Metadata,
    /// The value of one extended attribute.
    Xattrs,
}

/// Who won a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// The device; the image's version is saved.
    KeptLocal,
    /// The image; the device's version is saved.
    TookNew,
    /// A driver merged both; if it cannot, the device wins.
    Merged,
    /// Nobody: the merge is refused.
    Refused,
}

impl Conflict {
    /// Whose version did not come into the result, and is to be saved.
    #[must_use]
    pub const fn loser(&self) -> Option<Side> {
        match (self.resolution, self.kind) {
            // The whole file is in the result; only a field of its metadata lost.
            (_, ConflictKind::Metadata | ConflictKind::Xattrs) => None,
            (Resolution::KeptLocal, ConflictKind::EditedRemoved) => None,
            (Resolution::TookNew, ConflictKind::RemovedChanged) => None,
            (Resolution::KeptLocal, _) => Some(Side::New),
            (Resolution::TookNew, _) => Some(Side::Local),
            (Resolution::Merged | Resolution::Refused, _) => None,
        }
    }
}

impl Step<'_> {
    /// Why the merge is refused here, if it is.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        match self.action {
            Action::Refuse(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Same => "same",
            Self::Updated => "updated",
            Self::Kept => "kept",
            Self::Merged => "merged",
            Self::Conflict => "conflict",
            Self::Dropped => "dropped",
        })
    }
}

impl fmt::Display for ConflictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Content => "content",
            Self::Type => "type",
            Self::EditedRemoved => "edited here, removed by the image",
            Self::RemovedChanged => "removed here, changed by the image",
            Self::Metadata => "metadata",
            Self::Xattrs => "extended attributes",
        })
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KeptLocal => "the device's version is kept",
            Self::TookNew => "the image's version is taken",
            Self::Merged => "merged by entry",
            Self::Refused => "the merge is refused",
        })
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.resolution)?;
        if let (Some(new), Some(local)) = (self.new, self.local) {
            write!(f, " (new {new}, local {local})")?;
        }
        Ok(())
    }
}

/// One line: the class, the path, the reason, and what is lost.
impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<9}{}: ", self.class, PathText(self.path))?;
        match (self.refusal(), self.conflict) {
            (Some(refusal), _) => write!(f, "refused: {refusal}")?,
            (None, Some(conflict)) => write!(f, "{conflict}")?,
            (None, None) => write!(f, "{}", self.row)?,
        }
        if self.lost.is_empty() { Ok(()) } else { write!(f, "; lost: {}", self.lost) }
    }
}
