//! The recorded cases under `acceptance-tests/compat/states`: configuration, state, requests.

use std::fs;
use std::path::{Path, PathBuf};

use schemas::{Answer, Field, Kind, Method, Presence, Record, Request, States, Value, codec, json};

/// A configuration that was applied.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) configuration: String,
    pub(crate) instances: Vec<Instance>,
    /// The same after a change of the configuration.
    pub(crate) updated: Option<Box<Case>>,
    exchanges: Vec<Exchange>,
}

/// A managed object in a state.
pub(crate) struct Instance {
    pub(crate) address: String,
    type_name: String,
    name: String,
    attributes: Value,
}

/// A request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    phase: String,
    method: String,
    path: String,
    namespace: String,
    wrap_ttl: String,
    pub(crate) body: Value,
    pub(crate) answer: Answer,
}

/// The exchanges of one phase, and of the plan after it for what was not read at once.
pub(crate) struct Phase<'a> {
    exchanges: Vec<&'a Exchange>,
    plan: Vec<&'a Exchange>,
    position: usize,
}

pub(crate) fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../acceptance-tests/compat/states");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root).expect("recorded cases").map(|entry| entry.expect("a folder").path()).collect();
    folders.sort();
    // What never comes to rest with the incumbent is no model.
    let steady = folders.into_iter().filter(|folder| !folder.join("drift.tsv").exists());
    steady.map(|folder| Case::read(&folder)).collect()
}

impl Case {
    fn read(folder: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let state = json::parse(&text("terraform.tfstate")).expect("a state");
        let update = folder.join("update");
        Self {
            name: folder.file_name().expect("a folder").to_string_lossy().into_owned(),
            configuration: text("main.tf"),
            instances: items(state.at("resources")).iter().flat_map(instances).collect(),
            updated: update.exists().then(|| Box::new(Self::read(&update))),
            exchanges: text("wire.jsonl").lines().map(Exchange::parse).collect(),
        }
    }

    pub(crate) fn phase(&self, name: &str) -> Phase<'_> {
        let of = |name: &str| self.exchanges.iter().filter(|exchange| exchange.phase == name).collect();
        let plan = if name == "update" { "update_plan" } else { "plan" };
        Phase { exchanges: of(name), plan: of(plan), position: 0 }
    }

    pub(crate) fn find(&self, like: &Instance) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.address == like.address)
    }
}

fn items(value: &Value) -> Vec<Value> {
    value.as_list().unwrap_or_default().to_vec()
}

fn instances(resource: &Value) -> Vec<Instance> {
    if resource.at("mode").as_str() != Some("managed") {
        return Vec::new();
    }
    let [type_name, name] =
        ["type", "name"].map(|key| resource.at(key).as_str().unwrap_or_default().to_owned());
    let of = |instance: &Value| {
        let index = instance.at("index_key");
        let index = if index.is_null() { String::new() } else { format!("[{}]", json::render(index)) };
        Instance {
            address: format!("{type_name}.{name}{index}"),
            type_name: type_name.clone(),
            name: name.clone(),
            attributes: instance.at("attributes").clone(),
        }
    };
    items(resource.at("instances")).iter().map(of).collect()
}

impl Instance {
    pub(crate) fn kind_name(&self) -> &str {
        self.type_name.trim_start_matches("vault_")
    }

    pub(crate) fn namespace(&self) -> &str {
        self.attributes.at("namespace").as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> Option<String> {
        self.attributes.at("id").as_str().map(str::to_owned)
    }

    /// The state's attributes, as the provider hands them over.
    pub(crate) fn record(&self, kind: &Kind) -> Record {
        kind.fields().map(|field| (field.name.to_owned(), self.attributes.at(field.name).clone())).collect()
    }

    /// What the provider asks for: what is configured, the defaults, and null for the rest. The configuration says
    /// which attributes are set, the state to what.
    pub(crate) fn desired(&self, kind: &Kind, configuration: &str) -> Record {
        let block = self.block(configuration);
        let value = |field: &Field| {
            let is_set = field.is_configurable() && mentions(block, field.name);
            match field.default {
                _ if is_set && field.is_write_only() => literal(block, field.name),
                _ if is_set => self.attributes.at(field.name).clone(),
                Some(_) if kind.states == States::Legacy || field.presence == Presence::Filled => {
                    codec::absent(field)
                }
                _ => Value::Null,
            }
        };
        kind.fields().map(|field| (field.name.to_owned(), value(field))).collect()
    }

    fn block<'a>(&self, configuration: &'a str) -> &'a str {
        let head = format!("resource \"{}\" \"{}\" {{", self.type_name, self.name);
        let start = configuration.find(&head).unwrap_or_else(|| panic!("{head}"));
        let block = &configuration[start..];
        &block[..block.find("\n}").unwrap_or(block.len())]
    }
}

