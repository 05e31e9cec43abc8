//! The signer's keys: seeds in files called by the key's identifier, here or on a medium that is kept elsewhere.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use uptane_core::repository::{ListedKey, ListedRole, SigningKey, Wire};

use super::state::KeySet;
use crate::seed;

/// How many keys a role gets, and how many of them must sign: `3/2`, or `1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCount {
    /// How many there are.
    pub keys: u8,
    /// How many must sign.
    pub threshold: u8,
}

impl KeyCount {
    /// One key that signs alone.
    pub const ONE: Self = Self { keys: 1, threshold: 1 };
}

impl std::str::FromStr for KeyCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (keys, threshold) = text.split_once('/').unwrap_or((text, "1"));
        let number = |text: &str| text.parse::<u8>().ok().filter(|number| (1..=MAX_KEYS).contains(number));
        match (number(keys), number(threshold)) {
            (Some(keys), Some(threshold)) if threshold <= keys => Ok(Self { keys, threshold }),
            _ => Err(format!("{text:?} is not KEYS/THRESHOLD, each from 1 to {MAX_KEYS}, as in 3/2")),
        }
    }
}

/// Most keys that a role is given: as many signatures as a verification tries.
pub const MAX_KEYS: u8 = 32;

/// Where seeds lie.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    wire: Wire,
    /// Where new ones are written, then where else they are looked for.
    directories: Vec<PathBuf>,
}

impl Keys {
    pub(super) const fn new(wire: Wire, directories: Vec<PathBuf>) -> Self {
        Self { wire, directories }
    }

    /// New keys, stored.
    pub(super) fn generate(&self, count: KeyCount) -> anyhow::Result<KeySet> {
        let directory = self.directories.first().context("no directory for keys")?;
        std::fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        let mut keys = Vec::new();
        for _ in 0..count.keys {
            let seed = seed::random()?;
            let key = SigningKey::for_wire(seed, self.wire);
            seed::write(&path(directory, key.identifier()), &seed)?;
            keys.push(key.public_hex());
        }
        Ok(KeySet { keys, threshold: count.threshold.into() })
    }

    /// Those keys of `set` whose seeds are at hand, at least its threshold.
    pub(super) fn signers(&self, set: &KeySet) -> anyhow::Result<Vec<SigningKey>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for public in &set.keys {
            let listed = listed(public, self.wire)?;
            match self.find(listed.identifier())? {
                Some(key) => {
                    ensure!(
                        key.public_hex() == *public,
                        "the seed called {} is another key's",
                        listed.identifier()
                    );
                    found.push(key);
                }
                None => missing.push(listed.identifier().to_owned()),
            }
        }
        ensure!(
            u64::try_from(found.len())? >= set.threshold,
            "{} of its keys must sign, {} at hand; not found: {}",
            set.threshold,
            found.len(),
            missing.join(", ")
        );
        Ok(found)
    }

    fn find(&self, identifier: &str) -> anyhow::Result<Option<SigningKey>> {
        for directory in &self.directories {
            if let Some(seed) = seed::read(&path(directory, identifier))? {
                return Ok(Some(SigningKey::for_wire(seed, self.wire)));
            }
        }
        Ok(None)
    }
}

fn path(directory: &Path, identifier: &str) -> PathBuf {
    directory.join(format!("{identifier}.seed"))
}

/// The key of public value `public` as metadata lists it.
pub(super) fn listed(public: &str, wire: Wire) -> anyhow::Result<ListedKey> {
    let bytes = hash(public).with_context(|| format!("{public:?} is no key"))?;
    Ok(ListedKey::new(&bytes, wire))
}

/// The keys of `set` as metadata lists them.
pub(super) fn listed_role(set: &KeySet, wire: Wire) -> anyhow::Result<ListedRole> {
    let keys = set.keys.iter().map(|key| listed(key, wire)).collect::<anyhow::Result<_>>()?;
    Ok(ListedRole { keys, threshold: set.threshold })
}

/// 32 bytes of hex.
pub(super) fn hash(text: &str) -> anyhow::Result<[u8; 32]> {
    let checksum: ostree_objects::Checksum =
        text.parse().with_context(|| format!("{text:?} is not 32 bytes in hex"))?;
    Ok(checksum.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_keys_holds_its_threshold() {
        let parse = |text: &str| text.parse::<KeyCount>();
        assert_eq!(parse("3/2"), Ok(KeyCount { keys: 3, threshold: 2 }));
        assert_eq!(parse("1"), Ok(KeyCount::ONE));
        assert_eq!(parse("32/32"), Ok(KeyCount { keys: MAX_KEYS, threshold: MAX_KEYS }));
        for wrong in ["0", "33", "2/3", "2/0", "a/b", ""] {
            let said = format!("{wrong:?} is not KEYS/THRESHOLD, each from 1 to 32, as in 3/2");
            assert_eq!(parse(wrong), Err(said));
        }
    }

    #[test]
    fn a_role_signs_only_with_as_many_keys_as_its_threshold_wants() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::new(Wire::Tuf, vec![directory.path().into()]);
        let set = keys.generate(KeyCount { keys: 3, threshold: 2 }).unwrap();
        assert_eq!(keys.signers(&set).unwrap().len(), 3);
        let identifiers: Vec<_> =
            set.keys.iter().map(|key| listed(key, Wire::Tuf).unwrap().identifier().to_owned()).collect();
        for (number, identifier) in identifiers.iter().take(2).enumerate() {
            std::fs::remove_file(path(directory.path(), identifier)).unwrap();
            let found = keys.signers(&set).map(|keys| keys.len()).map_err(|error| error.to_string());
            let said = format!(
                "2 of its keys must sign, 1 at hand; not found: {}, {}",
                identifiers[0], identifiers[1]
            );
            assert_eq!(found, if number == 0 { Ok(2) } else { Err(said) });
        }
    }
}
