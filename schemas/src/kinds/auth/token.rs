use std::collections::BTreeSet;

use crate::behavior::{self, Behavior, Operation, Step};
use crate::kind::Field;
use crate::kinds::auth::{look_up, revoke, says_no_token};
use crate::shape::{Duration, Map, Sensitive, Set};
use crate::{Answer, Kind, Record, Request, Value, codec, compare, duration};

/// A token. It is found by its accessor, renewed when its time runs short, and revoked when it is destroyed.
#[derive(schemas::Kind)]
#[kind(name = "token", id = "{id}", behavior = Issued)]
#[kind(deprecated = "the state holds the token; use the ephemeral resource of that name")]
#[kind(create = "POST auth/token/create", update = "none")]
#[kind(act(
    name = "token",
    instead = "make it where it is used, such as with `bao token create -role=NAME`; what its role may give is declared in a block `token_role`"
))]
pub struct Token {
    /// Accessor of the token.
    #[kind(local, output)]
    pub id: String,
    /// Name in logs, after `token-`.
    #[kind(default = "token", replaces)]
    pub display_name: Option<String>,
    /// Alias of the entity that the token stands for, at the method `token`. Needs a token role that allows it.
    #[kind(replaces, unreadable, needs("role_name"))]
    pub entity_alias: Option<String>,
    /// Lifetime that no renewal extends: `24h`.
    #[kind(replaces)]
    pub explicit_max_ttl: Option<Duration>,
    /// Notes, in the audit log and at the token.
    #[kind(replaces, api = "meta")]
    pub metadata: Option<Map<String>>,
    /// Leave out the policy `default`.
    #[kind(replaces, unreadable)]
    pub no_default_policy: Option<bool>,
    /// The token outlives the one that created it.
    #[kind(filled, replaces)]
    pub no_parent: Option<bool>,
    /// How often the token may be used; 0: without limit.
    #[kind(filled, replaces)]
    pub num_uses: Option<i64>,
    /// Makes the token periodic: each renewal gives it this much time.
    #[kind(replaces)]
    pub period: Option<Duration>,
    /// Policies of the token. Absent: those of the one that creates it.
    #[kind(replaces, inherited)]
    pub policies: Option<Set<String>>,
    /// The token can be renewed.
    #[kind(filled, replaces)]
    pub renewable: Option<bool>,
    /// Time to ask for when it is renewed, in seconds.
    #[kind(local)]
    pub renew_increment: Option<i64>,
    /// Renew the token when less than this time is left, in seconds.
    #[kind(local)]
    pub renew_min_lease: Option<i64>,
    /// Token role to create it through.
    #[kind(local, replaces)]
    pub role_name: Option<String>,
    /// Lifetime at first: `1h`.
    #[kind(replaces, unreadable)]
    pub ttl: Option<Duration>,
    /// Have the token wrapped, for this long.
    #[kind(local)]
    pub wrapping_ttl: Option<Duration>,
    /// The token.
    #[kind(local, output)]
    pub client_token: Sensitive<String>,
    /// Seconds from its creation to its end.
    #[kind(local, output)]
    pub lease_duration: i64,
    /// When it was created.
    #[kind(local, output)]
    pub lease_started: String,
    /// The wrapping token that holds the token.
    #[kind(local, output)]
    pub wrapped_token: Sensitive<String>,
    /// Accessor of the wrapping token.
    #[kind(local, output)]
    pub wrapping_accessor: Sensitive<String>,
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

    fn same(&self, field: &Field, a: &Value, b: &Value) -> bool {
        match field.name {
            "policies" if !a.is_null() && !b.is_null() => effective_policies(a) == effective_policies(b),
            "display_name" => compare::same(field, &sanitized(a), &sanitized(b)),
            _ => compare::same(field, a, b),
        }
    }
}

/// The server lower-cases policies and adds `default`.
fn effective_policies(policies: &Value) -> Option<BTreeSet<String>> {
    let names = policies.as_list()?.iter().filter_map(Value::as_str);
    Some(names.map(|name| crate::lower_case(name.trim())).filter(|name| name != "default").collect())
}

/// A token without a name is called `token`. The server puts a dash for whatever is not a letter, a digit or a dash, and drops dashes at the end.
fn sanitized(name: &Value) -> Value {
    let Some(text) = name.as_str() else { return name.clone() };
    let text: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let text = text.trim_end_matches('-');
    if text.is_empty() { "token" } else { text }.into()
}

fn create(kind: &Kind, desired: &Record, answers: &[Answer]) -> Step {
    let Some((created, looks)) = answers.split_first() else { return Step::Call(creation(kind, desired)) };
    if let Some(step) = behavior::verdict_of_write(created) {
        return step;
    }
    read(kind, &issued(created, desired.clone().without_nulls()), looks)
}