/// True if a line of `block` sets `name`. Lines of a nested block are deeper.
fn mentions(block: &str, name: &str) -> bool {
    let sets = |line: &str| {
        let rest = line.strip_prefix("  ").and_then(|line| line.strip_prefix(name));
        let rest = rest.map(str::trim_start).unwrap_or_default();
        rest.starts_with(['=', '{']) && !rest.trim_end().ends_with("= null")
    };
    block.lines().any(sets)
}

/// The text that `block` sets `name` to; unknown if it is an expression.
fn literal(block: &str, name: &str) -> Value {
    let sets = |line: &&str| line.trim_start().starts_with(&format!("{name} "));
    let line = block.lines().find(sets).unwrap_or_default();
    let text = line.split_once('=').map(|(_, text)| text.trim()).unwrap_or_default();
    let literal = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    literal.map_or(Value::Unknown, Value::from)
}

impl Exchange {
    fn parse(line: &str) -> Self {
        let line = json::parse(line).expect("a recorded request");
        let text = |name: &str| line.at(name).as_str().unwrap_or_default().to_owned();
        let headers = line.at("headers").as_map().cloned().unwrap_or_default();
        let header = |name: &str| headers.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            phase: text("phase"),
            method: class(&text("method")).to_owned(),
            path: decoded(text("path").trim_start_matches("/v1/")),
            namespace: header("X-Vault-Namespace"),
            wrap_ttl: header("X-Vault-Wrap-TTL"),
            body: line.at("body").clone(),
            answer: Answer {
                status: u16::try_from(line.at("status").as_i64().unwrap_or_default()).expect("a status"),
                body: without_warnings(line.at("response").clone()),
            },
        }
    }

    fn is_twin(&self, request: &Request, namespace: &str) -> bool {
        let body = request.body.as_ref().unwrap_or(&Value::Null);
        self.method == class(request.method.as_str())
            && self.path == request.path
            && self.namespace == namespace
            && self.wrap_ttl == request.wrap_ttl.as_deref().unwrap_or_default()
            && (!names_its_object(request) || told(&self.body) == told(body))
    }
}

/// Warnings are about their bodies, not ours.
fn without_warnings(mut body: Value) -> Value {
    if !body.is_null() {
        body.put("warnings", Value::Null);
    }
    body
}

/// POST and PUT are the same to the server.
fn class(method: &str) -> &str {
    if method == "PUT" { "POST" } else { method }
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

impl Phase<'_> {
    /// The recorded twin of `request`: the next one in the phase, else one of the plan, else an earlier one.
    pub(crate) fn answer(&mut self, request: &Request, namespace: &str) -> Option<Exchange> {
        let is_twin = |exchange: &&Exchange| exchange.is_twin(request, namespace);
        let next = self.exchanges.iter().skip(self.position).position(is_twin);
        if let Some(index) = next {
            self.position += index + 1;
            return Some(self.exchanges[self.position - 1].clone());
        }
        let reads = request.reads || matches!(request.method, Method::Get | Method::List);
        let mut others = self.plan.iter().chain(&self.exchanges).copied();
        let found = others.find(|exchange| reads && is_twin(exchange));
        found.cloned()
    }
}

/// Several objects have one path there; the body says which it is.
fn names_its_object(request: &Request) -> bool {
    let ends = ["/secret-id", "/login"].iter().any(|end| request.path.ends_with(end));
    request.path.contains("accessor") || request.path.starts_with("auth/token/create") || ends
}

/// What distinguishes bodies of one path.
fn told(body: &Value) -> [String; 6] {
    let text = |name: &str| {
        let mut items = match body.at(name) {
            Value::List(items) => items.iter().map(json::render).collect(),
            value => vec![json::render(value)],
        };
        items.sort();
        items.join(",")
    };
    ["accessor", "secret_id_accessor", "policies", "ttl", "period", "role_id"].map(text)
}
