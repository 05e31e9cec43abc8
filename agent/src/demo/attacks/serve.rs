//! A server of the attacker's: what the device is served instead, and that it refuses.

use std::path::PathBuf;

use crate::demo::factory::{self, Assignment};
use crate::demo::story::Story;
use crate::demo::world::World;
use crate::device::Device;
use crate::update::journal::{Source, State};
use crate::update::{self, Finished};

/// One attack: a directory that is served in place of both repositories.
pub(super) struct Attack {
    name: &'static str,
    pub(super) directory: PathBuf,
}

impl Attack {
    /// Begins with valid metadata that assigns `wanted`, for the attack to spoil.
    pub(super) fn prepare(
        world: &mut World,
        name: &'static str,
        wanted: &Assignment,
    ) -> anyhow::Result<Self> {
        let factory = &mut world.factory;
        let directory = factory.www.join("attack").join(name);
        let version = factory.next_version();
        let targets = factory.director_targets(version, factory.expiry(), wanted)?;
        factory::write(&directory.join("director/targets.json"), &targets)?;
        factory.write_image_metadata(&directory.join("image"), version)?;
        Ok(Self { name, directory })
    }

    /// Has the device update from the attacker and proves that it says `expected`, and is what it was.
    pub(super) fn refused(
        self,
        world: &World,
        story: &mut Story<'_>,
        what: &str,
        expected: &str,
    ) -> anyhow::Result<()> {
        let mut config = world.config.clone();
        config.server.director = format!("{}/attack/{}/director", world.server.url(), self.name);
        config.server.image = format!("{}/attack/{}/image", world.server.url(), self.name);
        let device = Device::new(config);
        let before = (world.running_version()?, device.application().containers()?);
        let said = match update::run(&device, &Source::Servers, story.observer()) {
            Err(error) => format!("{error:#}"),
            Ok(Finished::RolledBack { reason }) => reason,
            Ok(other) => format!("accepted: {other:?}"),
        };
        let after = (world.running_version()?, device.application().containers()?);
        let holds = said.contains(expected) && before == after && device.records().state()? == State::Idle;
        story.prove(&format!("{what} is refused"), holds, said);
        Ok(())
    }
}
