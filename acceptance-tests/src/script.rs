//! Request files: what is sent and what was answered, side by side, for people to read and for programs to replay.
//!
//! ```text
//! # A line of prose, for whoever reads the file.
//!
//! POST /v1/auth/token/create
//! Namespace: team-a
//! {"policies": ["app"]}
//! capture child /auth/client_token
//! < 200
//! {"auth":{"client_token":"{child}", …}}
//! ```
//!
//! A blank line ends an exchange. `Namespace`, `Token` and `Wrap-TTL` are short for the server's own headers; without
//! `Token` the root token is sent, with `Token: none` no token. `{name}` stands for a captured value,
//! `{unseal_key}` for the unseal key of a development server, `{address}` for host and port of the server. `Basic: NAME:SECRET` is sent as HTTP says. A body that is
//! no JSON follows `| `; `show NAME` puts that header of the answer behind its status, as JSON; `Body-Size: N` sends that many bytes of one JSON string;
//! `await` on a line of its own repeats the request until it is answered as the file says, for ten seconds at most: some things a
//! server does in the background. `Body-Bytes: …` sends what follows, with `\xff` as that byte. The answer is masked
//! ([`mask`](crate::mask)), and its names have to be in the order of the peer's; it is written by `UPDATE_EXPECT=1 cargo test -p acceptance-tests --test differential`,
//! which asks OpenBao.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::http::{Call, Reply};
use crate::mask::{self, Difference, mask};
use crate::order;
use crate::server::Server;

/// A request file.
#[derive(Clone, Debug, Default)]
pub struct Script {
    exchanges: Vec<Exchange>,
    tail: String,
}

/// One request of a file, with the answer that is expected.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// Comment and blank lines before the request.
    prose: String,
    /// Request lines, as they are in the file, up to the answer.
    source: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    captures: Vec<(String, String)>,
    /// Headers of the answer that are compared, too.
    shown: Vec<String>,
    expected: Option<(u16, Value)>,
    expected_headers: Value,
    /// Whether the answer may need some time.
    is_awaited: bool,
    line: usize,
}

/// How long an answer that is awaited may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where requests go, and with which token.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Root token.
    pub token: String,
    /// What `{unseal_key}` stands for, if it is known.
    pub unseal_key: Option<String>,
}

/// One exchange as it was replayed.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Method and path, and which of the equal ones of the file it is from the second on.
    pub name: String,
    /// Line of the request in the file.
    pub line: usize,
    /// Status.
    pub status: u16,
    /// The headers that the file wants to be shown; null without any.
    pub headers: Value,
    /// Body, masked.
    pub body: Value,
    /// Where the answer differs from the expected one; status first.
    pub differences: Vec<Difference>,
}

impl Script {
    /// Reads a request file.
    ///
    /// # Errors
    /// When a line cannot be understood; with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut script = Self::default();
        let mut prose = String::new();
        let mut open: Option<Exchange> = None;
        for (index, line) in text.lines().enumerate() {
            match open.take() {
                None if line.is_empty() || line.starts_with('#') => {
                    writeln!(prose, "{line}").expect("to a string")
                }
                None => open = Some(Exchange::begin(line, index + 1, std::mem::take(&mut prose))?),
                Some(exchange) if line.is_empty() => {
                    prose.push('\n');
                    script.exchanges.push(exchange);
                }
                Some(mut exchange) => {
                    exchange.line(line).map_err(|problem| format!("line {}: {problem}", index + 1))?;
                    open = Some(exchange);
                }
            }
        }
        script.exchanges.extend(open);
        script.tail = prose;
        Ok(script)
    }

    /// Method, path with query, and body of every request, as the file has them.
    pub fn requests(&self) -> impl Iterator<Item = (&str, &str, Option<&[u8]>)> {
        let exchanges = self.exchanges.iter();
        exchanges
            .map(|exchange| (exchange.method.as_str(), exchange.target.as_str(), exchange.body.as_deref()))
    }

    /// How many requests the file has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// Whether the file has no request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// Sends every request to `server` and compares the answers.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn replay(&self, server: &Server) -> Result<Vec<Replayed>, String> {
        let is_wanted = self.exchanges.iter().any(|exchange| exchange.source.contains("{unseal_key}"));
        let unseal_key = if is_wanted { server.unseal_key() } else { None };
        let (address, token) = (server.address.clone(), server.token.clone());
        self.replay_at(&Endpoint { address, token, unseal_key }).collect()
    }

    /// As [`replay`](Script::replay), a request each time that the iterator is asked for the next one.
    pub fn replay_at(&self, endpoint: &Endpoint) -> impl Iterator<Item = Result<Replayed, String>> {
        let mut variables = Variables::of(endpoint);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        self.exchanges.iter().map(move |exchange| {
            let name = format!("{} {}", exchange.method, exchange.target);
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            let name = if *count == 1 { name } else { format!("{name} #{count}") };
            exchange.replay_in_time(&name, endpoint, &mut variables)
        })
    }

    /// Sends every request, and wants every answer to be as the file says: where it gives a status alone, only the
    /// status is compared, and where it says nothing, any status below 400 will do.
    ///
    /// # Errors
    /// Names the first request whose answer is another one.
    pub fn perform(&self, server: &Server) -> Result<(), String> {
        for (exchange, replayed) in self.exchanges.iter().zip(self.replay(server)?) {
            let only_status = matches!(exchange.expected, Some((_, Value::Null)));
            let mut differences = replayed.differences.iter();
            if let Some(difference) =
                differences.find(|difference| !only_status || difference.pointer == "status")
            {
                let Replayed { name, status, body, .. } = &replayed;
                return Err(format!("{name}: {}\nanswer: {status} {body}", difference.text));
            }
        }
        Ok(())
    }

    /// The file again, with the answers of `replayed`.
    #[must_use]
    pub fn with_answers(&self, replayed: &[Replayed]) -> String {
        let mut text = String::new();
        for (exchange, replayed) in self.exchanges.iter().zip(replayed) {
            let _ = write!(text, "{}{}< {}", exchange.prose, exchange.source, replayed.status);
            if !replayed.headers.is_null() {
                let _ = write!(text, " {}", replayed.headers);
            }
            text.push('\n');
            if !replayed.body.is_null() {
                let _ = writeln!(text, "{}", replayed.body);
            }
        }
        text + self.tail.trim_end_matches('\n')
    }
}

