use crate::acl::timestamp;
use crate::behavior::{self, Behavior, Operation, Step};
use crate::compare;
use crate::duration;
use crate::kind::Field;
use crate::shape::{AclPolicy, Duration, Name};
use crate::{Answer, Diagnostic, Kind, Record, Request, Value};

/// An ACL policy: which paths a token may use, and how.
#[derive(schemas::Kind)]
#[kind(name = "policy", path = "sys/policies/acl/{name}", list = "sys/policies/acl", id = "{name}")]
#[kind(block(name = "policy", label = "name", within = "namespace"), behavior = Careful)]
pub struct Policy {
    /// Name of the policy. The server lower-cases it.
    #[kind(key, replaces)]
    pub name: Name,
    /// The policy, in HCL or JSON.
    pub policy: AclPolicy,
    /// Version that the policy must have for the write to succeed; -1: it must not exist. OpenBao only.
    #[kind(unreadable, empty_differs, openbao)]
    pub cas: Option<i64>,
    /// Every write must name the version it expects (`cas`). OpenBao only.
    #[kind(openbao)]
    pub cas_required: Option<bool>,
    /// When the policy ends, as `2030-01-01T00:00:00Z`. OpenBao only.
    #[kind(openbao, conflicts("ttl"))]
    pub expiration: Option<String>,
    /// How long the policy lasts from each write of it on: `1h`. OpenBao only.
    #[kind(openbao, conflicts("expiration"))]
    pub ttl: Option<Duration>,
    /// Values that identity templates are filled with may hold slashes. OpenBao only.
    #[kind(openbao)]
    pub allow_slashes_in_identity_templates: Option<bool>,
    /// Values that identity templates are filled with may hold `*` and `+`, which then are wildcards. OpenBao only.
    #[kind(openbao)]
    pub allow_wildcards_in_identity_templates: Option<bool>,
    /// Replace a policy of that name that is already there. Without it, creating over one is an error.
    #[kind(local, filled, deprecated = "create only policies that do not exist, and import those that do")]
    pub allow_overwrite: Option<bool>,
}

/// Looks before it creates: a policy that is there may be somebody else's.
struct Careful;

impl Behavior for Careful {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let Operation::Create { desired } = operation else {
            return with_own_end(operation, behavior::follow_table(kind, operation, answers), answers);
        };
        let name = desired.text("name");
        match answers.split_first() {
            None => Step::Call(Request::get(format!("sys/policies/acl/{name}"))),
            Some((look, _)) if !look.is_success() && !look.says_gone() => Step::Refused,
            Some((look, _)) if look.is_success() && !desired.flag("allow_overwrite") => {
                Step::Failed(taken(name))
            }
            Some((_, rest)) => with_own_end(operation, behavior::follow_table(kind, operation, rest), rest),
        }
    }

    fn foresee(&self, _kind: &Kind, prior: Option<&Record>, planned: &mut Record) {
        // Nobody but the configuration sets it.
        if prior.is_none() && planned.get("allow_overwrite").has_unknown() {
            planned.set("allow_overwrite", Value::Null);
        }
    }

    /// The server answers points in time in its own zone.
    fn same(&self, field: &Field, a: &Value, b: &Value) -> bool {
        let ends = [a, b].map(|end| end.as_str().and_then(timestamp::parse));
        match ends {
            [Some(a), Some(b)] if field.name == "expiration" => a == b,
            _ => compare::same(field, a, b),
        }
    }

    fn built_in(&self) -> &'static [&'static str] {
        &["default", "root"]
    }
}

/// A write without an end takes it off; the server refuses an empty one. The end that follows from a lifetime is nobody's
/// configuration.
fn with_own_end(operation: &Operation<'_>, step: Step, answers: &[Answer]) -> Step {
    match step {
        Step::Call(mut request) => {
            if let Some(Value::Map(body)) = &mut request.body {
                let is_empty = |name: &str, value: &Value| match name {
                    "expiration" => value.as_str() == Some(""),
                    "ttl" => value.as_str() == Some("0s"),
                    _ => false,
                };
                body.retain(|name, value| !is_empty(name, value));
            }
            Step::Call(request)
        }
        Step::Done(record) if has_lifetime(operation, answers) => {
            let known = known(operation);
            let [ttl, end] = ["ttl", "expiration"].map(|name| known.get(name).clone());
            Step::Done(record.with("ttl", ttl).with("expiration", end))
        }
        step => step,
    }
}

/// Whether the policy ends when it would by its lifetime, which is counted from its last write on.
fn has_lifetime(operation: &Operation<'_>, answers: &[Answer]) -> bool {
    let ttl = known(operation).get("ttl").as_str().and_then(|ttl| duration::seconds(ttl).ok());
    let (Some(ttl), Some(read)) = (ttl, answers.last()) else { return false };
    let [written, end] =
        ["modified", "expiration"].map(|name| read.data().at(name).as_str().unwrap_or_default());
    duration::between(written, end).is_some_and(|seconds| (seconds - ttl).abs() <= 2)
}

/// The object as it is known before the answers.
fn known<'a>(operation: &Operation<'a>) -> &'a Record {
    match operation {
        Operation::Create { desired } | Operation::Update { desired, .. } => desired,
        Operation::Read { prior } | Operation::Delete { prior } => prior,
        Operation::Open { config } | Operation::Close { opened: config } => config,
    }
}

fn taken(name: &str) -> Diagnostic {
    Diagnostic::error(format!("a policy `{name}` exists already"))
        .hint("if it is yours, import it by that name; else give this one another")
        .at_field("name")
}
