//! A client that sends exactly what it is told: paths are not cleaned, methods are not checked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Longer than any request of these tests takes; a server that hangs fails the case and not the whole run.
const PATIENCE: Duration = Duration::from_secs(60);

/// One request, as it goes over the wire.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Method, such as `LIST`.
    pub method: String,
    /// Path and query, beginning with `/v1/`, sent as it is.
    pub target: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// Body, if one is sent.
    pub body: Option<Vec<u8>>,
}

impl Call {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), ..Self::default() }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same request with a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string().into_bytes());
        self
    }

    /// Sends the request to `address` (`host:port`) over a connection of its own.
    ///
    /// # Errors
    /// When the connection fails, or the answer is no HTTP/1.1 answer.
    pub fn send(&self, address: &str) -> Result<Reply, String> {
        self.exchange(address)
            .map_err(|error| format!("{} {} at {address}: {error}", self.method, self.target))
    }

    fn exchange(&self, address: &str) -> Result<Reply, String> {
        let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        stream.write_all(self.head(address).as_bytes()).map_err(|error| error.to_string())?;
        // A server may answer and close before it has read a body that is too large for it.
        let sent = stream.write_all(self.body.as_deref().unwrap_or_default());
        let mut answer = Vec::new();
        let received = stream.read_to_end(&mut answer);
        match Reply::parse(&answer) {
            Some(reply) => Ok(reply),
            None => Err(format!("no HTTP answer (sent: {sent:?}, received: {received:?})")),
        }
    }

    fn head(&self, address: &str) -> String {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Body, after any chunking is undone.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON: null when there is none, a string when it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&self.body).trim_end().to_owned()))
    }

    fn parse(answer: &[u8]) -> Option<Self> {
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&answer[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines.filter_map(header).collect();
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let rest = &answer[end + 4..];
        let body = if chunked { unchunk(rest) } else { rest.to_vec() };
        Some(Self { status, headers, body })
    }
}

fn header(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_ascii_lowercase(), value.trim().to_owned()))
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok()).unwrap_or(0);
        let start = end + 2;
        if size == 0 || rest.len() < start + size {
            break;
        }
        body.extend_from_slice(&rest[start..start + size]);
        rest = &rest[(start + size + 2).min(rest.len())..];
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined() {
        let reply = Reply::parse(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n5\r\n\":17}\r\n0\r\n\r\n",
        );
        assert_eq!(reply.expect("an answer").json(), serde_json::json!({"a": 17}));
    }

    #[test]
    fn text_that_is_not_json_is_kept_as_a_string() {
        let reply = Reply::parse(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot here\n");
        assert_eq!(reply.expect("an answer").json(), serde_json::json!("not here"));
    }
}
