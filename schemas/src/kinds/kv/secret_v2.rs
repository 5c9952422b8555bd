use crate::behavior::{follow_table, settle, strip_write_only};
use crate::codec::{self, absent};
use crate::compare;
use crate::kind::fields;
use crate::kinds::exchange::{exchange, path, remove, when_ready};
use crate::kinds::kv::{check_object, document, foresee_document, hidden, object, settled_document, texts};
use crate::shape::{Declared, Json, Map, MountPath, Nested, Seconds, Sensitive, WriteOnly};
use crate::{
    Answer, Behavior, Diagnostic, Field, Kind, Method, Operation, Record, Request, Shape, Spot, Step, Value,
};

/// A secret in a key/value engine of version 2: its data, and the metadata that all its versions share.
#[derive(schemas::Kind)]
#[kind(name = "kv_secret_v2", list = "{mount}/metadata", id = "{mount}/data/{name}", behavior = TwoParts)]
#[kind(endpoint(
    name = "data",
    path = "{mount}/data/{name}",
    create = "PUT",
    wrap = "data",
    answer = "data"
))]
#[kind(endpoint(name = "metadata", path = "{mount}/metadata/{name}", create = "PUT"))]
#[kind(block(name = "secret", label = "name", within = "mount", container = "mount", types("kv", "kv-v2")))]
pub struct KvSecretV2 {
    /// Path of the engine.
    #[kind(key, replaces)]
    pub mount: MountPath,
    /// Name of the secret: what stands after `data/` in its path.
    #[kind(key, replaces)]
    pub name: MountPath,
    /// Path that the data is written to.
    #[kind(local, output, lasting)]
    pub path: Option<String>,
    /// Version that the secret must have for the write to succeed; 0: it must not exist.
    #[kind(at = "data", unreadable)]
    pub cas: Option<i64>,
    /// Options of the write, such as `cas`.
    #[kind(at = "data", unreadable)]
    pub options: Option<Map<String>>,
    /// Version that the metadata must have for a write of it to succeed; 0: there must be none. OpenBao only.
    #[kind(at = "metadata", unreadable, openbao)]
    pub metadata_cas: Option<i64>,
    /// Do not read the secret. Changes made elsewhere are not seen.
    #[kind(local, default = false)]
    pub disable_read: Option<bool>,
    /// The data, as a JSON object.
    #[kind(at = "data", api = "", conflicts("data_json_wo"))]
    pub data_json: Option<Sensitive<Json>>,
    /// The data, as a JSON object that is sent and never stored.
    #[kind(
        at = "data",
        api = "",
        revision = "data_json_wo_version",
        shown_as = "data_json",
        conflicts("data_json")
    )]
    pub data_json_wo: Option<WriteOnly<Json>>,
    /// A change of it sends `data_json_wo` again.
    #[kind(local, needs("data_json_wo"))]
    pub data_json_wo_version: Option<i64>,
    /// Always empty.
    #[kind(
        local,
        output,
        deprecated = "it holds nothing any more; use `data_json` or the ephemeral resource"
    )]
    pub data: Option<Sensitive<Map<String>>>,
    /// What the server says of the version that was read: `version`, `created_time`, ….
    #[kind(local, output, counts_versions)]
    pub metadata: Option<Map<String>>,
    /// Destroy removes all versions and the metadata. Without it, the newest version is marked as deleted.
    #[kind(local, default = false)]
    pub delete_all_versions: Option<bool>,
    /// Metadata of the secret. Without this block it is left as it is.
    #[kind(at = "metadata", api = "")]
    pub custom_metadata: Nested<CustomMetadata>,
}

/// What all versions of a secret share.
#[derive(schemas::Fields)]
pub struct CustomMetadata {
    /// Every write must name the version it expects (`cas`).
    pub cas_required: Option<bool>,
    /// Texts that describe the secret.
    #[kind(api = "custom_metadata")]
    pub data: Option<Map<String>>,
    /// Seconds after which a version is deleted; 0: as the engine says.
    pub delete_version_after: Option<Seconds>,
    /// How many versions are kept; 0: as the engine says.
    pub max_versions: Option<i64>,
    /// Every write of the metadata must name the version it expects (`metadata_cas`). OpenBao only.
    #[kind(openbao)]
    pub metadata_cas_required: Option<bool>,
}

const DATA: &str = "{mount}/data/{name}";
const METADATA: &str = "{mount}/metadata/{name}";

struct TwoParts;

