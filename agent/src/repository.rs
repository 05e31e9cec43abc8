//! Repositories that are signed here: a directory with what is served, and the keys and the state beside it.
//!
//! ```text
//! DIR/private/repository.json, keys/      what the signer remembers, its private keys: never to be served
//! DIR/director/, DIR/image_repo/          Uptane: the two repositories, as servers have them
//! DIR/metadata/, DIR/targets/             plain TUF
//! ```
//!
//! Commands that edit change what will be said next; [`Repo::sign`] says it: one version for any number of changes.

mod delegate;
mod edit;
mod first;
mod keys;
mod lockbox;
mod publish;
mod show;
mod state;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use uptane_core::{Role, UtcTime};

pub use delegate::{MAX_BIN_BITS, MAX_ROLE_NAME_BYTES, NewDelegation};
pub use edit::{Content, MAX_TARGET_NAME_BYTES, NewTarget};
pub use first::{FirstKeys, RoleName};
pub use keys::{KeyCount, KeyKind, MAX_KEY_BYTES, MAX_KEY_FILES, MAX_KEYS, NewKeys};
pub use lockbox::Written;
pub use publish::{Choice, Document};
pub use show::Row;
pub use state::{Dialect, Scope, Side};

use keys::Keys;
use state::{FORMAT, KeySet, Listing, Published, Root, Signed, State};

/// For how many days metadata is valid unless it is said otherwise.
const LIFETIMES: [(Role, u32); 6] = [
    (Role::Root, 365),
    (Role::Timestamp, 7),
    (Role::Snapshot, 30),
    (Role::Targets, 90),
    (Role::OfflineSnapshot, 365),
    (Role::OfflineUpdates, 365),
];

/// How a repository begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Its dialect.
    pub dialect: Dialect,
    /// TUF: files are served under names with their version or hash.
    pub consistent_snapshot: bool,
    /// Uptane: the Director has Timestamp and Snapshot too, as the Standard asks and Torizon's has not.
    pub director_snapshot: bool,
    /// The keys of the roles.
    pub keys: FirstKeys,
    /// For how many days metadata is valid, by role.
    pub lifetimes: Vec<(String, NonZeroU32)>,
}

/// A repository's directory, locked.
#[derive(Debug)]
pub struct Repo {
    directory: PathBuf,
    state: State,
    keys: Keys,
    /// Locked as long as it is open.
    _lock: File,
}

impl Repo {
    /// Makes the keys and the state of a new repository in `directory`. Nothing is signed yet.
    ///
    /// # Errors
    /// If there is one already, or as of the file system.
    pub fn init(directory: &Path, beginning: &Beginning) -> anyhow::Result<Self> {
        let private = directory.join("private");
        fs::create_dir_all(&private).with_context(|| format!("making {}", private.display()))?;
        ensure!(!state_path(directory).exists(), "{} holds a repository already", directory.display());
        let lock = lock(&private)?;
        let mut keys = Keys::new(beginning.dialect.wire(), private.join("keys"), &[])?;
        let mut lifetimes: BTreeMap<String, u32> =
            LIFETIMES.iter().map(|(role, days)| (role.name().to_owned(), *days)).collect();
        for (role, days) in &beginning.lifetimes {
            let place = lifetimes.get_mut(role).with_context(|| format!("there is no role {role}"))?;
            *place = days.get();
        }
        let roles = roles(beginning);
        let exists = |name: &RoleName| {
            roles.iter().any(|(side, roles)| roles.iter().any(|role| name.is(*side, *role)))
        };
        if let Some(name) = beginning.keys.roles().find(|name| !exists(name)) {
            bail!("there is no role {name}");
        }
        let mut sides = BTreeMap::new();
        for (side, roles) in roles {
            sides.insert(side, published(&mut keys, side, roles, &beginning.keys)?);
        }
        let consistent_snapshot = beginning.consistent_snapshot && beginning.dialect == Dialect::Tuf;
        let state =
            State { format: FORMAT, dialect: beginning.dialect, consistent_snapshot, lifetimes, sides };
        let repo = Self { directory: directory.into(), state, keys, _lock: lock };
        repo.check_keys_apart()?;
        repo.save()?;
        Ok(repo)
    }

