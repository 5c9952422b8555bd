//! States and requests that were recorded of the incumbent: `acceptance-tests/compat/states`.
//!
//! This is the one reader of them. What it read is asked for in two ways: [`phase`] follows a run from its beginning to
//! its end, and [`wire`] finds what was asked and answered at any time.

mod phase;
mod wire;

use std::path::{Path, PathBuf};

use schemas::{Answer, Class, Method, Record, Request, Value, json};

pub(crate) use phase::Phase;

/// One recorded configuration.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) configuration: String,
    pub(crate) instances: Vec<Instance>,
    /// The same after a change of the configuration.
    pub(crate) updated: Option<Box<Case>>,
    exchanges: Vec<Exchange>,
}

/// One object in its state.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) class: Class,
    /// Type without `vault_`.
    pub(crate) name: String,
    label: String,
    /// `kv_secret_v2.each[one]`.
    pub(crate) address: String,
    pub(crate) state: Record,
}

/// A request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    phase: String,
    namespace: String,
    wrap_ttl: String,
    request: Request,
    pub(crate) answer: Answer,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../acceptance-tests/compat/states")
}

/// All cases that come to rest with the incumbent: the others are no model.
pub(crate) fn steady() -> Vec<Case> {
    let folders = std::fs::read_dir(root()).expect("recorded cases");
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.expect("a folder").path()).collect();
    folders.sort();
    let steady = folders.iter().filter(|folder| !folder.join("drift.tsv").exists());
    steady.map(|folder| Case::read(folder)).collect()
}

impl Case {
    /// The case `name`.
    pub(crate) fn load(name: &str) -> Self {
        Self::read(&root().join(name))
    }

    fn read(folder: &Path) -> Self {
        let wire = text(folder, "wire.jsonl").expect("each case has its requests");
        let exchanges: Vec<_> = wire.lines().map(Exchange::parse).collect();
        let case = Self::in_state(folder, exchanges.clone());
        let update = folder.join("update");
        let updated = update.exists().then(|| Box::new(Self::in_state(&update, exchanges)));
        Self { updated, ..case }
    }

    fn in_state(folder: &Path, exchanges: Vec<Exchange>) -> Self {
        let state = text(folder, "terraform.tfstate").expect("each case has a state");
        let state = json::parse(&state).expect("a state is JSON");
        Self {
            name: folder.file_name().expect("a folder").to_string_lossy().into_owned(),
            configuration: text(folder, "main.tf").expect("each case has a configuration"),
            instances: state.at("resources").as_list().expect("a list").iter().flat_map(instances).collect(),
            updated: None,
            exchanges,
        }
    }

    /// The object that stands at the address of `like`.
    pub(crate) fn find(&self, like: &Instance) -> Option<&Instance> {
        let is_like = |instance: &&Instance| instance.class == like.class && instance.address == like.address;
        self.instances.iter().find(is_like)
    }
}

fn text(folder: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(folder.join(file)).ok()
}

fn instances(resource: &Value) -> Vec<Instance> {
    let class = if resource.at("mode").as_str() == Some("data") { Class::Data } else { Class::Resource };
    let [name, label] = ["type", "name"].map(|key| resource.at(key).as_str().expect("a text").to_owned());
    let name = name.trim_start_matches("vault_").to_owned();
    let of = |instance: &Value| {
        let index = match instance.at("index_key") {
            Value::Null => String::new(),
            Value::String(key) => format!("[{key}]"),
            other => format!("[{}]", json::render(other)),
        };
        let attributes = instance.at("attributes").as_map().expect("attributes").clone();
        Instance {
            class,
            name: name.clone(),
            label: label.clone(),
            address: format!("{name}.{label}{index}"),
            state: Record::from(attributes),
        }
    };
    resource.at("instances").as_list().expect("a list").iter().map(of).collect()
}

impl Instance {
    /// Its namespace; empty for the root.
    pub(crate) fn namespace(&self) -> &str {
        self.state.text("namespace")
    }
}

impl Exchange {
    fn parse(line: &str) -> Self {
        let line = json::parse(line).expect("a recorded request");
        let text = |name: &str| line.at(name).as_str().unwrap_or_default().to_owned();
        let headers = line.at("headers").as_map().cloned().unwrap_or_default();
        let header = |name: &str| headers.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let query = text("query");
        let method = match (text("method").as_str(), query.as_str()) {
            ("GET", "list=true") => Method::List,
            (method, _) => Method::parse(method).expect("a method"),
        };
        let mut request = Request::new(method, decoded(text("path").trim_start_matches("/v1/")));
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            if name != "list" {
                request = request.with_query(name, value);
            }
        }
        let status = line.at("status").as_i64().and_then(|status| u16::try_from(status).ok());
        Self {
            phase: text("phase"),
            namespace: header("X-Vault-Namespace"),
            wrap_ttl: header("X-Vault-Wrap-TTL"),
            request: Request {
                body: Some(line.at("body").clone()).filter(|body| !body.is_null()),
                ..request
            },
            answer: Answer {
                status: status.expect("a status"),
                body: without_warnings(line.at("response").clone()),
            },
        }
    }

    /// The body of the request; null where it has none.
    pub(crate) fn body(&self) -> &Value {
        self.request.body.as_ref().unwrap_or(&Value::Null)
    }

    /// Whether `request` asks the same of the same place, whatever its body says.
    fn asks_for(&self, request: &Request, namespace: &str) -> bool {
        let both_write = is_write(self.request.method) && is_write(request.method);
        (self.request.method == request.method || both_write)
            && self.request.path == request.path
            && self.namespace == namespace
    }
}

/// POST and PUT are the same to the server.
fn is_write(method: Method) -> bool {
    matches!(method, Method::Post | Method::Put)
}

/// Warnings are about their bodies, not ours.
fn without_warnings(mut body: Value) -> Value {
    if !body.is_null() {
        body.put("warnings", Value::Null);
    }
    body
}

fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        let escaped = code.filter(|_| *first == b'%');
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).expect("a path in UTF-8")
}
