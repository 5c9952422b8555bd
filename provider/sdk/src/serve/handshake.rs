//! What host and plugin tell each other before the first connection.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls_pki_types::CertificateDer;

const COOKIE_NAME: &str = "TF_PLUGIN_MAGIC_COOKIE";
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
const PROTOCOL: &str = "6";

/// What the host tells through the environment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// In PEM; none if connections are not to be encrypted.
    pub(crate) client_certificate: Option<String>,
    /// Where it wants the socket.
    pub(crate) socket_directory: Option<PathBuf>,
}

/// Why the process cannot serve whoever started it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was started by something other than Terraform.
    NotAHost,
    /// The host speaks none of our protocols, but these.
    Protocol(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotAHost => f.write_str(
                "This program is a Terraform provider, and is not meant to be run by hand.\n\
                 hint: name it in `required_providers` of a Terraform configuration; `terraform` starts it.",
            ),
            Refusal::Protocol(offered) => write!(
                f,
                "This provider speaks plugin protocol {PROTOCOL}; the host offers `{offered}`.\n\
                 hint: Terraform 1.0 and later, and every OpenTofu, speak it."
            ),
        }
    }
}

impl Host {
    pub(crate) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Host, Refusal> {
        if variable(COOKIE_NAME).as_deref() != Some(COOKIE) {
            return Err(Refusal::NotAHost);
        }
        let present = |name: &str| variable(name).filter(|value| !value.is_empty());
        // Hosts that name no version speak whatever the plugin announces.
        if let Some(offered) = present("PLUGIN_PROTOCOL_VERSIONS")
            && !offered.split(',').any(|version| version == PROTOCOL)
        {
            return Err(Refusal::Protocol(offered));
        }
        let plain = present("TF_DISABLE_PLUGIN_TLS").is_some();
        Ok(Host {
            client_certificate: present("PLUGIN_CLIENT_CERT").filter(|_| !plain),
            socket_directory: present("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
        })
    }
}

/// Tells the host where to connect, and whom to expect there.
pub(crate) fn announce(
    out: &mut impl Write,
    socket: &Path,
    certificate: Option<&CertificateDer<'_>>,
) -> io::Result<()> {
    // Go decodes it without padding, and takes padding for an error.
    let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    writeln!(out, "1|{PROTOCOL}|unix|{}|grpc|{certificate}", socket.display())?;
    out.flush()
}

/// The value of `TF_REATTACH_PROVIDERS` for a provider that is running already.
pub(crate) fn reattach(address: &str, socket: &Path) -> String {
    let socket = serde_json::json!({ "Network": "unix", "String": socket });
    let provider = serde_json::json!({
        "Protocol": "grpc", "ProtocolVersion": 6, "Pid": std::process::id(), "Test": true, "Addr": socket,
    });
    serde_json::json!({ address: provider }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(variables: &[(&str, &str)]) -> Result<Host, Refusal> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Host::from_environment(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn only_a_host_with_the_cookie_is_served() {
        assert_eq!(host(&[]), Err(Refusal::NotAHost));
        assert_eq!(host(&[(COOKIE_NAME, "other")]), Err(Refusal::NotAHost));
        assert!(host(&[(COOKIE_NAME, COOKIE)]).is_ok());
    }

    #[test]
    fn only_protocol_6_is_spoken() {
        let check = |versions| host(&[(COOKIE_NAME, COOKIE), ("PLUGIN_PROTOCOL_VERSIONS", versions)]);
        assert!(check("5,6").is_ok());
        assert_eq!(check("4,5"), Err(Refusal::Protocol("4,5".into())));
        assert_eq!(check("16"), Err(Refusal::Protocol("16".into())));
    }

    #[test]
    fn connections_are_encrypted_if_the_host_has_a_certificate() {
        let check =
            |more: &[_]| host(&[&[(COOKIE_NAME, COOKIE), ("PLUGIN_CLIENT_CERT", "pem")], more].concat());
        assert_eq!(check(&[]).map(|host| host.client_certificate), Ok(Some("pem".into())));
        assert_eq!(check(&[("TF_DISABLE_PLUGIN_TLS", "1")]).map(|host| host.client_certificate), Ok(None));
    }

    #[test]
    fn the_line_has_six_fields_and_no_padding() {
        let line = |certificate: Option<&CertificateDer<'_>>| {
            let mut out = Vec::new();
            announce(&mut out, Path::new("/tmp/s"), certificate).expect("memory");
            String::from_utf8(out).expect("text")
        };
        let certificate = CertificateDer::from(vec![255; 4]);
        assert_eq!(line(Some(&certificate)), "1|6|unix|/tmp/s|grpc|/////w\n");
        assert_eq!(line(None), "1|6|unix|/tmp/s|grpc|\n");
    }

    #[test]
    fn reattaching_names_socket_and_process() {
        let json: serde_json::Value =
            serde_json::from_str(&reattach("example.com/a/b", Path::new("/tmp/s"))).expect("JSON");
        assert_eq!(json["example.com/a/b"]["Addr"]["String"], "/tmp/s");
        assert_eq!(json["example.com/a/b"]["Pid"], std::process::id());
    }
}
