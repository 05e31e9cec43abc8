//! nginx, which serves a directory over TLS to those whose certificate the authority signed.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use testkit::tools;

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves until it is dropped.
pub(super) struct Nginx {
    child: Child,
    pub(super) port: u16,
}

impl Nginx {
    /// Serves `www` with the certificate `server` of the authority `ca`, both in `keys`.
    pub(super) fn start(keys: &Path, www: &Path) -> Self {
        // Free when it is asked for; should another take it meanwhile, nginx says so.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (state, www) = (keys.display(), www.display());
        let config = format!(
            "daemon off;\nmaster_process off;\nuser root;\npid {state}/nginx.pid;\nerror_log {state}/nginx.log;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n  access_log {state}/access.log;\n  client_body_temp_path {state}/body;\n  \
             server {{\n    listen 127.0.0.1:{port} ssl;\n    root {www};\n    \
             ssl_certificate {state}/server.pem;\n    ssl_certificate_key {state}/server.key;\n    \
             ssl_client_certificate {state}/ca.pem;\n    ssl_verify_client on;\n  }}\n}}\n"
        );
        let file = keys.join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = tools::tool("/usr/sbin/nginx");
        command.arg("-p").arg(keys).arg("-c").arg(&file).arg("-e").arg(keys.join("nginx.log"));
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || std::fs::read_to_string(keys.join("nginx.log")).unwrap_or_default();
            assert_eq!(child.try_wait().unwrap(), None, "{}", log());
            assert!(start.elapsed() < PATIENCE, "nginx does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // One process: there is no worker that would stay.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
