//! Configuration files of Vault and OpenBao, HCL or JSON.
//!
//! [`load`] reads several files or folders and answers everything that is wrong with them at once. A setting
//! that the peers know and this server does not have is an error if leaving it out would break what the file
//! promises (`seal "awskms"`, `audit`, …), and a warning otherwise (`telemetry`, `ui`, …). A setting that
//! nobody knows is a warning, as with the peers.

mod document;
mod duration;
mod listener;
mod report;
mod seal;
mod section;
mod settings;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use duration::{DurationError, parse_duration};
pub use listener::{Listener, Tls, TlsVersion};
pub use report::{Place, Problem, Problems, Severity};
pub(crate) use seal::parse_seal;

use crate::log::Level;

/// The lease TTL of the peers, 32 days, where the file names none.
pub const DEFAULT_LEASE_TTL: Duration = Duration::from_secs(768 * 3600);

/// Where the data lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageKind {
    /// `storage "file" { path }`: embedded durable storage in a folder.
    File {
        /// The folder.
        path: PathBuf,
    },
    /// `storage "inmem"`: ends with the process.
    Inmem,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    #[default]
    Standard,
}

impl LogFormat {
    /// The format with this name; empty is the usual one.
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "standard" => Some(Self::Standard),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// The configuration of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Where requests are accepted; at least one.
    pub listeners: Vec<Listener>,
    /// Where the data lives.
    pub storage: StorageKind,
    /// The address that clients are told.
    pub api_addr: Option<String>,
    /// The address that other nodes are told.
    pub cluster_addr: Option<String>,
    /// The name that `seal-status` shows; one is made up where there is none.
    pub cluster_name: Option<String>,
    /// TTL of a lease or token that names none.
    pub default_lease_ttl: Duration,
    /// The longest TTL where no mount says otherwise.
    pub max_lease_ttl: Duration,
    /// What is logged; `None` leaves it to the command line.
    pub log_level: Option<Level>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Where the process id is written.
    pub pid_file: Option<PathBuf>,
}

/// Reads `paths`, each a file or a folder whose `.hcl` and `.json` files are read in the order of their
/// names. A later setting replaces an earlier one; listeners add up.
///
/// # Errors
/// Everything that is wrong, not only the first; warnings are among it.
pub fn load(paths: &[PathBuf]) -> Result<(Configuration, Problems), Problems> {
    let mut problems = Problems::default();
    let mut documents = Vec::new();
    for path in paths {
        for file in files(path, &mut problems) {
            documents.extend(document::read(&file, &mut problems));
        }
    }
    finish(settings::interpret(&documents, &mut problems), problems)
}

/// Reads one configuration from `text`, as if it stood in the file `name`.
///
/// # Errors
/// As [`load`].
pub fn parse(name: &Path, text: &str) -> Result<(Configuration, Problems), Problems> {
    let mut problems = Problems::default();
    let documents: Vec<_> = document::parse(name, text, &mut problems).into_iter().collect();
    finish(settings::interpret(&documents, &mut problems), problems)
}

fn finish(
    configuration: Option<Configuration>,
    mut problems: Problems,
) -> Result<(Configuration, Problems), Problems> {
    problems.sort();
    match configuration {
        Some(configuration) if !problems.has_errors() => Ok((configuration, problems)),
        _ => Err(problems),
    }
}

/// The files that `path` names.
fn files(path: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            problems.error(&Place::file(path), format!("cannot read the folder: {error}"), "");
            return Vec::new();
        }
    };
    let named =
        |path: &PathBuf| matches!(path.extension().and_then(|end| end.to_str()), Some("hcl" | "json"));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(named).collect();
    files.sort();
    if files.is_empty() {
        problems.error(&Place::file(path), "the folder holds no `.hcl` or `.json` file".to_owned(), "");
    }
    files
}
