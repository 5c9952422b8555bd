use crate::behavior::follow_table;
use crate::kinds::exchange::{exchange, path};
use crate::shape::{Map, MountPath};
use crate::{Answer, Behavior, Kind, Operation, Record, Request, Step, Value};

/// A namespace; without `path`, the one that the request is made in.
#[derive(schemas::Kind)]
#[kind(name = "namespace", class = Data, behavior = ReadNamespace)]
#[kind(read = "GET sys/namespaces/{path}")]
pub struct NamespaceData {
    /// Path of the namespace in its parent.
    #[kind(key)]
    pub path: Option<MountPath>,
    /// The id that the server gave it.
    #[kind(output, api = "id")]
    pub namespace_id: Option<String>,
    /// Its path with those of its parents.
    #[kind(local, output)]
    pub path_fq: Option<String>,
    /// Texts that describe it.
    #[kind(output)]
    pub custom_metadata: Option<Map<String>>,
}

struct ReadNamespace;

impl Behavior for ReadNamespace {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let Operation::Read { prior } = operation else { return follow_table(kind, operation, answers) };
        if prior.text("path").is_empty() {
            return Step::Done(current(prior));
        }
        match path("sys/namespaces/{path}", prior) {
            Ok(path) => exchange(&[], &[Request::get(path)], answers, |read| done(prior, read)),
            Err(error) => Step::Failed(error),
        }
    }
}

/// `namespace` as states write it: with a slash at its end; the root is a slash alone.
pub(super) fn normal(namespace: &str) -> String {
    format!("{}/", namespace.trim_matches('/'))
}

fn current(config: &Record) -> Record {
    let namespace = config.text("namespace");
    config
        .clone()
        .with("id", normal(namespace))
        .with("path", "")
        .with("path_fq", namespace)
        .with("namespace_id", Value::Null)
        .with("custom_metadata", Value::Null)
}

fn done(config: &Record, read: &[Answer]) -> Step {
    let path = config.text("path").trim_matches('/');
    let parent = config.text("namespace");
    let path_fq = if parent.is_empty() { path.to_owned() } else { format!("{parent}/{path}") };
    let mut record = config.clone().with("path", path).with("path_fq", path_fq);
    for answer in read {
        record.set("id", answer.data().at("path").clone());
        record.set("namespace_id", answer.data().at("id").clone());
        record.set("custom_metadata", answer.data().at("custom_metadata").clone());
    }
    Step::Done(record)
}