fn creation(kind: &Kind, desired: &Record) -> Request {
    let path = match desired.text("role_name") {
        "" => "auth/token/create".to_owned(),
        role => format!("auth/token/create/{role}"),
    };
    let body = kind.primary().map(|endpoint| codec::create_body(kind, endpoint, desired));
    let wrap_ttl = desired.get("wrapping_ttl").as_str().map(str::to_owned);
    Request { body, wrap_ttl, ..Request::new(crate::Method::Post, path) }
}

/// What the answer to the creation says: the token, or the wrapping that holds it.
fn issued(created: &Answer, record: Record) -> Record {
    let wrap = created.wrap_info();
    if wrap.is_null() {
        let record = record.with("id", created.auth().at("accessor").clone());
        return record.with("client_token", secret(created.auth().at("client_token")));
    }
    record
        .with("id", wrap.at("wrapped_accessor").clone())
        .with("wrapped_token", secret(wrap.at("token")))
        .with("wrapping_accessor", secret(wrap.at("accessor")))
}

fn secret(value: &Value) -> Value {
    crate::Secret::new(value.clone()).into()
}

/// Looks the token up, renews it if its time runs short, and then looks again.
fn read(kind: &Kind, prior: &Record, answers: &[Answer]) -> Step {
    let accessor = prior.text("id");
    match answers {
        [] => Step::Call(look_up(accessor)),
        [look, ..] if says_no_token(look) => Step::Gone,
        [.., last] if !last.is_success() => Step::Refused,
        [look] if is_short(prior, look.data()) => Step::Call(renewal(prior)),
        [_, _renewed] => Step::Call(look_up(accessor)),
        [.., look] => Step::Done(shown(kind, prior, look.data())),
    }
}

fn is_short(prior: &Record, data: &Value) -> bool {
    let least = prior.get("renew_min_lease").as_i64().unwrap_or_default();
    let left = data.at("ttl").as_i64().unwrap_or_default();
    data.at("renewable").as_bool() == Some(true) && left > 0 && left < least
}

fn renewal(prior: &Record) -> Request {
    let mut body = Record::new().with("accessor", prior.text("id"));
    if let Some(increment) = prior.get("renew_increment").as_i64().filter(|increment| *increment > 0) {
        body.set("increment", increment);
    }
    Request::post("auth/token/renew-accessor", body)
}

fn delete(prior: &Record, answers: &[Answer]) -> Step {
    match answers {
        [] => Step::Call(revoke(prior.text("id"))),
        [answer, ..] if answer.is_success() || says_no_token(answer) => Step::Gone,
        _ => Step::Refused,
    }
}

/// The record as the lookup shows the token. What follows from who asked is no drift: inherited policies, or
/// uses that were used up.
fn shown(kind: &Kind, prior: &Record, data: &Value) -> Record {
    let name = data.at("display_name").as_str().map(|name| name.strip_prefix("token-").unwrap_or(name));
    let live = [
        ("display_name", name.map_or(Value::Null, Value::from)),
        ("explicit_max_ttl", data.at("explicit_max_ttl").clone()),
        ("metadata", data.at("meta").clone()),
        ("period", data.at("period").clone()),
        ("policies", if has_policies(prior) { data.at("policies").clone() } else { Value::Null }),
        ("no_parent", data.at("orphan").clone()),
        ("renewable", data.at("renewable").clone()),
        (
            "num_uses",
            if prior.get("num_uses").is_null() {
                data.at("num_uses").clone()
            } else {
                prior.get("num_uses").clone()
            },
        ),
    ];
    let mut record = prior.clone();
    for (name, live) in live {
        let Some(field) = kind.field(name) else { continue };
        record.set(name, shown_field(kind, field, prior.get(name), codec::decode(&field.shape, &live)));
    }
    let [issued, ends] = ["issue_time", "expire_time"].map(|name| data.at(name).as_str().unwrap_or_default());
    record.set("lease_started", duration::whole_second(issued).map_or(Value::Null, Value::from));
    record.set("lease_duration", duration::between(issued, ends).unwrap_or_default());
    record
}

/// Without policies of its own a token has those of its maker.
fn has_policies(token: &Record) -> bool {
    token.get("policies").as_list().is_some_and(|policies| !policies.is_empty())
}

fn shown_field(kind: &Kind, field: &Field, prior: &Value, live: Value) -> Value {
    if !kind.same(field, prior, &live) {
        return live;
    }
    match (prior, field.default) {
        (Value::Null, Some(default)) => default.into(),
        (Value::Null, None) if field.presence == crate::Presence::Filled => live,
        (prior, _) => prior.clone(),
    }
}
