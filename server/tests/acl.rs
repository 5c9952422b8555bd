//! `transcripts/acl.md` against our matcher and, when `LOCKSTEP_BAO` names its binary, against OpenBao.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use server::core::acl::{Acl, AclRequest, Operation, ParsedPolicy, PolicyNamespace};

const TRANSCRIPT: &str = include_str!("transcripts/acl.md");

struct Section {
    title: String,
    policies: Vec<String>,
    capabilities: Vec<(String, String)>,
    requests: Vec<Request>,
}

struct Request {
    operation: String,
    path: String,
    data: Option<Map<String, Value>>,
    wrap: String,
    allowed: bool,
}

fn sections() -> Vec<Section> {
    TRANSCRIPT.split("\n## ").skip(1).map(section).collect()
}

fn section(text: &str) -> Section {
    let (title, body) = text.split_once('\n').expect("a title");
    let policies =
        body.split("~~~hcl\n").skip(1).map(|rest| rest.split("\n~~~").next().expect("a fence").to_owned());
    let rows = body.lines().filter(|line| line.starts_with("| ")).map(cells);
    let mut section = Section {
        title: title.to_owned(),
        policies: policies.collect(),
        capabilities: vec![],
        requests: vec![],
    };
    for row in rows {
        match row.as_slice() {
            [path, words] if path != "path" => section.capabilities.push((path.clone(), words.clone())),
            [operation, ..] if operation == "operation" => {}
            [operation, path, data, wrap, answer] => section.requests.push(Request {
                operation: operation.clone(),
                path: path.clone(),
                data: (!data.is_empty()).then(|| serde_json::from_str(data).expect("an object")),
                wrap: wrap.clone(),
                allowed: answer == "allowed",
            }),
            _ => {}
        }
    }
    section
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim_matches('|');
    inner.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}

fn compile(section: &Section, namespace: &str) -> Acl {
    let parse = |(index, text): (usize, &String)| {
        let namespace = PolicyNamespace { id: "root".to_owned(), path: namespace.to_owned() };
        Arc::new(ParsedPolicy::parse(&format!("s{index}"), namespace, text).expect("a valid policy"))
    };
    let policies: Vec<_> = section.policies.iter().enumerate().map(parse).collect();
    Acl::compile(&policies, 1_800_000_000_000_000)
}

fn check(acl: &Acl, namespace: &str, request: &Request) -> bool {
    let operation = match request.operation.as_str() {
        "create" => Operation::Create,
        "read" => Operation::Read,
        "update" => Operation::Update,
        "delete" => Operation::Delete,
        "list" => Operation::List,
        other => panic!("operation {other}"),
    };
    let wrap_ttl = request.wrap.strip_suffix('s').map(|s| Duration::from_secs(s.parse().expect("seconds")));
    let parameters = request.data.as_ref();
    acl.check(&AclRequest { operation, namespace, path: &request.path, parameters, wrap_ttl }).allowed
}

