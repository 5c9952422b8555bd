use crate::behavior::follow_table;
use crate::kinds::exchange::{exchange, path};
use crate::kinds::kv::{document, get_version, hidden, texts};
use crate::shape::{Json, Map, MountPath, Sensitive};
use crate::{Answer, Behavior, Kind, Operation, Record, Step};

/// A secret of a key/value engine of version 2.
#[derive(schemas::Kind)]
#[kind(name = "kv_secret_v2", class = Data, id = "{path}", behavior = ReadVersion)]
#[kind(deprecated = "use the ephemeral resource of the same name, which stores nothing")]
#[kind(read = "GET {mount}/data/{name}")]
pub struct KvSecretV2Data {
    /// Path of the engine.
    #[kind(key)]
    pub mount: MountPath,
    /// Name of the secret: what stands after `data/` in its path.
    #[kind(key)]
    pub name: String,
    /// Version to read. Absent: the newest.
    #[kind(api = "metadata.version")]
    pub version: Option<i64>,
    /// Path that was read.
    #[kind(local, output)]
    pub path: Option<String>,
    /// The data, as a JSON object.
    #[kind(output, api = "data")]
    pub data_json: Option<Sensitive<Json>>,
    /// The data: texts as they are, other values as JSON.
    #[kind(output)]
    pub data: Option<Sensitive<Map<String>>>,
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

struct ReadVersion;

impl Behavior for ReadVersion {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let Operation::Read { prior } = operation else { return follow_table(kind, operation, answers) };
        let request = path("{mount}/data/{name}", prior).map(|path| get_version(path, prior.get("version")));
        match request {
            Ok(request) => exchange(&[], &[request], answers, |read| done(prior, read)),
            Err(error) => Step::Failed(error),
        }
    }
}

fn done(config: &Record, read: &[Answer]) -> Step {
    let mut record = config.clone();
    record.set("path", format!("{}/data/{}", config.text("mount"), config.text("name")));
    for answer in read {
        let data = answer.data();
        record.set("data_json", document(data.at("data")));
        record.set("data", hidden(texts(data.at("data"))));
        record.set("custom_metadata", texts(data.at("metadata.custom_metadata")));
        for name in ["created_time", "deletion_time", "destroyed", "version"] {
            record.set(name, data.at("metadata").at(name).clone());
        }
    }
    Step::Done(record)
}
