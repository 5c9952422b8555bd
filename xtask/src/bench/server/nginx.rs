//! What HTTP alone costs: a static answer by nginx under the same load.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::background::free_port;
use crate::http::{Connection, Request};
use crate::shell;

/// About the length of the answer to a kv v2 read.
const LENGTH: usize = 450;

/// A start that takes longer has failed.
const START: Duration = Duration::from_secs(10);

/// nginx as one process, which answers every request with the same text; killed when dropped.
pub(super) struct Nginx {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
}

impl Nginx {
    /// Starts it with its files in `folder`; `None` if there is none on PATH.
    pub(super) fn start(folder: &Path) -> Result<Option<Self>, String> {
        let Some(program) = shell::on_path("nginx") else { return Ok(None) };
        fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration(&address))
            .map_err(|error| format!("`{}`: {error}", file.display()))?;
        let mut command = shell::command(&program);
        command.arg("-p").arg(folder).arg("-c").arg(&file).args(["-e", "error.log"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?;
        let server = Self { child, address };
        server.await_ready(folder)?;
        Ok(Some(server))
    }

    fn await_ready(&self, folder: &Path) -> Result<(), String> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            let request = Request { method: "GET", path: "", token: "", namespace: "", body: "" };
            let answer = Connection::open(&self.address).and_then(|mut server| server.send(&request));
            if answer.is_ok_and(|(status, _)| status == 200) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("nginx does not answer; see `{}`", folder.join("error.log").display()))
    }

    /// Process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(address: &str) -> String {
    let text = "x".repeat(LENGTH);
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String =
        temporary.iter().map(|kind| format!("  {kind}_temp_path {kind}_temp;\n")).collect();
    format!(
        "daemon off;\nmaster_process off;\nuser root;\npid nginx.pid;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 1000000000;\n{temporary}  server {{\n    \
         listen {address};\n    default_type application/json;\n    location / {{ return 200 \"{text}\"; }}\n  }}\n}}\n"
    )
}
