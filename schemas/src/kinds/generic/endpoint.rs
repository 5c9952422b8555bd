use crate::behavior::{follow_table, verdict_of_write};
use crate::kinds::exchange::remove;
use crate::kinds::generic::pick;
use crate::kinds::kv::{check_object, foresee_document, object, settled_document};
use crate::shape::{Json, List, Map, MountPath, Sensitive};
use crate::{Answer, Behavior, Diagnostic, Kind, Method, Operation, Record, Request, Spot, Step, Value};

/// Any path of the API: what is written to it, and what it answers. For what has no kind of its own.
#[derive(schemas::Kind)]
#[kind(name = "generic_endpoint", id = "{path}", version = 1, behavior = AnyPath)]
#[kind(path = "{path}", create = "PUT")]
#[kind(block(name = "generic_endpoint", label = "path", within = "namespace"))]
pub struct GenericEndpoint {
    /// Path below `/v1/`.
    #[kind(key, replaces)]
    pub path: MountPath,
    /// The body of the write, as a JSON object.
    #[kind(api = "")]
    pub data_json: Sensitive<Json>,
    /// Do not read the path. Changes made elsewhere are not seen.
    #[kind(local, default = false)]
    pub disable_read: Option<bool>,
    /// Do not delete the path on destroy.
    #[kind(local, default = false)]
    pub disable_delete: Option<bool>,
    /// Compare what is read in those fields alone that `data_json` has.
    #[kind(local, default = false)]
    pub ignore_absent_fields: Option<bool>,
    /// Fields of the answer to the write that are kept in `write_data`.
    #[kind(local)]
    pub write_fields: Option<List<String>>,
    /// The kept fields: texts as they are, other values as JSON.
    #[kind(local, output)]
    pub write_data: Option<Map<String>>,
    /// The kept fields, as a JSON object; `null` when the write answered nothing.
    #[kind(local, output)]
    pub write_data_json: Option<String>,
}

struct AnyPath;

impl Behavior for AnyPath {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match operation {
            Operation::Create { desired } => write(desired, answers),
            Operation::Update { prior, desired } if needs_no_write(prior, desired) => look(desired, answers),
            Operation::Update { desired, .. } => write(desired, answers),
            Operation::Read { prior } => look(prior, answers),
            Operation::Delete { prior } if prior.flag("disable_delete") => Step::Gone,
            Operation::Delete { prior } => remove(Request::new(Method::Delete, target(prior)), answers),
            Operation::Open { .. } | Operation::Close { .. } => follow_table(kind, operation, answers),
        }
    }

    fn check(&self, _kind: &Kind, config: &Record) -> Vec<Diagnostic> {
        check_object("data_json", config).into_iter().collect()
    }

    /// What declares a part of an object alone may stand beside the rest of it.
    fn spots(&self, _kind: &Kind, declared: &Record) -> Vec<Spot> {
        let path = target(declared);
        if declared.flag("ignore_absent_fields") {
            Vec::new()
        } else {
            vec![Spot::Path(path.clone()), Spot::Plain(path)]
        }
    }

    fn foresee(&self, _kind: &Kind, prior: Option<&Record>, planned: &mut Record) {
        foresee_document("data_json", prior, planned);
        if prior.is_some_and(|prior| !needs_no_write(prior, planned)) {
            planned.set("write_data", Value::Unknown);
            planned.set("write_data_json", Value::Unknown);
        }
    }
}

fn target(record: &Record) -> String {
    record.text("path").trim_matches('/').to_owned()
}

/// Only how it is read or deleted changes.
fn needs_no_write(prior: &Record, desired: &Record) -> bool {
    let data = |record| object("data_json", record).ok().flatten();
    data(prior) == data(desired) && prior.get("write_fields") == desired.get("write_fields")
}

fn write(desired: &Record, answers: &[Answer]) -> Step {
    let body = match object("data_json", desired) {
        Ok(body) => body.unwrap_or_default(),
        Err(error) => return Step::Failed(error),
    };
    let Some((written, read)) = answers.split_first() else {
        return Step::Call(Request::new(Method::Put, target(desired)).with_body(body));
    };
    if let Some(end) = verdict_of_write(written) {
        return end;
    }
    let known = after_write(desired, written);
    match look(&known, read) {
        // It was written: a path that shows nothing shows nothing.
        Step::Gone => Step::Unseen(known),
        step => step,
    }
}

fn after_write(desired: &Record, written: &Answer) -> Record {
    let data = written.data();
    let (texts, json) = if data.is_null() {
        (Value::map([]), "null".into())
    } else {
        pick(desired.get("write_fields"), |name| data.as_map().and_then(|entries| entries.get(name)))
    };
    desired.clone().with("write_data", texts).with("write_data_json", json)
}

fn look(known: &Record, answers: &[Answer]) -> Step {
    if known.flag("disable_read") {
        return Step::Unseen(known.clone());
    }
    match answers.first() {
        None => Step::Call(Request::get(target(known))),
        Some(answer) if answer.is_success() => seen(known, answer.data()),
        Some(answer) if cannot_be_read(answer) => Step::Unseen(known.clone()),
        Some(answer) if answer.says_gone() => Step::Gone,
        Some(_) => Step::Refused,
    }
}

/// The path takes writes only.
fn cannot_be_read(answer: &Answer) -> bool {
    let unsupported = ["unsupported operation", "unsupported path"];
    let says = |text: &str| answer.errors().iter().any(|error| error.contains(text));
    answer.status == 405 || (answer.status == 404 && unsupported.into_iter().any(says))
}

fn seen(known: &Record, live: &Value) -> Step {
    let live = if known.flag("ignore_absent_fields") { within_declared(known, live) } else { live.clone() };
    Step::Done(known.clone().with("data_json", settled_document("data_json", known, &live)))
}

/// The declared data with the live values of its fields. What is not shown, such as a password, stays.
fn within_declared(known: &Record, live: &Value) -> Value {
    let Ok(Some(declared)) = object("data_json", known) else { return live.clone() };
    let entries = declared.as_map().into_iter().flatten();
    let shown = |name: &String| live.as_map().and_then(|live| live.get(name)).cloned();
    Value::Map(
        entries.map(|(name, value)| (name.clone(), shown(name).unwrap_or_else(|| value.clone()))).collect(),
    )
}