impl Behavior for TwoParts {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        when_ready(answers, |answers| step(kind, operation, answers).unwrap_or_else(Step::Failed))
    }

    /// Metadata that nobody declares is not managed.
    fn same(&self, field: &Field, a: &Value, b: &Value) -> bool {
        let unmanaged = field.name == "custom_metadata" && (is_absent(a) || is_absent(b));
        unmanaged || compare::same(field, a, b)
    }

    fn check(&self, _kind: &Kind, config: &Record) -> Vec<Diagnostic> {
        let documents = ["data_json", "data_json_wo"];
        let missing = documents.iter().all(|name| config.get(name).is_null());
        let found = documents.iter().filter_map(|name| check_object(name, config));
        found.chain(missing.then(no_data)).collect()
    }

    fn spots(&self, _kind: &Kind, declared: &Record) -> Vec<Spot> {
        let written = path(DATA, declared).map(Spot::Path);
        written.into_iter().chain(path("{mount}/{name}", declared).map(Spot::Secret)).collect()
    }

    fn foresee(&self, kind: &Kind, prior: Option<&Record>, planned: &mut Record) {
        foresee_document("data_json", prior, planned);
        if let Some(id) = kind.id_of(planned) {
            planned.set("path", id);
        }
        if prior.is_none() && !planned.get("disable_read").has_unknown() {
            let blind = planned.flag("disable_read");
            planned.set("data", if blind { Value::Null } else { Value::map([]) });
            planned.set("metadata", if blind { Value::Null } else { Value::Unknown });
        }
        // A new version has new metadata.
        if prior.is_some_and(|prior| data_changes(kind, prior, planned)) && !planned.flag("disable_read") {
            planned.set("metadata", Value::Unknown);
        }
    }
}

