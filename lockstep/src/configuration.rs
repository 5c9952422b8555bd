//! What `plan`, `apply`, `drift` and `validate` share: reading the configuration, reaching the server, printing.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use client::{Client, Credentials, Settings};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reconciler::config::VARIABLE_PREFIX;
use reconciler::render::{self, Style};
use reconciler::{Address, Exit, Inventory, Loaded, Options, Plan, Policy, Sources};
use schemas::Diagnostic;

/// The configuration to read.
#[derive(clap::Args, Debug)]
pub(crate) struct Configuration {
    /// Files, or folders whose `*.hcl` files are read
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Value of a variable
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment)]
    variables: Vec<(String, String)>,
    /// File with values of variables, in HCL or JSON
    #[arg(long = "var-file", value_name = "FILE")]
    variable_files: Vec<PathBuf>,
    /// Let secrets stand in the configuration in clear
    #[arg(long)]
    allow_literal_secrets: bool,
}

/// What to compare.
#[derive(clap::Args, Debug)]
pub(crate) struct Comparison {
    /// Compare all secrets that the server shows: also those that are never stored, and those that a command gives;
    /// fail if one cannot be had
    #[arg(long)]
    compare_secrets: bool,
}

/// What to look at, and what to allow.
#[derive(clap::Args, Debug)]
pub(crate) struct Choice {
    /// Look at this object alone, with what it holds and needs
    #[arg(long = "target", value_name = "ADDRESS", value_parser = address)]
    targets: Vec<Address>,
    /// Let this mount, auth method or namespace be replaced, with all it holds
    #[arg(long = "replace", value_name = "ADDRESS", value_parser = address)]
    replace: Vec<Address>,
    /// Send values of this object again that cannot be read, such as a password
    #[arg(long = "resend", value_name = "ADDRESS", value_parser = address)]
    resend: Vec<Address>,
    /// Delete everything that is declared
    #[arg(long)]
    destroy: bool,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it must be NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

pub(crate) fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).ok_or_else(|| format!("`{text}` is no address, such as `auth.ci.role.deploy`"))
}

impl Configuration {
    /// Reads it. All that is wrong with it is printed.
    ///
    /// # Errors
    /// If anything is wrong.
    pub(crate) fn load(&self) -> Result<Loaded, Exit> {
        let loaded = reconciler::load(&self.paths, &self.options());
        complain(&loaded.diagnostics, &loaded.sources);
        if loaded.has_errors() { Err(Exit::Error) } else { Ok(loaded) }
    }

    /// What the command line and the environment say.
    pub(crate) fn options(&self) -> Options {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.to_str()?.strip_prefix(VARIABLE_PREFIX)?.to_owned();
            Some((name, value.into_string().ok()?))
        });
        Options {
            variables: self.variables.clone(),
            variable_files: self.variable_files.clone(),
            environment: environment.collect(),
            allow_literal_secrets: self.allow_literal_secrets,
        }
    }

    /// Flags that were given and mean nothing for a plan that was made already. Values may: of secrets they are given
    /// again.
    pub(crate) fn decided(&self) -> impl Iterator<Item = &'static str> {
        self.allow_literal_secrets.then_some("-allow-literal-secrets").into_iter()
    }
}

impl Comparison {
    /// Flags that were given and mean nothing for a plan that was made already.
    pub(crate) fn decided(&self) -> impl Iterator<Item = &'static str> {
        self.compare_secrets.then_some("-compare-secrets").into_iter()
    }
}

impl Choice {
    /// Flags that were given and mean nothing for a plan that was made already.
    pub(crate) fn decided(&self) -> impl Iterator<Item = &'static str> {
        let given = [
            ("-target", !self.targets.is_empty()),
            ("-replace", !self.replace.is_empty()),
            ("-resend", !self.resend.is_empty()),
            ("-destroy", self.destroy),
        ];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name)
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy {
            destroy: self.destroy,
            targets: self.targets.clone(),
            replace: self.replace.iter().cloned().collect(),
            resend: self.resend.iter().cloned().collect(),
        }
    }
}

