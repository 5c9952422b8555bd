use crate::behavior::{self, Behavior, Operation, Step};
use crate::kinds::auth::{look_up, revoke, says_no_token};
use crate::shape::{Duration, Json, MountPath, Name, Network, Seconds, Sensitive, Set};
use crate::{Answer, Kind, Method, Record, Request, Secret, Value, codec, json};

/// A secret id of an AppRole role. It is found by its accessor, and destroyed with the resource.
#[derive(schemas::Kind)]
#[kind(name = "approle_auth_backend_role_secret_id", id = "{id}", no_import, behavior = Issued)]
#[kind(create = "POST auth/{backend}/role/{role_name}/secret-id", update = "none")]
#[kind(act(
    name = "secret_id",
    instead = "issue it where it is used, such as with `bao write -f auth/PATH/role/NAME/secret-id`; the role is declared in a block `role`"
))]
pub struct ApproleSecretId {
    /// `backend=…::role=…::accessor=…`; with `wrapped-` before an accessor that is the wrapping token's.
    #[kind(local, output)]
    pub id: String,
    /// Path of the auth method.
    #[kind(key, replaces, default = "approle")]
    pub backend: Option<MountPath>,
    /// Name of the role.
    #[kind(key, replaces)]
    pub role_name: Name,
    /// The secret id. Absent: the server picks one.
    #[kind(filled, replaces, unreadable)]
    pub secret_id: Option<Sensitive<String>>,
    /// Networks from which it may be used.
    #[kind(replaces)]
    pub cidr_list: Option<Set<Network>>,
    /// Networks from which tokens made with it may be used.
    #[kind(replaces)]
    pub token_bound_cidrs: Option<Set<Network>>,
    /// Notes, in JSON; they become metadata of the tokens.
    #[kind(replaces)]
    pub metadata: Option<Json>,
    /// How often it may be used; 0: without limit. Absent: as the role says.
    #[kind(replaces, inherited)]
    pub num_uses: Option<i64>,
    /// Lifetime in seconds; 0: without limit. Absent: as the role says.
    #[kind(replaces, inherited)]
    pub ttl: Option<Seconds>,
    /// Have the secret id wrapped, for this long.
    #[kind(local, replaces)]
    pub wrapping_ttl: Option<Duration>,
    /// Track a wrapped secret id by its own accessor, and not by the wrapping token's.
    #[kind(local, replaces)]
    pub with_wrapped_accessor: Option<bool>,
    /// Accessor of the secret id.
    #[kind(local, output)]
    pub accessor: String,
    /// Accessor of the wrapping token; with `with_wrapped_accessor` of the secret id.
    #[kind(local, output)]
    pub wrapping_accessor: String,
    /// The wrapping token that holds the secret id.
    #[kind(local, output)]
    pub wrapping_token: Sensitive<String>,
}

struct Issued;

impl Behavior for Issued {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match operation {
            Operation::Create { desired } => create(kind, desired, answers),
            Operation::Read { prior } => read(kind, prior, answers),
            Operation::Update { desired, .. } => read(kind, desired, answers),
            Operation::Delete { prior } => delete(prior, answers),
            Operation::Open { .. } | Operation::Close { .. } => {
                behavior::follow_table(kind, operation, answers)
            }
        }
    }
}

fn role(record: &Record) -> String {
    format!("auth/{}/role/{}", record.text("backend").trim_matches('/'), record.text("role_name"))
}

/// Whether all that is known is the wrapping token.
fn is_wrapped(record: &Record) -> bool {
    record.text("id").contains("::accessor=wrapped-")
}

fn create(kind: &Kind, desired: &Record, answers: &[Answer]) -> Step {
    let Some((created, looks)) = answers.split_first() else { return Step::Call(creation(kind, desired)) };
    if let Some(step) = behavior::verdict_of_write(created) {
        return step;
    }
    read(kind, &issued(created, desired.clone().without_nulls()), looks)
}

fn creation(kind: &Kind, desired: &Record) -> Request {
    let is_chosen = desired.get("secret_id").as_str().is_some();
    let path = format!("{}/{}", role(desired), if is_chosen { "custom-secret-id" } else { "secret-id" });
    let body = kind.primary().map(|endpoint| codec::create_body(kind, endpoint, desired));
    let wrap_ttl = desired.get("wrapping_ttl").as_str().map(str::to_owned);
    Request { body, wrap_ttl, ..Request::new(Method::Post, path) }
}

