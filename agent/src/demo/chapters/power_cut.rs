use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use super::told;
use crate::demo::factory::Assignment;
use crate::demo::release;
use crate::demo::story::Story;
use crate::demo::world::World;

/// The object during which the process is killed.
const HELD_OBJECT: usize = 25;
/// How long the process may take to come that far.
const PATIENCE: Duration = Duration::from_secs(20);

/// An update whose process is killed in the middle, as `program` runs it on a device.
pub(crate) fn power_cut(world: &mut World, program: &Path, story: &mut Story<'_>) -> anyhow::Result<()> {
    story.chapter("Power fails in the middle of an update");
    let (system, application) = world.factory.build(&release::V5)?;
    let id = "urn:demo:assignment:5".into();
    world.factory.publish(&Assignment { id, system: Some(system), application: Some(application) })?;
    let first = killed(world, program)?;
    let device = world.device();
    let state = device.records().state()?.name();
    let partial = device.sysroot()?.repo().is_partial(&world.factory.head)?;
    let evidence = format!("killed after {} objects; the journal says {state}", first.len());
    story.prove("the process dies while it pulls", state == "verified" && partial, evidence);
    let running = world.running_version()?;
    let attempts = world.power_on(story)?;
    let holds = attempts.len() == 1 && running == world.running_version()?;
    story.prove("the device boots the system it had", holds, format!("release {running}"));

    let code = run(world, program)?;
    let second = objects(world);
    let again = first.intersection(&second).count();
    let evidence =
        format!("{} more objects fetched, {again} of the first ones again, exit code {code}", second.len());
    story.prove("the next start finishes the pull", code == 4 && again == 0 && !second.is_empty(), evidence);
    world.power_on(story)?;
    let code = run(world, program)?;
    let running = world.running_version()?;
    let evidence = format!("release {running}, exit code {code}");
    story.prove("and the update is confirmed after its boot", code == 0 && running == "5.0.0", evidence);
    let told: Vec<_> = world.manifests()?.iter().map(told).collect();
    let holds = told.iter().any(|(image, success, _)| image.ends_with("5.0.0") && *success == Some(true));
    story.prove("the manifest reports one success", holds, format!("{} manifests", told.len()));
    Ok(())
}

/// Starts the update and kills it, as a power cut would, while it waits for an object; the ones it has.
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
    let mut fetched: Vec<_> = log.into_iter().filter(|path| path.starts_with("/ostree/objects/")).collect();
    // The last one was asked for and never answered.
    fetched.pop();
    Ok(fetched.into_iter().collect())
}

fn run(world: &World, program: &Path) -> anyhow::Result<i32> {
    let status = command(world, program).status()?;
    status.code().context("the update was ended by a signal")
}

fn command(world: &World, program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--config").arg(world.on_device("agent.toml")).arg("update").stdout(Stdio::null());
    command
}

fn objects(world: &World) -> BTreeSet<String> {
    world.server.take_log().into_iter().filter(|path| path.starts_with("/ostree/objects/")).collect()
}
