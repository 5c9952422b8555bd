use crate::behavior::{self, Behavior, Operation, Step};
use crate::kinds::auth::{look_up, revoke, says_no_token};
use crate::shape::{List, Map, MountPath, Sensitive, WriteOnly};
use crate::{Answer, Kind, Record, Secret, Value, duration};

/// A login with AppRole: its token, revoked with the resource.
#[derive(schemas::Kind)]
#[kind(name = "approle_auth_backend_login", id = "{accessor}", no_import, behavior = Login)]
#[kind(create = "POST auth/{backend}/login", update = "none")]
#[kind(act(
    name = "login",
    instead = "log in where the token is used, such as with `bao write auth/PATH/login role_id=… secret_id=…`; the role is declared in a block `role`"
))]
pub struct ApproleLogin {
    /// Path of the auth method.
    #[kind(key, replaces, default = "approle")]
    pub backend: Option<MountPath>,
    /// Identifier of the role.
    #[kind(replaces, unreadable)]
    pub role_id: String,
    /// Secret id of the role.
    #[kind(replaces, unreadable, conflicts("secret_id_wo"))]
    pub secret_id: Option<Sensitive<String>>,
    /// Secret id of the role, never stored.
    #[kind(api = "secret_id", unreadable, revision = "secret_id_wo_version", conflicts("secret_id"))]
    pub secret_id_wo: Option<Sensitive<WriteOnly<String>>>,
    /// Change it to log in anew with `secret_id_wo`.
    #[kind(local, replaces)]
    pub secret_id_wo_version: Option<i64>,
    /// Accessor of the token.
    #[kind(local, output)]
    pub accessor: String,
    /// The token.
    #[kind(local, output)]
    pub client_token: Sensitive<String>,
    /// Lifetime at the login, in seconds.
    #[kind(local, output)]
    pub lease_duration: i64,
    /// When it logged in.
    #[kind(local, output)]
    pub lease_started: String,
    /// Metadata of the token.
    #[kind(local, output)]
    pub metadata: Map<String>,
    /// Policies of the token.
    #[kind(local, output)]
    pub policies: List<String>,
    /// The token can be renewed.
    #[kind(local, output)]
    pub renewable: bool,
}

struct Login;

impl Behavior for Login {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match operation {
            Operation::Create { desired } => create(kind, desired, answers),
            Operation::Read { prior } => read(prior, answers),
            Operation::Update { desired, .. } => read(desired, answers),
            Operation::Delete { prior } => delete(prior, answers),
            Operation::Open { .. } | Operation::Close { .. } => {
                behavior::follow_table(kind, operation, answers)
            }
        }
    }
}

fn create(kind: &Kind, desired: &Record, answers: &[Answer]) -> Step {
    let Some((login, looks)) = answers.split_first() else {
        return behavior::follow_table(kind, &Operation::Create { desired }, &[]);
    };
    if let Some(step) = behavior::verdict_of_write(login) {
        return step;
    }
    let auth = login.auth();
    let mut known = desired.clone().without_nulls();
    behavior::strip_write_only(kind, &mut known);
    for name in ["accessor", "lease_duration", "metadata", "policies", "renewable"] {
        known.set(name, auth.at(name).clone());
    }
    known.set("client_token", Secret::new(auth.at("client_token").clone()));
    read(&known, looks)
}

/// Looks whether the token lives. What the login gave out does not change afterwards.
fn read(prior: &Record, answers: &[Answer]) -> Step {
    match answers {
        [] => Step::Call(look_up(prior.text("accessor"))),
        [look, ..] if says_no_token(look) => Step::Gone,
        [look, ..] if !look.is_success() => Step::Refused,
        [look, ..] => Step::Done(started(prior, look.data())),
    }
}

fn started(prior: &Record, data: &Value) -> Record {
    if !prior.get("lease_started").is_null() {
        return prior.clone();
    }
    let issued = duration::whole_second(data.at("issue_time").as_str().unwrap_or_default());
    prior.clone().with("lease_started", issued.map_or(Value::Null, Value::from))
}

fn delete(prior: &Record, answers: &[Answer]) -> Step {
    match answers {
        [] => Step::Call(revoke(prior.text("accessor"))),
        [answer, ..] if answer.is_success() || says_no_token(answer) => Step::Gone,
        _ => Step::Refused,
    }
}
