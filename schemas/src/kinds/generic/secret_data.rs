use std::time::{SystemTime, UNIX_EPOCH};

use crate::behavior::follow_table;
use crate::calendar;
use crate::kinds::exchange::exchange;
use crate::kinds::generic::{Engine, with_engine};
use crate::kinds::kv::{document, get_version, hidden, object, texts};
use crate::shape::{Json, Map, MountPath, Sensitive};
use crate::{Answer, Behavior, Kind, Operation, Record, Step, Value};

/// Whatever a GET of a path answers. In a key/value engine of version 2 the path has no `data/`.
#[derive(schemas::Kind)]
#[kind(name = "generic_secret", class = Data, id = "{path}", behavior = ReadEither)]
#[kind(read = "GET {path}")]
#[kind(endpoint(name = "engine", read = "GET sys/internal/ui/mounts/{path}"))]
pub struct GenericSecretData {
    /// Path to read.
    #[kind(key)]
    pub path: MountPath,
    /// Version to read, in an engine that has versions. -1: the newest.
    #[kind(local, default = -1)]
    pub version: Option<i64>,
    /// Say in `lease_start_time` when it was read.
    #[kind(local, default = true)]
    pub with_lease_start_time: Option<bool>,
    /// The data, as a JSON object.
    #[kind(output, api = "")]
    pub data_json: Option<Sensitive<Json>>,
    /// The data: texts as they are, other values as JSON.
    #[kind(output, api = "")]
    pub data: Option<Sensitive<Map<String>>>,
    /// Id of the lease; empty: there is none.
    #[kind(output)]
    pub lease_id: Option<String>,
    /// How long the data is good for, in seconds.
    #[kind(output)]
    pub lease_duration: Option<i64>,
    /// Whether the lease can be renewed.
    #[kind(output, api = "renewable")]
    pub lease_renewable: Option<bool>,
    /// When it was read, by the clock of this machine.
    #[kind(local, output)]
    pub lease_start_time: Option<String>,
}

/// What has to be known to read the secret at `path`, in an engine of either version.
pub fn secret_at(path: &str) -> (&'static Kind, Record) {
    (&GenericSecretData::KIND, Record::new().with("path", path).with("with_lease_start_time", false))
}

/// The field `name` of a secret that was read, as it is: not made a text.
pub fn field_of_secret(read: &Record, name: &str) -> Option<Value> {
    let data = object("data_json", read).ok()??;
    data.as_map()?.get(name).filter(|value| !value.is_null()).cloned()
}

struct ReadEither;

impl Behavior for ReadEither {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let Operation::Read { prior } = operation else { return follow_table(kind, operation, answers) };
        let path = prior.text("path");
        with_engine(path, answers, |engine, answers| {
            let version = match engine {
                Engine::Plain => &Value::Null,
                Engine::Versioned(_) => prior.get("version"),
            };
            let request = get_version(engine.path("data", path), version);
            exchange(&[], &[request], answers, |read| done(engine, prior, read))
        })
    }
}

fn done(engine: &Engine, config: &Record, read: &[Answer]) -> Step {
    let mut record = config.clone();
    for answer in read {
        let data = engine.data(answer);
        if data.is_null() {
            return Step::Gone;
        }
        record.set("data_json", document(data));
        record.set("data", hidden(texts(data)));
        record.set("lease_id", answer.body.at("lease_id").clone());
        record.set("lease_duration", answer.body.at("lease_duration").clone());
        record.set("lease_renewable", answer.body.at("renewable").clone());
    }
    let wanted = config.get("with_lease_start_time").as_bool().unwrap_or(true);
    record.set("lease_start_time", if wanted { now().into() } else { Value::Null });
    Step::Done(record)
}

/// The one place of the tables that looks at a clock: users of the incumbent read this field.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = i64::try_from(seconds).unwrap_or_default();
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = calendar::date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", clock / 3600, clock / 60 % 60, clock % 60)
}
