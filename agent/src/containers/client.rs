//! The engine behind its socket: requests in, checked answers out.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use container_spec::digest::Sha256;
use container_spec::engine::response::{self, Done, MAX_BODY_BYTES, Stream, Told};
use container_spec::engine::{ApiVersion, ContainerState, ImageDetails, Method, Request};
use container_spec::oci::chain_ids;
use container_spec::plan::{Container, Current, Image};
use serde::Deserialize;
use ureq::http::Response;
use ureq::{Agent, Body, Error, SendBody};

use super::unix;

/// How long the engine may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the answer to a request that changes little.
    pub answer: Duration,
    /// For a container to stop, its grace period included.
    pub stop: Duration,
    /// Without a byte of a pull.
    pub stall: Duration,
    /// For all of a pull or a load.
    pub transfer: Duration,
}

impl Default for Timeouts {
    /// One minute; ten minutes; two minutes; an hour.
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(60),
            stop: Duration::from_secs(600),
            stall: Duration::from_secs(120),
            transfer: Duration::from_secs(3600),
        }
    }
}

/// An engine and the version of its API that is spoken with it.
#[derive(Clone, Debug)]
pub struct Engine {
    agent: Agent,
    api: ApiVersion,
    timeouts: Timeouts,
}

/// The engine's disk has too little room for what a switch needs. Nothing was fetched.
#[derive(Debug, thiserror::Error)]
#[error("{} has {free_bytes} bytes free, {needed_bytes} are needed", .directory.display())]
pub struct NoSpace {
    /// Where the engine keeps what it has.
    pub directory: PathBuf,
    /// Bytes that are needed at least.
    pub needed_bytes: u64,
    /// Bytes that are free.
    pub free_bytes: u64,
}

/// Where the engine keeps what it has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    docker_root_dir: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    api_version: String,
    #[serde(rename = "MinAPIVersion")]
    min_api_version: Option<String>,
}