    /// Opens the repository in `directory`; keys that do not lie in it are looked for in `elsewhere`.
    ///
    /// # Errors
    /// If there is none, another process works on it, or as of the file system.
    pub fn open(directory: &Path, elsewhere: &[PathBuf]) -> anyhow::Result<Self> {
        let path = state_path(directory);
        ensure!(
            path.is_file(),
            "{} holds no repository: `ota-agent uptane repo init` makes one",
            directory.display()
        );
        let private = directory.join("private");
        let lock = lock(&private)?;
        let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let state: State = serde_json::from_slice(&text).with_context(|| format!("in {}", path.display()))?;
        ensure!(
            state.format == FORMAT,
            "{}: format {}, this program knows {FORMAT}",
            path.display(),
            state.format
        );
        let keys = Keys::new(state.dialect.wire(), private.join("keys"), elsewhere)?;
        Ok(Self { directory: directory.into(), state, keys, _lock: lock })
    }

    /// Stores what is remembered, durably.
    ///
    /// # Errors
    /// As of the file system; what was stored before is then untouched.
    pub fn save(&self) -> anyhow::Result<()> {
        let path = state_path(&self.directory);
        let text = serde_json::to_vec_pretty(&self.state)?;
        crate::atomic::write(&path, &text).with_context(|| format!("writing {}", path.display()))
    }

    /// The dialect that it is signed in.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.state.dialect
    }

    /// Where the metadata of `side` is.
    #[must_use]
    pub fn metadata(&self, side: Side) -> PathBuf {
        self.directory.join(match (self.state.dialect, side) {
            (Dialect::Tuf, _) => "metadata",
            (Dialect::Uptane, Side::Director) => "director",
            (Dialect::Uptane, Side::Image) => "image_repo",
        })
    }

    /// Where the images are.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.directory.join(match self.state.dialect {
            Dialect::Tuf => "targets",
            Dialect::Uptane => "image_repo/targets",
        })
    }

    /// Refuses a key of both repositories: whoever held it could pass the one's metadata off as the other's.
    fn check_keys_apart(&self) -> anyhow::Result<()> {
        let keys = |side| {
            let roles = self.state.sides.get(&side).map(|published| published.root.roles.values());
            roles.into_iter().flatten().flat_map(|set| &set.keys)
        };
        let shared = keys(Side::Director).find(|key| keys(Side::Image).any(|other| other == *key));
        ensure!(shared.is_none(), "the Director and the Image repository must not share a key");
        Ok(())
    }

    fn side(&self, side: Side) -> anyhow::Result<&Published> {
        self.state.sides.get(&side).context("plain TUF has no Director repository")
    }

    fn side_mut(&mut self, side: Side) -> anyhow::Result<&mut Published> {
        self.state.sides.get_mut(&side).context("plain TUF has no Director repository")
    }

    fn listing_mut(&mut self, side: Side, role: &str) -> anyhow::Result<&mut Listing> {
        let listing = self.side_mut(side)?.targets.get_mut(role);
        listing.filter(|listing| !listing.revoked).with_context(|| format!("there is no role {role}"))
    }
}

fn state_path(directory: &Path) -> PathBuf {
    directory.join("private/repository.json")
}

/// Two that sign at once would give one version to two documents.
fn lock(private: &Path) -> anyhow::Result<File> {
    let file = File::open(private).with_context(|| format!("opening {}", private.display()))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .with_context(|| format!("{} is in use by another process", private.display()))?;
    Ok(file)
}

/// The roles of each repository.
fn roles(beginning: &Beginning) -> Vec<(Side, Vec<Role>)> {
    let image = vec![Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets];
    if beginning.dialect == Dialect::Tuf {
        return vec![(Side::Image, image)];
    }
    let mut director = vec![Role::Root, Role::Targets, Role::OfflineSnapshot, Role::OfflineUpdates];
    if beginning.director_snapshot {
        director.extend([Role::Timestamp, Role::Snapshot]);
    }
    vec![(Side::Director, director), (Side::Image, image)]
}

fn published(keys: &mut Keys, side: Side, roles: Vec<Role>, wanted: &FirstKeys) -> anyhow::Result<Published> {
    let mut sets = BTreeMap::new();
    for role in roles {
        let set = keys
            .provide(&wanted.of(side, role), None)
            .with_context(|| format!("keys for {}", role.name()))?;
        sets.insert(role.name().to_owned(), set);
    }
    let root_keys: KeySet = sets.get(Role::Root.name()).cloned().unwrap_or_default();
    let changed = Signed { changed: true, ..Signed::default() };
    let targets = Listing { document: changed, ..Listing::default() };
    Ok(Published {
        root: Root { document: changed, roles: sets, published: root_keys },
        timestamp: changed,
        snapshot: changed,
        offline_snapshot: Signed::default(),
        targets: [(Role::Targets.name().to_owned(), targets)].into(),
        lockboxes: BTreeMap::new(),
    })
}

/// The time `days` after `now`.
const fn after(now: UtcTime, seconds: u64) -> UtcTime {
    now.saturating_add(seconds)
}
