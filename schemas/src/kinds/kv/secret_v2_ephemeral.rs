use crate::behavior::follow_table;
use crate::kinds::exchange::path;
use crate::kinds::kv::{document, get_version, hidden, texts};
use crate::shape::{Json, Map, MountPath};
use crate::{Answer, Behavior, Diagnostic, Kind, Operation, Record, Step};

/// A secret of a key/value engine of version 2, read anew in each run and never stored.
#[derive(schemas::Kind)]
#[kind(name = "kv_secret_v2", class = Ephemeral, states = Modern, behavior = OpenVersion)]
#[kind(read = "GET {mount}/data/{name}")]
pub struct KvSecretV2Ephemeral {
    /// Path of the engine.
    #[kind(key)]
    pub mount: MountPath,
    /// Name of the secret: what stands after `data/` in its path.
    #[kind(key)]
    pub name: String,
    /// Id of something that must exist first. Its value does not matter; unknown, it puts the reading off.
    #[kind(local)]
    pub mount_id: Option<String>,
    /// Version to read. Absent: the newest.
    #[kind(local)]
    pub version: Option<i64>,
    /// The data, as a JSON object: numbers, truth values and nested values keep their types.
    #[kind(output, api = "data")]
    pub data_json: Option<Json>,
    /// The data: texts as they are, other values as JSON.
    #[kind(output)]
    pub data: Option<Map<String>>,
    /// When the version was written.
    #[kind(output, api = "metadata.created_time")]
    pub created_time: Option<String>,
    /// Texts that describe the secret.
    #[kind(output, api = "metadata.custom_metadata")]
    pub custom_metadata: Option<Map<String>>,
    /// When the version was or will be deleted; empty: never.
    #[kind(output, api = "metadata.deletion_time")]
    pub deletion_time: Option<String>,
    /// Whether the version is destroyed.
    #[kind(output, api = "metadata.destroyed")]
    pub destroyed: Option<bool>,
}

struct OpenVersion;

impl Behavior for OpenVersion {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let config = match operation {
            Operation::Open { config } => config,
            Operation::Close { .. } => return Step::Gone,
            _ => return follow_table(kind, operation, answers),
        };
        match (path("{mount}/data/{name}", config), answers.first()) {
            (Err(error), _) => Step::Failed(error),
            (Ok(path), None) => Step::Call(get_version(path, config.get("version"))),
            (Ok(_), Some(answer)) if answer.is_success() => opened(config, answer),
            (Ok(path), Some(answer)) if answer.says_gone() => Step::Failed(missing(&path)),
            (Ok(_), Some(_)) => Step::Refused,
        }
    }
}

fn missing(path: &str) -> Diagnostic {
    Diagnostic::error(format!("there is no secret at `{path}` yet"))
        .because("it was never written, or the version was deleted")
        .hint("if this run creates it, set `mount_id` to the `id` of the resource that does: the secret is then read after it")
}

fn opened(config: &Record, answer: &Answer) -> Step {
    let data = answer.data();
    let mut record = config.clone();
    record.set("data_json", document(data.at("data")));
    record.set("data", hidden(texts(data.at("data"))));
    record.set("custom_metadata", texts(data.at("metadata.custom_metadata")));
    for name in ["created_time", "deletion_time", "destroyed"] {
        record.set(name, data.at("metadata").at(name).clone());
    }
    Step::Done(record)
}
