//! What there is: a row a document.

use uptane_core::{Role, UtcTime};

use super::Repo;
use super::keys::{KeyKind, listed};
use super::state::{KeySet, Listing, Published, Side, Signed};

/// One document of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its repository.
    pub side: Side,
    /// Its role's name; of a Lockbox, the Lockbox's.
    pub role: String,
    /// The version that was signed last; 0 if none was.
    pub version: u64,
    /// When that expires.
    pub expires: UtcTime,
    /// Whether the next signing signs it.
    pub changed: bool,
    /// How many of its keys must sign.
    pub threshold: u64,
    /// Identifiers and kinds of its keys.
    pub keys: Vec<(String, KeyKind)>,
    /// How many images it lists, if it lists images.
    pub targets: Option<usize>,
}

impl Repo {
    /// Every document, in the order in which clients ask for them.
    ///
    /// # Errors
    /// If what is remembered names a key that is none.
    pub fn rows(&self) -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (side, published) in &self.state.sides {
            self.side_rows(*side, published, &mut rows)?;
        }
        Ok(rows)
    }

    fn side_rows(&self, side: Side, published: &Published, rows: &mut Vec<Row>) -> anyhow::Result<()> {
        let none = KeySet::default();
        let mut put = |role: &str, document: Signed, set: &KeySet, listing: Option<&Listing>| {
            let wire = self.state.dialect.wire();
            let keys = set.keys.iter().map(|key| {
                let (listed, kind) = listed(key, wire)?;
                Ok((listed.identifier().to_owned(), kind))
            });
            rows.push(Row {
                side,
                role: role.into(),
                version: document.version,
                expires: UtcTime::from_unix(document.expires),
                changed: document.changed,
                threshold: set.threshold,
                keys: keys.collect::<anyhow::Result<_>>()?,
                targets: listing.map(|listing| listing.targets.len()),
            });
            Ok::<(), anyhow::Error>(())
        };
        let top = [
            (Role::Root, published.root.document),
            (Role::Timestamp, published.timestamp),
            (Role::Snapshot, published.snapshot),
        ];
        for (role, document) in top {
            if let Some(set) = published.root.roles.get(role.name()) {
                put(role.name(), document, set, None)?;
            }
        }
        let first = Role::Targets.name();
        let delegated = published.targets.iter().filter(|(name, _)| *name != first);
        for (name, listing) in published.targets.get_key_value(first).into_iter().chain(delegated) {
            if !listing.revoked {
                put(name, listing.document, published.signers(name).unwrap_or(&none), Some(listing))?;
            }
        }
        for (name, listing) in &published.lockboxes {
            let set = published.root.roles.get(Role::OfflineUpdates.name()).unwrap_or(&none);
            put(name, listing.document, set, Some(listing))?;
        }
        if published.offline_snapshot.version > 0
            && let Some(set) = published.root.roles.get(Role::OfflineSnapshot.name())
        {
            put(Role::OfflineSnapshot.name(), published.offline_snapshot, set, None)?;
        }
        Ok(())
    }
}