impl Exchange {
    fn begin(line: &str, number: usize, prose: String) -> Result<Self, String> {
        let (method, target) = line
            .split_once(' ')
            .filter(|(method, target)| {
                method.chars().all(|letter| letter.is_ascii_uppercase()) && target.starts_with('/')
            })
            .ok_or_else(|| format!("line {number}: `{line}` is no request line"))?;
        Ok(Self {
            prose,
            source: format!("{line}\n"),
            method: method.to_owned(),
            target: target.to_owned(),
            line: number,
            ..Self::default()
        })
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(status) = line.strip_prefix("< ") {
            return self.status_line(status);
        }
        if let Some((_, body)) = &mut self.expected {
            *body = serde_json::from_str(line).map_err(|error| format!("the answer is no JSON: {error}"))?;
            return Ok(());
        }
        self.source.push_str(line);
        self.source.push('\n');
        self.request_line(line)
    }

    fn status_line(&mut self, line: &str) -> Result<(), String> {
        let (status, headers) = line.split_once(' ').unwrap_or((line, "null"));
        let status = status.parse().map_err(|_| format!("`{status}` is no status"))?;
        self.expected = Some((status, Value::Null));
        self.expected_headers =
            serde_json::from_str(headers).map_err(|error| format!("the headers are no JSON: {error}"))?;
        Ok(())
    }

    fn request_line(&mut self, line: &str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("capture ") {
            let (name, pointer) = rest.split_once(' ').ok_or("`capture NAME POINTER` is needed")?;
            self.captures.push((name.to_owned(), pointer.to_owned()));
        } else if let Some(name) = line.strip_prefix("show ") {
            self.shown.push(name.to_ascii_lowercase());
        } else if line == "await" {
            self.is_awaited = true;
        } else if let Some(raw) = line.strip_prefix("| ") {
            self.body = Some(raw.as_bytes().to_vec());
        } else if line.starts_with(['{', '[', '"']) || self.body.is_some() {
            self.body.get_or_insert_default().extend_from_slice(line.as_bytes());
        } else {
            let (name, value) = line.split_once(": ").ok_or_else(|| format!("`{line}` is no header"))?;
            self.header(name, value)?;
        }
        Ok(())
    }

