//! How to reach a server.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::{Environment, Origins, Product};

/// The peers' own limit for requests is 32 MiB; lists can be longer.
const MAX_ANSWER_BYTES: usize = 256 << 20;

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
#[derive(Clone)]
pub struct Settings {
    /// `http://…`, `https://…`, with or without a path prefix, or `unix:///path/to/socket`.
    pub address: String,
    /// Namespace that all others are relative to; empty for the root.
    pub namespace: String,
    /// Certificates.
    pub tls: Tls,
    /// Sent with every request. Values may be secret.
    pub headers: Vec<(String, Token)>,
    /// Proxy for every request, whatever the system's settings and the address say. Its URL may hold a password.
    /// Without it those of the environment count (`HTTPS_PROXY`, `NO_PROXY`), but not for this machine.
    pub proxy: Option<Token>,
    /// How often a request is sent again after 429, 5xx or a broken connection.
    pub retries: u32,
    /// How often a request is sent again after 412: the node asked has not seen yet what was written elsewhere.
    pub consistency_retries: u32,
    /// Longest time for one try.
    pub timeout: Duration,
    /// Requests under way at once.
    pub concurrency: usize,
    /// Longest answer that is read, in bytes.
    pub max_answer: usize,
    /// What the server is taken to be. `None`: it is asked when that matters.
    pub product: Option<Product>,
    /// Where address, token and namespace come from, for hints about them.
    pub origins: Origins,
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
            proxy: None,
            retries: 2,
            consistency_retries: 10,
            timeout: Duration::from_secs(60),
            concurrency: 32,
            max_answer: MAX_ANSWER_BYTES,
            product: None,
            origins: Origins::default(),
        }
    }
}

impl Settings {
    /// The settings that the environment of this process gives.
    ///
    /// # Errors
    /// A sentence that names the variable and what is wrong with it.
    pub fn from_environment() -> Result<Self, String> {
        Self::of(&Environment::of_process())
    }

    /// The settings that `environment` gives, as the peers' command lines read it: `BAO_*` before `VAULT_*`.
    ///
    /// # Errors
    /// A sentence that names the variable and what is wrong with it.
    pub fn of(environment: &Environment) -> Result<Self, String> {
        let defaults = Self::default();
        Ok(Self {
            address: address(environment).unwrap_or_else(|| "https://127.0.0.1:8200".to_owned()),
            namespace: environment.text("VAULT_NAMESPACE").unwrap_or_default(),
            tls: tls(environment)?,
            proxy: proxy(environment),
            retries: environment.number("VAULT_MAX_RETRIES")?.unwrap_or(defaults.retries),
            consistency_retries: environment
                .number("VAULT_MAX_RETRIES_CCC")?
                .unwrap_or(defaults.consistency_retries),
            timeout: timeout(environment)?.unwrap_or(defaults.timeout),
            origins: Origins::of(environment),
            ..defaults
        })
    }
}

/// The address that the environment gives; that of an agent on this machine before the server's.
pub(crate) fn address(environment: &Environment) -> Option<String> {
    environment.text("VAULT_AGENT_ADDR").or_else(|| environment.text("VAULT_ADDR"))
}

fn proxy(environment: &Environment) -> Option<Token> {
    let text = environment.text("VAULT_PROXY_ADDR").or_else(|| environment.text("VAULT_HTTP_PROXY"));
    text.map(|text| Token::new(&text))
}

/// Seconds, or a duration such as `1m`.
fn timeout(environment: &Environment) -> Result<Option<Duration>, String> {
    let Some(text) = environment.text("VAULT_CLIENT_TIMEOUT") else { return Ok(None) };
    let seconds =
        schemas::duration::seconds(text.trim()).ok().and_then(|seconds| u64::try_from(seconds).ok());
    let seconds = seconds.filter(|seconds| *seconds > 0);
    let name = environment.origin("VAULT_CLIENT_TIMEOUT").names();
    let invalid = || format!("environment variable {name} must be a duration, and is `{text}`");
    seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(invalid)
}

fn tls(environment: &Environment) -> Result<Tls, String> {
    let path = |name: &str| environment.text(name).map(PathBuf::from);
    Ok(Tls {
        ca_file: path("VAULT_CACERT"),
        ca_dir: path("VAULT_CAPATH"),
        ca_pem: environment.text("VAULT_CACERT_BYTES"),
        identity: identity(environment)?,
        server_name: environment.text("VAULT_TLS_SERVER_NAME"),
        insecure: environment.flag("VAULT_SKIP_VERIFY")?.unwrap_or_default(),
    })
}

/// A certificate and its key, or neither.
fn identity(environment: &Environment) -> Result<Option<(PathBuf, PathBuf)>, String> {
    let names = ["VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY"];
    match names.map(|name| environment.text(name).map(PathBuf::from)) {
        [Some(certificate), Some(key)] => Ok(Some((certificate, key))),
        [None, None] => Ok(None),
        [set, _] => {
            let [certificate, key] = names.map(|name| environment.origin(name).names());
            let (set, other) = if set.is_some() { (certificate, key) } else { (key, certificate) };
            Err(format!("{set} is set, and {other} is not: a certificate needs its key"))
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("address", &crate::url::shown(&self.address))
            .field("namespace", &self.namespace)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &'static [(&str, &str)]) -> Result<Settings, String> {
        let found = |name: &str| variables.iter().find(|(key, _)| *key == name);
        Settings::of(&Environment::new(move |name| Some(found(name)?.1.to_owned())))
    }

    #[test]
    fn an_agent_of_this_machine_comes_before_the_server() {
        let settings = check(&[("VAULT_ADDR", "http://server"), ("VAULT_AGENT_ADDR", "http://agent")]);
        assert_eq!(settings.unwrap().address, "http://agent");
        assert_eq!(check(&[("BAO_ADDR", "http://server")]).unwrap().address, "http://server");
    }

    #[test]
    fn numbers_and_durations_are_checked() {
        let settings = check(&[
            ("VAULT_MAX_RETRIES", "7"),
            ("VAULT_MAX_RETRIES_CCC", "3"),
            ("VAULT_CLIENT_TIMEOUT", "2m"),
        ])
        .unwrap();
        assert_eq!((settings.retries, settings.consistency_retries), (7, 3));
        assert_eq!(settings.timeout, Duration::from_secs(120));
        for name in ["VAULT_MAX_RETRIES", "VAULT_SKIP_VERIFY", "VAULT_CLIENT_TIMEOUT"] {
            let nonsense = Environment::new(move |asked| (asked == name).then(|| "soon".to_owned()));
            let error = Settings::of(&nonsense).unwrap_err();
            assert!(error.contains(name) && error.contains("`soon`"), "{error}");
        }
    }

    #[test]
    fn a_certificate_without_its_key_is_an_error() {
        assert!(check(&[("VAULT_CLIENT_CERT", "cert.pem")]).unwrap_err().contains("VAULT_CLIENT_KEY"));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let settings = Settings {
            address: "https://me:hunter2@vault".to_owned(),
            proxy: Some(Token::new("http://me:hunter2@proxy")),
            headers: vec![("authorization".to_owned(), Token::new("hunter2"))],
            ..Settings::default()
        };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
