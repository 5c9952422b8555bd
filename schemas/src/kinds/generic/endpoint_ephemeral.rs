use crate::behavior::{follow_table, verdict_of_write};
use crate::kinds::generic::pick;
use crate::kinds::kv::{check_object, hidden, object};
use crate::shape::{Json, List, Map, MountPath, Sensitive};
use crate::{Answer, Behavior, Diagnostic, Kind, Method, Operation, Record, Request, Step, Value};

/// A write to any path of the API, whose answer is never stored.
#[derive(schemas::Kind)]
#[kind(name = "generic_endpoint", class = Ephemeral, states = Modern, behavior = WriteOnce)]
#[kind(create = "PUT {path}")]
pub struct GenericEndpointEphemeral {
    /// Path below `/v1/`.
    #[kind(key)]
    pub path: MountPath,
    /// Id of something that must exist first. Its value does not matter; unknown, it puts the writing off.
    #[kind(local)]
    pub mount_id: Option<String>,
    /// The body of the write, as a JSON object.
    #[kind(api = "")]
    pub data_json: Sensitive<Json>,
    /// Have the answer wrapped, for this long.
    #[kind(local)]
    pub path_wrap_ttl: Option<String>,
    /// Fields of the answer to keep in `write_data`: of its data, of `wrap_info` or `auth` (or one of these as a
    /// whole; `token` is the client token), or of its lease.
    #[kind(local)]
    pub write_fields: Option<List<String>>,
    /// The kept fields: texts as they are, other values as JSON.
    #[kind(local, output)]
    pub write_data: Option<Sensitive<Map<String>>>,
    /// The kept fields, as a JSON object; `null` when the write answered nothing.
    #[kind(local, output)]
    pub write_data_json: Option<Sensitive<String>>,
}

struct WriteOnce;

impl Behavior for WriteOnce {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match (operation, answers) {
            (Operation::Open { config }, []) => request(config).map_or_else(Step::Failed, Step::Call),
            (Operation::Open { config }, [answer, ..]) => {
                verdict_of_write(answer).unwrap_or_else(|| opened(config, answer))
            }
            (Operation::Close { .. }, _) => Step::Gone,
            _ => follow_table(kind, operation, answers),
        }
    }

    fn check(&self, _kind: &Kind, config: &Record) -> Vec<Diagnostic> {
        check_object("data_json", config).into_iter().collect()
    }
}

fn request(config: &Record) -> Result<Request, Diagnostic> {
    let body = object("data_json", config)?.unwrap_or_default();
    let wrap_ttl = config.get("path_wrap_ttl").as_str().map(str::to_owned);
    let request = Request::new(Method::Put, config.text("path").trim_matches('/')).with_body(body);
    Ok(Request { wrap_ttl, ..request })
}

fn opened(config: &Record, answer: &Answer) -> Step {
    let (texts, json) = if answer.body.is_null() {
        (Value::map([]), "null".into())
    } else {
        pick(config.get("write_fields"), |name| find(answer, name))
    };
    Step::Done(config.clone().with("write_data", hidden(texts)).with("write_data_json", hidden(json)))
}

/// The part of an answer called `name`: of its data first, then of what stands beside them.
fn find<'a>(answer: &'a Answer, name: &str) -> Option<&'a Value> {
    let whole = |part: &'static str| (name == part).then(|| answer.body.at(part));
    let of =
        |part: &'static str, name: &str| answer.body.at(part).as_map().and_then(|entries| entries.get(name));
    let token = || (name == "token").then(|| of("auth", "client_token")).flatten();
    let lease = || ["lease_id", "lease_duration", "renewable"].contains(&name).then(|| answer.body.at(name));
    of("data", name)
        .or_else(|| whole("wrap_info"))
        .or_else(|| of("wrap_info", name))
        .or_else(|| whole("auth"))
        .or_else(|| of("auth", name))
        .or_else(token)
        .or_else(lease)
}