/// What the answer to the creation says: the secret id, or the wrapping that holds it.
fn issued(created: &Answer, record: Record) -> Record {
    let named = |record: Record, accessor: &Value, mark: &str| {
        let [backend, role] = ["backend", "role_name"].map(|name| record.text(name));
        let id = format!(
            "backend={backend}::role={role}::accessor={mark}{}",
            accessor.as_str().unwrap_or_default()
        );
        record.with("id", id)
    };
    let secret = |value: &Value| Value::from(Secret::new(value.clone()));
    let wrap = created.wrap_info();
    if wrap.is_null() {
        let accessor = created.data().at("secret_id_accessor");
        let record = record.with("secret_id", secret(created.data().at("secret_id")));
        return named(record.with("accessor", accessor.clone()), accessor, "");
    }
    let record = record.with("wrapping_token", secret(wrap.at("token")));
    if record.flag("with_wrapped_accessor") {
        let accessor = wrap.at("wrapped_accessor");
        let record = record.with("accessor", accessor.clone()).with("wrapping_accessor", accessor.clone());
        return named(record, accessor, "");
    }
    let accessor = wrap.at("accessor");
    named(record.with("wrapping_accessor", accessor.clone()), accessor, "wrapped-")
}

fn read(kind: &Kind, prior: &Record, answers: &[Answer]) -> Step {
    let wrapped = is_wrapped(prior);
    match answers {
        [] if wrapped => Step::Call(look_up(prior.text("wrapping_accessor"))),
        [] => Step::Call(at_accessor(prior, "lookup").that_reads()),
        [look, ..] if says_none(look) || (wrapped && says_no_token(look)) => Step::Gone,
        [look, ..] if !look.is_success() => Step::Refused,
        _ if wrapped => Step::Done(prior.clone()),
        [look, ..] => Step::Done(shown(kind, prior, look.data())),
    }
}

fn at_accessor(record: &Record, verb: &str) -> Request {
    let body = Record::new().with("secret_id_accessor", record.text("accessor"));
    Request::post(format!("{}/secret-id-accessor/{verb}", role(record)), body)
}

/// A role that is gone took its secret ids along; the server answers 500 for it.
fn says_none(answer: &Answer) -> bool {
    let none =
        |error: &str| error.contains("failed to find accessor entry") || error.contains("does not exist");
    answer.status == 404 || (answer.status == 500 && answer.errors().into_iter().any(none))
}

fn delete(prior: &Record, answers: &[Answer]) -> Step {
    match answers {
        [] if is_wrapped(prior) => Step::Call(revoke(prior.text("wrapping_accessor"))),
        [] => Step::Call(at_accessor(prior, "destroy")),
        [answer, ..] if answer.is_success() || says_none(answer) || says_no_token(answer) => Step::Gone,
        _ => Step::Refused,
    }
}

/// The record as the lookup shows the secret id. Uses that were used up are no drift.
fn shown(kind: &Kind, prior: &Record, data: &Value) -> Record {
    let left = data.at("secret_id_num_uses").clone();
    let uses = if prior.get("num_uses").is_null() { left } else { prior.get("num_uses").clone() };
    let metadata = data.at("metadata");
    let metadata = if metadata.is_null() { "{}".to_owned() } else { json::render(metadata) };
    let live = [
        ("cidr_list", data.at("cidr_list").clone()),
        ("token_bound_cidrs", data.at("token_bound_cidrs").clone()),
        ("metadata", metadata.into()),
        ("num_uses", uses),
        ("ttl", data.at("secret_id_ttl").clone()),
    ];
    let mut record = prior.clone();
    for (name, live) in live {
        let Some(field) = kind.field(name) else { continue };
        let before = prior.get(name);
        let stays = prior.has(name) && kind.same(field, before, &live);
        // Where nobody wrote metadata the states of the incumbent have `{}`.
        let is_shown = before.is_null() && name == "metadata";
        let value = match (stays, is_shown) {
            (true, _) => before.clone(),
            (false, true) => live,
            (false, false) => behavior::settle(kind, field, before, live),
        };
        record.set(name, value);
    }
    record
}
