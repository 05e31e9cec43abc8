//! Eight attacks by servers that the device asks. Each is refused by name, and afterwards the device is what it was.

mod serve;

use anyhow::Context;
use ostree_objects::{Checksum, Commit, CommitRef, DirTree, Name, ObjectType};
use uptane_core::UtcTime;
use uptane_core::primary::MAX_METADATA_BYTES;

use super::factory::{self, Assignment, Built};
use super::story::Story;
use super::world::World;
use super::{release, signing};
use crate::config::Ecu;
use crate::update::journal::Source;
use crate::update::{self, Finished};
use serve::Attack;

/// Makes every attack in turn.
pub(super) fn all(world: &mut World, story: &mut Story<'_>) -> anyhow::Result<()> {
    story.chapter("Attacks are refused");
    let old = std::fs::read(world.factory.www.join("director/targets.json"))?;
    let (system, application) = world.factory.build(&release::V4_1)?;
    let wanted =
        Assignment { id: "urn:demo:attack".into(), system: Some(system), application: Some(application) };
    tampered_target(world, story, &wanted)?;
    rollback(world, story, &old)?;
    freeze(world, story, &wanted)?;
    mix_and_match(world, story, &wanted)?;
    wrong_ecu(world, story, &wanted)?;
    oversized(world, story, &wanted)?;
    escaping_tree(world, story)?;
    one_key_twice(world, story, &wanted)?;
    afterwards(world, story)
}

fn tampered_target(world: &mut World, story: &mut Story<'_>, wanted: &Assignment) -> anyhow::Result<()> {
    let attack = Attack::prepare(world, "tampered-target", wanted)?;
    let application = wanted.application.as_ref().context("an application to tamper with")?;
    let path = attack.directory.join("image/targets").join(&application.name);
    let mut bytes = std::fs::read(world.factory.www.join("image/targets").join(&application.name))?;
    *bytes.last_mut().context("an application that is not empty")? ^= 1;
    factory::write(&path, &bytes)?;
    attack.refused(
        world,
        story,
        "a tampered target",
        "image targets: step I7: the sha256 hash does not match",
    )
}

fn rollback(world: &mut World, story: &mut Story<'_>, old: &[u8]) -> anyhow::Result<()> {
    let attack = Attack::prepare(world, "rollback", &Assignment::default())?;
    factory::write(&attack.directory.join("director/targets.json"), old)?;
    attack.refused(
        world,
        story,
        "a rollback to old metadata",
        "director targets: step G4: rollback: trusted version",
    )
}

fn freeze(world: &mut World, story: &mut Story<'_>, wanted: &Assignment) -> anyhow::Result<()> {
    let attack = Attack::prepare(world, "freeze", wanted)?;
    let yesterday: UtcTime = world.factory.now.saturating_sub(86_400);
    let version = world.factory.next_version();
    let targets = world.factory.director_targets(version, yesterday, wanted)?;
    factory::write(&attack.directory.join("director/targets.json"), &targets)?;
    attack.refused(world, story, "a freeze with expired metadata", "director targets: step G5: expired at")
}

fn mix_and_match(world: &mut World, story: &mut Story<'_>, wanted: &Assignment) -> anyhow::Result<()> {
    let attack = Attack::prepare(world, "mix-and-match", wanted)?;
    // Validly signed, but of another snapshot.
    let other = world.factory.www.join("image/targets.json");
    std::fs::copy(other, attack.directory.join("image/targets.json"))?;
    attack.refused(world, story, "a mix of two snapshots", "image targets: step G2:")
}

fn wrong_ecu(world: &mut World, story: &mut Story<'_>, wanted: &Assignment) -> anyhow::Result<()> {
    let attack = Attack::prepare(world, "wrong-ecu", wanted)?;
    let stranger = Ecu { serial: "primary-2".into(), ..factory::primary() };
    let version = world.factory.next_version();
    let targets = wanted.targets(&stranger, &factory::application());
    let bytes = signing::director_targets(version, world.factory.expiry(), &targets, &wanted.id, false)?;
    factory::write(&attack.directory.join("director/targets.json"), &bytes)?;
    let expected = "director targets: step G8: a listed ECU is not in this vehicle";
    attack.refused(world, story, "an image for another vehicle's ECU", expected)
}

