//! A device with an engine, an application of two services on it, and what must be true of both.

use std::process::Command;
use std::time::Instant;

use container_spec::duration::Duration;
use container_spec::plan::{Options, Outcome};
use ota_agent::containers::{Archives, Engine, Settings, Switch, Timeouts};
use ota_agent::report::Event;
use testkit::dockerd::Dockerd;

pub(crate) const HEALTHY: &str = "[CMD, test, -e, /ok]";
pub(crate) const UNHEALTHY: &str = "[CMD, 'false']";

/// Two services: `web` waits until `db` is healthy by `test`.
pub(crate) fn compose(image: &str, test: &str) -> String {
    format!(
        "services:
  db:
    image: {image}
    command: [sh, -c, touch /ok; exec sleep 1000]
    stop_signal: SIGKILL
    healthcheck: {{test: {test}, interval: 100ms, timeout: 5s, retries: 3}}
    volumes: ['data:/data']
  web:
    image: {image}
    command: [sleep, '1000']
    stop_signal: SIGKILL
    restart: always
    depends_on: {{db: {{condition: service_healthy}}}}
volumes: {{data: {{}}}}
"
    )
}

/// The same without a network, which containers start faster with.
pub(crate) fn compose_apart(image: &str, test: &str) -> String {
    compose(image, test).replace("    stop_signal", "    network_mode: none\n    stop_signal")
}

pub(crate) struct Device {
    pub(crate) dockerd: Dockerd,
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
}

pub(crate) fn options(offline: bool) -> Options {
    Options {
        offline,
        start_timeout: Duration::from_secs(20),
        settle: Duration::from_nanos(100_000_000),
        ..Options::default()
    }
}

impl Device {
    /// With a registry beside it.
    pub(crate) fn new() -> Self {
        let mut dockerd = Dockerd::start();
        dockerd.start_registry();
        let engine = Engine::connect(&dockerd.socket(), Timeouts::default()).unwrap();
        let settings = Settings {
            project: "torizon".into(),
            directory: dockerd.path().join("app"),
            base: "/".into(),
            platform: None,
            credentials: None,
        };
        Self { dockerd, engine, settings }
    }

    /// The real command line on this device.
    pub(crate) fn agent(&self, command: &str) -> Command {
        let mut agent = self.dockerd.beside(env!("CARGO_BIN_EXE_ota-agent"));
        agent.args(["containers", command, "--project", "torizon", "--socket"]).arg(self.dockerd.socket());
        agent.arg("--dir").arg(&self.settings.directory);
        if command != "status" {
            agent.args(["--settle", "100", "--start-timeout", "20"]);
        }
        agent
    }

    pub(crate) fn prepare<'d>(&'d self, archives: &'d dyn Archives, text: &str, offline: bool) -> Switch<'d> {
        Switch::prepare(&self.engine, &self.settings, archives, text, &options(offline)).unwrap()
    }

    /// The outcome, and what failed on the way.
    pub(crate) fn switch(
        &self,
        archives: &dyn Archives,
        text: &str,
        offline: bool,
    ) -> (Outcome, Vec<String>) {
        let mut failed = Vec::new();
        let mut observer = |event| {
            if let Event::StepFailed { reason, .. } = event {
                failed.push(reason);
            }
        };
        let outcome = self.prepare(archives, text, offline).run(&mut observer).unwrap();
        (outcome, failed)
    }

    /// This version runs, with nothing beside it, and its file is the confirmed one.
    pub(crate) fn runs_whole(&self, version: &str, text: &str) {
        let list = ["ps", "-aq", "--filter", "label=com.docker.compose.project=torizon"];
        let ids = self.dockerd.docker(&list);
        let format = "{{.Name}} {{.Config.Labels.version}} {{.State.Status}} \
                      {{with .State.Health}}{{.Status}}{{end}} {{.HostConfig.RestartPolicy.Name}}";
        let inspect: Vec<&str> = ["inspect", "-f", format].into_iter().chain(ids.lines()).collect();
        let start = Instant::now();
        let containers = loop {
            let mut lines: Vec<String> = self.dockerd.docker(&inspect).lines().map(str::to_owned).collect();
            lines.sort_unstable();
            // One that was started again has to be checked again.
            if start.elapsed().as_secs() >= 10 || !lines.iter().any(|line| line.contains(" starting ")) {
                break lines;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        };
        let db = format!("/torizon-db-1 {version} running healthy no");
        let web = format!("/torizon-web-1 {version} running  always");
        assert_eq!(containers, [db, web]);
        assert_eq!(self.settings.confirmed().unwrap().as_deref(), Some(text));
        assert_eq!(self.settings.progress().unwrap(), None);
    }

    /// Somebody else's running and stopped container, and an image that nobody uses.
    pub(crate) fn add_foreign_project(&self) -> [String; 2] {
        let dockerd = &self.dockerd;
        let image = dockerd.publish("other").image;
        let label = "--label=com.docker.compose.project=other";
        let _ = dockerd.docker(&["run", "-d", "--name", "other-1", label, &image, "sleep", "1000"]);
        let _ = dockerd.docker(&["create", "--name", "other-2", label, &image, "sleep", "1000"]);
        let unused = dockerd.publish("unused").image;
        let _ = dockerd.docker(&["pull", "-q", &unused]);
        let _ = dockerd.docker(&["tag", &unused, "unused:1"]);
        self.foreign()
    }

    fn foreign(&self) -> [String; 2] {
        let filter = "label=com.docker.compose.project=other";
        let format = "{{.ID}} {{.Names}} {{.Image}} {{.State}}";
        let containers = self.dockerd.docker(&["ps", "-a", "--filter", filter, "--format", format]);
        let image = self.dockerd.docker(&["inspect", "-f", "{{.Id}} {{.RepoTags}}", "unused:1"]);
        [containers, image]
    }

    pub(crate) fn has_foreign_project(&self, before: &[String; 2]) {
        assert_eq!(&self.foreign(), before);
    }
}
