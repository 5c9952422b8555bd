//! A keep-alive HTTP connection: enough for a demonstration and for a load generator.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// An open connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: String,
}

impl Connection {
    /// Connects to `address` (`host:port`).
    ///
    /// # Errors
    /// When nobody listens there.
    pub(crate) fn open(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("{address}: {error}"))?;
        // Small requests wait for each other's acknowledgements otherwise.
        stream.set_nodelay(true).map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { stream: BufReader::new(stream), address: address.to_owned() })
    }

    /// Sends a request with a JSON body (empty: none) and answers status and body.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(crate) fn send(&mut self, request: &Request<'_>) -> Result<(u16, Vec<u8>), String> {
        self.exchange(request).map_err(|error| format!("{} {}: {error}", request.method, request.path))
    }

    fn exchange(&mut self, request: &Request<'_>) -> std::io::Result<(u16, Vec<u8>)> {
        let Request { method, path, token, namespace, body } = request;
        let mut text =
            format!("{method} /v1/{path} HTTP/1.1\r\nHost: {}\r\nX-Vault-Token: {token}\r\n", self.address);
        if !namespace.is_empty() {
            text.push_str(&format!("X-Vault-Namespace: {namespace}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        self.stream.get_mut().write_all(text.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<(u16, Vec<u8>)> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other(format!("`{first}` is no answer")))?;
        let mut length = 0;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

/// What is sent.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// Follows `/v1/`.
    pub(crate) path: &'a str,
    pub(crate) token: &'a str,
    /// Empty: the root namespace.
    pub(crate) namespace: &'a str,
    pub(crate) body: &'a str,
}
