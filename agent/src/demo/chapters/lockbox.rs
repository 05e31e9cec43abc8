use super::{containers, told};
use crate::demo::release;
use crate::demo::story::Story;
use crate::demo::world::World;
use crate::update::journal::Source;
use crate::update::{self, Finished};

/// An update on a stick, without a connection until it is confirmed.
pub(crate) fn lockbox(world: &mut World, story: &mut Story<'_>) -> anyhow::Result<()> {
    story.chapter("An update comes on a stick");
    let (system, application) = world.factory.build(&release::V4)?;
    let stick = world.directory.join("stick");
    world.factory.write_lockbox(&stick, "field-update", &system, &application)?;
    world.server.take_log();
    let device = world.device();
    let finished = update::run(&device, &Source::Lockbox(stick), story.observer())?;
    let log = world.server.take_log();
    let holds = finished == Finished::RebootNeeded && log.is_empty();
    story.prove(
        "a Lockbox is verified and deployed offline",
        holds,
        format!("{} requests to any server", log.len()),
    );
    world.power_on(story)?;
    let finished = update::resume(&device, story.observer())?;
    let running = world.running_version()?;
    let holds = finished == Finished::Installed && running == "4.0.0";
    let evidence = format!("release {running}, {}", containers(world)?.join(", "));
    story.prove("it boots and is confirmed", holds, evidence);
    let manifests = world.manifests()?;
    let id = manifests.last().map_or(String::new(), |manifest| {
        manifest["installation_report"]["report"]["correlation_id"].as_str().unwrap_or_default().into()
    });
    let holds = id.starts_with("urn:tdx-ota:lockbox:field-update:")
        && manifests
            .iter()
            .map(told)
            .any(|(image, success, _)| image.ends_with("4.0.0") && success == Some(true));
    story.prove("once online, the manifest names the Lockbox", holds, id);
    Ok(())
}