    fn header(&mut self, name: &str, value: &str) -> Result<(), String> {
        let name = match name {
            "Namespace" => "X-Vault-Namespace",
            "Token" => "X-Vault-Token",
            "Wrap-TTL" => "X-Vault-Wrap-TTL",
            "Body-Size" => {
                let size = value.parse().map_err(|_| format!("`{value}` is no size"))?;
                self.body = Some(large_body(size));
                return Ok(());
            }
            "Body-Bytes" => {
                self.body = Some(bytes(value)?);
                return Ok(());
            }
            other => other,
        };
        self.headers.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// As [`replay`](Self::replay), again and again if the answer is awaited.
    fn replay_in_time(
        &self,
        name: &str,
        endpoint: &Endpoint,
        variables: &mut Variables,
    ) -> Result<Replayed, String> {
        let begin = Instant::now();
        loop {
            let replayed = self.replay(name.to_owned(), endpoint, variables)?;
            if !self.is_awaited || replayed.differences.is_empty() || begin.elapsed() > PATIENCE {
                return Ok(replayed);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn replay(
        &self,
        name: String,
        endpoint: &Endpoint,
        variables: &mut Variables,
    ) -> Result<Replayed, String> {
        let reply = self.call(endpoint, variables).send(&endpoint.address)?;
        variables.capture(&self.captures, &reply.json());
        let body = mask(&variables.hide(&reply.json()));
        let headers = self.shown_of(&reply);
        let mut differences = self.compare(&reply, &body);
        if self.expected.is_some() {
            differences.extend(mask::differences(&self.expected_headers, &headers));
            differences.extend(order::differences(&reply.body));
        }
        Ok(Replayed { name, line: self.line, status: reply.status, headers, body, differences })
    }

    /// The headers of `reply` that the file wants to be shown; null if it wants none.
    fn shown_of(&self, reply: &Reply) -> Value {
        if self.shown.is_empty() {
            return Value::Null;
        }
        let is_shown = |name: &String| self.shown.contains(name);
        let headers = reply.headers.iter().filter(|(name, _)| is_shown(name));
        headers.map(|(name, value)| (name.clone(), Value::String(mask::mask_text(value)))).collect()
    }

    fn call(&self, endpoint: &Endpoint, variables: &Variables) -> Call {
        let mut call = Call::new(&self.method, &variables.fill(&self.target));
        if !self.headers.iter().any(|(name, _)| name == "X-Vault-Token") {
            call = call.header("X-Vault-Token", &endpoint.token);
        }
        for (name, value) in self.headers.iter().filter(|(_, value)| value != "none") {
            let value = variables.fill(value);
            call = match name.as_str() {
                "Basic" => call.header("Authorization", &format!("Basic {}", STANDARD.encode(value))),
                name => call.header(name, &value),
            };
        }
        call.body = self.body.as_deref().map(|body| match std::str::from_utf8(body) {
            Ok(text) => variables.fill(text).into_bytes(),
            Err(_) => body.to_vec(),
        });
        call
    }

    fn compare(&self, reply: &Reply, body: &Value) -> Vec<Difference> {
        let Some((status, expected)) = &self.expected else {
            let refused = reply.status >= 400;
            let text = format!("expected success, got {}", reply.status);
            return if refused {
                vec![Difference { pointer: "status".to_owned(), text }]
            } else {
                Vec::new()
            };
        };
        mask::compare_answers((*status, expected), (reply.status, body))
    }
}

/// `text` with each `\xff` as that byte.
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let byte = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.ok_or_else(|| format!("`{text}` has a `\\x` without two digits"))?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    Ok(bytes)
}

fn large_body(size: usize) -> Vec<u8> {
    let mut body = b"{\"data\":\"".to_vec();
    body.resize(size.saturating_sub(2), b'x');
    body.extend_from_slice(b"\"}");
    body
}

/// Captured values by name.
#[derive(Debug, Default)]
struct Variables(BTreeMap<String, String>);

impl Variables {
    /// What is known from the start: `{address}`, and `{unseal_key}`, if the server tells it.
    fn of(endpoint: &Endpoint) -> Self {
        let key = endpoint.unseal_key.clone().map(|key| ("unseal_key".to_owned(), key));
        let address = ("address".to_owned(), endpoint.address.clone());
        Self(key.into_iter().chain([address]).collect())
    }

    fn capture(&mut self, captures: &[(String, String)], body: &Value) {
        for (name, pointer) in captures {
            if let Some(value) = body.pointer(pointer) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                self.0.insert(name.clone(), value);
            }
        }
    }

    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// `value` with every captured value replaced by its name.
    fn hide(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (self.hide_text(name), self.hide(value))).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.hide(item)).collect(),
            Value::String(text) => Value::String(self.hide_text(text)),
            other => other.clone(),
        }
    }

    fn hide_text(&self, text: &str) -> String {
        let named = self.0.iter().filter(|(_, value)| !value.is_empty());
        named
            .fold(text.to_owned(), |text, (name, value)| text.replace(value.as_str(), &format!("{{{name}}}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_written_unchanged() {
        let text = "# Prose.\n\nPUT /v1/a\nNamespace: team\n{\"b\": 1}\ncapture id /data/id\n< 204\n\nGET /v1/a/{id}\n< 200\n{\"c\":2}\n";
        let script = Script::parse(text).expect("a script");
        let replayed: Vec<Replayed> = script
            .exchanges
            .iter()
            .map(|exchange| {
                let (status, body) = exchange.expected.clone().expect("an answer");
                Replayed {
                    name: String::new(),
                    line: 0,
                    status,
                    headers: Value::Null,
                    body,
                    differences: Vec::new(),
                }
            })
            .collect();
        assert_eq!(script.with_answers(&replayed), text);
    }

    #[test]
    fn an_unknown_line_is_refused_with_its_number() {
        let problem = Script::parse("GET /v1/a\nwhat is this\n").expect_err("no header");
        assert_eq!(problem, "line 2: `what is this` is no header");
    }

    #[test]
    fn captured_values_are_filled_in_and_hidden() {
        let mut variables = Variables::default();
        variables.capture(
            &[("id".to_owned(), "/data/id".to_owned())],
            &serde_json::json!({"data": {"id": "abc"}}),
        );
        assert_eq!(variables.fill("/v1/x/{id}"), "/v1/x/abc");
        assert_eq!(variables.hide(&serde_json::json!(["abc"])), serde_json::json!(["{id}"]));
    }
}
