//! Servers to test against: OpenBao and ours, each a process with a free port and a folder of its own.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Call, Reply};
use crate::programs;
use crate::run::Process;

/// A server answers within a second; a loaded machine may take longer.
const START: Duration = Duration::from_secs(60);
/// A free port may be taken by somebody else before the server binds it.
const ATTEMPTS: usize = 3;
/// Root token of the development servers.
const DEV_TOKEN: &str = "root";

/// Which server, in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// OpenBao's development server.
    OpenBaoDev,
    /// OpenBao from a configuration file, initialized and unsealed, otherwise empty.
    OpenBao,
    /// OpenBao on raft, with the recorded snapshot restored.
    OpenBaoRestored,
    /// Our development server.
    OursDev,
    /// Our server on its durable storage, initialized and unsealed.
    Ours,
}

impl Flavor {
    /// Name for test names and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenBaoDev => "openbao-dev",
            Self::OpenBao => "openbao",
            Self::OpenBaoRestored => "openbao-restored",
            Self::OursDev => "ours-dev",
            Self::Ours => "ours",
        }
    }

    /// Whether it is OpenBao.
    #[must_use]
    pub fn is_openbao(self) -> bool {
        matches!(self, Self::OpenBaoDev | Self::OpenBao | Self::OpenBaoRestored)
    }

    /// Whether `cargo xtask test --without …` leaves it out.
    #[must_use]
    pub fn left_out(self) -> bool {
        self.is_openbao() && programs::without("openbao")
    }

    fn is_dev(self) -> bool {
        matches!(self, Self::OpenBaoDev | Self::OursDev)
    }

    fn program(self) -> Result<std::path::PathBuf, String> {
        if self.is_openbao() { programs::bao() } else { programs::ours("lockstep") }
    }
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// What it is.
    pub flavor: Flavor,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Root token.
    pub token: String,
    unseal_key: Option<String>,
    process: Process,
    folder: TempDir,
}

