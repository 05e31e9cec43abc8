//! A factory: Director and Image repository with keys from seeds, and a device's store beside them.

use std::collections::BTreeMap;

use uptane_core::primary::{Action, Cycle, Outcome};
use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::{Ecu, Error, Repository, Role, UtcTime};

pub const NOW: UtcTime = UtcTime::from_unix(1_800_000_000);
pub const ECUS: &[Ecu<'_>] = &[
    Ecu { serial: "primary-1", hardware_id: "imx95" },
    Ecu { serial: "compose-1", hardware_id: "docker-compose" },
];

pub fn later() -> UtcTime {
    NOW.saturating_add(86_400)
}

pub fn key(number: u8) -> SigningKey {
    SigningKey::from_seed([number; 32])
}

pub type Files = BTreeMap<(Repository, String), Vec<u8>>;

/// One repository: its Root and the content of its roles.
#[derive(Clone)]
pub struct Side {
    pub repository: Repository,
    pub root: RootSpec,
    pub targets: Vec<TargetSpec>,
    pub version: u64,
    pub expires: UtcTime,
}

impl Side {
    pub fn new(repository: Repository, first_key: u8, targets: Vec<TargetSpec>) -> Self {
        let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets];
        let roles =
            roles.into_iter().zip(first_key..).map(|(role, number)| (role, RoleKeys::single(key(number))));
        let root = RootSpec { version: 1, expires: later(), roles: roles.collect() };
        Self { repository, root, targets, version: 1, expires: later() }
    }

    pub fn root_bytes(&self) -> Vec<u8> {
        sign(&root_body(&self.root, Wire::Uptane), self.root.keys(Role::Root), Wire::Uptane).unwrap()
    }

    pub fn signed(&self, role: Role, body: &str) -> Vec<u8> {
        sign(body, self.root.keys(role), Wire::Uptane).unwrap()
    }

    pub fn targets_bytes(&self) -> Vec<u8> {
        let Self { version, expires, targets, .. } = self;
        let id = (self.repository == Repository::Director).then_some("urn:assignment:1");
        self.signed(
            Role::Targets,
            &targets_body(Role::Targets, Wire::Uptane, *version, *expires, targets, id),
        )
    }

    /// Writes all files of this side; `snapshot` says what the Snapshot names.
    pub fn publish(&self, files: &mut Files, targets: &[u8], with_snapshot: bool) {
        let mut put = |name: &str, bytes| files.insert((self.repository, name.to_owned()), bytes);
        put(&format!("{}.root.json", self.root.version), self.root_bytes());
        put("targets.json", targets.to_vec());
        if with_snapshot {
            let entry = FileEntry::of(self.version, targets, Wire::Uptane).unwrap();
            let body = meta_body(
                Role::Snapshot,
                Wire::Uptane,
                self.version,
                self.expires,
                &[("targets.json", entry)],
            );
            let snapshot = self.signed(Role::Snapshot, &body);
            let entry = FileEntry::of(self.version, &snapshot, Wire::Uptane).unwrap();
            let body = timestamp_body(Wire::Uptane, self.version, self.expires, entry);
            put("timestamp.json", self.signed(Role::Timestamp, &body));
            put("snapshot.json", snapshot);
        }
    }
}

pub fn director_target(name: &str, sha256: [u8; 32], serial: &str, hardware: &str) -> TargetSpec {
    let custom = TargetSpec::director_custom(serial, hardware);
    TargetSpec { name: name.into(), length: 5, sha256, custom }
}

pub fn image_target(name: &str, sha256: [u8; 32], hardware: &str) -> TargetSpec {
    let custom = TargetSpec::image_custom(name, "1", hardware, "BINARY");
    TargetSpec { name: name.into(), length: 5, sha256, custom }
}

/// Both repositories, agreeing on one image for the Primary.
pub struct Factory {
    pub director: Side,
    pub image: Side,
}

impl Factory {
    pub fn new() -> Self {
        let director = vec![director_target("os-1", [1; 32], "primary-1", "imx95")];
        let image = vec![image_target("os-1", [1; 32], "imx95")];
        Self {
            director: Side::new(Repository::Director, 10, director),
            image: Side::new(Repository::Image, 20, image),
        }
    }

    pub fn files(&self) -> Files {
        let mut files = Files::new();
        self.director.publish(&mut files, &self.director.targets_bytes(), false);
        self.image.publish(&mut files, &self.image.targets_bytes(), true);
        files
    }
}

/// What a device keeps between verifications.
#[derive(Clone, Default)]
pub struct Store(pub BTreeMap<(Repository, Role), Vec<u8>>);

impl Store {
    pub fn provisioned(factory: &Factory) -> Self {
        let sides = [&factory.director, &factory.image];
        Self(sides.map(|side| ((side.repository, Role::Root), side.root_bytes())).into())
    }

    pub fn verify(&mut self, files: &Files) -> Result<Outcome, Error> {
        self.run(Cycle::new(ECUS, NOW), files)
    }

    pub fn run(&mut self, mut cycle: Cycle<'_>, files: &Files) -> Result<Outcome, Error> {
        loop {
            assert_eq!(cycle.poll(), cycle.poll(), "polling again changes nothing");
            match cycle.poll() {
                Action::Load { repository, role } => {
                    let bytes = self.0.get(&(repository, role)).cloned();
                    cycle.feed(bytes.as_deref())?;
                }
                Action::Fetch { repository, file, .. } => {
                    let bytes = files.get(&(repository, file.to_owned())).cloned();
                    cycle.feed(bytes.as_deref())?;
                }
                Action::Persist { repository, role, bytes, .. } => {
                    self.0.insert((repository, role), bytes.to_vec());
                    cycle.persisted()?;
                }
                Action::Forget { repository, role } => {
                    self.0.remove(&(repository, role));
                    cycle.persisted()?;
                }
                Action::Done => return Ok(cycle.into_outcome().unwrap()),
            }
        }
    }
}
