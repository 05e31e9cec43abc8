use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use ostree_objects::{Checksum, ObjectType, RepoMode};

use super::told;
use crate::demo::factory::Assignment;
use crate::demo::release;
use crate::demo::story::Story;
use crate::demo::world::World;
use crate::device::Device;

/// The object during which the process is killed.
const HELD_OBJECT: usize = 25;
/// Kills after that, the last one after half a second.
const MAX_CUTS: u32 = 9;
/// Starts that the rest of the update may take.
const MAX_STARTS: usize = 4;
/// Exit codes of `ota-agent update`.
const NOTHING_TO_DO: i32 = 3;
const REBOOT_NEEDED: i32 = 4;
/// How long the process may take to come that far.
const PATIENCE: Duration = Duration::from_secs(20);

/// An update whose process is killed in the middle, as `program` runs it on a device.
pub(crate) fn power_cut(world: &mut World, program: &Path, story: &mut Story<'_>) -> anyhow::Result<()> {
    story.chapter("Power fails in the middle of an update");
    let (system, application) = world.factory.build(&release::V5)?;
    let id = "urn:demo:assignment:5".into();
    world.factory.publish(&Assignment { id, system: Some(system), application: Some(application) })?;
    let asked = killed(world, program)?;
    let device = world.device();
    // What was still on its way when the power failed is lost.
    let first: BTreeSet<_> =
        asked.into_iter().filter(|path| is_kept(&device, path).unwrap_or(false)).collect();
    let state = device.records().state()?.name();
    let partial = device.sysroot()?.repo().is_partial(&world.factory.head)?;
    let evidence = format!("killed after {} objects; the journal says {state}", first.len());
    story.prove("the process dies while it pulls", state == "verified" && partial, evidence);
    let running = world.running_version()?;
    let attempts = world.power_on(story)?;
    let holds = attempts.len() == 1 && running == world.running_version()?;
    story.prove("the device boots the system it had", holds, format!("release {running}"));

    let booted = cut_again(world, program, story)?;
    let holds = booted.iter().all(|version| version == "4.0.0" || version == "5.0.0");
    let evidence = format!("{} more kills, then booted: {}", booted.len(), booted.join(", "));
    story.prove("whenever it is killed, the old or the new system boots", holds, evidence);

    let codes = finish(world, program, story)?;
    let later = objects(world);
    let again = first.intersection(&later).count();
    let evidence = format!("{} more objects fetched, {again} of the first ones again", later.len());
    let holds = again == 0 && !later.is_empty() && !first.is_empty();
    story.prove("the next starts fetch only what is missing", holds, evidence);
    let running = world.running_version()?;
    let evidence = format!("release {running}, exit codes {codes:?}");
    story.prove("and finish the update", codes.last() == Some(&0) && running == "5.0.0", evidence);
    let told: Vec<_> = world.manifests()?.iter().map(told).collect();
    let holds = told.iter().any(|(image, success, _)| image.ends_with("5.0.0") && *success == Some(true));
    story.prove("the manifest reports the success", holds, format!("{} manifests", told.len()));
    Ok(())
}

/// Whether the device's repository has the object that is served as `path`.
fn is_kept(device: &Device, path: &str) -> anyhow::Result<bool> {
    let name = path.trim_start_matches("/ostree/objects/").replace('/', "");
    let (hex, extension) = name.split_once('.').context("an object has an extension")?;
    let object_type = ObjectType::from_extension(extension, RepoMode::Archive).context("an object")?;
    Ok(device.sysroot()?.repo().has(object_type, &hex.parse::<Checksum>()?)?)
}

/// Starts and kills it at later and later moments, wherever it is then; what each power-on after it booted.
fn cut_again(world: &mut World, program: &Path, story: &mut Story<'_>) -> anyhow::Result<Vec<String>> {
    let mut booted = Vec::new();
    for delay in (1..=MAX_CUTS).map(|cut| Duration::from_millis(1 << cut)) {
        let mut child = command(world, program).spawn()?;
        std::thread::sleep(delay);
        let ended = child.try_wait()?.is_some();
        child.kill()?;
        child.wait()?;
        world.power_on(story)?;
        let version = world.running_version()?;
        // Every boot of the new system counts: too many of them, and it would rightly be given up.
        let is_over = ended || version != "4.0.0";
        booted.push(version);
        if is_over {
            break;
        }
    }
    Ok(booted)
}

/// Starts it, and switches the device off and on when it asks for that, until it has nothing more to do.
fn finish(world: &mut World, program: &Path, story: &mut Story<'_>) -> anyhow::Result<Vec<i32>> {
    let mut codes = Vec::new();
    while codes.len() < MAX_STARTS {
        let status = command(world, program).status()?;
        let code = status.code().context("the update was ended by a signal")?;
        match code {
            REBOOT_NEEDED => drop(world.power_on(story)?),
            // It was confirmed before the last kill already.
            NOTHING_TO_DO => {
                codes.push(0);
                return Ok(codes);
            }
            _ => {
                codes.push(code);
                return Ok(codes);
            }
        }
        codes.push(code);
    }
    Ok(codes)
}

/// Starts the update and kills it, as a power cut would, while it waits for an object; the ones it asked for.
fn killed(world: &World, program: &Path) -> anyhow::Result<BTreeSet<String>> {
    world.server.take_log();
    world.server.hold("/ostree/objects/", HELD_OBJECT);
    let mut child =
        command(world, program).spawn().with_context(|| format!("starting {}", program.display()))?;
    let held = world.server.wait_held(PATIENCE);
    child.kill()?;
    child.wait()?;
    world.server.release();
    if !held {
        bail!("the update did not come to its object number {HELD_OBJECT} in {} s", PATIENCE.as_secs());
    }
    let log = world.server.take_log();
    Ok(log.into_iter().filter(|path| path.starts_with("/ostree/objects/")).collect())
}

fn command(world: &World, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--config").arg(world.on_device("agent.toml")).arg("update").stdout(Stdio::null());
    command
}

fn objects(world: &World) -> BTreeSet<String> {
    world.server.take_log().into_iter().filter(|path| path.starts_with("/ostree/objects/")).collect()
}
