//! A server of plain files that keeps its connections, the same process for both programs: nginx.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) url: String,
}

impl Server {
    /// Serves what is below `directory` on the loopback interface.
    pub(super) fn start(directory: &Path) -> Result<Self> {
        // Free when it is asked for; should another take it meanwhile, nginx says so.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let root = directory.display();
        let config = format!(
            "daemon off;\nuser root;\nworker_processes 1;\npid {root}/nginx.pid;\nerror_log {root}/nginx.log;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000;\n  \
             server {{ listen 127.0.0.1:{port}; root {root}; }}\n}}\n"
        );
        let file = directory.join("nginx.conf");
        std::fs::write(&file, config)?;
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(directory).arg("-c").arg(&file).arg("-e").arg(directory.join("nginx.log"));
        let child = command.stdin(Stdio::null()).spawn()?;
        let mut server = Self { child, url: format!("http://127.0.0.1:{port}") };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("nginx ended with {status}; its log is {root}/nginx.log");
            }
            if start.elapsed() > PATIENCE {
                bail!("nginx does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked to end, it ends its worker too; killed it would leave it behind.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}