impl Server {
    /// Starts a server and waits until it is unsealed and active.
    ///
    /// # Errors
    /// When a program is missing or the server does not come up; with the end of its log.
    pub fn start(flavor: Flavor) -> Result<Self, String> {
        let mut problem = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(flavor) {
                Err(text) if text.contains("address already in use") => problem = text,
                done => return done,
            }
        }
        Err(problem)
    }

    /// Starts a server, runs `body` on it, and adds the end of the server's log to a failure.
    ///
    /// # Errors
    /// Those of [`Server::start`] and of `body`.
    pub fn with<T>(flavor: Flavor, body: impl FnOnce(&Self) -> Result<T, String>) -> Result<T, String> {
        let server = Self::start(flavor)?;
        body(&server).map_err(|problem| server.explain(&problem))
    }

    /// `problem`, followed by the end of the server's log.
    #[must_use]
    pub fn explain(&self, problem: &str) -> String {
        format!("{problem}\n--- end of the log of {} ---\n{}", self.flavor.name(), self.process.log_tail())
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The one unseal key; a development server has it in its log.
    #[must_use]
    pub fn unseal_key(&self) -> Option<String> {
        let in_log = || {
            let log = self.log_text();
            let line = log.lines().find_map(|line| line.trim().strip_prefix("Unseal Key: "));
            line.map(str::to_owned)
        };
        // It is written after the server has begun to answer.
        let begin = Instant::now();
        let mut key = self.unseal_key.clone().or_else(in_log);
        while key.is_none() && begin.elapsed() < START {
            thread::sleep(Duration::from_millis(20));
            key = in_log();
        }
        key
    }

    /// Everything it has logged so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.process.log_text()
    }

    /// Sends a request with the root token; `path` follows `/v1/`. Answers status and body.
    ///
    /// # Errors
    /// When there is no HTTP answer.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        namespace: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), String> {
        let mut call = Call::new(method, &format!("/v1/{path}")).header("X-Vault-Token", &self.token);
        if !namespace.is_empty() {
            call = call.header("X-Vault-Namespace", namespace);
        }
        if let Some(body) = body {
            call = call.json(body);
        }
        let reply = call.send(&self.address)?;
        Ok((reply.status, reply.json()))
    }

    /// Like [`Server::request`] in the root namespace, but any status from 400 on is an error.
    ///
    /// # Errors
    /// When the server refuses, or does not answer.
    pub fn must(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let (status, answer) = self.request(method, path, "", body)?;
        if status < 400 { Ok(answer) } else { Err(format!("{method} {path}: {status} {answer}")) }
    }

    /// Ends the server with SIGKILL, starts it again on the same folder and port, and unseals it.
    ///
    /// # Errors
    /// When it does not come up again.
    pub fn crash_and_restart(&mut self) -> Result<(), String> {
        self.process.kill();
        let mut command = command(self.flavor, &self.address, self.folder.path())?;
        self.process = Process::start(&mut command, &self.folder.path().join("log"))?;
        self.wait_for_answer()?;
        self.unseal(self.unseal_key.clone().as_deref())
    }

    /// Ends the server with SIGKILL.
    pub fn crash(&mut self) {
        self.process.kill();
    }

    fn attempt(flavor: Flavor) -> Result<Self, String> {
        let folder =
            TempDir::with_prefix("lockstep-").map_err(|error| format!("a temporary folder: {error}"))?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = prepare(flavor, &address, folder.path())?;
        let process = Process::start(&mut command, &folder.path().join("log"))?;
        let token = DEV_TOKEN.to_owned();
        let mut server = Self { flavor, address, token, unseal_key: None, process, folder };
        server.come_up().map_err(|problem| server.explain(&problem))?;
        Ok(server)
    }

    fn come_up(&mut self) -> Result<(), String> {
        self.wait_for_answer()?;
        if !self.flavor.is_dev() {
            self.initialize()?;
        }
        if self.flavor == Flavor::OpenBaoRestored {
            self.restore()?;
        }
        self.wait_for_health(200)
    }

    fn initialize(&mut self) -> Result<(), String> {
        let shares = json!({"secret_shares": 1, "secret_threshold": 1});
        let answer = self.must("PUT", "sys/init", Some(&shares))?;
        self.token = text_at(&answer, "/root_token")?;
        self.unseal(Some(&text_at(&answer, "/keys_base64/0")?))?;
        self.wait_for_health(200)
    }

    fn restore(&mut self) -> Result<(), String> {
        let compat = programs::cases().join("compat");
        let snapshot =
            fs::read(compat.join("openbao.snap")).map_err(|error| format!("openbao.snap: {error}"))?;
        let recorded = fs::read_to_string(compat.join("server.json"))
            .map_err(|error| format!("server.json: {error}"))?;
        let recorded: Value =
            serde_json::from_str(&recorded).map_err(|error| format!("server.json: {error}"))?;
        let mut call = Call::new("POST", "/v1/sys/storage/raft/snapshot-force");
        call = call.header("X-Vault-Token", &self.token);
        call.body = Some(snapshot);
        let reply = call.send(&self.address)?;
        if reply.status >= 400 {
            return Err(format!("the snapshot is refused: {} {}", reply.status, reply.json()));
        }
        self.wait_for_health(503)?;
        self.token = text_at(&recorded, "/root_token")?;
        self.unseal(Some(&text_at(&recorded, "/unseal_key")?))?;
        self.wait_for_health(200)
    }

    /// Seals the server and unseals it again, which is to it as if it had been started again.
    ///
    /// # Errors
    /// When it refuses or does not come up.
    pub fn reopen(&self) -> Result<(), String> {
        let key = self.unseal_key().ok_or("the unseal key is not known")?;
        self.must("PUT", "sys/seal", None)?;
        self.must("PUT", "sys/unseal", Some(&json!({"key": key})))?;
        let begin = Instant::now();
        while self.health().is_none_or(|reply| reply.status != 200) {
            if begin.elapsed() > START {
                return Err("sys/health does not answer 200".to_owned());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn unseal(&mut self, key: Option<&str>) -> Result<(), String> {
        let key = key.ok_or("a development server has no unseal key")?;
        self.unseal_key = Some(key.to_owned());
        self.must("PUT", "sys/unseal", Some(&json!({"key": key})))?;
        self.wait_for_health(200)
    }

    fn wait_for_answer(&mut self) -> Result<(), String> {
        self.wait(|server| server.health().is_some(), "it does not answer")
    }

    fn wait_for_health(&mut self, status: u16) -> Result<(), String> {
        self.wait(
            |server| server.health().is_some_and(|reply| reply.status == status),
            &format!("sys/health does not answer {status}"),
        )
    }

    fn health(&self) -> Option<Reply> {
        Call::new("GET", "/v1/sys/health").send(&self.address).ok()
    }

    fn wait(&mut self, done: impl Fn(&Self) -> bool, problem: &str) -> Result<(), String> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            if !self.process.runs() {
                return Err(format!("{} ended while starting", self.flavor.name()));
            }
            if done(self) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(format!("{}: {problem} within {} s", self.flavor.name(), START.as_secs()))
    }
}

fn prepare(flavor: Flavor, address: &str, folder: &Path) -> Result<Command, String> {
    if !flavor.is_dev() {
        let data = folder.join("data");
        fs::create_dir(&data).map_err(|error| format!("{data:?}: {error}"))?;
        let configuration = configuration(flavor, address, &data)?;
        fs::write(folder.join("server.hcl"), configuration)
            .map_err(|error| format!("server.hcl: {error}"))?;
    }
    command(flavor, address, folder)
}

fn command(flavor: Flavor, address: &str, folder: &Path) -> Result<Command, String> {
    let mut command = Command::new(flavor.program()?);
    command.arg("server").current_dir(folder);
    if flavor.is_dev() {
        command.arg("-dev").arg(format!("-dev-root-token-id={DEV_TOKEN}"));
        command.arg(format!("-dev-listen-address={address}"));
    } else {
        command.arg("-config=server.hcl");
    }
    // A development server of OpenBao writes its token to the home folder.
    command.env("HOME", folder);
    Ok(command)
}

/// The limits are those of the server that the recorded cases come from: their tokens live for years.
fn configuration(flavor: Flavor, address: &str, data: &Path) -> Result<String, String> {
    let cluster = format!("127.0.0.1:{}", free_port()?);
    let listener = match flavor {
        Flavor::OpenBaoRestored => format!("  cluster_address = \"{cluster}\"\n"),
        _ => String::new(),
    };
    Ok(format!(
        "{}listener \"tcp\" {{\n  address = \"{address}\"\n{listener}  tls_disable = true\n}}\n\
         api_addr = \"http://{address}\"\ncluster_addr = \"http://{cluster}\"\n\
         default_lease_ttl = \"768h\"\nmax_lease_ttl = \"175200h\"\n",
        storage(flavor, data)
    ))
}

/// Snapshots are of raft; where none is restored, OpenBao starts six seconds sooner in memory.
fn storage(flavor: Flavor, data: &Path) -> String {
    let data = data.display();
    match flavor {
        Flavor::OpenBaoRestored => format!(
            "storage \"raft\" {{\n  path = \"{data}\"\n  node_id = \"n1\"\n  performance_multiplier = 1\n}}\n"
        ),
        flavor if flavor.is_openbao() => "storage \"inmem\" {}\n".to_owned(),
        _ => format!("storage \"file\" {{\n  path = \"{data}\"\n}}\n"),
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("a free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("a free port: {error}"))
}

fn text_at(value: &Value, pointer: &str) -> Result<String, String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("no text at `{pointer}` of the answer"))
}
