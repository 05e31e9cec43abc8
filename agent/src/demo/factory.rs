//! The factory: it builds releases, signs what the vehicle is to install, and puts both where they are served.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use ostree_objects::Checksum;
use ostree_objects::repo::{CheckoutOptions, CommitOptions, Links, Repo};
use uptane_core::repository::TargetSpec;
use uptane_core::{Repository, UtcTime};

use super::release::Release;
use super::{fixture, signing};
use crate::config::Ecu;

/// The branch of the operating system.
const BRANCH: &str = "os/imx95/main";
/// How long metadata is valid, in seconds.
const VALIDITY: u64 = 365 * 86_400;

/// What the factory has.
#[derive(Debug)]
pub(super) struct Factory {
    /// What is served: `director`, `image` and `ostree` below it.
    pub(super) www: PathBuf,
    /// The OSTree repository.
    pub(super) repo: Repo,
    /// The newest commit of the branch.
    pub(super) head: Checksum,
    work: PathBuf,
    pub(super) now: UtcTime,
    /// The version of the metadata that was signed last.
    version: u64,
    /// Every image there is.
    images: Vec<TargetSpec>,
}

/// An image that was built.
#[derive(Clone, Debug)]
pub(super) struct Built {
    pub(super) name: String,
    pub(super) length: u64,
    pub(super) sha256: [u8; 32],
}

/// What a vehicle is to install.
#[derive(Clone, Debug, Default)]
pub(super) struct Assignment {
    pub(super) id: String,
    pub(super) system: Option<Built>,
    pub(super) application: Option<Built>,
}

impl Factory {
    /// Unpacks the recorded repository and signs both Roots.
    pub(super) fn make(directory: &Path, other: Option<&Path>, now: UtcTime) -> anyhow::Result<Self> {
        let (www, work) = (directory.join("www"), directory.join("work"));
        fs::create_dir_all(&work)?;
        let repo = fixture::unpack(other, &www.join("ostree"))?;
        let head = repo.resolve(BRANCH).context("the recorded repository has no branch")?;
        let factory = Self { www, repo, head, work, now, version: 0, images: Vec::new() };
        for repository in [Repository::Director, Repository::Image] {
            let root = signing::root(repository, 1, factory.expiry())?;
            write(&factory.www.join(repository.name()).join("1.root.json"), &root)?;
        }
        Ok(factory)
    }

    /// When what is signed now expires.
    pub(super) const fn expiry(&self) -> UtcTime {
        self.now.saturating_add(VALIDITY)
    }

    /// A version that no metadata had.
    pub(super) const fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Builds a release on top of the newest one: a commit on the branch, and its Compose file.
    pub(super) fn build(&mut self, release: &Release<'_>) -> anyhow::Result<(Built, Built)> {
        let system = self.build_system(release)?;
        Ok((system, self.application(release.version, &release.compose())?))
    }

    /// The commit of a release alone.
    pub(super) fn build_system(&mut self, release: &Release<'_>) -> anyhow::Result<Built> {
        let name = format!("tree-{}", release.version);
        let options = CheckoutOptions { links: Links::Never, ..CheckoutOptions::default() };
        self.repo.checkout(&self.head, &File::open(&self.work)?, &name, options)?;
        release.apply(&self.work.join(&name))?;
        let commit = self.commit(&self.work.join(&name), release.version)?;
        self.head = commit;
        Ok(self.system(release.version, commit))
    }

    /// Lists a Compose file as an image of the application.
    pub(super) fn application(&mut self, version: &str, text: &str) -> anyhow::Result<Built> {
        let application = Built {
            name: format!("docker-compose-{version}.yml"),
            length: u64::try_from(text.len())?,
            sha256: Checksum::of(text.as_bytes()).0,
        };
        write(&self.www.join("image/targets").join(&application.name), text.as_bytes())?;
        self.offer(&application, "docker-compose", "BINARY");
        Ok(application)
    }

    fn commit(&self, tree: &Path, version: &str) -> anyhow::Result<Checksum> {
        let options = CommitOptions {
            uid: Some(0),
            gid: Some(0),
            branch: Some(BRANCH.into()),
            subject: format!("Demo OS {version}"),
            timestamp: self.now.unix(),
            parent: Some(self.head),
            metadata: vec![("version".into(), version.into())],
            ..CommitOptions::default()
        };
        self.repo.commit(tree, &options).with_context(|| format!("committing release {version}"))
    }

