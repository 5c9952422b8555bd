//! A server that is measured: ours or the peer, with its data on the disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::background::free_port;
use crate::bench::read_proc;
use crate::http::{Connection, Request};
use crate::shell::{self, Done};

/// A server that is not ready within this time will not be.
const START: Duration = Duration::from_secs(60);

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux there is.
const TICKS: f64 = 100.0;

/// Which program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Ours,
    OpenBao,
}

/// An initialized and unsealed server, killed when dropped.
pub(super) struct Contender {
    program: PathBuf,
    folder: PathBuf,
    launcher: Launcher,
    child: Child,
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    /// The root token.
    pub(super) token: String,
    key: String,
    /// From the start of the process to the first answer of an unsealed server.
    pub(super) ready_after: Duration,
}

impl Contender {
    /// Starts `program` on an empty folder.
    pub(super) fn start(side: Side, program: &Path, folder: &Path) -> Result<Self, String> {
        // What an earlier run has left.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder.join("data"))
            .map_err(|error| format!("`{}`: {error}", folder.display()))?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let text = configuration(side, folder, &address)?;
        fs::write(folder.join("server.hcl"), text).map_err(|error| format!("the configuration: {error}"))?;
        let launcher = Launcher::default();
        let child = spawn(&launcher, program, folder)?;
        let (program, folder) = (program.to_owned(), folder.to_owned());
        let (token, key) = (String::new(), String::new());
        let mut server = Self { program, folder, launcher, child, address, token, key, ready_after: START };
        server.initialize()?;
        server.await_ready(Instant::now())?;
        Ok(server)
    }

    fn initialize(&mut self) -> Done {
        let shares = json!({"secret_shares": 1, "secret_threshold": 1});
        let begin = Instant::now();
        let answer = loop {
            match self.call("PUT", "sys/init", Some(&shares)) {
                Ok(answer) => break answer,
                Err(problem) if begin.elapsed() > START => return Err(problem),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        self.token = answer["root_token"].as_str().unwrap_or_default().to_owned();
        self.key = answer["keys"][0].as_str().unwrap_or_default().to_owned();
        Ok(())
    }

    /// Unseals as soon as somebody listens, and waits until requests are served.
    fn await_ready(&mut self, begin: Instant) -> Done {
        let mut is_unsealed = false;
        while begin.elapsed() < START {
            if !is_unsealed {
                is_unsealed = self.call("PUT", "sys/unseal", Some(&json!({"key": self.key}))).is_ok();
            }
            if is_unsealed && self.call("GET", "auth/token/lookup-self", None).is_ok() {
                self.ready_after = begin.elapsed();
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("the server does not get ready; see `{}`", self.folder.join("log").display()))
    }

    /// How it is started from now on.
    pub(super) fn launch_with(&mut self, launcher: Launcher) {
        self.launcher = launcher;
    }

    /// Ends the server in order and starts it again on its data.
    pub(super) fn restart(&mut self) -> Done {
        self.stop()?;
        let begin = Instant::now();
        self.child = spawn(&self.launcher, &self.program, &self.folder)?;
        self.await_ready(begin)
    }

    /// Ends the server in order.
    pub(super) fn stop(&mut self) -> Done {
        shell::status(shell::command("kill").arg(self.id().to_string()))?;
        self.child.wait().map(drop).map_err(|error| format!("the server: {error}"))
    }

    /// One request as root.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request { method, path, token: &self.token, namespace: "", body: &body };
        let (status, answer) = Connection::open(&self.address)?.send(&request)?;
        if !(200..=204).contains(&status) {
            return Err(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&answer)));
        }
        Ok(serde_json::from_slice(&answer).unwrap_or_default())
    }

    /// Process id.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// As one that is under load.
    pub(super) fn process(&self) -> Process<'_> {
        Process { id: self.id(), address: &self.address }
    }

    /// Resident memory in MiB.
    pub(super) fn resident_mebibytes(&self) -> Result<f64, String> {
        let status = read_proc(self.id(), "status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kibibytes.map(|it| it / 1024.0).ok_or_else(|| "`VmRSS` is missing".to_owned())
    }

    /// Space of its data on the disk in MiB.
    pub(super) fn disk_mebibytes(&self) -> f64 {
        occupied(&self.folder.join("data")) as f64 / (1024.0 * 1024.0)
    }
}

/// A process that answers at an address.
#[derive(Clone, Copy)]
pub(super) struct Process<'a> {
    pub(super) id: u32,
    /// `127.0.0.1:PORT`.
    pub(super) address: &'a str,
}

impl Process<'_> {
    /// Processor time so far, in seconds, in its own code and in the kernel.
    pub(super) fn processor_seconds(&self) -> Result<f64, String> {
        let stat = read_proc(self.id, "stat")?;
        // The name of the program comes first, in parentheses, and may hold spaces.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(ticks / TICKS)
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn occupied(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => occupied(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    });
    sizes.sum()
}

/// What starts the program: nothing else, or a tool that looks at it.
#[derive(Default)]
pub(super) struct Launcher {
    tool: Vec<String>,
}

impl Launcher {
    /// A tool and its arguments; those of the program come behind.
    pub(super) fn under<'a>(tool: impl IntoIterator<Item = &'a str>) -> Self {
        Self { tool: tool.into_iter().map(str::to_owned).collect() }
    }

    fn command(&self, program: &Path) -> Command {
        match self.tool.split_first() {
            None => shell::command(program),
            Some((tool, arguments)) => {
                let mut command = shell::command(tool);
                command.args(arguments).arg(program);
                command
            }
        }
    }
}

fn spawn(launcher: &Launcher, program: &Path, folder: &Path) -> Result<Child, String> {
    let log = File::create(folder.join("log")).map_err(|error| format!("the log: {error}"))?;
    let error = log.try_clone().map_err(|error| format!("the log: {error}"))?;
    let mut command = launcher.command(program);
    shell::isolated(&mut command)
        .arg("server")
        .arg(format!("-config={}", folder.join("server.hcl").display()));
    command.env("HOME", folder).stdin(Stdio::null()).stdout(log).stderr(error);
    command.spawn().map_err(|error| format!("`{}` cannot be started: {error}", program.display()))
}

fn configuration(side: Side, folder: &Path, address: &str) -> Result<String, String> {
    let data = folder.join("data");
    let storage = match side {
        Side::Ours => format!("storage \"file\" {{\n  path = {data:?}\n}}\n"),
        Side::OpenBao => format!(
            "storage \"raft\" {{\n  path = {data:?}\n  node_id = \"one\"\n}}\n\
             cluster_addr = \"http://127.0.0.1:{}\"\ndisable_mlock = true\n",
            free_port()?
        ),
    };
    let listener = format!("listener \"tcp\" {{\n  address = {address:?}\n  tls_disable = true\n}}\n");
    Ok(format!("{storage}{listener}api_addr = \"http://{address}\"\nlog_level = \"warn\"\n"))
}
