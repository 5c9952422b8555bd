//! The reconciler's commands, in a folder of their own.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::programs;
use crate::run::Ran;
use crate::server::Server;

/// A working folder for `lockstep plan`, `apply` and `drift`, bound to one server.
#[derive(Debug)]
pub struct Lockstep {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Lockstep {
    /// An empty working folder; address and token come from the environment.
    ///
    /// # Errors
    /// When the binary is missing.
    pub fn new(server: &Server) -> Result<Self, String> {
        programs::ours("lockstep")?;
        let folder =
            TempDir::with_prefix("lockstep-hcl-").map_err(|error| format!("a temporary folder: {error}"))?;
        let environment =
            vec![("VAULT_ADDR".to_owned(), server.url()), ("VAULT_TOKEN".to_owned(), server.token.clone())];
        Ok(Self { folder, environment })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a variable of the environment of all later runs.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Writes a file into the folder.
    ///
    /// # Errors
    /// When that fails.
    pub fn write(&self, name: &str, text: &str) -> Result<(), String> {
        fs::write(self.folder().join(name), text).map_err(|error| format!("`{name}`: {error}"))
    }

    /// Runs a command with these arguments, whatever its exit code.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Result<Ran, String> {
        let mut command = Command::new(programs::ours("lockstep")?);
        command.args(arguments).current_dir(self.folder()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ran::of(&mut command)
    }

    /// Runs a command, and wants this exit code.
    ///
    /// # Errors
    /// When it ends with another one.
    pub fn expect(&self, arguments: &[&str], code: i32, why: &str) -> Result<Ran, String> {
        self.run(arguments)?.expect(code, why)
    }
}
