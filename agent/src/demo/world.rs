//! The factory, its server and the device together; and the first chapter, which makes them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ostree_objects::RepoMode;
use ostree_objects::sysroot::Sysroot;
use uptane_core::UtcTime;
use uptane_core::manifest;
use uptane_core::repository::SigningKey;

use super::factory::{self, Factory};
use super::machine::{Attempt, Machine};
use super::server::{Received, Server};
use super::story::Story;
use super::{Options, fixture, signing};
use crate::clock;
use crate::config::{Config, Ecus, Health, Paths};
use crate::device::Device;
use crate::http::Client;
use crate::pull::{ObjectSource, pull};

/// All that takes part.
#[derive(Debug)]
pub(super) struct World {
    pub(super) directory: PathBuf,
    pub(super) factory: Factory,
    pub(super) server: Server,
    pub(super) machine: Machine,
    pub(super) config: Config,
}

impl World {
    /// The first chapter: a factory with a recorded system, and a device that it is installed on.
    pub(super) fn make(directory: &Path, options: &Options, story: &mut Story<'_>) -> anyhow::Result<Self> {
        story.chapter("A device is provisioned");
        let now = UtcTime::from_unix(clock::unix_now());
        let factory = Factory::make(&directory.join("factory"), options.fixture.as_deref(), now)?;
        check_fixture(&factory, story)?;
        let server = Server::start(factory.www.clone())?;
        let device = directory.join("device");
        fs::create_dir_all(&device)?;
        let config = configure(&device, server.url())?;
        for name in ["director", "image"] {
            let root = fs::read(factory.www.join(name).join("1.root.json"))?;
            factory::write(&config.paths.roots.join(format!("{name}.json")), &root)?;
        }
        let machine = Machine::make(device)?;
        let mut world = Self { directory: directory.into(), factory, server, machine, config };
        world.flash(story)?;
        world.provision(story)?;
        Ok(world)
    }

    /// The device, opened anew: nothing is remembered but what is on its disk.
    pub(super) fn device(&self) -> Device {
        Device::new(self.config.clone())
    }

    /// A path on the device.
    pub(super) fn on_device(&self, path: &str) -> PathBuf {
        self.directory.join("device").join(path)
    }

    /// The version of the running system, as it says itself.
    pub(super) fn running_version(&self) -> anyhow::Result<String> {
        let text = fs::read_to_string(self.on_device("root/usr/lib/os-release"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VERSION_ID="));
        Ok(line.context("os-release has no VERSION_ID")?.to_owned())
    }

    /// Switches the device on and tells each try.
    pub(super) fn power_on(&mut self, story: &mut Story<'_>) -> anyhow::Result<Vec<Attempt>> {
        let attempts = self.machine.power_on()?;
        for attempt in &attempts {
            let limit = if attempt.used_altbootcmd { ", bootlimit passed: altbootcmd" } else { "" };
            let end = if attempt.started { "starts" } else { "has no init: the watchdog resets" };
            story.note(format!("boot: {:?} entry, release {} {end}{limit}", attempt.entry, attempt.version));
        }
        Ok(attempts)
    }

    /// The reports that arrived since the last call; only those that the device's key signed.
    pub(super) fn manifests(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        let key = SigningKey::from_seed(signing::seed("primary ECU")).public();
        let mut manifests = Vec::new();
        for Received { path, body } in self.server.take_received() {
            if path.ends_with("/manifest")
                && let Some(signed) = manifest::verify(&body, &key)?
            {
                manifests.push(serde_json::from_slice(signed.raw())?);
            }
        }
        Ok(manifests)
    }

    /// Installs the recorded system, as a factory's flashing tool does.
    fn flash(&mut self, story: &mut Story<'_>) -> anyhow::Result<()> {
        let sysroot = Sysroot::init(&self.config.paths.sysroot, RepoMode::BareUser)?;
        sysroot.os_init(&self.config.paths.stateroot)?;
        let source = ObjectSource::Server { client: Client::new(), url: self.config.server.ostree.clone() };
        pull(&source, sysroot.repo(), self.factory.head, story.observer())?;
        self.device().install(
            &sysroot,
            self.factory.head,
            None,
            "root=LABEL=otaroot quiet",
            story.observer(),
        )?;
        self.power_on(story)?;
        let running = self.running_version()?;
        story.prove(
            "the device boots the recorded system",
            running == "1.0.0",
            format!("release {running} runs"),
        );
        Ok(())
    }

    fn provision(&self, story: &mut Story<'_>) -> anyhow::Result<()> {
        let seeds = || Ok((signing::seed("primary ECU"), signing::seed("application ECU")));
        self.device().provision(seeds)?;
        let again = self.device().provision(crate::device::random_seeds)?;
        let received = self.server.take_received();
        let registered = received.iter().filter(|received| received.path == "/director/ecus").count();
        let text = received.first().map(|received| String::from_utf8_lossy(&received.body).into_owned());
        let key = SigningKey::from_seed(signing::seed("primary ECU")).public_hex();
        let holds = registered == 1 && !again && text.is_some_and(|text| text.contains(&key));
        story.prove(
            "its ECUs are registered once, with their keys",
            holds,
            format!("key {}… registered", &key[..16]),
        );
        Ok(())
    }
}

/// That the recorded repository is what the real tool made.
fn check_fixture(factory: &Factory, story: &mut Story<'_>) -> anyhow::Result<()> {
    let (tool, commit) = (fixture::described("made-by")?, fixture::described("commit")?);
    let count = fixture::check_objects(&factory.repo, factory.head).context("the recorded repository")?;
    let holds = factory.head.to_string() == commit;
    let evidence = format!("commit {}…, {count} objects have their checksums", &commit[..16]);
    story.prove(&format!("the first system is a commit of {tool}"), holds, evidence);
    Ok(())
}

fn configure(device: &Path, url: &str) -> anyhow::Result<Config> {
    let config = Config {
        server: crate::config::Server {
            director: format!("{url}/director"),
            image: format!("{url}/image"),
            ostree: format!("{url}/ostree"),
            tls: None,
        },
        ecu: Ecus { primary: factory::primary(), application: factory::application() },
        paths: Paths {
            sysroot: "sysroot".into(),
            stateroot: "torizon".into(),
            state: "state".into(),
            application: "application".into(),
            fw_env_config: "fw_env.config".into(),
            root: "root".into(),
            boot_id: "boot_id".into(),
            roots: "factory-roots".into(),
        },
        health: Health {
            command: vec![
                "test".into(),
                "-x".into(),
                device.join("root/usr/bin/hello").display().to_string(),
            ],
        },
        containers: None,
    };
    let path = device.join("agent.toml");
    fs::write(&path, toml::to_string(&config)?)?;
    Config::read(&path)
}
