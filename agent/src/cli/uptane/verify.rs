//! `ota-agent uptane verify`: the same steps in both dialects, and what they establish.

mod streamed;

use anyhow::Context;
use uptane_core::canonical::Slot;
use uptane_core::delegation::{Next, Search};
use uptane_core::dialect::Dialect;
use uptane_core::metadata::Hashes;
use uptane_core::metadata::targets::{Target, Targets};
use uptane_core::primary::{MAX_IMAGE_TARGETS_BYTES, MAX_METADATA_BYTES};
use uptane_core::trusted::{Current, Listed};
use uptane_core::tuf::Limits;
use uptane_core::{Ecu, Error, ErrorKind, Repository, Role, Step, Verified, check_assignments};

use super::files::Files;
use super::{VerifyArgs, print};
use crate::cli::Exit;
use crate::dialect::{Tuf, Uptane};

type Index = Vec<Slot>;

/// A verification as it goes on: the arguments, and the index that all its steps use.
struct Run<'a> {
    args: &'a VerifyArgs,
    json: bool,
    index: Index,
}

/// A target that was found: what is known of it, without its place in a document.
struct Found {
    length: u64,
    hashes: Hashes,
}

pub(super) fn run(args: &VerifyArgs, json: bool) -> anyhow::Result<Exit> {
    let mut run = Run { args, json, index: Vec::new() };
    if args.tuf { run.tuf() } else { run.uptane() }?;
    Ok(Exit::Done)
}

