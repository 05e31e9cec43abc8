//! A plain TUF repository with delegations, and a device that keeps what its client tells it to.

use std::collections::BTreeMap;

use uptane_core::repository::{FileEntry, Wire};
use uptane_core::tuf::{Action, Client, Limits};
use uptane_core::{Error, UtcTime};

use crate::factory::NOW;
use crate::signers::*;

/// A delegated role: its version, its delegations and targets as JSON, the number of its key.
#[derive(Clone)]
pub struct Delegated {
    pub version: u64,
    pub expires: UtcTime,
    pub key: u8,
    pub delegations: Vec<String>,
    pub targets: Vec<&'static str>,
}

impl Delegated {
    pub fn new(key: u8, targets: &[&'static str]) -> Self {
        Self { version: 1, expires: later(), key, delegations: Vec::new(), targets: targets.into() }
    }
}

pub fn later() -> UtcTime {
    NOW.saturating_add(86_400)
}

/// One entry of `delegations.roles`: `role`, signed by the key of `number`, for what fits `path`.
pub fn delegation(role: &str, number: u8, path: &str, terminating: bool) -> String {
    let keyid = ed25519(number).keyid;
    format!(
        r#"{{"keyids":["{keyid}"],"name":"{role}","paths":["{path}"],"terminating":{terminating},"threshold":1}}"#
    )
}

/// All documents of a repository, made anew by [`Repository::publish`].
#[derive(Clone)]
pub struct Repository {
    pub root: u64,
    pub timestamp: u64,
    pub snapshot: u64,
    pub targets: u64,
    /// Numbers of the keys of Root, Timestamp, Snapshot and Targets.
    pub keys: [u8; 4],
    pub consistent: bool,
    pub expires: [UtcTime; 4],
    pub delegations: Vec<String>,
    pub roles: BTreeMap<String, Delegated>,
    /// What the server has: by role and version; the newest without a version.
    pub files: BTreeMap<(String, Option<u64>), Vec<u8>>,
}

impl Repository {
    pub fn new() -> Self {
        let mut repository = Self {
            root: 1,
            timestamp: 1,
            snapshot: 1,
            targets: 1,
            keys: [1, 2, 3, 4],
            consistent: true,
            expires: [later(); 4],
            delegations: Vec::new(),
            roles: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        repository.publish_root(&[1]);
        repository.publish();
        repository
    }

    fn put(&mut self, role: &str, version: u64, bytes: Vec<u8>) {
        let prefix = (role == "root" || self.consistent).then_some(version);
        self.files.insert((role.into(), if role == "timestamp" { None } else { prefix }), bytes);
    }

    pub fn publish_root(&mut self, signers: &[u8]) {
        let keys: BTreeMap<_, _> =
            self.keys.iter().map(|key| (ed25519(*key).keyid, ed25519(*key).entry())).collect();
        let roles = ["root", "timestamp", "snapshot", "targets"].into_iter().zip(self.keys);
        let roles: Vec<_> = roles
            .map(|(role, key)| format!(r#""{role}":{{"keyids":["{}"],"threshold":1}}"#, ed25519(key).keyid))
            .collect();
        let body = format!(
            r#"{{"_type":"root","consistent_snapshot":{},"expires":"{}","keys":{{{}}},"roles":{{{}}},"spec_version":"1.0.34","version":{}}}"#,
            self.consistent,
            self.expires[0],
            keys.into_values().collect::<Vec<_>>().join(","),
            roles.join(","),
            self.root
        );
        let signers: Vec<_> = signers.iter().map(|number| ed25519(*number)).collect();
        let bytes = sign_tuf(&body, &signers.iter().collect::<Vec<_>>());
        self.put("root", self.root, bytes);
    }

    fn targets_document(
        &self,
        version: u64,
        expires: UtcTime,
        key: u8,
        delegations: &[String],
        targets: &[&str],
    ) -> Vec<u8> {
        let targets: Vec<_> = targets
            .iter()
            .map(|name| {
                format!(r#""{name}":{{"hashes":{{"sha256":"{}"}},"length":{version}}}"#, "0f".repeat(32))
            })
            .collect();
        // Every key that a test uses, so that one can be exchanged for another.
        let keys: Vec<_> = (30..100).map(|number| ed25519(number).entry()).collect();
        let delegations = if delegations.is_empty() {
            String::new()
        } else {
            format!(r#""delegations":{{"keys":{{{}}},"roles":[{}]}},"#, keys.join(","), delegations.join(","))
        };
        let body = format!(
            r#"{{"_type":"targets",{delegations}"expires":"{expires}","spec_version":"1.0.34","targets":{{{}}},"version":{version}}}"#,
            targets.join(",")
        );
        sign_tuf(&body, &[&ed25519(key)])
    }

    /// Signs everything below Root as it now is.
    pub fn publish(&mut self) {
        let mut meta = Vec::new();
        let mut documents = vec![(
            "targets".to_owned(),
            self.targets,
            self.targets_document(self.targets, self.expires[3], self.keys[3], &self.delegations, &["top"]),
        )];
        for (name, role) in &self.roles {
            let Delegated { version, expires, key, delegations, targets } = role;
            documents.push((
                name.clone(),
                *version,
                self.targets_document(*version, *expires, *key, delegations, targets),
            ));
        }
        for (name, version, bytes) in documents {
            meta.push(format!(r#""{name}.json":{{"version":{version}}}"#));
            self.put(&name, version, bytes);
        }
        let body = format!(
            r#"{{"_type":"snapshot","expires":"{}","meta":{{{}}},"spec_version":"1.0.34","version":{}}}"#,
            self.expires[2],
            meta.join(","),
            self.snapshot
        );
        let snapshot = sign_tuf(&body, &[&ed25519(self.keys[2])]);
        let entry = FileEntry::of(self.snapshot, &snapshot, Wire::Tuf).unwrap();
        self.put("snapshot", self.snapshot, snapshot);
        let hash: String = entry.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let body = format!(
            r#"{{"_type":"timestamp","expires":"{}","meta":{{"snapshot.json":{{"hashes":{{"sha256":"{hash}"}},"length":{},"version":{}}}}},"spec_version":"1.0.34","version":{}}}"#,
            self.expires[1], entry.length, self.snapshot, self.timestamp
        );
        self.put("timestamp", 0, sign_tuf(&body, &[&ed25519(self.keys[1])]));
    }

    /// The next version of everything below Root.
    pub fn next(&mut self) {
        self.timestamp += 1;
        self.snapshot += 1;
        self.targets += 1;
        self.publish();
    }
}

/// What a device keeps, and what it asked the server for in its last update.
#[derive(Clone)]
pub struct Device {
    pub kept: BTreeMap<String, Vec<u8>>,
    pub asked: Vec<String>,
}

impl Device {
    pub fn new(repository: &Repository) -> Self {
        let root = repository.files[&("root".to_owned(), Some(1))].clone();
        Self { kept: [("root".to_owned(), root)].into(), asked: Vec::new() }
    }

    pub fn refresh(&mut self, repository: &Repository) -> Result<(), String> {
        self.find_at(NOW, repository, &[]).map(drop)
    }

    /// Updates and looks for each of `names`: whether it is there.
    pub fn find(&mut self, repository: &Repository, names: &[&str]) -> Result<Vec<bool>, String> {
        self.find_at(NOW, repository, names)
    }

    pub fn find_at(
        &mut self,
        now: UtcTime,
        repository: &Repository,
        names: &[&str],
    ) -> Result<Vec<bool>, String> {
        let text = |error: Error| error.to_string();
        self.asked.clear();
        let mut client = Client::new(now, Limits::default());
        self.drive(&mut client, repository).map_err(text)?;
        let mut found = Vec::new();
        for name in names {
            client.search(name).map_err(text)?;
            self.drive(&mut client, repository).map_err(text)?;
            found.push(client.found().map_err(text)?.is_some());
        }
        Ok(found)
    }

    fn drive(&mut self, client: &mut Client, repository: &Repository) -> Result<(), Error> {
        loop {
            assert_eq!(client.poll(), client.poll(), "polling again changes nothing");
            match client.poll() {
                Action::Load { role } => {
                    let bytes = self.kept.get(role).cloned();
                    client.feed(bytes.as_deref())?;
                }
                Action::Fetch { role, version, .. } => {
                    let number = version.map_or(String::new(), |version| format!("{version}."));
                    self.asked.push(format!("{number}{role}"));
                    let bytes = repository.files.get(&(role.to_owned(), version)).cloned();
                    client.feed(bytes.as_deref())?;
                }
                Action::Persist { role, bytes } => {
                    self.kept.insert(role.to_owned(), bytes.to_vec());
                    client.persisted();
                }
                Action::Forget { role } => {
                    self.kept.remove(role);
                    client.persisted();
                }
                Action::Done => return Ok(()),
            }
        }
    }
}
