//! The rows of the decision table.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A row of the decision table: how old default, new default and device relate at a path, and hence what
/// happens there.
///
/// In the descriptions F is a file, L a symlink, D a directory, P a fifo, socket or device, `-` nothing,
/// `'` a change; in the order old, new, device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Row {
    /// X any X: the device did not change it; the new default counts.
    Untouched,
    /// F F F': only the device changed it.
    LocalEdit,
    /// F F' F'': both changed the content.
    BothEdited,
    /// F F' F'': both changed it, different parts of it.
    BothEditedApart,
    /// F F' F': both made the same change.
    Converged,
    /// F - F': the device changed what the image removed.
    EditedRemoved,
    /// F D F': a changed file newly defaults to a directory.
    FileBecomesDirectory,
    /// F any D: the device made a directory of a file.
    FileReplacedByDirectory,
    /// F D D': both made a directory of a file.
    BothBecameDirectory,
    /// F F P: the device put a special file in place of a default.
    SpecialReplacesDefault,
    /// - - P: the device added a special file.
    SpecialAdded,
    /// any same -: the device removed it.
    LocalRemoval,
    /// F F' -: the device removed what the image changed.
    RemovedChanged,
    /// D D+x -: the image adds a file to a directory that the device removed.
    AddedInRemovedDirectory,
    /// - - X: the device added it.
    LocalAddition,
    /// - F F': both added a file, with different content.
    BothAdded,
    /// - D F, or - F D: both added it, one a directory.
    AddedAsDifferentTypes,
    /// - D D', D D D': a directory on all sides that have it; its metadata is merged.
    Directory,
    /// D D D chmod: only the device changed the directory's metadata.
    DirectoryChmod,
    /// D D' D: the image changed the directory's metadata, and the device something in it.
    DirectoryTightened,
    /// D - D chmod: the device changed only the metadata of a directory that the image removed.
    ChmodOfRemovedDirectory,
    /// D - D: the device changed something in a directory that the image removed.
    EditInRemovedDirectory,
    /// D D L: the device replaced a directory by a file or symlink.
    DirectoryReplaced,
    /// D F or D L: the image replaced a directory in which the device changed something.
    DirectoryBecomesFile,
    /// F F' F chmod: the device changed only metadata or extended attributes.
    LocalMetadata,
    /// `.updated`: the stamp file that says that /etc was set up for this boot is never carried over.
    Stamp,
    /// A rule pins it.
    Pinned,
    /// A rule drops the device's changes.
    DroppedByRule,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Untouched => "not changed on this device",
            Self::LocalEdit => "changed on this device only",
            Self::BothEdited => "changed on both sides",
            Self::BothEditedApart => "different parts changed on both sides",
            Self::Converged => "changed alike on both sides",
            Self::EditedRemoved => "changed on this device, removed by the image",
            Self::FileBecomesDirectory => "a file changed on this device is a directory in the image",
            Self::FileReplacedByDirectory => "a file became a directory on this device",
            Self::BothBecameDirectory => "a file became a directory on both sides",
            Self::SpecialReplacesDefault => "a special file stands in for a default on this device",
            Self::SpecialAdded => "a special file was added on this device",
            Self::LocalRemoval => "removed on this device",
            Self::RemovedChanged => "removed on this device, changed by the image",
            Self::AddedInRemovedDirectory => "new in a directory that was removed on this device",
            Self::LocalAddition => "added on this device",
            Self::BothAdded => "added on both sides",
            Self::AddedAsDifferentTypes => "added on both sides, once as a directory",
            Self::Directory => "a directory of both sides",
            Self::DirectoryChmod => "mode or owner of a directory changed on this device",
            Self::DirectoryTightened => "the image changed the directory's mode, this device something in it",
            Self::ChmodOfRemovedDirectory => "mode or owner changed on this device, removed by the image",
            Self::EditInRemovedDirectory => "holds a change of this device, removed by the image",
            Self::DirectoryReplaced => "a directory was replaced on this device",
            Self::DirectoryBecomesFile => "a directory changed on this device is no directory in the image",
            Self::LocalMetadata => "mode, owner or attributes changed on this device",
            Self::Stamp => "the stamp of the last boot's set-up",
            Self::Pinned => "pinned by a rule",
            Self::DroppedByRule => "dropped by a rule",
        })
    }
}
