//! A Docker Engine of a test's own: real, in namespaces of its own, with its own data, socket and registry.
//!
//! Network, mounts and processes of the engine are in namespaces that end with it. What a test does in there
//! cannot touch the machine's own engine, its firewall or its containers, and [`Dockerd::cut_power`] ends all
//! of it in one moment, containers included, as a power cut does.

use std::fs::File;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::tools;

/// How long a daemon may take to come up or to go.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the kernel may take to let go of a group without processes.
const GROUP_PATIENCE: Duration = Duration::from_secs(5);

/// Where the registry listens, inside of the engine's network namespace.
pub const REGISTRY: &str = "127.0.0.1:5000";

/// Who may use a registry that was started [with a password](Dockerd::start_registry_with_password), and the password.
pub const REGISTRY_USER: [&str; 2] = ["device", "open sesame"];

/// Bcrypt of the password, the only form that the registry reads (`registry/auth/htpasswd` of distribution).
const PASSWORD_HASH: &str = "$2b$04$0A/bOSP9Fg.TrK..R/ZDbuskKMDwulnVz7vc4lNTNQKMLRIDGTuLW";

/// A real engine that runs as long as this value lives.
#[derive(Debug)]
pub struct Dockerd {
    directory: tempfile::TempDir,
    daemon: Option<Child>,
    registry: Option<Child>,
}

/// An image in the engine's registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its name by digest: `127.0.0.1:5000/app@sha256:…`.
    pub image: String,
    /// Its archive, as `docker save` of this engine wrote it.
    pub archive: PathBuf,
}

impl Published {
    /// The digest that pins it: `sha256:…`.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.image.rsplit_once('@').map_or("", |(_, digest)| digest)
    }
}