impl Engine {
    /// Connects to the socket and agrees on a version.
    ///
    /// # Errors
    /// If nobody answers there, or there is no version that both speak.
    pub fn connect(socket: &Path, timeouts: Timeouts) -> anyhow::Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(timeouts.answer))
            .user_agent(concat!("ota-agent/", env!("CARGO_PKG_VERSION")))
            .build();
        let mut engine =
            Self { agent: unix::agent(socket, config), api: container_spec::engine::MIN_API, timeouts };
        let version: Version =
            engine.json(&Request::version()).with_context(|| format!("asking {}", socket.display()))?;
        engine.api = ApiVersion::negotiate(&version.api_version, version.min_api_version.as_deref())?;
        Ok(engine)
    }

    /// The version that was agreed on.
    #[must_use]
    pub const fn api(&self) -> ApiVersion {
        self.api
    }

    /// Sends a request and checks the status. What is to be removed and is not there is no error.
    ///
    /// # Errors
    /// If the engine cannot be reached, or answers with an error.
    pub fn call(&self, request: &Request) -> anyhow::Result<Done> {
        let (status, body) = self.send(request)?;
        Ok(response::check_repeatable(request.method, status, &body)?)
    }

    /// Stops a container, and waits until it has stopped.
    ///
    /// # Errors
    /// As [`call`](Self::call), and if it does not stop in time.
    pub fn stop(&self, container: &str) -> anyhow::Result<Done> {
        let request = Request::stop(self.api, container, None);
        let send = self.agent.post(url(&request)).config().timeout_global(Some(self.timeouts.stop)).build();
        let (status, body) = Self::receive(&request, send.send_empty())?;
        Ok(response::check_repeatable(request.method, status, &body)?)
    }

    /// Sends a request and reads the JSON of the answer.
    ///
    /// # Errors
    /// As [`call`](Self::call), and if the answer has another form.
    pub fn json<T: for<'b> Deserialize<'b>>(&self, request: &Request) -> anyhow::Result<T> {
        let (status, body) = self.send(request)?;
        Ok(response::json(status, &body)?)
    }

    /// Sends a request whose body is this archive, and hands on what the stream of the answer tells.
    ///
    /// # Errors
    /// As [`call`](Self::call), and for an error that the stream tells of.
    pub fn load(
        &self,
        request: &Request,
        mut archive: &mut dyn Read,
        told: impl FnMut(Told),
    ) -> anyhow::Result<()> {
        let send =
            self.agent.post(url(request)).config().timeout_global(Some(self.timeouts.transfer)).build();
        let answer = send.content_type("application/x-tar").send(SendBody::from_reader(&mut archive));
        Self::stream(request, answer, told)
    }

    /// Sends a pull, with credentials as [`Credential::registry_auth`] writes them, and hands on what the stream of the
    /// answer tells.
    ///
    /// [`Credential::registry_auth`]: container_spec::registry::Credential::registry_auth
    ///
    /// # Errors
    /// As [`call`](Self::call), and for an error that the stream tells of.
    pub fn pull(
        &self,
        request: &Request,
        registry_auth: Option<&str>,
        told: impl FnMut(Told),
    ) -> anyhow::Result<()> {
        let mut send = self
            .agent
            .post(url(request))
            .config()
            .timeout_global(Some(self.timeouts.transfer))
            .timeout_per_read(Some(self.timeouts.stall))
            .build();
        if let Some(auth) = registry_auth {
            send = send.header("x-registry-auth", auth);
        }
        Self::stream(request, send.send_empty(), told)
    }

    fn stream(
        request: &Request,
        answer: Result<Response<Body>, Error>,
        mut told: impl FnMut(Told),
    ) -> anyhow::Result<()> {
        let mut answer = answer.with_context(|| format!("POST {}", request.path))?;
        let mut stream = Stream::new(answer.status().as_u16());
        let mut reader = answer.body_mut().with_config().limit(u64::MAX).reader();
        let mut buffer = [0; 8192];
        loop {
            let read = reader.read(&mut buffer).with_context(|| format!("POST {}", request.path))?;
            if read == 0 {
                break;
            }
            stream.feed(buffer.get(..read).unwrap_or_default())?.into_iter().for_each(&mut told);
        }
        stream.finish()?.into_iter().for_each(told);
        Ok(())
    }

    fn send(&self, request: &Request) -> anyhow::Result<(u16, Vec<u8>)> {
        let url = url(request);
        let answer = match (request.method, &request.body) {
            (Method::Get, _) => self.agent.get(&url).call(),
            (Method::Delete, _) => self.agent.delete(&url).call(),
            (Method::Post, None) => self.agent.post(&url).send_empty(),
            (Method::Post, Some(body)) => {
                self.agent.post(&url).content_type("application/json").send(body.to_string())
            }
        };
        Self::receive(request, answer)
    }

    fn receive(request: &Request, answer: Result<Response<Body>, Error>) -> anyhow::Result<(u16, Vec<u8>)> {
        let what = || format!("{} {}", request.method.as_str(), request.path);
        let mut answer = answer.with_context(what)?;
        let limit = u64::try_from(MAX_BODY_BYTES)?;
        let body = answer.body_mut().with_config().limit(limit).read_to_vec();
        Ok((answer.status().as_u16(), body.with_context(what)?))
    }

    /// A container of this name, and how it is; nothing if there is none.
    ///
    /// # Errors
    /// If the engine cannot be asked.
    pub fn container(&self, name: &str) -> anyhow::Result<Option<(Container, ContainerState)>> {
        match self.send(&Request::inspect_container(self.api, name))? {
            (404, _) => Ok(None),
            (status, body) => Ok(Some(ContainerState::read(status, &body)?)),
        }
    }

    /// An image of this name or id; nothing if there is none.
    ///
    /// # Errors
    /// If the engine cannot be asked.
    pub fn image(&self, name: &str) -> anyhow::Result<Option<ImageDetails>> {
        match self.send(&Request::inspect_image(self.api, name))? {
            (404, _) => Ok(None),
            (status, body) => Ok(Some(ImageDetails::read(status, &body)?)),
        }
    }

    /// The containers of a project, and how they are.
    ///
    /// # Errors
    /// If the engine cannot be asked.
    pub fn states(&self, project: &str) -> anyhow::Result<Vec<(Container, ContainerState)>> {
        let (status, body) = self.send(&Request::containers(self.api, project))?;
        let mut states = Vec::new();
        for id in Request::read_container_ids(status, &body)? {
            // One that is gone meanwhile is gone.
            states.extend(self.container(&id)?);
        }
        Ok(states)
    }

    /// What the engine has of a project, and all of its images.
    ///
    /// # Errors
    /// If the engine cannot be asked.
    pub fn current(&self, project: &str) -> anyhow::Result<Current> {
        let containers = self.states(project)?.into_iter().map(|(container, _)| container).collect();
        let (status, body) = self.send(&Request::images(self.api))?;
        let images = Request::read_images(status, &body)?;
        let (status, body) = self.send(&Request::networks(self.api))?;
        let networks = Request::read_networks(status, &body)?.into_iter().collect();
        let (status, body) = self.send(&Request::volumes(self.api))?;
        let volumes = Request::read_volumes(status, &body)?.into_iter().collect();
        Ok(Current { containers, images, networks, volumes })
    }

    /// The chain ids of the layers that the engine has for its images.
    ///
    /// # Errors
    /// If the engine cannot be asked.
    pub fn layers(&self, images: &[Image]) -> anyhow::Result<BTreeSet<Sha256>> {
        let mut layers = BTreeSet::new();
        for image in images {
            // One that is gone meanwhile has none.
            let Some(details) = self.image(&image.id)? else { continue };
            let sha256 = |text: &String| text.strip_prefix("sha256:").and_then(Sha256::from_hex);
            let diff_ids: Option<Vec<Sha256>> = details.root_fs.layers.iter().map(sha256).collect();
            layers.extend(chain_ids(&diff_ids.unwrap_or_default()));
        }
        Ok(layers)
    }

    /// Checks that the engine's disk has room.
    ///
    /// # Errors
    /// [`NoSpace`] if it has not; and if the engine cannot be asked.
    pub fn check_space(&self, needed_bytes: u64) -> anyhow::Result<()> {
        let info: Info = self.json(&Request::info(self.api))?;
        let disk = rustix::fs::statvfs(&info.docker_root_dir)
            .with_context(|| format!("asking for the space of {}", info.docker_root_dir.display()))?;
        let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free_bytes < needed_bytes {
            return Err(NoSpace { directory: info.docker_root_dir, needed_bytes, free_bytes }.into());
        }
        Ok(())
    }
}

/// The host in the address is of no matter: the socket is the engine's.
fn url(request: &Request) -> String {
    format!("http://engine{}", request.path)
}
