//! `tests/transcripts/http.md` and `sys.md`: what OpenBao answers over HTTP, replayed on this server.
//!
//! A section is a fresh dev server and a fenced block of exchanges:
//!
//! ```text
//! POST /v1/sys/mounts/kv {"type":"kv"}
//! > X-Vault-Namespace: team
//! 204
//! ```
//!
//! The root token is sent unless a `>` line sets `X-Vault-Token`. An answer is a status, headers that matter in
//! `< ` lines, and the body; `"<any>"` in it stands for any value. A line `ours …` is what this server answers
//! instead, and the text of the section says why. With the environment variable `LOCKSTEP_BAO` naming an OpenBao
//! binary the transcripts are replayed on that too.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use server::Server;

#[derive(Default)]
struct Exchange {
    request: String,
    headers: Vec<String>,
    status: String,
    wanted_headers: Vec<String>,
    ours: Option<String>,
}

struct Answer {
    status: u16,
    headers: Vec<String>,
    body: String,
}

fn exchanges(section: &str) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let blocks = section.split("```").skip(1).step_by(2);
    for line in blocks.flat_map(str::lines).filter(|line| !line.is_empty()) {
        let starts_with_status = line.starts_with(|first: char| first.is_ascii_digit());
        match exchanges.last_mut() {
            Some(exchange) if line.starts_with("> ") => exchange.headers.push(line[2..].to_owned()),
            Some(exchange) if line.starts_with("< ") => exchange.wanted_headers.push(line[2..].to_owned()),
            Some(exchange) if line.starts_with("ours ") => exchange.ours = Some(line[5..].to_owned()),
            Some(exchange) if starts_with_status => line.clone_into(&mut exchange.status),
            _ => exchanges.push(Exchange { request: line.to_owned(), ..Exchange::default() }),
        }
    }
    exchanges
}

/// Sends the request as it stands, so that paths arrive unchanged.
fn send(address: SocketAddr, exchange: &Exchange) -> Answer {
    let mut words = exchange.request.splitn(3, ' ');
    let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
    let body = words.next().unwrap_or_default();
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if !exchange.headers.iter().any(|header| header.starts_with("X-Vault-Token:")) {
        text.push_str("X-Vault-Token: root\r\n");
    }
    for header in &exchange.headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.write_all(text.as_bytes()).expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("received");
    parse(&String::from_utf8(bytes).expect("an answer is text"))
}

fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").expect("an end of headers");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
    let headers: Vec<String> = lines.map(str::to_owned).collect();
    let is_chunked = headers.iter().any(|header| header.eq_ignore_ascii_case("transfer-encoding: chunked"));
    let body = if is_chunked { unchunked(body) } else { body.to_owned() };
    Answer { status: status.parse().expect("a number"), headers, body }
}

fn unchunked(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        body.push_str(&rest[..size]);
        text = rest[size..].trim_start_matches("\r\n");
    }
    body
}

/// Whether `given` is `wanted`, in which `"<any>"` is anything.
fn fits(wanted: &Value, given: &Value) -> bool {
    match (wanted, given) {
        (Value::String(text), _) if text == "<any>" => true,
        (Value::Object(wanted), Value::Object(given)) => {
            wanted.len() == given.len()
                && wanted.iter().all(|(key, value)| given.get(key).is_some_and(|given| fits(value, given)))
        }
        (Value::Array(wanted), Value::Array(given)) => {
            wanted.len() == given.len() && wanted.iter().zip(given).all(|(wanted, given)| fits(wanted, given))
        }
        (wanted, given) => wanted == given,
    }
}

/// What is wrong with `answer`; `None` if nothing.
fn problem(exchange: &Exchange, wanted: &str, answer: &Answer) -> Option<String> {
    let (status, body) = wanted.split_once(' ').unwrap_or((wanted, ""));
    let body_fits = match serde_json::from_str::<Value>(body) {
        Ok(wanted) => serde_json::from_str(&answer.body).is_ok_and(|given| fits(&wanted, &given)),
        Err(_) => answer.body.trim_end() == body,
    };
    let has = |wanted: &String| answer.headers.iter().any(|header| header.eq_ignore_ascii_case(wanted));
    let missing: Vec<&String> = exchange.wanted_headers.iter().filter(|header| !has(header)).collect();
    if status.parse() == Ok(answer.status) && body_fits && missing.is_empty() {
        return None;
    }
    Some(format!(
        "{}\n  wanted {wanted} {missing:?}\n  got    {} {}",
        exchange.request,
        answer.status,
        answer.body.trim_end()
    ))
}

fn replay(section: &str, address: SocketAddr, is_ours: bool, wrong: &mut Vec<String>) {
    for exchange in exchanges(section) {
        let answer = send(address, &exchange);
        let wanted = exchange.ours.as_ref().filter(|_| is_ours).unwrap_or(&exchange.status);
        wrong.extend(problem(&exchange, wanted, &answer));
    }
}

async fn check(transcript: &'static str) {
    let mut wrong = Vec::new();
    for section in transcript.split("\n## ").skip(1) {
        let text = "storage \"inmem\" {\n}\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n  tls_disable = true\n}\n";
        let (configuration, _) = server::config::parse(Path::new("test.hcl"), text).expect("a configuration");
        let (server, _) = Server::start_dev(&configuration, Some("root")).await.expect("a server");
        let address = server.addresses()[0];
        wrong = tokio::task::spawn_blocking(move || {
            replay(section, address, true, &mut wrong);
            wrong
        })
        .await
        .expect("replayed");
        server.stop().await.expect("stopped");
        if let Some(binary) = std::env::var_os("LOCKSTEP_BAO") {
            let peer = Peer::start(Path::new(&binary));
            replay(section, peer.address, false, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// A dev server of OpenBao, ended when dropped.
struct Peer {
    process: Child,
    address: SocketAddr,
}

impl Peer {
    fn start(binary: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
        let process = Command::new(binary)
            .args(["server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token"])
            .arg(format!("-dev-listen-address={free}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("OpenBao starts");
        let peer = Self { process, address: free };
        let ready = Exchange { request: "GET /v1/sys/mounts/secret".to_owned(), ..Exchange::default() };
        for _ in 0..200 {
            std::thread::sleep(Duration::from_millis(50));
            if TcpStream::connect(free).is_ok() && send(free, &ready).status == 200 {
                return peer;
            }
        }
        panic!("OpenBao did not become ready");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_is_answered_as_the_peer_answers() {
    check(include_str!("transcripts/http.md")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn system_endpoints_answer_as_the_peer_answers() {
    check(include_str!("transcripts/sys.md")).await;
}