fn replay(namespace: &str) {
    let mut wrong = Vec::new();
    for section in sections() {
        let acl = compile(&section, namespace);
        for (path, words) in &section.capabilities {
            // A leading slash would stand in the middle of a path with a namespace.
            if path.starts_with('/') && !namespace.is_empty() {
                continue;
            }
            let ours = acl.capabilities(namespace, path).join(", ");
            if ours != *words {
                wrong.push(format!("{}: {path}: {ours}, not {words}", section.title));
            }
        }
        for request in &section.requests {
            if check(&acl, namespace, request) != request.allowed {
                let data = Value::from(request.data.clone());
                let (operation, path) = (&request.operation, &request.path);
                wrong.push(format!("{}: {operation} {path} {data} {}", section.title, request.wrap));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn transcript_in_the_root_namespace() {
    let rows: usize =
        sections().iter().map(|section| section.capabilities.len() + section.requests.len()).sum();
    assert!(rows > 200, "only {rows} rows read");
    replay("");
}

/// The same answers when policies and requests are of one namespace.
#[test]
fn transcript_in_another_namespace() {
    replay("a/");
}

#[test]
fn policies_speak_only_of_their_namespace() {
    let acl = compile(&sections()[0], "a/");
    assert_eq!(acl.capabilities("", "k/a"), ["deny"]);
    assert_eq!(acl.capabilities("", "a/k/a"), ["list", "read"]);
    assert_eq!(acl.capabilities("b/", "k/a"), ["deny"]);
    assert_eq!(acl.capabilities("a/", "k/a"), ["list", "read"]);
}

struct Bao(Child, u16);

impl Drop for Bao {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("the server ends");
    }
}

impl Bao {
    fn start(binary: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let address = format!("-dev-listen-address=127.0.0.1:{port}");
        let child = Command::new(binary)
            .args(["server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("bao starts");
        let bao = Self(child, port);
        let up = |_: &u32| {
            std::thread::sleep(Duration::from_millis(100));
            TcpStream::connect(("127.0.0.1", port)).is_ok()
                && bao.call("GET", "sys/mounts", "root", "", "").0 == 200
        };
        assert!((0..100).any(|attempt| up(&attempt)), "bao did not come up");
        bao
    }

    fn call(&self, method: &str, path: &str, token: &str, wrap: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.1)).expect("bao listens");
        let wrap = if wrap.is_empty() { String::new() } else { format!("X-Vault-Wrap-TTL: {wrap}\r\n") };
        let length = body.len();
        let head = format!("{method} /v1/{path} HTTP/1.0\r\nX-Vault-Token: {token}\r\n{wrap}");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").expect("request sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answer read");
        let status = answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    fn token(&self, policies: &[String]) -> String {
        let mut names = Vec::new();
        for (index, text) in policies.iter().enumerate() {
            let body = json!({ "policy": text }).to_string();
            assert_eq!(
                self.call("PUT", &format!("sys/policies/acl/s{index}"), "root", "", &body).0,
                204,
                "{text}"
            );
            names.push(format!("s{index}"));
        }
        let body = json!({ "policies": names, "no_default_policy": true }).to_string();
        let (_, answer) = self.call("POST", "auth/token/create", "root", "", &body);
        answer["auth"]["client_token"].as_str().expect("a token").to_owned()
    }

    fn allows(&self, token: &str, request: &Request) -> bool {
        let (method, exists) = match request.operation.as_str() {
            "create" => ("PUT", false),
            "update" => ("PUT", true),
            "read" => ("GET", true),
            "delete" => ("DELETE", true),
            _ => ("LIST", true),
        };
        let (path, mut body) = (request.path.as_str(), String::new());
        match exists {
            true if !path.ends_with('/') => self.call("PUT", path, "root", "", "{\"z\":\"z\"}"),
            _ => self.call("DELETE", path, "root", "", ""),
        };
        let mut full = path.to_owned();
        if let Some(data) = &request.data {
            let pair =
                |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().expect("a string"));
            match method {
                "PUT" => body = Value::from(data.clone()).to_string(),
                _ => full = format!("{path}?{}", data.iter().map(pair).collect::<Vec<_>>().join("&")),
            }
        }
        self.call(method, &full, token, &request.wrap, &body).0 != 403
    }
}

#[test]
fn transcript_is_what_openbao_answers() {
    let Ok(binary) = std::env::var("LOCKSTEP_BAO") else { return };
    let bao = Bao::start(&binary);
    bao.call("POST", "sys/mounts/k", "root", "", "{\"type\":\"kv\"}");
    for section in sections().into_iter().filter(|section| !section.title.ends_with("by chance")) {
        let token = bao.token(&section.policies);
        for (path, words) in &section.capabilities {
            let body = json!({ "token": token, "paths": [path] }).to_string();
            let (_, answer) = bao.call("POST", "sys/capabilities", "root", "", &body);
            let theirs: Vec<&str> =
                answer["data"][path].as_array().expect("words").iter().filter_map(Value::as_str).collect();
            assert_eq!(theirs.join(", "), *words, "{}: {path}", section.title);
        }
        for request in &section.requests {
            assert_eq!(bao.allows(&token, request), request.allowed, "{}: {}", section.title, request.path);
        }
    }
}