impl Dockerd {
    /// Starts an engine without images.
    ///
    /// # Panics
    /// If a tool is missing, the user is not root, or the engine does not come up; its log is in the message.
    #[must_use]
    pub fn start() -> Self {
        let root = std::fs::metadata("/proc/self").expect("a mounted /proc").uid() == 0;
        assert!(root, "this test starts a real dockerd in namespaces of its own, which only root can do");
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("none.json"), "{}").expect("writing a file");
        let mut this = Self { directory, daemon: None, registry: None };
        this.power_on();
        this
    }

    /// Ends the engine, its registry and all of its containers in one moment.
    ///
    /// # Panics
    /// If they do not end.
    pub fn cut_power(&mut self) {
        self.stop_registry();
        let Some(mut daemon) = self.daemon.take() else { return };
        let first = first_process(&daemon);
        daemon.kill().and_then(|()| daemon.wait()).expect("ending dockerd");
        // The kernel ends the others with the first process of the namespace.
        until("the end of dockerd", &self.log(), || !first.as_ref().is_some_and(|process| process.exists()));
    }

    /// Starts the engine again, with what its directory holds.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn power_on(&mut self) {
        for tool in ["dockerd", "docker", "iptables", "ip"] {
            drop(tools::tool(tool));
        }
        // What is in `/run` on a device is gone after a power cut.
        for volatile in ["exec", "pid", "docker.sock"] {
            let path = self.path().join(volatile);
            let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
        let script = "ip link set lo up; exec dockerd --data-root \"$1/data\" --exec-root \"$1/exec\" \
                      --pidfile \"$1/pid\" -H \"unix://$1/docker.sock\" --config-file \"$1/none.json\" \
                      --cgroup-parent \"/$2\"";
        let mut command = Self::ending_with_this("unshare");
        command.args(["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]);
        command.args(["--mount-proc", "sh", "-c", script, "sh"]).arg(self.path()).arg(self.cgroup());
        self.daemon = Some(spawn(&mut command, &self.log()));
        until("dockerd", &self.log(), || {
            UnixStream::connect(self.socket()).is_ok()
                && self.command().arg("version").output().is_ok_and(|output| output.status.success())
        });
    }

    /// The directory of this engine, for files of the test as well.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The engine's socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path().join("docker.sock")
    }

    /// The name of the control group that all of its containers are in.
    fn cgroup(&self) -> String {
        let name = self.path().file_name().unwrap_or_default().to_string_lossy();
        format!("testkit{}", name.replace('.', "-"))
    }

    /// The control groups that hold those of its containers, one in each hierarchy that has it.
    #[must_use]
    pub fn groups(&self) -> Vec<PathBuf> {
        let root = Path::new("/sys/fs/cgroup");
        let hierarchies = directories(root).into_iter().chain([root.to_owned()]);
        hierarchies.map(|hierarchy| hierarchy.join(self.cgroup())).filter(|group| group.exists()).collect()
    }

    fn log(&self) -> PathBuf {
        self.path().join("dockerd.log")
    }

    /// Starts a registry beside the engine, with what it had before.
    ///
    /// # Panics
    /// If the engine has no power, or the registry does not come up.
    pub fn start_registry(&mut self) {
        self.serve("");
    }

    /// As [`start_registry`](Self::start_registry), for [`REGISTRY_USER`] alone.
    ///
    /// # Panics
    /// As [`start_registry`](Self::start_registry).
    pub fn start_registry_with_password(&mut self) {
        let users = self.path().join("htpasswd");
        let [user, _] = REGISTRY_USER;
        std::fs::write(&users, format!("{user}:{PASSWORD_HASH}\n")).expect("writing a file");
        self.serve(&format!("auth:\n  htpasswd:\n    realm: testkit\n    path: {}\n", users.display()));
    }

    /// Starts a registry with these lines at the end of its configuration.
    ///
    /// # Panics
    /// As [`start_registry`](Self::start_registry).
    pub fn serve(&mut self, settings: &str) {
        let config = self.path().join("registry.yml");
        let data = self.path().join("registry");
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {REGISTRY}\n{settings}",
            data.display()
        );
        std::fs::write(&config, text).expect("writing a file");
        drop(tools::tool("docker-registry"));
        let daemon = self.process();
        let log = self.path().join("registry.log");
        let mut command = Self::ending_with_this("nsenter");
        command.args(["--net", "-t", &daemon, "docker-registry", "serve"]).arg(&config);
        self.registry = Some(spawn(&mut command, &log));
        until("docker-registry", &log, || {
            std::fs::read_to_string(&log).is_ok_and(|said| said.contains("listening on"))
        });
    }

    /// A call of `program` that has the engine's network: its loopback interface, with the registry on it.
    ///
    /// # Panics
    /// If the engine has no power.
    #[must_use]
    pub fn beside(&self, program: &str) -> Command {
        let mut command = tools::tool("nsenter");
        command.args(["--net", "-t", &self.process(), program]);
        command
    }

    fn process(&self) -> String {
        self.daemon.as_ref().expect("an engine with power").id().to_string()
    }

    /// Ends the registry: from here on there is no network that images could come from.
    ///
    /// # Panics
    /// If it cannot be ended.
    pub fn stop_registry(&mut self) {
        if let Some(mut registry) = self.registry.take() {
            registry.kill().and_then(|()| registry.wait()).expect("ending the registry");
        }
    }

    /// A blob of the registry: a manifest, a config or a layer.
    ///
    /// # Panics
    /// If it has none of this digest.
    #[must_use]
    pub fn blob(&self, digest: &str) -> Vec<u8> {
        let hex = digest.trim_start_matches("sha256:");
        let shard = hex.get(..2).expect("a digest");
        let path = self.path().join(format!("registry/docker/registry/v2/blobs/sha256/{shard}/{hex}/data"));
        std::fs::read(path).expect("a blob of the registry")
    }

    /// A call of the real client, that needs only its arguments.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = tools::tool("docker");
        command.arg("-H").arg(format!("unix://{}", self.socket().display()));
        command.env_remove("DOCKER_HOST").env_remove("DOCKER_CONTEXT").env("DOCKER_CONFIG", self.path());
        command
    }

    /// What the real client prints.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn docker(&self, arguments: &[&str]) -> String {
        let printed = tools::success(self.command().args(arguments));
        String::from_utf8_lossy(&printed).trim().to_owned()
    }

    /// Makes an image of a static busybox with the label `version` and a file of that name, pushes and saves it, and removes it again
    /// from the engine.
    ///
    /// # Panics
    /// If a step of this fails, for one because no registry runs.
    #[must_use]
    pub fn publish(&self, version: &str) -> Published {
        let root = self.path().join("rootfs");
        if !root.exists() {
            drop(tools::tool("/bin/busybox"));
            std::fs::create_dir_all(root.join("bin")).expect("making a directory");
            std::fs::copy("/bin/busybox", root.join("bin/busybox")).expect("copying busybox");
            for name in ["sh", "sleep", "test", "touch", "false", "true"] {
                symlink("busybox", root.join("bin").join(name)).expect("making a link");
            }
        }
        std::fs::write(root.join("version"), version).expect("writing a file");
        let tar = self.path().join("rootfs.tar");
        tools::success(tools::tool("tar").arg("-C").arg(&root).arg("-cf").arg(&tar).arg("."));
        let name = format!("{REGISTRY}/app:{version}");
        let archive = self.path().join(format!("{version}.tar"));
        let label = format!("LABEL version={version}");
        tools::success(self.command().args(["import", "-c", &label]).arg(&tar).arg(&name));
        drop(self.docker(&["push", "-q", &name]));
        let image = self.docker(&["inspect", "-f", "{{index .RepoDigests 0}}", &name]);
        tools::success(self.command().arg("save").arg("-o").arg(&archive).arg(&name));
        drop(self.docker(&["rmi", &name]));
        Published { image, archive }
    }

    /// A command that ends when the thread that started it does, however it does.
    fn ending_with_this(tool: &str) -> Command {
        drop(tools::tool(tool));
        let mut command = tools::tool("setpriv");
        command.args(["--pdeathsig", "KILL", tool]);
        command
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        for child in [self.registry.take(), self.daemon.take()] {
            let Some(mut child) = child else { continue };
            let first = first_process(&child);
            let _ = child.kill();
            let _ = child.wait();
            let start = Instant::now();
            // A panic here would hide the one that the test may end with.
            while first.as_ref().is_some_and(|process| process.exists()) && start.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.groups().iter().for_each(|group| remove_group(group));
    }
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Removes a group and those of the containers in it, which they leave behind when they end with their engine. They
/// are empty: the kernel refuses to remove others, and for a moment those whose last process has just ended.
fn remove_group(group: &Path) {
    for group in directories(group).into_iter().chain([group.to_owned()]) {
        let start = Instant::now();
        while group.exists() && std::fs::remove_dir(&group).is_err() && start.elapsed() < GROUP_PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The process that `unshare` waits for, in `/proc`.
fn first_process(unshare: &Child) -> Option<PathBuf> {
    let id = unshare.id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
    let first = children.split_whitespace().next()?;
    Some(Path::new("/proc").join(first))
}

fn spawn(command: &mut Command, log: &Path) -> Child {
    let log = File::create(log).expect("making a log");
    let outputs = (log.try_clone().expect("a second handle of the log"), log);
    command.stdin(Stdio::null()).stdout(outputs.0).stderr(outputs.1).spawn().expect("starting a daemon")
}

fn until(what: &str, log: &Path, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        assert!(start.elapsed() < PATIENCE, "{what} takes more than {PATIENCE:?}:\n{}", said());
        std::thread::sleep(Duration::from_millis(50));
    }
}