/// A client of the server that the environment names. It connects when first used.
pub(crate) fn client() -> Result<Client, Exit> {
    match Settings::from_environment() {
        Ok(settings) => Ok(Client::new(settings, Credentials::from_environment())),
        Err(text) => Err(fail(&Diagnostic::error(text))),
    }
}

impl Comparison {
    /// Looks at the server and plans.
    ///
    /// # Errors
    /// If nobody answers, or a secret that is to be compared cannot be had.
    pub(crate) async fn plan(&self, client: &Client, loaded: &Loaded, policy: &Policy) -> Result<Plan, Exit> {
        let unknown = policy.check(&loaded.desired);
        if !unknown.is_empty() {
            complain(&unknown, &loaded.sources);
            return Err(Exit::Error);
        }
        let bar = Bar::new("looking");
        let reader = client.reader();
        let progress = |done, all| bar.at(done, all);
        let taken = Inventory::take(&reader, client.address(), &loaded.desired, &progress).await;
        drop(bar);
        let mut inventory = taken.map_err(|error| fail(&error.to_diagnostic()))?;
        if !policy.destroy {
            let compare = self.compare_secrets;
            let fetched = inventory.fetch_secrets(&reader, &loaded.desired, &loaded.secrets, compare).await;
            let missing = fetched.map_err(|error| fail(&error.to_diagnostic()))?;
            if compare && !missing.is_empty() {
                complain(&missing, &loaded.sources);
                return Err(Exit::Error);
            }
        }
        Ok(reconciler::plan(&loaded.desired, &inventory, policy))
    }
}

/// Writes a file that its owner alone may read: a new one that takes the place of the old, since whoever could read
/// that could read what is written into it. What is no plain file, such as a pipe, is written to.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| std::fs::rename(&beside, path));
    renamed.inspect_err(|_| drop(std::fs::remove_file(&beside)))
}

/// A progress bar, on a terminal alone, and one that takes escape sequences.
#[derive(Clone)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(what: &'static str) -> Self {
        if !Style::for_terminal(std::io::stderr().is_terminal()).color {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0).with_message(what);
        let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}");
        Self(style.map_or(bar.clone(), |style| bar.with_style(style)))
    }

    pub(crate) fn at(&self, done: usize, all: usize) {
        self.0.set_length(all as u64);
        self.0.set_position(done as u64);
    }

    /// Takes it away for good.
    pub(crate) fn hide(&self) {
        self.0.finish_and_clear();
        self.0.set_draw_target(ProgressDrawTarget::hidden());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Prints data. A reader that went away is no error.
pub(crate) fn show(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints something for people besides the data.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Colors for data.
pub(crate) fn style() -> Style {
    Style::for_terminal(std::io::stdout().is_terminal())
}

/// Prints what is wrong.
pub(crate) fn complain(found: &[Diagnostic], sources: &Sources) {
    let style = Style::for_terminal(std::io::stderr().is_terminal());
    let _ = std::io::stderr().write_all(render::diagnostics(found, sources, style).as_bytes());
}

/// Prints an error without a place.
pub(crate) fn fail(diagnostic: &Diagnostic) -> Exit {
    complain(std::slice::from_ref(diagnostic), &Sources::default());
    Exit::Error
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_that_others_may_read_is_replaced_by_one_that_they_may_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        std::fs::write(&path, "old").expect("writing");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
        write_private(&path, "new").expect("writing");
        let mode = path.metadata().expect("the file").permissions().mode();
        assert_eq!((mode & 0o777, std::fs::read_to_string(&path).expect("text")), (0o600, "new".to_owned()));
        assert_eq!(folder.path().read_dir().expect("the folder").count(), 1);
    }
}