fn step(kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Result<Step, Diagnostic> {
    match operation {
        Operation::Create { desired } => write(kind, None, desired, answers),
        Operation::Update { prior, desired } => write(kind, Some(prior), desired, answers),
        Operation::Read { prior } => {
            Ok(exchange(&[], &reads(prior)?, answers, |read| done(kind, prior, read)))
        }
        Operation::Delete { prior } => delete(prior, answers),
        Operation::Open { .. } | Operation::Close { .. } => Ok(follow_table(kind, operation, answers)),
    }
}

/// An absent block is null or an empty list.
fn is_absent(block: &Value) -> bool {
    block.is_null() || block.as_list().is_some_and(<[Value]>::is_empty)
}

fn no_data() -> Diagnostic {
    Diagnostic::error("neither `data_json` nor `data_json_wo` is set")
        .hint("set one of them to the secret, for example with `jsonencode({ … })`")
        .at_field("data_json")
}

fn write(
    kind: &Kind,
    prior: Option<&Record>,
    desired: &Record,
    answers: &[Answer],
) -> Result<Step, Diagnostic> {
    let writes = [data_write(kind, prior, desired)?, metadata_write(kind, prior, desired)?];
    let writes: Vec<_> = writes.into_iter().flatten().collect();
    Ok(exchange(&writes, &reads(desired)?, answers, |read| done(kind, desired, read)))
}

/// Whether there is a new version to write. Options of the write alone make none.
fn data_changes(kind: &Kind, prior: &Record, desired: &Record) -> bool {
    let documents = ["data_json", "data_json_wo"].into_iter().filter_map(|name| kind.field(name));
    documents.into_iter().any(|field| codec::changes(kind, field, prior, desired))
}

fn data_write(kind: &Kind, prior: Option<&Record>, desired: &Record) -> Result<Option<Request>, Diagnostic> {
    if prior.is_some_and(|prior| !data_changes(kind, prior, desired)) {
        return Ok(None);
    }
    let stored = object("data_json", desired)?;
    let data = match stored {
        Some(data) => data,
        None => object("data_json_wo", desired)?.ok_or_else(no_data)?,
    };
    let body = Value::map([("data", data), ("options", options(desired))]);
    Ok(Some(Request::new(Method::Put, path(DATA, desired)?).with_body(body)))
}

/// The engine looks for `cas` among the options and nowhere else.
fn options(desired: &Record) -> Value {
    let mut options = Value::map([]);
    for (name, value) in desired.get("options").as_map().into_iter().flatten() {
        options.put(name, value.clone());
    }
    if let Some(cas) = desired.get("cas").as_i64() {
        options.put("cas", cas.into());
    }
    options
}

fn metadata_write(
    kind: &Kind,
    prior: Option<&Record>,
    desired: &Record,
) -> Result<Option<Request>, Diagnostic> {
    let (Some(field), Some([block])) =
        (kind.field("custom_metadata"), desired.get("custom_metadata").as_list())
    else {
        return Ok(None);
    };
    let before = match prior.map(|prior| (prior, prior.get(field.name).as_list())) {
        None => None,
        Some((prior, _)) if !codec::changes(kind, field, prior, desired) => return Ok(None),
        Some((_, blocks)) => Some(blocks.and_then(<[Value]>::first).unwrap_or(&Value::Null)),
    };
    let mut body = metadata_body(block, before);
    let says_nothing = body.as_map().is_none_or(|entries| entries.is_empty());
    if let Some(cas) = desired.get("metadata_cas").as_i64() {
        body.put("metadata_cas", cas.into());
    }
    let request = Request::new(Method::Put, path(METADATA, desired)?).with_body(body);
    Ok((!says_nothing).then_some(request))
}

/// The fields of a block that say something. Where there was a block before, the others too, as what clears them; but of
/// those that not every server knows only what had been set.
fn metadata_body(block: &Value, before: Option<&Value>) -> Value {
    let mut body = Value::map([]);
    for field in fields(<CustomMetadata as Declared>::PARTS) {
        let value = block.at(field.name);
        if !says_nothing(field, value) {
            body.put(field.api, codec::encode(&field.shape, value));
        } else if before.is_some_and(|before| !field.openbao || !says_nothing(field, before.at(field.name))) {
            body.put(field.api, absent(field));
        }
    }
    body
}

fn says_nothing(field: &Field, value: &Value) -> bool {
    compare::same(field, value, &Value::Null)
}

fn reads(record: &Record) -> Result<Vec<Request>, Diagnostic> {
    if record.flag("disable_read") {
        return Ok(Vec::new());
    }
    Ok(vec![Request::get(path(DATA, record)?), Request::get(path(METADATA, record)?)])
}

fn delete(prior: &Record, answers: &[Answer]) -> Result<Step, Diagnostic> {
    let template = if prior.flag("delete_all_versions") { METADATA } else { DATA };
    Ok(remove(Request::new(Method::Delete, path(template, prior)?), answers))
}

fn done(kind: &Kind, known: &Record, read: &[Answer]) -> Step {
    let mut record = known.clone();
    if let [data, metadata] = read {
        record.set("data_json", data_json(known, data.data().at("data")));
        record.set("data", hidden(Value::map([])));
        record.set("metadata", texts(data.data().at("metadata")));
        record.set("custom_metadata", custom_metadata(kind, known.get("custom_metadata"), metadata.data()));
    } else {
        for name in ["data", "metadata", "custom_metadata"] {
            let unread = record.take(name);
            record.set(name, if unread.has_unknown() { Value::Null } else { unread });
        }
    }
    if let Some(id) = kind.id_of(&record) {
        record.set("path", id);
    }
    strip_write_only(kind, &mut record);
    if read.is_empty() { Step::Unseen(record) } else { Step::Done(record) }
}

/// The live data, where the record holds data at all. An object that is known by its address alone (an import)
/// gets it; one whose data is write-only never does.
fn data_json(known: &Record, live: &Value) -> Value {
    let write_only = ["data_json_wo", "data_json_wo_version"].iter().any(|name| !known.get(name).is_null());
    let by_address_alone = known.get("path").is_null() && !write_only;
    match known.get("data_json").is_null() {
        false => settled_document("data_json", known, live),
        true if by_address_alone => document(live),
        true => Value::Null,
    }
}

fn custom_metadata(kind: &Kind, known: &Value, live: &Value) -> Value {
    let parts = <CustomMetadata as Declared>::PARTS;
    let first = |block: &Value| block.as_list().and_then(<[Value]>::first).cloned().unwrap_or_default();
    let live = first(&codec::decode(&Shape::Block { parts, max: 1 }, live));
    let known = first(known);
    // What only some servers know stands there where it says something.
    let is_needless = |field: &&Field| {
        field.openbao && [&known, &live].iter().all(|block| says_nothing(field, block.at(field.name)))
    };
    let shown = fields(parts).filter(|field| !is_needless(field)).map(|field| {
        let shown = settle(kind, field, known.at(field.name), live.at(field.name).clone());
        // States show what was read for nobody as it is: an empty map, not none.
        let is_undeclared = known.is_null() && shown.is_null();
        (field.name.to_owned(), if is_undeclared { absent(field) } else { shown })
    });
    Value::List(vec![Value::Map(shown.collect())])
}
