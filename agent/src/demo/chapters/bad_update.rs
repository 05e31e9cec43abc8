use std::fs;

use bsp_imx95::boot_script::Entry;

use super::{containers, deployments, told};
use crate::demo::factory::Assignment;
use crate::demo::machine::BOOTLIMIT;
use crate::demo::release;
use crate::demo::story::Story;
use crate::demo::world::World;
use crate::update::journal::Source;
use crate::update::{self, Finished};

/// An update whose system never starts.
pub(crate) fn bad_update(world: &mut World, story: &mut Story<'_>) -> anyhow::Result<()> {
    story.chapter("A bad update rolls back by itself");
    let before = (containers(world)?, fs::read(world.on_device("root/etc/hostname"))?);
    let (system, application) = world.factory.build(&release::V3)?;
    let id = "urn:demo:assignment:3".into();
    world.factory.publish(&Assignment { id, system: Some(system), application: Some(application) })?;
    let finished = update::run(&world.device(), &Source::Servers, story.observer())?;
    let evidence = format!("{} deployments", deployments(world)?);
    story.prove("it is verified and deployed like any other", finished == Finished::RebootNeeded, evidence);

    let attempts = world.power_on(story)?;
    let failed = attempts.iter().filter(|attempt| attempt.version == "3.0.0" && !attempt.started).count();
    let holds = failed.to_string() == BOOTLIMIT
        && attempts.last().is_some_and(|last| last.used_altbootcmd && last.entry == Entry::Second);
    let evidence = format!("{failed} failed boots, then altbootcmd");
    story.prove("after bootlimit failed boots altbootcmd goes back", holds, evidence);
    let running = world.running_version()?;
    story.prove("the old system runs", running == "2.0.0", format!("release {running}"));

    let device = world.device();
    let finished = update::resume(&device, story.observer())?;
    let reason = match &finished {
        Finished::RolledBack { reason } => reason.clone(),
        other => format!("{other:?}"),
    };
    let told: Vec<_> = world.manifests()?.iter().map(told).collect();
    let holds = told.iter().any(|(image, success, description)| {
        image.ends_with("2.0.0") && *success == Some(false) && *description == reason
    });
    story.prove("the signed manifest reports the failure", holds, reason);

    let after = (containers(world)?, fs::read(world.on_device("root/etc/hostname"))?);
    let holds = before == after && deployments(world)? == 1;
    story.prove("the old containers and /etc are intact", holds, after.0.join(", "));
    let attempts = world.power_on(story)?;
    let started = attempts.iter().map(|attempt| (&*attempt.version, attempt.started)).collect::<Vec<_>>();
    let evidence = "the failed deployment is removed, the next boot is the first entry".to_owned();
    story.prove("it boots without a detour from now on", started == [("2.0.0", true)], evidence);
    let finished = update::run(&device, &Source::Servers, story.observer())?;
    let evidence = format!("{finished:?} although it is still assigned");
    story.prove("what failed is not tried again", finished == Finished::NothingToDo, evidence);
    Ok(())
}
