//! A server in memory that does what the tables say: it keeps what is written, and answers it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use client::Error;
use reconciler::server::{Look, Write};
use schemas::{Answer, Method, Request, Value};

/// The server. It refuses what `refuse` names with that status.
#[derive(Default)]
pub(crate) struct Fake {
    stored: Mutex<BTreeMap<(String, String), BTreeMap<String, Value>>>,
    pub(crate) asked: AtomicUsize,
    pub(crate) log: Mutex<Vec<(Method, String)>>,
    pub(crate) namespace: String,
    refuse: Vec<(&'static str, u16)>,
    /// Writes to these paths are done, and not answered.
    pub(crate) silent: Vec<&'static str>,
    /// Texts that it keeps in capitals.
    pub(crate) capital: Vec<&'static str>,
}

/// Fields that no answer shows.
const HIDDEN: [&str; 2] = ["password", "password_hash"];

impl Fake {
    /// A server that refuses `path` with `status`.
    pub(crate) fn refusing(path: &'static str, status: u16) -> Self {
        Self { refuse: vec![(path, status)], ..Self::default() }
    }

    /// Changes something behind everybody's back.
    pub(crate) fn meddle(&self, namespace: &str, path: &str, field: &str, value: Value) {
        let mut stored = self.stored.lock().expect("no panic");
        let object = stored.get_mut(&(namespace.to_owned(), path.to_owned())).expect("the object");
        object.insert(field.to_owned(), value);
    }

    /// Puts a field of an object there, as if somebody had made it.
    pub(crate) fn store(&self, path: &str, field: &str, value: Value) {
        self.store_in("", path, field, value);
    }

    pub(crate) fn store_in(&self, namespace: &str, path: &str, field: &str, value: Value) {
        let mut stored = self.stored.lock().expect("no panic");
        let object = stored.entry((namespace.to_owned(), path.to_owned())).or_default();
        object.insert(field.to_owned(), value);
    }

    pub(crate) fn stored_value(&self, path: &str, field: &str) -> Option<Value> {
        self.stored_value_in("", path, field)
    }

    pub(crate) fn stored_value_in(&self, namespace: &str, path: &str, field: &str) -> Option<Value> {
        let stored = self.stored.lock().expect("no panic");
        stored.get(&(namespace.to_owned(), path.to_owned()))?.get(field).cloned()
    }

    pub(crate) fn holds(&self, path: &str) -> bool {
        self.stored.lock().expect("no panic").keys().any(|(_, stored)| stored == path)
    }

    fn answer(&self, namespace: &str, request: &Request) -> Answer {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.log.lock().expect("no panic").push((request.method, request.path.clone()));
        if let Some((_, status)) = self.refuse.iter().find(|(path, _)| request.path.contains(path)) {
            return errors(*status, "no");
        }
        let mut stored = self.stored.lock().expect("no panic");
        let path = canonical(&request.path);
        let key = (namespace.to_owned(), path.clone());
        match request.method {
            Method::Get if path == "sys/seal-status" => body(entries([
                ("cluster_id", "c1".into()),
                ("sealed", false.into()),
                ("version", "1".into()),
            ])),
            Method::Get if path == "sys/mounts" || path == "sys/auth" => table(&stored, namespace, &path),
            Method::Get => {
                stored.get(&key).map_or_else(|| errors(404, ""), |object| data(&shown(&path, object)))
            }
            Method::Delete => {
                stored.remove(&key);
                Answer { status: 204, body: Value::Null }
            }
            Method::List => errors(405, "unsupported operation"),
            Method::Post | Method::Put | Method::Patch => {
                let object = stored.entry(key).or_default();
                let is_tune = path.starts_with("sys/mounts/") && request.path.ends_with("/tune");
                let written = request.body.as_ref();
                merge(object, if is_tune { written.map(as_mounted) } else { written.cloned() }.as_ref());
                capitalize(object, &self.capital);
                Answer { status: 204, body: Value::Null }
            }
        }
    }
}

impl Look for Fake {
    async fn look(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        assert!(request.reads, "{} {} was sent as a look", request.method.as_str(), request.path);
        Ok(self.answer(namespace, request))
    }

