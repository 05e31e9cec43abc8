//! One step of a plan, and one reverse: each so that doing it twice does no harm.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use container_spec::compose::Project;
use container_spec::digest::Sha256;
use container_spec::engine::response::{Done, Failure, ResponseError, Told};
use container_spec::engine::{HealthStatus, Request, Target};
use container_spec::plan::{Step, Undo, WaitFor};
use container_spec::reference::Normalized;
use container_spec::registry::{Credential, Endpoint};

use super::archives::{self, Archives};
use super::images::Images;
use super::registry::RegistryError;
use super::{Engine, Settings};
use crate::report::{Event, Observer};

/// How often a container is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(200);

/// What steps need.
pub(super) struct Worker<'w> {
    pub(super) engine: &'w Engine,
    pub(super) settings: &'w Settings,
    pub(super) archives: &'w dyn Archives,
    pub(super) images: &'w mut Images,
    pub(super) project: &'w Project,
}

impl Worker<'_> {
    fn target(&self) -> Target<'_> {
        Target { project: &self.settings.project, directory: &self.settings.base, api: self.engine.api() }
    }

    pub(super) fn step(&mut self, step: &Step, observer: &mut dyn Observer) -> anyhow::Result<()> {
        let api = self.engine.api();
        match step {
            Step::CheckSpace { needed_bytes } => self.engine.check_space(*needed_bytes),
            Step::Pull { image, .. } => self.pull(image, observer),
            Step::Load { image, digest } => self.load(image, *digest, observer),
            Step::Verify { image, digest } => self.image_id(image, *digest).map(drop),
            Step::CreateNetwork { key, .. } => {
                let network = self.project.networks.get(key).cloned().unwrap_or_default();
                self.unless_there(&self.target().create_network(key, &network))
            }
            Step::CreateVolume { key, .. } => {
                let volume = self.project.volumes.get(key).cloned().unwrap_or_default();
                self.unless_there(&self.target().create_volume(key, &volume))
            }
            Step::Create { service, number, container, image, digest, .. } => {
                let id = self.image_id(image, *digest)?;
                self.remove_own(container)?;
                let target = self.target();
                let request = target.create_container(self.project, service, *number, container, &id)?;
                self.engine.call(&request)?;
                for request in target.connect_networks(self.project, service, container) {
                    self.engine.call(&request)?;
                }
                Ok(())
            }
            Step::SetRestart { container, to, .. } => self.call(&Request::set_restart(api, container, to)),
            Step::Stop { container, .. } => self.engine.stop(container).map(drop),
            Step::Rename { from, to } => {
                if self.engine.container(from)?.is_none() && self.engine.container(to)?.is_some() {
                    // It was done before.
                    return Ok(());
                }
                self.call(&Request::rename(api, from, to))
            }
            Step::Start { container, .. } => self.call(&Request::start(api, container)),
            Step::Wait { container, until, timeout_ms, .. } => {
                self.wait(container, *until, Duration::from_millis(*timeout_ms))
            }
            // It is the journal that says so, not the engine.
            Step::Confirm => Ok(()),
            Step::RemoveContainer { container } => self.remove_own(container),
            Step::RemoveImage { image_id } => self.unless_used(image_id),
            _ => bail!("{step}: this step is of a later version"),
        }
    }

    pub(super) fn undo(&self, undo: &Undo) -> anyhow::Result<()> {
        let api = self.engine.api();
        match undo {
            Undo::Nothing => Ok(()),
            Undo::RemoveImage { image } => {
                let digest = Normalized::parse(image)?.pinned();
                match digest.and_then(|digest| self.image_id(image, digest).ok()) {
                    Some(id) => self.unless_used(&id),
                    None => Ok(()),
                }
            }
            Undo::RemoveNetwork { network } => {
                self.leave_if(Failure::Forbidden, &Request::remove_network(api, network))
            }
            Undo::RemoveVolume { volume } => {
                self.leave_if(Failure::Conflict, &Request::remove_volume(api, volume))
            }
            Undo::RemoveContainer { container } => self.remove_own(container),
            // A container that is gone, because somebody else removed it, cannot be brought back by its
            // reverses: they pass it over, and `start` makes it anew.
            Undo::SetRestart { container, to } => self.if_there(&Request::set_restart(api, container, to)),
            Undo::Start { container } => self.if_there(&Request::start(api, container)),
            Undo::Stop { container } => match self.engine.container(container)? {
                Some(_) => self.engine.stop(container).map(drop),
                None => Ok(()),
            },
            Undo::Rename { from, to } => self.if_there(&Request::rename(api, from, to)),
            _ => bail!("{undo}: this step is of a later version"),
        }
    }

    fn call(&self, request: &Request) -> anyhow::Result<()> {
        let _: Done = self.engine.call(request)?;
        Ok(())
    }

    /// A request whose failure of this kind means that there is nothing to do.
    fn leave_if(&self, harmless: Failure, request: &Request) -> anyhow::Result<()> {
        match self.engine.call(request) {
            Err(error) => match error.downcast_ref::<ResponseError>() {
                Some(answer) if answer.failure == harmless || answer.failure == Failure::NotFound => Ok(()),
                _ => Err(error),
            },
            Ok(_) => Ok(()),
        }
    }

    fn if_there(&self, request: &Request) -> anyhow::Result<()> {
        self.leave_if(Failure::NotFound, request)
    }

    fn unless_there(&self, request: &Request) -> anyhow::Result<()> {
        self.leave_if(Failure::Conflict, request)
    }

    /// Removes an image that nobody uses. That somebody does is no failure.
    fn unless_used(&self, image: &str) -> anyhow::Result<()> {
        self.leave_if(Failure::Conflict, &Request::remove_image(self.engine.api(), image))
    }

    fn pull(&self, image: &str, observer: &mut dyn Observer) -> anyhow::Result<()> {
        let reference = Normalized::parse(image)?;
        let request = Request::pull(self.engine.api(), &reference, self.settings.platform.as_deref());
        let (registry, credentials) = (Endpoint::of(reference).registry(), self.settings.credentials()?);
        let auth = credentials.of_registry(registry).map(Credential::registry_auth);
        let pulled = self.engine.pull(&request, auth.as_deref(), |told| match told {
            Told::Progress { done, total, .. } => {
                observer.event(Event::Progress { what: "pull", done, total, unit: "bytes" });
            }
            Told::Text(text) => tracing::debug!("{text}"),
            Told::Loaded(_) => {}
        });
        let pulled = pulled.map_err(|error| match error.downcast_ref::<ResponseError>() {
            Some(answer) if answer.failure == Failure::Credentials => {
                error.context(RegistryError::unauthorized(registry, auth.is_some()))
            }
            _ => error,
        });
        pulled.with_context(|| format!("pulling {image}"))
    }

    fn load(&mut self, image: &str, digest: Sha256, observer: &mut dyn Observer) -> anyhow::Result<()> {
        let archive =
            self.archives.archive(digest)?.with_context(|| format!("there is no archive of {image}"))?;
        let platform = self.settings.platform()?;
        archives::load(self.engine, &archive, image, platform, self.images, observer)
    }

    /// The engine's id of a pinned image, if it has it and it is the right one.
    fn image_id(&self, image: &str, digest: Sha256) -> anyhow::Result<String> {
        let identity = self.images.identity(digest);
        let ids = [identity.config, identity.manifest].into_iter().flatten().map(|id| id.to_string());
        for name in ids.chain([image.to_owned()]) {
            if let Some(details) = self.engine.image(&name)? {
                identity.check(&details)?;
                return Ok(details.id);
            }
        }
        bail!("the engine does not have {image}")
    }

    /// Removes a container of this project. One of another project under this name is not touched.
    fn remove_own(&self, name: &str) -> anyhow::Result<()> {
        let Some((container, _)) = self.engine.container(name)? else { return Ok(()) };
        let own = self.engine.current(&self.settings.project)?;
        if !own.containers.iter().any(|other| other.id == container.id) {
            bail!("container {name} belongs to another project");
        }
        self.call(&Request::remove_container(self.engine.api(), &container.id, true))
    }

    fn wait(&self, name: &str, until: WaitFor, limit: Duration) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let (_, state) =
                self.engine.container(name)?.with_context(|| format!("container {name} is gone"))?;
            let over = start.elapsed() >= limit;
            let ended = !state.running || state.restarting;
            match until {
                WaitFor::Completed if state.status == "exited" && state.exit_code == 0 => return Ok(()),
                WaitFor::Completed if state.status == "exited" => {
                    bail!("container {name} ended with {}", state.exit_code);
                }
                WaitFor::Completed => {}
                WaitFor::Running | WaitFor::Healthy if ended => {
                    bail!("container {name} does not run: {} with {}", state.status, state.exit_code);
                }
                WaitFor::Running if over => return Ok(()),
                WaitFor::Running => {}
                WaitFor::Healthy => match state.health.map(|health| health.status).unwrap_or_default() {
                    HealthStatus::Healthy => return Ok(()),
                    HealthStatus::Unhealthy => bail!("container {name} is unhealthy"),
                    HealthStatus::None => bail!("container {name} has no health check"),
                    _ => {}
                },
            }
            if over {
                bail!("container {name} took longer than {} s", limit.as_secs());
            }
            std::thread::sleep(POLL.min(limit));
        }
    }
}
