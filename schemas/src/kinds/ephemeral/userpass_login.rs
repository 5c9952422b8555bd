use crate::behavior::{follow_table, verdict_of_write};
use crate::kinds::auth::{revoke, says_no_token};
use crate::kinds::exchange::path;
use crate::kinds::kv::hidden;
use crate::shape::{List, MountPath, Name, Sensitive};
use crate::{Answer, Behavior, Diagnostic, Kind, Method, Operation, Record, Request, Step, Value};

/// A token from a login with user name and password, revoked at the end of the run.
#[derive(schemas::Kind)]
#[kind(name = "userpass_auth_login", class = Ephemeral, states = Modern, behavior = LoginAndRevoke)]
#[kind(create = "PUT auth/{mount}/login/{username}")]
#[kind(endpoint(name = "revoke", delete = "POST auth/token/revoke-accessor"))]
pub struct UserpassLogin {
    /// Path of the auth method.
    #[kind(key)]
    pub mount: MountPath,
    /// Name of the user.
    #[kind(key)]
    pub username: Name,
    /// The password.
    pub password: Sensitive<String>,
    /// Id of something that must exist first. Its value does not matter; unknown, it puts the login off.
    #[kind(local)]
    pub mount_id: Option<String>,
    /// The token.
    #[kind(output)]
    pub client_token: Option<Sensitive<String>>,
    /// What names the token without being a secret.
    #[kind(output)]
    pub accessor: Option<String>,
    /// Policies of the token.
    #[kind(output)]
    pub policies: Option<List<String>>,
    /// Lifetime of the token, in seconds.
    #[kind(output)]
    pub lease_duration: Option<i64>,
    /// Whether the token can be renewed.
    #[kind(output)]
    pub renewable: Option<bool>,
}

struct LoginAndRevoke;

impl Behavior for LoginAndRevoke {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match (operation, answers) {
            (Operation::Open { config }, []) => login(config).map_or_else(Step::Failed, Step::Call),
            (Operation::Open { config }, [answer, ..]) => {
                verdict_of_write(answer).unwrap_or_else(|| opened(config, answer))
            }
            (Operation::Close { opened }, []) => revocation(opened).map_or(Step::Gone, Step::Call),
            // Used up or expired before: that is as good.
            (Operation::Close { .. }, [answer, ..]) if answer.is_success() || says_no_token(answer) => {
                Step::Gone
            }
            (Operation::Close { .. }, _) => Step::Refused,
            _ => follow_table(kind, operation, answers),
        }
    }
}

fn login(config: &Record) -> Result<Request, Diagnostic> {
    let body = Value::map([("password", hidden(config.get("password").expose().clone()))]);
    Ok(Request::new(Method::Put, path("auth/{mount}/login/{username}", config)?).with_body(body))
}

fn opened(config: &Record, answer: &Answer) -> Step {
    let auth = answer.auth();
    if auth.at("client_token").as_str().is_none_or(str::is_empty) {
        return Step::Failed(no_token(auth.at("mfa_requirement").is_null()));
    }
    let mut record = config.clone().with("client_token", hidden(auth.at("client_token").clone()));
    for name in ["accessor", "policies", "lease_duration", "renewable"] {
        record.set(name, auth.at(name).clone());
    }
    Step::Done(record)
}

fn no_token(is_final: bool) -> Diagnostic {
    let error = Diagnostic::error("the login answered no token");
    if is_final { error } else { error.because("it asks for a second factor, which a run cannot give") }
}

/// A batch token has no accessor and cannot be revoked; it ends with its lifetime.
fn revocation(opened: &Record) -> Option<Request> {
    let accessor = opened.get("accessor").as_str().filter(|accessor| !accessor.is_empty())?;
    Some(revoke(accessor))
}
