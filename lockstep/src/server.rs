//! `lockstep server`: the secrets server.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use reconciler::Exit;
use server::config::{self, Configuration, Listener, LogFormat, StorageKind};
use server::log::{self, Level};
use server::{DevKeys, Server};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, reload};

use crate::environment;
use crate::pid_file::PidFile;

/// Run a Vault-compatible secrets server
#[derive(Args)]
pub(crate) struct Command {
    /// A configuration file, or a folder of them; may be given several times [env: BAO_CONFIG_PATH]
    #[arg(long, value_name = "PATH")]
    config: Vec<PathBuf>,
    /// Keeps everything in memory, initialized and unsealed: for development only
    #[arg(long)]
    dev: bool,
    /// The root token of a dev server [env: BAO_DEV_ROOT_TOKEN_ID]
    #[arg(long, value_name = "TOKEN", requires = "dev")]
    dev_root_token_id: Option<String>,
    /// The address of a dev server [env: BAO_DEV_LISTEN_ADDRESS] [default: 127.0.0.1:8200]
    #[arg(long, value_name = "HOST:PORT")]
    dev_listen_address: Option<String>,
    /// Does not write the root token of a dev server to ~/.vault-token
    #[arg(long)]
    dev_no_store_token: bool,
    /// trace, debug, info, warn or error [env: BAO_LOG_LEVEL]
    #[arg(
        long,
        value_name = "LEVEL",
        ignore_case = true,
        value_parser = ["trace", "debug", "info", "warn", "error"],
        hide_possible_values = true
    )]
    log_level: Option<String>,
    /// standard or json [env: BAO_LOG_FORMAT]
    #[arg(
        long,
        value_name = "FORMAT",
        ignore_case = true,
        value_parser = ["standard", "json"],
        hide_possible_values = true
    )]
    log_format: Option<String>,
}

const DEV_ADDRESS: &str = "127.0.0.1:8200";

impl Command {
    /// Runs the server; ends with SIGINT or SIGTERM.
    pub(crate) async fn run(self) -> Exit {
        match self.serve().await {
            Ok(()) => Exit::Done,
            Err(problem) => {
                tell_error(&problem);
                Exit::Error
            }
        }
    }

    async fn serve(mut self) -> Result<(), String> {
        let configuration = self.configuration()?;
        start_log(&configuration);
        if let Err(error) = server::files::raise_limit() {
            tracing::warn!("cannot have more open files: {error}");
        }
        let (server, keys) = if self.dev {
            let token = self.dev_root_token_id.as_deref();
            let (server, keys) = Server::start_dev(&configuration, token).await.map_err(worded)?;
            (server, Some(keys))
        } else {
            (Server::start(&configuration).await.map_err(worded)?, None)
        };
        let _pid_file = configuration.pid_file.as_deref().map(PidFile::write).transpose()?;
        announce(&configuration, &server);
        if let Some(keys) = &keys {
            announce_dev(&server, keys);
            self.store_token(keys);
        }
        wait_for_end().await.map_err(|error| format!("error: cannot listen for signals: {error}"))?;
        tracing::info!("stopping");
        server.stop().await.map_err(|error| format!("error: cannot stop in order: {error}"))
    }

    /// What flags, environment and files say, in this order.
    fn configuration(&mut self) -> Result<Configuration, String> {
        let environment = environment::of_process();
        if self.config.is_empty() {
            self.config = environment.paths()?;
        }
        let token = environment.dev_root_token_id()?;
        if let (false, Some(name)) = (self.dev, environment.names_dev_root_token_id()?) {
            tell_error(&format!("warning: `{name}` is set, but only a dev server is given a root token"));
        }
        self.dev_root_token_id = self.dev_root_token_id.take().or(token);
        let address = environment.dev_listen_address()?;
        let address = self.dev_listen_address.take().or(address);
        let mut configuration = self.read_files(address.unwrap_or_else(|| DEV_ADDRESS.to_owned()))?;
        for warning in environment.apply(&mut configuration)? {
            tell_error(&warning);
        }
        if let Some(level) = self.log_level.as_deref().and_then(Level::named) {
            configuration.log_level = level;
        }
        if let Some(format) = self.log_format.as_deref().and_then(LogFormat::named) {
            configuration.log_format = format;
        }
        Ok(configuration)
    }

