//! The signer's keys: in files called by the key's identifier, here or on a medium that is kept elsewhere.

mod public;
mod secret;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, ensure};
use uptane_core::repository::{ListedKey, ListedRole, Signing, Wire};

pub use public::KeyKind;

use super::state::KeySet;
use crate::{files, seed};
use public::Public;
use secret::{Content, Secret};

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

/// Largest file that is read as a key, in bytes: PEM of RSA with 4096 bits has 3300.
pub const MAX_KEY_BYTES: usize = 16 * 1024;

/// Most files of one directory that are looked into for keys.
pub const MAX_KEY_FILES: usize = 4096;

/// What keys a role is to have. What is not said is as it was, or one Ed25519 key that signs alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewKeys {
    /// How many, those that are given included.
    pub count: Option<KeyCount>,
    /// What those are that are made.
    pub kind: Option<KeyKind>,
    /// Files of keys that exist already, which are not copied: private ones, or public ones of keys that are kept
    /// elsewhere.
    pub given: Vec<PathBuf>,
}

/// A key that is at hand.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    listed: ListedKey,
    secret: Rc<Secret>,
}

impl Signer {
    pub(super) fn identifier(&self) -> &str {
        self.listed.identifier()
    }

    /// Signs what `signing` is about, and adds the signature to it.
    pub(super) fn sign(&self, signing: &mut Signing<'_>) -> anyhow::Result<()> {
        let signature = self.secret.sign(signing.message())?;
        signing.add(&self.listed, &signature);
        Ok(())
    }
}

/// Where keys lie.
#[derive(Debug)]
pub(super) struct Keys {
    wire: Wire,
    /// Where new ones are written, then where else they are looked for.
    directories: Vec<PathBuf>,
    /// The keys of other names in the latter, and those of files that were given, with their public texts.
    others: Vec<(String, Rc<Secret>)>,
}

impl Keys {
    /// The keys in `directory`, and in `elsewhere` under whatever name.
    pub(super) fn new(wire: Wire, directory: PathBuf, elsewhere: &[PathBuf]) -> anyhow::Result<Self> {
        let mut keys = Self { wire, directories: vec![directory], others: Vec::new() };
        for directory in elsewhere {
            keys.look_into(directory)?;
            keys.directories.push(directory.clone());
        }
        Ok(keys)
    }

    /// Takes every key in `directory`: a medium may hold other files as well, which are passed over.
    fn look_into(&mut self, directory: &Path) -> anyhow::Result<()> {
        let entries =
            std::fs::read_dir(directory).with_context(|| format!("opening {}", directory.display()))?;
        for (number, entry) in entries.enumerate() {
            ensure!(number < MAX_KEY_FILES, "{}: more than {MAX_KEY_FILES} files", directory.display());
            let path = entry.with_context(|| format!("reading {}", directory.display()))?.path();
            let Ok(bytes) = path.is_file().then(|| files::read(&path, MAX_KEY_BYTES)).transpose() else {
                continue;
            };
            if let Some(Ok(Content::Secret(secret))) = bytes.as_deref().map(Content::parse) {
                self.others.push((secret.public()?.text, Rc::new(secret)));
            }
        }
        Ok(())
    }

    /// The keys that `new` asks for, in the place of `old`: those that are made are stored.
    pub(super) fn provide(&mut self, new: &NewKeys, old: Option<&KeySet>) -> anyhow::Result<KeySet> {
        let mut keys = Vec::new();
        for path in &new.given {
            let public = self.give(path)?;
            ensure!(!keys.contains(&public.text), "{}: the key was given already", path.display());
            keys.push(public.text);
        }
        let before = old.map_or(1, |old| old.keys.len());
        let (number, threshold) = match new.count {
            Some(count) => (usize::from(count.keys), u64::from(count.threshold)),
            None => (before.max(keys.len()), old.map_or(1, |old| old.threshold)),
        };
        ensure!(keys.len() <= number, "{} keys are given, of {number} in all", keys.len());
        while keys.len() < number {
            let kind = match (new.kind, old.and_then(|old| old.keys.get(keys.len()).or(old.keys.last()))) {
                (Some(kind), _) => kind,
                (None, Some(old)) => Public::parse(old)?.kind,
                (None, None) => KeyKind::Ed25519,
            };
            keys.push(self.generate(kind)?.text);
        }
        Ok(KeySet { keys, threshold })
    }

