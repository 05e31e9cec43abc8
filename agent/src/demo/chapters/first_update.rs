use std::fs;

use bsp_imx95::boot_script::Entry;
use bsp_imx95::slot::State as Slot;
use container_spec::plan::Step;

use super::{containers, deployments, told};
use crate::demo::factory::{self, Assignment};
use crate::demo::story::Story;
use crate::demo::world::World;
use crate::demo::{fixture, release};
use crate::update::journal::{Source, State};
use crate::update::{self, Finished};

/// What the user of the device wrote into files that the image has defaults for.
const HOSTNAME: &str = "gateway-7\n";
const SSHD: &str = "Port 2222\nPermitRootLogin no\nPasswordAuthentication yes\n";

/// An update that goes well, over local edits.
pub(crate) fn first_update(world: &mut World, story: &mut Story<'_>) -> anyhow::Result<()> {
    story.chapter("The first update is verified, merged and confirmed");
    factory::write(&world.on_device("root/etc/hostname"), HOSTNAME.as_bytes())?;
    factory::write(&world.on_device("root/etc/ssh/sshd_config"), SSHD.as_bytes())?;
    let (system, application) = world.factory.build(&release::V2)?;
    let id = "urn:demo:assignment:2".into();
    world.factory.publish(&Assignment { id, system: Some(system), application: Some(application) })?;
    world.server.take_log();
    let finished = update::run(&world.device(), &Source::Servers, story.observer())?;
    installed_beside(world, story, &finished)?;
    let attempts = world.power_on(story)?;
    let slot = world.device().boot_environment()?.state()?;
    let is_trial = slot == Slot::Trial { count: 1, limit: 3 };
    let entries: Vec<_> = attempts.iter().map(|attempt| attempt.entry).collect();
    let running = world.running_version()?;
    let holds = is_trial && entries == [Entry::First] && running == "2.0.0";
    story.prove("the new system boots on trial", holds, format!("release {running}, {slot}"));
    merged(world, story)?;
    confirmed(world, story)
}

fn installed_beside(world: &World, story: &mut Story<'_>, finished: &Finished) -> anyhow::Result<()> {
    let log = world.server.take_log();
    let count = |prefix: &str| log.iter().filter(|path| path.starts_with(prefix)).count();
    let evidence = format!(
        "{} files of the Director, {} of the Image repository, {} objects fetched",
        count("/director/"),
        count("/image/"),
        count("/ostree/objects/")
    );
    let holds = *finished == Finished::RebootNeeded && count("/director/") > 0 && count("/image/") > 0;
    story.prove("both repositories are verified before anything is fetched", holds, evidence);

    let device = world.device();
    let count = fixture::check_objects(device.sysroot()?.repo(), world.factory.head)?;
    story.prove(
        "every object that was pulled has its checksum",
        count > 0,
        format!("{count} objects read back"),
    );

    let (running, count) = (world.running_version()?, deployments(world)?);
    let holds = running == "1.0.0" && count == 2;
    story.prove(
        "the new system lies beside the running one",
        holds,
        format!("{count} deployments, {running} runs"),
    );

    let plan = device.application().plan()?;
    let confirm = plan.steps.iter().position(|step| *step == Step::Confirm).unwrap_or_default();
    let back = plan.undo(confirm).map_or(0, |undo| undo.len());
    let holds = confirm > 0 && back > 0;
    let evidence = format!("{confirm} steps until it is confirmed, {back} to go back");
    story.prove("the application's switch is planned with its way back", holds, evidence);

    let slot = device.boot_environment()?.state()?;
    story.prove(
        "the boot loader knows of the trial",
        slot == Slot::Staged,
        format!("boot environment: {slot}"),
    );
    Ok(())
}

fn merged(world: &World, story: &mut Story<'_>) -> anyhow::Result<()> {
    let etc = |path: &str| fs::read_to_string(world.on_device("root/etc").join(path));
    let hostname = etc("hostname")?;
    story.prove("/etc: a local edit is kept", hostname == HOSTNAME, format!("hostname: {}", hostname.trim()));
    let (sysctl, new) = (etc("sysctl.d/10-net.conf")?, release::V2.sysctl.unwrap_or_default());
    let evidence = format!("sysctl.d/10-net.conf: {} lines", sysctl.lines().count());
    story.prove("/etc: a default that nobody edited is updated", sysctl == new, evidence);
    let sshd = etc("ssh/sshd_config")?;
    let saved = fs::read_to_string(world.on_device("root/etc.conflicts/new/ssh/sshd_config"))?;
    let holds = sshd == SSHD && Some(&*saved) == release::V2.sshd;
    let evidence = "ssh/sshd_config: the local version is live, the new default is saved".to_owned();
    story.prove("/etc: a conflict is reported and loses nothing", holds, evidence);
    Ok(())
}

fn confirmed(world: &World, story: &mut Story<'_>) -> anyhow::Result<()> {
    let device = world.device();
    let finished = update::resume(&device, story.observer())?;
    let slot = device.boot_environment()?.state()?;
    let holds = finished == Finished::Installed
        && slot == Slot::Confirmed
        && device.records().state()? == State::Idle;
    story.prove("the healthy system is confirmed", holds, format!("boot environment: {slot}"));
    let running = containers(world)?;
    story.prove("its containers are switched", running.len() == 2, running.join(", "));
    let manifests = world.manifests()?;
    let told: Vec<_> = manifests.iter().map(told).collect();
    let holds = told.iter().any(|(image, success, _)| image.ends_with("2.0.0") && *success == Some(true));
    let evidence = format!(
        "{} signed manifests, the last names {}",
        told.len(),
        told.last().map_or("none", |(image, ..)| image)
    );
    story.prove("the signed manifest tells the factory", holds, evidence);
    Ok(())
}