impl Run<'_> {
    fn tuf(&mut self) -> anyhow::Result<()> {
        let limits = Limits::default();
        let files = Files {
            repository: Repository::Image,
            directory: self.args.directory.clone(),
            max_root: limits.root,
            max_timestamp: limits.timestamp,
            max_snapshot: limits.snapshot,
            max_targets: self.args.max_targets.unwrap_or(limits.targets),
        };
        let roots = files.roots::<Tuf>(self.args.root.as_deref())?;
        let current = self.current::<Tuf>(&files, &roots)?;
        if self.args.roots_only {
            return Ok(());
        }
        let timestamp = files.read("timestamp.json", files.max_timestamp)?;
        let snapshot = files.read("snapshot.json", files.max_snapshot)?;
        let listed = self.listed(current, &files, &timestamp, &snapshot)?;
        if self.args.stream && self.streamed(&files, &listed, None)? {
            return Ok(());
        }
        let targets = files.read("targets.json", files.max_targets)?;
        let targets = self.targets(listed, &files, &targets)?;
        if let Some(name) = &self.args.target {
            let found = self.find(&files, &listed, &targets, name, None)?;
            self.print_target(
                name,
                &found.with_context(|| format!("no role that may list it lists {name}"))?,
            );
        }
        Ok(())
    }

    fn uptane(&mut self) -> anyhow::Result<()> {
        let files = |repository, name: &str, max_targets| Files {
            repository,
            directory: self.args.directory.join(name),
            max_root: MAX_METADATA_BYTES,
            max_timestamp: MAX_METADATA_BYTES,
            max_snapshot: MAX_METADATA_BYTES,
            max_targets: self.args.max_targets.unwrap_or(max_targets),
        };
        let director = files(Repository::Director, "director", MAX_METADATA_BYTES);
        // A Lockbox calls it otherwise.
        let there = |name: &&str| self.args.directory.join(name).is_dir();
        let name = ["image_repo", "image-repo"].into_iter().find(there).unwrap_or("image_repo");
        let image = files(Repository::Image, name, MAX_IMAGE_TARGETS_BYTES);
        if self.args.roots_only {
            let present: Vec<_> =
                [&director, &image].into_iter().filter(|files| files.directory.is_dir()).collect();
            anyhow::ensure!(
                !present.is_empty(),
                "neither director nor image_repo in {}",
                self.args.directory.display()
            );
            for files in present {
                let roots = files.roots::<Uptane>(self.args.root.as_deref())?;
                self.current::<Uptane>(files, &roots)?;
            }
            return Ok(());
        }

        let roots = director.roots::<Uptane>(self.args.root.as_deref())?;
        let current = self.current::<Uptane>(&director, &roots)?;
        let name = self.args.lockbox.as_ref().map(|name| format!("{name}.json"));
        let assigned = director.read(name.as_deref().unwrap_or("targets.json"), director.max_targets)?;
        let (timestamp, snapshot) = match &name {
            Some(_) => (None, director.read("offline-snapshot.json", director.max_snapshot)?),
            None => match director.find("timestamp.json", director.max_timestamp)? {
                Some(timestamp) => (Some(timestamp), director.read("snapshot.json", director.max_snapshot)?),
                None => (None, Vec::new()),
            },
        };
        let assigned = match (&name, &timestamp) {
            (Some(name), _) => {
                let (role, limit) = (Role::OfflineSnapshot, director.max_snapshot);
                let listed = current.snapshot_alone(role, &snapshot, limit, None, &mut self.index)?;
                self.print_role(&director, role, listed.metadata().version());
                let role = Role::OfflineUpdates;
                let limit = director.max_targets;
                let targets = listed.targets(role, name, &assigned, limit, None, &mut self.index)?;
                self.print_role(&director, role, targets.version());
                targets
            }
            (None, Some(timestamp)) => {
                let listed = self.listed(current, &director, timestamp, &snapshot)?;
                self.targets(listed, &director, &assigned)?
            }
            (None, None) => {
                let limit = director.max_targets;
                let targets =
                    current.targets_alone(Role::Targets, &assigned, limit, None, &mut self.index)?;
                self.print_role(&director, Role::Targets, targets.version());
                targets
            }
        };
        assigned.check_no_delegation()?;
        check_each_ecu_once(&assigned)?;
        if self.args.lockbox.is_some() && !image.directory.is_dir() {
            return self.print_assigned(&assigned);
        }
        self.image(&image, &assigned)
    }

    /// The Image repository, and what the Director assigned in it (Full verification 10).
    fn image(&mut self, files: &Files, assigned: &Verified<Targets<'_>>) -> anyhow::Result<()> {
        // `--root` is the Director's.
        let roots = files.roots::<Uptane>(None)?;
        let current = self.current::<Uptane>(files, &roots)?;
        let snapshot = files.read("snapshot.json", files.max_snapshot)?;
        let timestamp = files.find("timestamp.json", files.max_timestamp)?;
        let listed = match &timestamp {
            // A Lockbox has no Timestamp, which would expire too soon (PURE-2).
            None if self.args.lockbox.is_some() => {
                let (role, limit) = (Role::Snapshot, files.max_snapshot);
                let listed = current.snapshot_of_any_age(role, &snapshot, limit, None, &mut self.index)?;
                self.print_role(files, role, listed.metadata().version());
                listed
            }
            None => anyhow::bail!("no timestamp.json in {}", files.directory.display()),
            Some(timestamp) => self.listed(current, files, timestamp, &snapshot)?,
        };
        if self.args.stream && self.streamed(files, &listed, Some(assigned))? {
            return Ok(());
        }
        let targets = files.read("targets.json", files.max_targets)?;
        let targets = self.targets(listed, files, &targets)?;
        for target in assigned.iter() {
            let target = target?;
            let name = target.name.to_text();
            for id in &self.hardware_ids(&target) {
                let search = self.search(files, &listed, &targets, &name, Some(id))?;
                let found = search.found()?;
                check_assigned(&target, found.as_deref(), id)?;
            }
        }
        if let Some(name) = &self.args.target {
            let found = self.find(files, &listed, &targets, name, None)?;
            self.print_target(
                name,
                &found.with_context(|| format!("no role that may list it lists {name}"))?,
            );
        }
        Ok(())
    }

    /// The hardware that an assigned image is for.
    fn hardware_ids(&self, assigned: &Target<'_>) -> Vec<String> {
        match self.args.lockbox {
            Some(_) => assigned.hardware_ids().map(|id| id.to_text()).collect(),
            None => assigned.ecus().filter_map(|(_, id)| Some(id?.to_text())).collect(),
        }
    }

    fn current<'d, D: Dialect>(
        &mut self,
        files: &Files,
        roots: &'d [Vec<u8>],
    ) -> anyhow::Result<Current<'d, D>> {
        let root = files.newest_root::<D>(roots, &mut self.index)?;
        let current = Current::new(files.repository, root, self.args.now)?;
        self.print_role(files, Role::Root, root.version());
        Ok(current)
    }

    fn listed<'d, D: Dialect>(
        &mut self,
        current: Current<'d, D>,
        files: &Files,
        timestamp: &[u8],
        snapshot: &'d [u8],
    ) -> anyhow::Result<Listed<'d, D>> {
        let timed = current.timestamp(timestamp, files.max_timestamp, None, &mut self.index)?;
        self.print_role(files, Role::Timestamp, timed.metadata().version);
        let listed = timed.snapshot(snapshot, files.max_snapshot, None, &mut self.index)?;
        self.print_role(files, Role::Snapshot, listed.metadata().version());
        Ok(listed)
    }

    fn targets<'d, D: Dialect>(
        &mut self,
        listed: Listed<'d, D>,
        files: &Files,
        bytes: &'d [u8],
    ) -> anyhow::Result<Verified<Targets<'d>>> {
        let (role, limit) = (Role::Targets, files.max_targets);
        let targets = listed.targets(role, "targets.json", bytes, limit, None, &mut self.index)?;
        self.print_role(files, role, targets.version());
        Ok(targets)
    }

    fn search<D: Dialect>(
        &mut self,
        files: &Files,
        listed: &Listed<'_, D>,
        targets: &Verified<Targets<'_>>,
        name: &str,
        hardware_id: Option<&str>,
    ) -> anyhow::Result<Search> {
        let mut search = Search::new::<D>(targets, name, hardware_id)?;
        while let Next::Role(role) = search.next() {
            let bytes = files.delegated(role)?;
            search.take(listed, &bytes, files.max_targets, &mut self.index)?;
        }
        Ok(search)
    }

    fn find<D: Dialect>(
        &mut self,
        files: &Files,
        listed: &Listed<'_, D>,
        targets: &Verified<Targets<'_>>,
        name: &str,
        hardware_id: Option<&str>,
    ) -> anyhow::Result<Option<Found>> {
        // Without delegations nothing has to be copied.
        if let Some(target) = targets.find_text(name)? {
            return Ok(Some(Found { length: target.length, hashes: target.hashes }));
        }
        let search = self.search(files, listed, targets, name, hardware_id)?;
        let found = search.found()?;
        Ok(found.map(|target| Found { length: target.length, hashes: target.hashes }))
    }

    /// Without an Image repository to ask, what the Lockbox assigns is all there is to say.
    fn print_assigned(&self, assigned: &Verified<Targets<'_>>) -> anyhow::Result<()> {
        let Some(name) = &self.args.target else { return Ok(()) };
        let target =
            assigned.find_text(name)?.with_context(|| format!("the Lockbox does not list {name}"))?;
        self.print_target(name, &Found { length: target.length, hashes: target.hashes });
        Ok(())
    }

    fn print_role(&self, files: &Files, role: Role, version: u64) {
        // A plain TUF repository is the only one there is.
        let repository = if self.args.tuf { "" } else { files.repository.name() };
        let object = serde_json::json!({
            "event": "verified", "repository": files.repository.name(), "role": role.to_string(), "version": version,
        });
        print(self.json, format!("{repository} {role} {version}").trim_start(), &object);
    }

    fn print_target(&self, name: &str, target: &Found) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let sha256 = target.hashes.sha256.map(|hash| hex(&hash));
        let sha512 = target.hashes.sha512.map(|hash| hex(&hash));
        let mut line = format!("target {name} length {}", target.length);
        for (algorithm, hash) in [("sha256", &sha256), ("sha512", &sha512)] {
            if let Some(hash) = hash {
                line.push_str(&format!(" {algorithm} {hash}"));
            }
        }
        let object = serde_json::json!({
            "event": "target", "name": name, "length": target.length, "sha256": sha256, "sha512": sha512,
        });
        print(self.json, &line, &object);
    }
}

/// Full verification 10: the Image repository lists what the Director assigned, for the same hardware.
fn check_assigned(assigned: &Target<'_>, found: Option<&Target<'_>>, id: &str) -> Result<(), Error> {
    let refuse = |kind| Error { repository: Repository::Image, role: Role::Targets, step: Step::F10, kind };
    let found = found.ok_or_else(|| refuse(ErrorKind::NotInImageRepository))?;
    assigned.check_match(found, Some(id)).map_err(|what| refuse(ErrorKind::Mismatch(what)))
}

/// Check Targets 7, for whatever ECUs there are: this command knows no vehicle.
fn check_each_ecu_once(targets: &Targets<'_>) -> anyhow::Result<()> {
    let mut named = Vec::new();
    for target in targets.iter() {
        for (serial, id) in target?.ecus() {
            named.push((serial.to_text(), id.map(|id| id.to_text()).unwrap_or_default()));
        }
    }
    let ecus: Vec<_> = named.iter().map(|(serial, id)| Ecu { serial, hardware_id: id }).collect();
    Ok(check_assignments(targets, &ecus)?)
}