    /// Lists a commit as an image of the operating system.
    pub(super) fn system(&mut self, version: &str, commit: Checksum) -> Built {
        let system = Built { name: format!("{BRANCH}-{version}"), length: 0, sha256: commit.0 };
        self.offer(&system, "imx95", "OSTREE");
        system
    }

    fn offer(&mut self, built: &Built, hardware_id: &str, format: &str) {
        let Built { name, length, sha256 } = built.clone();
        let custom = TargetSpec::image_custom(&name, "1", hardware_id, format);
        self.images.push(TargetSpec { name, length, sha256, custom });
    }

    /// Assigns to the vehicle and serves it where devices look.
    pub(super) fn publish(&mut self, assignment: &Assignment) -> anyhow::Result<()> {
        let www = self.www.clone();
        let version = self.next_version();
        write(
            &www.join("director/targets.json"),
            &self.director_targets(version, self.expiry(), assignment)?,
        )?;
        self.write_image_metadata(&www.join("image"), version)
    }

    /// The Director's metadata for an assignment.
    pub(super) fn director_targets(
        &self,
        version: u64,
        expires: UtcTime,
        assignment: &Assignment,
    ) -> anyhow::Result<Vec<u8>> {
        signing::director_targets(
            version,
            expires,
            &assignment.targets(&primary(), &application()),
            &assignment.id,
            false,
        )
    }

    /// Signs and writes the Image repository's metadata.
    pub(super) fn write_image_metadata(&self, directory: &Path, version: u64) -> anyhow::Result<()> {
        let image = signing::image_metadata(version, self.expiry(), &self.images)?;
        write(&directory.join("targets.json"), &image.targets)?;
        write(&directory.join("snapshot.json"), &image.snapshot)?;
        write(&directory.join("timestamp.json"), &image.timestamp)
    }

    /// Writes a Lockbox called `name` into `directory`: signed metadata, the OSTree repository, the application.
    pub(super) fn write_lockbox(
        &mut self,
        directory: &Path,
        name: &str,
        system: &Built,
        application: &Built,
    ) -> anyhow::Result<()> {
        let version = self.next_version();
        let targets = [(system, "imx95"), (application, "docker-compose")].map(|(built, hardware_id)| {
            let Built { name, length, sha256 } = built.clone();
            let custom = format!(r#"{{"hardwareIds":["{hardware_id}"]}}"#);
            TargetSpec { name, length, sha256, custom }
        });
        let signed = signing::lockbox_metadata(name, version, self.expiry(), &targets)?;
        let director = directory.join("metadata/director");
        write(&director.join("offline-snapshot.json"), &signed.snapshot)?;
        write(&director.join(format!("{name}.json")), &signed.updates)?;
        let image = directory.join("metadata/image-repo");
        self.write_image_metadata(&image, version)?;
        // PURE-2: a Timestamp would expire before the stick is used.
        fs::remove_file(image.join("timestamp.json"))?;
        for (from, to) in [("director", &director), ("image", &image)] {
            fs::copy(self.www.join(from).join("1.root.json"), to.join("1.root.json"))?;
        }
        let images = directory.join("images");
        copy_tree(&self.www.join("ostree"), &images.join("ostree"))?;
        fs::copy(self.www.join("image/targets").join(&application.name), images.join(&application.name))?;
        Ok(())
    }
}

impl Assignment {
    /// The targets for these ECUs.
    pub(super) fn targets(&self, primary: &Ecu, application: &Ecu) -> Vec<TargetSpec> {
        let pairs = [(&self.system, primary), (&self.application, application)];
        let specs = pairs.into_iter().filter_map(|(built, ecu)| {
            let Built { name, length, sha256 } = built.clone()?;
            let custom = TargetSpec::director_custom(&ecu.serial, &ecu.hardware_id);
            Some(TargetSpec { name, length, sha256, custom })
        });
        specs.collect()
    }
}

/// The ECU that takes the operating system.
pub(super) fn primary() -> Ecu {
    Ecu { serial: "primary-1".into(), hardware_id: "imx95".into() }
}

/// The ECU that takes the application.
pub(super) fn application() -> Ecu {
    Ecu { serial: "compose-1".into(), hardware_id: "docker-compose".into() }
}

/// Writes a file, and the directories it needs.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    crate::atomic::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Copies a directory of plain files and directories.
fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut left = vec![(from.to_path_buf(), to.to_path_buf())];
    while let Some((from, to)) = left.pop() {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                left.push((entry.path(), target));
            } else {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}