    fn own_namespace(&self) -> String {
        self.namespace.clone()
    }

    fn origins(&self) -> client::Origins {
        client::Origins::default()
    }
}

impl Write for Fake {
    async fn write(&self, namespace: &str, request: &Request) -> Result<Answer, Error> {
        let answer = self.answer(namespace, request);
        if !request.reads && self.silent.iter().any(|path| request.path.contains(path)) {
            let cause = "operation timed out".to_owned();
            return Err(Error::Unreachable {
                address: "http://fake".to_owned(),
                cause,
                sent: true,
                origin: client::Origins::default().address,
            });
        }
        Ok(answer)
    }
}

/// What is tuned of a secrets engine, as it is written when that is mounted.
fn as_mounted(tuned: &Value) -> Value {
    let entries = tuned.as_map().cloned().unwrap_or_default();
    let (mut mount, config): (BTreeMap<_, _>, BTreeMap<_, _>) =
        entries.into_iter().partition(|(name, _)| ["description", "options"].contains(&name.as_str()));
    mount.insert("config".to_owned(), Value::Map(config));
    Value::Map(mount)
}

/// One path for each object: an auth method is read below `sys/mounts`, and tuned below that.
fn canonical(path: &str) -> String {
    let path = path
        .strip_prefix("sys/mounts/auth/")
        .map_or_else(|| path.to_owned(), |rest| format!("sys/auth/{rest}"));
    match path.strip_suffix("/tune") {
        Some(mount) if path.starts_with("sys/mounts/") => mount.to_owned(),
        _ => path,
    }
}

fn entries<const N: usize>(entries: [(&str, Value); N]) -> BTreeMap<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn body(entries: BTreeMap<String, Value>) -> Answer {
    Answer { status: 200, body: Value::Map(entries) }
}

fn data(object: &BTreeMap<String, Value>) -> Answer {
    body(entries([("data", Value::Map(object.clone()))]))
}

fn errors(status: u16, text: &str) -> Answer {
    let list = if text.is_empty() { Vec::new() } else { vec![text.into()] };
    Answer { status, ..body(entries([("errors", Value::List(list))])) }
}

fn table(
    stored: &BTreeMap<(String, String), BTreeMap<String, Value>>,
    namespace: &str,
    path: &str,
) -> Answer {
    let rows = stored.iter().filter_map(|((place, stored), object)| {
        let name = stored.strip_prefix(path)?.strip_prefix('/')?;
        let is_mount = place == namespace && !name.ends_with("/tune");
        is_mount.then(|| (format!("{name}/"), Value::Map(with_accessor(name, object))))
    });
    data(&rows.collect())
}

fn with_accessor(name: &str, object: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut object = object.clone();
    object.insert("accessor".to_owned(), format!("accessor_{name}").into());
    object
}

/// What an answer shows of an object.
fn shown(path: &str, object: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut shown = object.clone();
    shown.retain(|name, _| !HIDDEN.contains(&name.as_str()));
    if path.starts_with("sys/auth/") || path.starts_with("sys/mounts/") {
        let name = path.rsplit('/').next().unwrap_or_default();
        shown = with_accessor(name, &shown);
    }
    shown
}

fn capitalize(object: &mut BTreeMap<String, Value>, fields: &[&'static str]) {
    for field in fields {
        if let Some(Value::String(text)) = object.get_mut(*field) {
            *text = text.to_uppercase();
        }
    }
}

fn merge(object: &mut BTreeMap<String, Value>, written: Option<&Value>) {
    let Some(written) = written.and_then(Value::as_map) else { return };
    for (name, value) in written {
        match (object.get_mut(name), value.expose()) {
            (Some(Value::Map(old)), Value::Map(_)) if name == "config" => merge(old, Some(value)),
            _ => drop(object.insert(name.clone(), value.expose().clone())),
        }
    }
}
