use crate::behavior::follow_table;
use crate::kinds::exchange::{exchange, remove, when_ready};
use crate::kinds::generic::{Engine, with_engine};
use crate::kinds::kv::{check_object, foresee_document, hidden, object, settled_document, texts};
use crate::shape::{Json, Map, MountPath, Sensitive};
use crate::{Answer, Behavior, Diagnostic, Kind, Method, Operation, Record, Request, Spot, Step, Value};

/// A secret in a key/value engine of either version, by its path as people write it: without `data/`.
#[derive(schemas::Kind)]
#[kind(name = "generic_secret", id = "{path}", version = 1, behavior = EitherVersion)]
#[kind(path = "{path}", create = "PUT")]
#[kind(endpoint(name = "engine", read = "GET sys/internal/ui/mounts/{path}"))]
#[kind(block(name = "generic_secret", label = "path", within = "namespace"))]
pub struct GenericSecret {
    /// Path of the secret.
    #[kind(key, replaces)]
    pub path: MountPath,
    /// The data, as a JSON object.
    #[kind(api = "")]
    pub data_json: Sensitive<Json>,
    /// Do not read the secret. Changes made elsewhere are not seen.
    #[kind(local, default = false)]
    pub disable_read: Option<bool>,
    /// Destroy removes all versions and the metadata. Without it, the newest version is marked as deleted.
    #[kind(local, default = false)]
    pub delete_all_versions: Option<bool>,
    /// The data: texts as they are, other values as JSON.
    #[kind(local, output)]
    pub data: Option<Sensitive<Map<String>>>,
}

struct EitherVersion;

impl Behavior for EitherVersion {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        when_ready(answers, |answers| step(kind, operation, answers))
    }

    fn check(&self, _kind: &Kind, config: &Record) -> Vec<Diagnostic> {
        check_object("data_json", config).into_iter().collect()
    }

    fn spots(&self, _kind: &Kind, declared: &Record) -> Vec<Spot> {
        let path = declared.text("path").trim_matches('/').to_owned();
        vec![Spot::Secret(path.clone()), Spot::Plain(path)]
    }

    fn foresee(&self, _kind: &Kind, prior: Option<&Record>, planned: &mut Record) {
        foresee_document("data_json", prior, planned);
        if let Ok(data) = object("data_json", planned) {
            planned.set("data", data.map_or(Value::Unknown, |data| hidden(texts(&data))));
        }
    }
}

fn step(kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
    match operation {
        Operation::Create { desired } => write(desired, answers),
        Operation::Update { prior, desired } if is_same_data(prior, desired) => read(desired, answers),
        Operation::Update { desired, .. } => write(desired, answers),
        Operation::Read { prior } => read(prior, answers),
        Operation::Delete { prior } => delete(prior, answers),
        Operation::Open { .. } | Operation::Close { .. } => follow_table(kind, operation, answers),
    }
}

fn is_same_data(prior: &Record, desired: &Record) -> bool {
    let data = |record| object("data_json", record).ok().flatten();
    data(prior) == data(desired)
}

fn write(desired: &Record, answers: &[Answer]) -> Step {
    let data = match object("data_json", desired) {
        Ok(data) => data.unwrap_or_default(),
        Err(error) => return Step::Failed(error),
    };
    let path = desired.text("path");
    with_engine(path, answers, |engine, answers| {
        let body = match engine {
            Engine::Plain => data.expose().clone(),
            Engine::Versioned(_) => Value::map([("data", data), ("options", Value::map([]))]),
        };
        let write = Request::new(Method::Put, engine.path("data", path)).with_body(body);
        exchange(&[write], &reads(engine, desired), answers, |read| done(engine, desired, read))
    })
}

fn reads(engine: &Engine, record: &Record) -> Vec<Request> {
    let read = Request::get(engine.path("data", record.text("path")));
    if record.flag("disable_read") { Vec::new() } else { vec![read] }
}

fn read(prior: &Record, answers: &[Answer]) -> Step {
    if prior.flag("disable_read") {
        return done(&Engine::Plain, prior, &[]);
    }
    with_engine(prior.text("path"), answers, |engine, answers| {
        exchange(&[], &reads(engine, prior), answers, |read| done(engine, prior, read))
    })
}

fn delete(prior: &Record, answers: &[Answer]) -> Step {
    let part = if prior.flag("delete_all_versions") { "metadata" } else { "data" };
    with_engine(prior.text("path"), answers, |engine, answers| {
        remove(Request::new(Method::Delete, engine.path(part, prior.text("path"))), answers)
    })
}

fn done(engine: &Engine, known: &Record, read: &[Answer]) -> Step {
    let mut record = known.clone();
    if let Some(answer) = read.first() {
        let live = engine.data(answer);
        if live.is_null() {
            return Step::Gone;
        }
        record.set("data_json", settled_document("data_json", known, live));
    }
    match object("data_json", &record) {
        Ok(data) => record.set("data", hidden(texts(&data.unwrap_or_default()))),
        Err(error) => return Step::Failed(error),
    }
    if read.is_empty() { Step::Unseen(record) } else { Step::Done(record) }
}