    fn read_files(&self, dev_address: String) -> Result<Configuration, String> {
        if self.config.is_empty() {
            return if self.dev { dev_configuration(&dev_address) } else { Err(NO_CONFIGURATION.to_owned()) };
        }
        let (mut configuration, warnings) =
            config::load(&self.config).map_err(|problems| problems.to_string())?;
        for warning in warnings.iter() {
            tell_error(&warning.to_string());
        }
        if self.dev {
            configuration.storage = StorageKind::Inmem;
            let own = Listener { unauthenticated_metrics_access: true, ..Listener::plain(dev_address) };
            configuration.listeners.insert(0, own);
        }
        Ok(configuration)
    }

    /// Lets clients on this machine find the token, as the peers do.
    fn store_token(&self, keys: &DevKeys) {
        if self.dev_no_store_token {
            return;
        }
        let Some(home) = std::env::var_os("HOME") else { return };
        let path = PathBuf::from(home).join(".vault-token");
        if let Err(error) = crate::configuration::write_private(&path, keys.root_token.expose()) {
            tracing::warn!("cannot write the root token to `{}`: {error}", path.display());
        }
    }
}

fn dev_configuration(address: &str) -> Result<Configuration, String> {
    let text = format!(
        "storage \"inmem\" {{\n}}\nlistener \"tcp\" {{\n  address = {address:?}\n  tls_disable = true\n  \
         telemetry {{\n    unauthenticated_metrics_access = true\n  }}\n}}\n"
    );
    let parsed = config::parse(std::path::Path::new("-dev"), &text);
    parsed.map(|(configuration, _)| configuration).map_err(|problems| problems.to_string())
}

fn worded(error: server::StartError) -> String {
    format!("error: {error}")
}

const NO_CONFIGURATION: &str = "error: a server needs a configuration\n\
    hint: `lockstep server -config=FILE`, or `lockstep server -dev` for one that keeps nothing";

/// Waits for SIGINT or SIGTERM. SIGHUP, which reloads in the peers, is told that there is nothing to reload.
async fn wait_for_end() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut reload = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = reload.recv() => tracing::warn!("SIGHUP: nothing can be reloaded yet; restart the server instead"),
        }
    }
}

fn start_log(configuration: &Configuration) {
    let level = configuration.log_level.unwrap_or(Level::Info);
    let (filter, handle) = reload::Layer::new(EnvFilter::new(log::filter(level)));
    log::started(level, move |directives| {
        let filter = EnvFilter::try_new(directives).map_err(|error| error.to_string())?;
        handle.reload(filter).map_err(|error| error.to_string())
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match configuration.log_format {
        LogFormat::Json => registry.with(lines.json()).init(),
        LogFormat::Standard => registry.with(lines).init(),
    }
}

fn announce(configuration: &Configuration, server: &Server) {
    let storage = match &configuration.storage {
        StorageKind::Inmem => "inmem".to_owned(),
        StorageKind::File { path } => format!("file (`{}`)", path.display()),
    };
    let listeners: String =
        server.addresses().iter().map(|address| format!("    Listener: {address}\n")).collect();
    tell(&format!(
        "==> Lockstep server\n\n{listeners}     Storage: {storage}\n     Version: {} (speaks the API of OpenBao {})\n",
        env!("CARGO_PKG_VERSION"),
        server::VERSION
    ));
}

fn announce_dev(server: &Server, keys: &DevKeys) {
    let Some(address) = server.addresses().first() else { return };
    tell(&format!(
        "This is a dev server: everything is kept in memory, unsealed, and lost when it ends. Never use it for \
         real secrets.\n\nTo talk to it:\n\n    $ export BAO_ADDR='http://{address}'\n\n\
         Unseal Key: {}\nRoot Token: {}\n",
        keys.unseal_key_base64(),
        keys.root_token.expose()
    ));
}

fn tell(text: &str) {
    // Nobody who reads standard output: then there is nobody to tell.
    writeln!(std::io::stdout(), "{text}").ok();
}

fn tell_error(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}