fn oversized(world: &mut World, story: &mut Story<'_>, wanted: &Assignment) -> anyhow::Result<()> {
    let attack = Attack::prepare(world, "oversized", wanted)?;
    let path = attack.directory.join("director/targets.json");
    let mut bytes = std::fs::read(&path)?;
    bytes.resize(MAX_METADATA_BYTES + 1, b' ');
    factory::write(&path, &bytes)?;
    let expected = "director targets: step G1: larger than the limit of 65536 bytes";
    attack.refused(world, story, "metadata beyond its limit", expected)
}

/// A signed commit whose root directory has an entry called `..`.
fn escaping_tree(world: &mut World, story: &mut Story<'_>) -> anyhow::Result<()> {
    let repo = &world.factory.repo;
    let bytes = repo.load_metadata(ObjectType::Commit, &world.factory.head)?;
    let mut commit: Commit = CommitRef::parse(&bytes)?.into();
    let mut tree = DirTree::new();
    tree.insert_dir(Name::new("up")?, commit.tree, commit.meta)?;
    let mut bytes = tree.encode();
    let name = bytes.get_mut(..2).context("a directory that is not empty")?;
    name.copy_from_slice(b"..");
    commit.tree = repo.write_metadata(ObjectType::DirTree, None, &bytes)?;
    let checksum: Checksum = repo.write_metadata(ObjectType::Commit, None, &commit.encode())?;
    let system: Built = world.factory.system("escaping", checksum);
    let assignment = Assignment { id: "urn:demo:escape".into(), system: Some(system), application: None };
    let attack = Attack::prepare(world, "escaping-tree", &assignment)?;
    let outside = world.on_device("sysroot/ostree/deploy/torizon");
    let before = listing(&outside)?;
    let expected = format!("image targets: step I7: os/imx95/main-escaping: dirtree {}", commit.tree);
    attack.refused(world, story, "a tree that leaves its directory", &expected)?;
    let after = listing(&outside)?;
    story.prove(
        "nothing outside the tree was touched",
        before == after,
        format!("{} entries as before", after.len()),
    );
    Ok(())
}

/// A Root that needs two signatures and lists one key under two names; a new Root then sets it right.
fn one_key_twice(world: &mut World, story: &mut Story<'_>, wanted: &Assignment) -> anyhow::Result<()> {
    let attack = Attack::prepare(world, "one-key-twice", wanted)?;
    let expires = world.factory.expiry();
    let root = signing::root_with_one_key_twice(2, expires)?;
    factory::write(&attack.directory.join("director/2.root.json"), &root)?;
    let targets = wanted.targets(&factory::primary(), &factory::application());
    let version = world.factory.next_version();
    let bytes = signing::director_targets(version, expires, &targets, &wanted.id, true)?;
    factory::write(&attack.directory.join("director/targets.json"), &bytes)?;
    let expected = "director targets: step G3: 1 of 2 required keys signed it";
    attack.refused(world, story, "one key under two identifiers", expected)?;
    let www = world.factory.www.join("director");
    factory::write(&www.join("2.root.json"), &root)?;
    factory::write(&www.join("3.root.json"), &signing::root(uptane_core::Repository::Director, 3, expires)?)
}

fn afterwards(world: &mut World, story: &mut Story<'_>) -> anyhow::Result<()> {
    let manifests = world.manifests()?;
    let reports = manifests.iter().filter(|manifest| {
        let report = &manifest["ecu_version_manifests"]["primary-1"]["signed"];
        report["attacks_detected"].as_str().is_some_and(|text| !text.is_empty())
    });
    let reports = reports.count();
    story.prove(
        "every attack is reported to the Director",
        reports == 8,
        format!("{reports} signed reports"),
    );
    world.factory.publish(&Assignment { id: "urn:demo:nothing".into(), ..Assignment::default() })?;
    let device = world.device();
    let finished = update::run(&device, &Source::Servers, story.observer())?;
    let running = world.running_version()?;
    let holds = finished == Finished::NothingToDo && running == "4.0.0";
    let evidence = format!("release {running}; a rotated Root is followed, honest metadata accepted");
    story.prove("the device goes on as before", holds, evidence);
    Ok(())
}

/// The entries of a directory, sorted.
fn listing(directory: &std::path::Path) -> anyhow::Result<Vec<std::ffi::OsString>> {
    let mut names = std::fs::read_dir(directory)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
