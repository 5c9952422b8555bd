//! How to reach a server.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

/// A token. Never printed, wiped when dropped.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Wraps the text of a token, without white space at its ends.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// The text, for the request header.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True if there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(token)")
    }
}

/// Where the server is and how to talk to it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `http://…`, `https://…`, with or without a path prefix, or `unix:///path/to/socket`.
    pub address: String,
    /// Namespace that all others are relative to; empty for the root.
    pub namespace: String,
    /// Certificates.
    pub tls: Tls,
    /// Sent with every request. Values may be secret.
    pub headers: Vec<(String, Token)>,
    /// How often a request is sent again after 412, 429, 5xx or a broken connection.
    pub retries: u32,
    /// Longest time for one try.
    pub timeout: Duration,
    /// Requests under way at once.
    pub concurrency: usize,
}

/// Certificates and what to check of them.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM file with trusted roots. Absent: those of the system.
    pub ca_file: Option<PathBuf>,
    /// Folder of such files.
    pub ca_dir: Option<PathBuf>,
    /// PEM text with trusted roots.
    pub ca_pem: Option<String>,
    /// PEM files of our own certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name to look for in the server's certificate.
    pub server_name: Option<String>,
    /// Trust any certificate.
    pub insecure: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: String::new(),
            namespace: String::new(),
            tls: Tls::default(),
            headers: Vec::new(),
            retries: 2,
            timeout: Duration::from_secs(60),
            concurrency: 32,
        }
    }
}

impl Settings {
    /// The settings that the environment gives, as the peers' command lines read it: `BAO_*` before `VAULT_*`.
    ///
    /// # Errors
    /// A sentence that names the variable and what is wrong with it.
    pub fn from_environment() -> Result<Self, String> {
        let mut settings = Self {
            address: variable("ADDR").unwrap_or_else(|| "https://127.0.0.1:8200".to_owned()),
            namespace: variable("NAMESPACE").unwrap_or_default(),
            ..Self::default()
        };
        settings.tls = Tls {
            ca_file: variable("CACERT").map(PathBuf::from),
            ca_dir: variable("CAPATH").map(PathBuf::from),
            ca_pem: variable("CACERT_BYTES"),
            identity: variable("CLIENT_CERT")
                .map(PathBuf::from)
                .zip(variable("CLIENT_KEY").map(PathBuf::from)),
            server_name: variable("TLS_SERVER_NAME"),
            insecure: number::<bool>("SKIP_VERIFY")?.unwrap_or_default(),
        };
        if let Some(retries) = number("MAX_RETRIES")? {
            settings.retries = retries;
        }
        Ok(settings)
    }
}

/// `BAO_name`, else `VAULT_name`, if it is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    let read = |prefix: &str| std::env::var(format!("{prefix}_{name}")).ok().filter(|text| !text.is_empty());
    read("BAO").or_else(|| read("VAULT"))
}

fn number<T: std::str::FromStr>(name: &str) -> Result<Option<T>, String> {
    let parse = |text: String| {
        text.parse().map_err(|_| format!("environment variable `VAULT_{name}` holds `{text}`"))
    };
    variable(name).map(parse).transpose()
}