    /// Reads a key that exists already.
    fn give(&mut self, path: &Path) -> anyhow::Result<Public> {
        let bytes = files::read(path, MAX_KEY_BYTES)?;
        match Content::parse(&bytes).with_context(|| format!("in {}", path.display()))? {
            Content::Public(public) => Ok(public),
            Content::Secret(secret) => {
                let public = secret.public()?;
                self.others.push((public.text.clone(), Rc::new(secret)));
                Ok(public)
            }
        }
    }

    fn generate(&self, kind: KeyKind) -> anyhow::Result<Public> {
        let directory = self.directories.first().context("no directory for keys")?;
        std::fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        let secret = Secret::generate(kind).with_context(|| format!("making a key of {kind}"))?;
        let public = secret.public()?;
        let listed = public.listed(self.wire);
        seed::write_secret(&path(directory, listed.identifier(), "pem"), secret.to_pem()?.as_bytes())?;
        Ok(public)
    }

    /// Those keys of `set` that are at hand, at least its threshold.
    pub(super) fn signers(&self, set: &KeySet) -> anyhow::Result<Vec<Signer>> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for text in &set.keys {
            let public = Public::parse(text)?;
            let listed = public.listed(self.wire);
            match self.find(&public, listed.identifier())? {
                Some(secret) => found.push(Signer { listed, secret }),
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

    fn find(&self, public: &Public, identifier: &str) -> anyhow::Result<Option<Rc<Secret>>> {
        for directory in &self.directories {
            // What earlier versions wrote are seeds.
            for extension in ["pem", "seed"] {
                let path = path(directory, identifier, extension);
                let Some(bytes) = files::read_if_there(&path, MAX_KEY_BYTES)? else { continue };
                let content = Content::parse(&bytes).with_context(|| format!("in {}", path.display()))?;
                let Content::Secret(secret) = content else { continue };
                let same = secret.public()?.text == public.text;
                ensure!(same, "the key called {identifier} is another one");
                return Ok(Some(Rc::new(secret)));
            }
        }
        let other = self.others.iter().find(|(text, _)| *text == public.text);
        Ok(other.map(|(_, secret)| Rc::clone(secret)))
    }
}

fn path(directory: &Path, identifier: &str, extension: &str) -> PathBuf {
    directory.join(format!("{identifier}.{extension}"))
}

/// The key that is remembered as `text`, as metadata lists it, and its kind.
pub(super) fn listed(text: &str, wire: Wire) -> anyhow::Result<(ListedKey, KeyKind)> {
    let public = Public::parse(text)?;
    Ok((public.listed(wire), public.kind))
}

/// The keys of `set` as metadata lists them.
pub(super) fn listed_role(set: &KeySet, wire: Wire) -> anyhow::Result<ListedRole> {
    let keys = set.keys.iter().map(|key| Ok(listed(key, wire)?.0)).collect::<anyhow::Result<_>>()?;
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
        let mut keys = Keys::new(Wire::Tuf, directory.path().into(), &[]).unwrap();
        let count = Some(KeyCount { keys: 3, threshold: 2 });
        let set = keys.provide(&NewKeys { count, ..NewKeys::default() }, None).unwrap();
        assert_eq!(keys.signers(&set).unwrap().len(), 3);
        let identifiers: Vec<_> =
            set.keys.iter().map(|key| listed(key, Wire::Tuf).unwrap().0.identifier().to_owned()).collect();
        for (number, identifier) in identifiers.iter().take(2).enumerate() {
            std::fs::remove_file(path(directory.path(), identifier, "pem")).unwrap();
            let found = keys.signers(&set).map(|keys| keys.len()).map_err(|error| error.to_string());
            let said = format!(
                "2 of its keys must sign, 1 at hand; not found: {}, {}",
                identifiers[0], identifiers[1]
            );
            assert_eq!(found, if number == 0 { Ok(2) } else { Err(said) });
        }
    }

    #[test]
    fn seeds_of_earlier_versions_sign_under_the_identifier_that_they_had() {
        let directory = tempfile::tempdir().unwrap();
        for wire in [Wire::Tuf, Wire::Uptane] {
            let key = uptane_core::repository::SigningKey::for_wire([7; 32], wire);
            seed::write(&path(directory.path(), key.identifier(), "seed"), &[7; 32]).unwrap();
            let set = KeySet { keys: vec![key.public_hex()], threshold: 1 };
            let keys = Keys::new(wire, directory.path().into(), &[]).unwrap();
            let signer = keys.signers(&set).unwrap().remove(0);
            assert_eq!((signer.identifier(), &signer.listed), (key.identifier(), &key.listed()));
            let mut signing = Signing::new("{}", wire).unwrap();
            signer.sign(&mut signing).unwrap();
            assert_eq!(signing.document(), uptane_core::repository::sign("{}", &[key], wire).unwrap());
        }
    }
}
