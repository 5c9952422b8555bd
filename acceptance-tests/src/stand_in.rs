//! The outside service that some recorded cases name: OIDC discovery and JWKS over HTTP, on a free port.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// The address that the recordings have; text that names it has to name [`StandIn::address`] instead.
pub const RECORDED: &str = "127.0.0.1:8391";

/// A key that signs nothing any more.
const KEYS: &str = r#"{"keys":[{"kty":"EC","use":"sig","kid":"stand-in","alg":"ES256","crv":"P-256","x":"R8-BBdPHfvEDfQ6Ux2fQmxdEpzAWouhPXYDdHRrkuzQ","y":"-yhN1rFC8k2bT_SXEAoONAIb-Vq8CJbjnEz_r1y9GMM"}]}"#;

/// The service; its thread ends with the process.
#[derive(Debug)]
pub struct StandIn {
    /// `127.0.0.1:PORT`.
    pub address: String,
}

impl StandIn {
    /// Starts the service.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("the stand-in: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("the stand-in: {error}"))?.to_string();
        let issuer = format!("http://{address}");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that went away needs no answer.
                let _ = answer(stream, &issuer);
            }
        });
        Ok(Self { address })
    }
}

fn answer(mut stream: TcpStream, issuer: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let path = first.split(' ').nth(1).unwrap_or("/");
    let body = body(path, issuer);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn body(path: &str, issuer: &str) -> String {
    match path.strip_suffix("/.well-known/openid-configuration") {
        Some(prefix) => format!(
            r#"{{"issuer":"{issuer}{prefix}","jwks_uri":"{issuer}/jwks","authorization_endpoint":"{issuer}/authorize","token_endpoint":"{issuer}/token","response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256","ES256"]}}"#
        ),
        None => KEYS.to_owned(),
    }
}
