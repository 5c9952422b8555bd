use crate::behavior::follow_table;
use crate::kinds::exchange::{exchange, path};
use crate::kinds::kv::{escaped, get_version, hidden, texts};
use crate::shape::{Json, Map, MountPath, Sensitive};
use crate::{Answer, Behavior, Kind, Operation, Record, Step};

/// The keys of a secret of a key/value engine of version 2, without the values.
#[derive(schemas::Kind)]
#[kind(name = "kv_secret_subkeys_v2", class = Data, id = "{path}", behavior = ReadKeys)]
#[kind(read = "GET {mount}/subkeys/{name}")]
pub struct KvSecretSubkeysV2 {
    /// Path of the engine.
    #[kind(key)]
    pub mount: MountPath,
    /// Name of the secret: what stands after `data/` in its path.
    #[kind(key)]
    pub name: String,
    /// Version to read. Absent: the newest.
    #[kind(local)]
    pub version: Option<i64>,
    /// How many levels to show; 0: all.
    #[kind(local)]
    pub depth: Option<i64>,
    /// Path that was read.
    #[kind(local, output)]
    pub path: Option<String>,
    /// The keys as a JSON object, null where the value stands.
    #[kind(output, api = "subkeys")]
    pub data_json: Option<Json>,
    /// The keys of the first level, each with what lies below it as JSON.
    #[kind(output, api = "subkeys")]
    pub data: Option<Sensitive<Map<String>>>,
}

struct ReadKeys;

impl Behavior for ReadKeys {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let Operation::Read { prior } = operation else { return follow_table(kind, operation, answers) };
        let path = match path("{mount}/subkeys/{name}", prior) {
            Ok(path) => path,
            Err(error) => return Step::Failed(error),
        };
        let mut request = get_version(path, prior.get("version"));
        if let Some(depth) = prior.get("depth").as_i64().filter(|depth| *depth > 0) {
            request = request.with_query("depth", depth.to_string());
        }
        exchange(&[], &[request], answers, |read| done(prior, read))
    }
}

fn done(config: &Record, read: &[Answer]) -> Step {
    let path = format!("{}/subkeys/{}", config.text("mount"), config.text("name"));
    let mut record = config.clone().with("path", path);
    for answer in read {
        let keys = answer.data().at("subkeys");
        record.set("data_json", escaped(keys));
        record.set("data", hidden(texts(keys)));
    }
    Step::Done(record)
}
