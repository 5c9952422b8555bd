//! Development servers in the background, ended when dropped.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::http::{Connection, Request};
use crate::shell;

/// Root token of the development servers.
pub(crate) const TOKEN: &str = "root";

/// A server that does not answer within this time will not.
const START: Duration = Duration::from_secs(30);

/// A development server.
pub(crate) struct DevServer {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
}

impl DevServer {
    /// Starts `program server -dev`, with its output in `log`.
    ///
    /// # Errors
    /// When it does not come up; with the end of its log.
    pub(crate) fn start(program: &Path, log: &Path) -> Result<Self, String> {
        let folder = log.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()))?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let open = || File::create(log).map_err(|error| format!("`{}`: {error}", log.display()));
        let out = open()?;
        let error = out.try_clone().map_err(|error| format!("`{}`: {error}", log.display()))?;
        let mut command = shell::command(program);
        command.args(["server", "-dev", &format!("-dev-root-token-id={TOKEN}")]);
        command.arg(format!("-dev-listen-address={address}")).env("HOME", folder);
        let child = command.stdin(Stdio::null()).stdout(out).stderr(error).spawn();
        let child = child.map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?;
        let mut server = Self { child, address };
        server
            .wait()
            .map_err(|problem| format!("{problem}\n{}", fs::read_to_string(log).unwrap_or_default()))?;
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn wait(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Err("the server ended while starting; its output:".to_owned());
            }
            if self.is_up() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("the server does not answer; its output:".to_owned())
    }

    fn is_up(&self) -> bool {
        let health = Request { method: "GET", path: "sys/health", token: TOKEN, namespace: "", body: "" };
        Connection::open(&self.address)
            .and_then(|mut it| it.send(&health))
            .is_ok_and(|(status, _)| status == 200)
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on at this moment.
///
/// # Errors
/// When there is none.
pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("a free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("a free port: {error}"))
}
