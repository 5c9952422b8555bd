use crate::behavior::{self, Behavior, Operation, Step};
use crate::kind::{Field, fields};
use crate::kinds::sys::mounted;
use crate::shape::{Declared as _, Duration, List};
use crate::{Answer, Diagnostic, Kind, Listed, Record, Request, Value, codec, compare};

/// What can be tuned of a mounted auth method.
#[derive(schemas::Fields)]
pub struct Tune {
    /// Response headers that the method may set.
    pub allowed_response_headers: Option<List<String>>,
    /// Request fields that the audit log shows in clear.
    pub audit_non_hmac_request_keys: Option<List<String>>,
    /// Response fields that the audit log shows in clear.
    pub audit_non_hmac_response_keys: Option<List<String>>,
    /// Lifetime of tokens when a login names none: `1h`.
    #[kind(filled)]
    pub default_lease_ttl: Option<Duration>,
    /// `unauth` shows the mount to everyone, `hidden` to nobody.
    pub listing_visibility: Option<String>,
    /// Longest lifetime of tokens: `24h`.
    #[kind(filled)]
    pub max_lease_ttl: Option<Duration>,
    /// Request headers that are passed to the method.
    pub passthrough_request_headers: Option<List<String>>,
    /// `default-service`, `default-batch`, `service` or `batch`.
    #[kind(filled)]
    pub token_type: Option<String>,
}

/// When failed logins lock a user out.
#[derive(schemas::Fields)]
pub struct UserLockout {
    /// Failures in a row.
    #[kind(api = "user_lockout_config.lockout_threshold", aliases("user_lockout_threshold"))]
    pub threshold: Option<i64>,
    /// How long the user stays locked out: `15m`.
    #[kind(api = "user_lockout_config.lockout_duration", aliases("user_lockout_duration"))]
    pub duration: Option<Duration>,
    /// After how long without a failure they are counted anew: `15m`.
    #[kind(
        api = "user_lockout_config.lockout_counter_reset_duration",
        aliases("user_lockout_counter_reset_duration")
    )]
    pub counter_reset_duration: Option<Duration>,
    /// Lock nobody out.
    #[kind(api = "user_lockout_config.lockout_disable", aliases("user_lockout_disable"))]
    pub disable: Option<bool>,
}

/// A mounted auth method: its path may come from its type, and a change of the path moves it.
pub(crate) struct AuthMount;

impl Behavior for AuthMount {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match (talk(kind, operation, answers), operation) {
            (
                Step::Done(record),
                Operation::Create { desired: known }
                | Operation::Update { desired: known, .. }
                | Operation::Read { prior: known },
            ) if declares_tune(known) => Step::Done(with_own_lifetimes(kind, known, record, answers)),
            (step, _) => step,
        }
    }

    fn same(&self, field: &Field, a: &Value, b: &Value) -> bool {
        mounted::same(field, a, b)
    }

    fn check(&self, _kind: &Kind, config: &Record) -> Vec<Diagnostic> {
        let stands_again = |name: &&str| config.get(name).as_list().is_some_and(|blocks| blocks.len() > 1);
        let error = |name: &str| {
            let found = Diagnostic::error(format!("`{name}` stands more than once"));
            found.hint("put it all into one block").at_field(name)
        };
        ["tune", "user_lockout"].into_iter().filter(stands_again).map(error).collect()
    }

    fn foresee(&self, _kind: &Kind, _prior: Option<&Record>, planned: &mut Record) {
        *planned = with_path(planned);
    }

    fn replaces(&self, kind: &Kind, prior: &Record, planned: &Record) -> Vec<&'static str> {
        mounted::replaces(kind, prior, planned)
    }

    fn listed(&self, request: &Request) -> Option<Listed> {
        let prefixes = ["sys/mounts/auth/", "sys/auth/"];
        prefixes.iter().find_map(|prefix| mounted::listed(request, prefix, "sys/auth", "auth engine"))
    }
}

/// The mount's path: as configured, else named as its type.
fn with_path(record: &Record) -> Record {
    let is_open = matches!(record.get("path").expose(), Value::Null | Value::Unknown);
    if is_open { record.clone().with("path", record.get("type").clone()) } else { record.clone() }
}

fn talk(kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
    match operation {
        Operation::Create { desired } => {
            let desired = &with_path(desired);
            behavior::follow_table(kind, &Operation::Create { desired }, answers)
        }
        Operation::Update { prior, desired } => {
            mounted::update(kind, "auth/", prior, &with_path(desired), answers)
        }
        Operation::Read { .. }
        | Operation::Delete { .. }
        | Operation::Open { .. }
        | Operation::Close { .. } => behavior::follow_table(kind, operation, answers),
    }
}

/// Whether lifetimes are declared, and not merely known from an earlier look: states that the incumbent wrote hold
/// what is in force.
fn declares_tune(known: &Record) -> bool {
    !known.get("tune").is_null() && known.text("accessor").is_empty()
}

const LIFETIMES: [&str; 2] = ["default_lease_ttl", "max_lease_ttl"];

/// `record` with the lifetimes that the mount itself has, where `known` declares them. The answer about `tune` shows what
/// is in force, so that a lifetime that was taken off looks like the system's.
fn with_own_lifetimes(kind: &Kind, known: &Record, record: Record, answers: &[Answer]) -> Record {
    // The answers end with those of the reads, the first of which shows the mount.
    let reads = kind.endpoints.iter().filter(|endpoint| endpoint.read.is_some()).count();
    let mount = answers.len().checked_sub(reads).map(|first| answers[first].data().at("config"));
    let first = |record: &Record| record.get("tune").as_list().and_then(|tune| tune.first().cloned());
    let (Some(mount), Some(declared), Some(mut tune)) = (mount, first(known), first(&record)) else {
        return record;
    };
    for field in fields(Tune::PARTS).filter(|field| LIFETIMES.contains(&field.name)) {
        let (own, declared) = (codec::read(field, mount), declared.at(field.name));
        if !own.is_null() && !declared.is_null() {
            let is_same = compare::same(field, &own, declared);
            tune.put(field.name, if is_same { declared.clone() } else { own });
        }
    }
    record.with("tune", Value::List(vec![tune]))
}
