use crate::behavior::{follow_table, verdict_of_write};
use crate::kinds::exchange::path;
use crate::kinds::kv::hidden;
use crate::shape::{Json, MountPath, Name, Sensitive, Set};
use crate::{Answer, Behavior, Diagnostic, Kind, Method, Operation, Record, Request, Step, Value};

/// A secret id of an AppRole role, made when the run needs it and in no state. It ends by its own lifetime.
#[derive(schemas::Kind)]
#[kind(
    name = "approle_auth_backend_role_secret_id",
    class = Ephemeral,
    states = Modern,
    behavior = Handout
)]
#[kind(create = "PUT auth/{backend}/role/{role_name}/secret-id")]
pub struct ApproleSecretIdEphemeral {
    /// Path of the auth method.
    #[kind(key, filled, default = "approle")]
    pub backend: Option<MountPath>,
    /// Name of the role.
    #[kind(key)]
    pub role_name: Name,
    /// Id of something that must exist first. Its value does not matter; unknown, it puts the making off.
    #[kind(local)]
    pub mount_id: Option<String>,
    /// Networks from which the secret id may be used.
    pub cidr_list: Option<Set<String>>,
    /// A JSON object of texts, which tokens from the secret id carry.
    pub metadata: Option<Json>,
    /// Lifetime of the secret id, in seconds.
    pub ttl: Option<i64>,
    /// How often it may be used; 0: without limit.
    pub num_uses: Option<i64>,
    /// The secret id.
    #[kind(output)]
    pub secret_id: Option<Sensitive<String>>,
    /// What names it without being a secret.
    #[kind(output, api = "secret_id_accessor")]
    pub accessor: Option<String>,
}

struct Handout;

impl Behavior for Handout {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match (operation, answers) {
            (Operation::Open { config }, []) => creation(config).map_or_else(Step::Failed, Step::Call),
            (Operation::Open { config }, [answer, ..]) => {
                verdict_of_write(answer).unwrap_or_else(|| opened(config, answer))
            }
            // It lives on: whoever got it in this run, or found it where the run stored it, logs in with it later.
            (Operation::Close { .. }, _) => Step::Gone,
            _ => follow_table(kind, operation, answers),
        }
    }
}

fn creation(config: &Record) -> Result<Request, Diagnostic> {
    let mut body = Value::map([]);
    for name in ["metadata", "ttl", "num_uses"] {
        if !config.get(name).is_null() {
            body.put(name, config.get(name).clone());
        }
    }
    let networks: Vec<_> =
        config.get("cidr_list").as_list().unwrap_or_default().iter().filter_map(Value::as_str).collect();
    if !networks.is_empty() {
        body.put("cidr_list", networks.join(",").into());
    }
    let path = path("auth/{backend}/role/{role_name}/secret-id", config)?;
    Ok(Request::new(Method::Put, path).with_body(body))
}

fn opened(config: &Record, answer: &Answer) -> Step {
    let (secret_id, accessor) = (answer.data().at("secret_id"), answer.data().at("secret_id_accessor"));
    if secret_id.is_null() {
        return Step::Failed(Diagnostic::error("the server answered no secret id"));
    }
    Step::Done(config.clone().with("secret_id", hidden(secret_id.clone())).with("accessor", accessor.clone()))
}
