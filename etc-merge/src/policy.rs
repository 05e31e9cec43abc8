//! What a merge does when the device and the image changed the same thing.

mod glob;

use core::fmt;

use serde::{Deserialize, Serialize};

pub use glob::glob_matches;

/// A program that merges the content of one kind of file. They need the feature `alloc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Driver {
    /// `passwd(5)`: by user name, field by field, with a check that no id is given twice.
    Passwd,
    /// `group(5)`: by group name, field by field, members as a set, with a check of ids.
    Group,
    /// `shadow(5)`: by user name, field by field.
    Shadow,
    /// `gshadow(5)`: by group name, field by field, administrators and members as sets.
    Gshadow,
    /// Lines `key = value`, by key; comments stay where they are.
    KeyValue,
    /// Sections with keys, as systemd's units: a repeated key keeps its order.
    Ini,
    /// Any text, line by line, as `git merge-file` does.
    Lines,
}

/// How a [`Rule`] treats what it matches. It is read and written by serde with feature `alloc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
// What serde makes of a tag beside its content needs a heap.
#[cfg_attr(feature = "alloc", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "alloc", serde(rename_all = "kebab-case", tag = "treatment", content = "driver"))]
#[non_exhaustive]
pub enum Treatment {
    /// On a conflict the device's version stays; the image's is saved.
    KeepLocal,
    /// On a conflict the image's version is taken; the device's is saved.
    TakeNew,
    /// On a conflict of content the driver merges; what it cannot merge stays as the device has it.
    Merge(Driver),
    /// Always what the device has, even if it never changed it; the image's version is ignored.
    Pin,
    /// Always what the image has; the device's changes are dropped.
    Drop,
    /// On a conflict the whole merge is refused.
    Fail,
}

/// A treatment of the paths that a pattern matches. It is read and written by serde with feature `alloc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "alloc", derive(Serialize, Deserialize))]
pub struct Rule<'p> {
    /// A pattern for paths relative to /etc; see [`glob_matches`]. A directory that is pinned or dropped
    /// is so with all that lies below it.
    pub pattern: &'p str,
    /// What is done.
    #[cfg_attr(feature = "alloc", serde(flatten))]
    pub treatment: Treatment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Libostree,
    Safe,
}

/// Which decision table a merge follows, and the rules that come before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy<'p> {
    pub(crate) table: Table,
    rules: &'p [Rule<'p>],
    defaults: &'static [Rule<'static>],
}

/// The files that a driver can merge without being told so: their fields have one meaning everywhere.
const ACCOUNTS: &[Rule<'static>] = &[
    Rule { pattern: "passwd", treatment: Treatment::Merge(Driver::Passwd) },
    Rule { pattern: "group", treatment: Treatment::Merge(Driver::Group) },
    Rule { pattern: "shadow", treatment: Treatment::Merge(Driver::Shadow) },
    Rule { pattern: "gshadow", treatment: Treatment::Merge(Driver::Gshadow) },
];

impl Policy<'static> {
    /// What libostree 2022.7 to 2026.4 do, bit for bit, silent losses and refusals included; but where
    /// libostree would follow a symlink out of the tree, the merge is refused.
    #[must_use]
    pub const fn libostree() -> Self {
        Self { table: Table::Libostree, rules: &[], defaults: &[] }
    }

    /// Nothing is lost silently: metadata and extended attributes are merged field by field, conflicts
    /// keep the device's version and save the other one, and no conflict refuses the merge. The accounts
    /// (`passwd`, `group`, `shadow`, `gshadow`) are merged by entry.
    #[must_use]
    pub const fn safe() -> Self {
        Policy::safe_with(&[])
    }
}

impl<'p> Policy<'p> {
    /// As [`safe`](Policy::safe), with rules: the first that matches a path counts.
    #[must_use]
    pub const fn safe_with(rules: &'p [Rule<'p>]) -> Self {
        Self { table: Table::Safe, rules, defaults: ACCOUNTS }
    }

    /// How `path`, relative to /etc, is treated.
    #[must_use]
    pub fn treatment(&self, path: &[u8]) -> Treatment {
        let mut rules = self.rules.iter().chain(self.defaults);
        let rule = rules.find(|rule| glob_matches(rule.pattern.as_bytes(), path));
        rule.map_or(Treatment::KeepLocal, |rule| rule.treatment)
    }
}

impl Default for Policy<'static> {
    fn default() -> Self {
        Self::safe()
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passwd => "passwd",
            Self::Group => "group",
            Self::Shadow => "shadow",
            Self::Gshadow => "gshadow",
            Self::KeyValue => "key-value",
            Self::Ini => "ini",
            Self::Lines => "lines",
        })
    }
}
