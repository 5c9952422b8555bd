use crate::behavior::{self, Behavior, Operation, Step};
use crate::kinds::auth::TokenParameters;
use crate::shape::{Map, MountPath, Name, Seconds, Set};
use crate::{Answer, Kind, Record, Value};

/// A role of the auth method `jwt` or `oidc`: which tokens it accepts, and what it gives out.
#[derive(schemas::Kind)]
#[kind(name = "jwt_auth_backend_role", list = "auth/{backend}/role", behavior = JwtRole)]
#[kind(path = "auth/{backend}/role/{role_name}", id = "auth/{backend}/role/{role_name}")]
#[kind(block(name = "role", label = "role_name", within = "auth", container = "backend", types("jwt", "oidc")))]
pub struct JwtAuthBackendRole {
    /// Path of the auth method.
    #[kind(key, replaces, default = "jwt")]
    pub backend: Option<MountPath>,
    /// Name of the role.
    #[kind(key, replaces)]
    pub role_name: Name,
    /// `oidc` (a browser logs in) or `jwt` (a token is presented).
    #[kind(filled, replaces)]
    pub role_type: Option<String>,
    /// Claim that names the user.
    pub user_claim: String,
    /// Read `user_claim` as a JSON pointer.
    #[kind(default = false)]
    pub user_claim_json_pointer: Option<bool>,
    /// Audiences of which a token has to name one.
    pub bound_audiences: Option<Set<String>>,
    /// Subject that a token has to name.
    pub bound_subject: Option<String>,
    /// Claims that a token must have. Commas separate values of which one has to match.
    pub bound_claims: Option<Map<String>>,
    /// `string` or `glob`: how claims are compared.
    #[kind(filled)]
    pub bound_claims_type: Option<String>,
    /// Take a value of `bound_claims` as a whole, commas included.
    #[kind(local, default = false)]
    pub disable_bound_claims_parsing: Option<bool>,
    /// Claims that become metadata of the token: claim to metadata key.
    pub claim_mappings: Option<Map<String>>,
    /// Claim that lists the user's groups.
    pub groups_claim: Option<String>,
    /// Where the browser may be sent after the login.
    pub allowed_redirect_uris: Option<Set<String>>,
    /// Scopes to ask the provider for, beyond `openid`.
    pub oidc_scopes: Option<Set<String>>,
    /// How long ago the user may have authenticated at the provider, in seconds.
    pub max_age: Option<Seconds>,
    /// Leeway for the clocks, in seconds. 0: 60 seconds; -1: none.
    #[kind(default = 0)]
    pub clock_skew_leeway: Option<Seconds>,
    /// Leeway for the expiration, in seconds. 0: 150 seconds; -1: none.
    #[kind(default = 0)]
    pub expiration_leeway: Option<Seconds>,
    /// Leeway for the start of validity, in seconds. 0: 150 seconds; -1: none.
    #[kind(default = 0)]
    pub not_before_leeway: Option<Seconds>,
    /// Write tokens and claims of logins to the server's debug log.
    #[kind(default = false)]
    pub verbose_oidc_logging: Option<bool>,
    /// Token parameters.
    #[kind(flatten)]
    pub token: TokenParameters,
}

struct JwtRole;

impl Behavior for JwtRole {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let step = behavior::follow_table(kind, operation, &answers.iter().map(with_joined_claims).collect::<Vec<_>>());
        let (Operation::Create { desired } | Operation::Update { desired, .. }) = operation else { return step };
        match step {
            Step::Call(mut request) => {
                request.body = request.body.map(|body| with_parsed_claims(desired, body));
                Step::Call(request)
            }
            step => step,
        }
    }
}

/// The server takes a list of values for each claim; the configuration has them in one text, between commas.
fn with_parsed_claims(desired: &Record, mut body: Value) -> Value {
    let Some(claims) = body.at("bound_claims").as_map().cloned() else { return body };
    let is_whole = desired.flag("disable_bound_claims_parsing");
    let values = |text: &str| match is_whole {
        true => vec![text.into()],
        false => text.split(',').map(|value| value.trim().into()).collect(),
    };
    let claims = claims.into_iter().map(|(claim, text)| (claim, Value::List(values(text.as_str().unwrap_or_default()))));
    body.put("bound_claims", Value::Map(claims.collect()));
    body
}

/// The answer with each claim's values in one text.
fn with_joined_claims(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    if let Some(claims) = answer.data().at("bound_claims").as_map().cloned() {
        let joined = claims.into_iter().map(|(claim, values)| (claim, joined(&values)));
        answer.body.put("data.bound_claims", Value::Map(joined.collect()));
    }
    answer
}

fn joined(values: &Value) -> Value {
    match values.as_list() {
        Some(values) => values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",").into(),
        None => values.clone(),
    }
}
