use std::time::Duration;

use crate::behavior::{self, Behavior, Operation, Step};
use crate::shape::{Map, MountPath};
use crate::{Answer, Kind, Method, Record, Request, Value};

/// A namespace: a server within the server, with its own mounts, policies and tokens.
#[derive(schemas::Kind)]
#[kind(name = "namespace", list = "sys/namespaces", id = "{path_fq}/", import = "{path}", behavior = Tenant)]
#[kind(path = "sys/namespaces/{path}", update = "PATCH")]
#[kind(block(name = "namespace", label = "path", within = "namespace", serves = ""))]
pub struct Namespace {
    /// Name of the namespace, within the one that it stands in.
    #[kind(key, replaces)]
    pub path: MountPath,
    /// Path from the provider's namespace.
    #[kind(local, filled)]
    pub path_fq: Option<MountPath>,
    /// Notes for people.
    #[kind(filled)]
    pub custom_metadata: Option<Map<String>>,
    /// Identifier that the server gave it.
    #[kind(output, api = "id", lasting, identity)]
    pub namespace_id: String,
}

/// Between two looks at a namespace that is being deleted with all it holds.
const DELETION_PAUSE: Duration = Duration::from_millis(300);

struct Tenant;

impl Behavior for Tenant {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        if let Operation::Delete { prior } = operation {
            return delete(prior, answers);
        }
        let step = match (operation, behavior::follow_table(kind, operation, answers)) {
            (Operation::Update { prior, .. }, Step::Call(mut request)) => {
                request.body = request.body.map(|body| with_removed(prior, body));
                Step::Call(request)
            }
            (_, step) => step,
        };
        match step {
            Step::Done(record) => Step::Done(with_full_path(record)),
            step => step,
        }
    }

    fn foresee(&self, _kind: &Kind, _prior: Option<&Record>, planned: &mut Record) {
        *planned = with_full_path(planned.clone());
    }

    fn import(&self, kind: &Kind, id: &str) -> Option<Record> {
        kind.imports.iter().find_map(|template| template.parse(id.trim_matches('/')))
    }
}

/// The path within the provider's namespace; unknown while one of its parts is.
fn with_full_path(record: Record) -> Record {
    let parts = [record.get("namespace"), record.get("path")];
    if parts.iter().any(|part| part.has_unknown()) {
        return record.with("path_fq", Value::Unknown);
    }
    let [parent, name] = parts.map(|part| part.as_str().unwrap_or_default().trim_matches('/').to_owned());
    let full = if parent.is_empty() { name } else { format!("{parent}/{name}") };
    record.with("path_fq", full)
}

/// A patch keeps what it does not name: keys that are gone are sent as null.
fn with_removed(prior: &Record, mut body: Value) -> Value {
    let mut wanted = body.at("custom_metadata").as_map().cloned().unwrap_or_default();
    for key in prior.get("custom_metadata").as_map().into_iter().flatten().map(|(key, _)| key) {
        wanted.entry(key.clone()).or_insert(Value::Null);
    }
    body.put("custom_metadata", Value::Map(wanted));
    body
}

/// Deleting goes on after the answer; the name is free when a look finds nothing.
fn delete(prior: &Record, answers: &[Answer]) -> Step {
    let path = format!("sys/namespaces/{}", prior.text("path").trim_matches('/'));
    match answers {
        [] => Step::Call(Request::new(Method::Delete, path)),
        [.., last] if last.says_gone() => Step::Gone,
        [.., last] if !last.is_success() => Step::Refused,
        [_] => Step::Call(Request::get(path)),
        [..] => Step::CallAfter(DELETION_PAUSE, Request::get(path)),
    }
}
