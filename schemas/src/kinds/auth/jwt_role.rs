use std::collections::BTreeSet;

use crate::behavior::{self, Behavior, Operation, Step};
use crate::kinds::auth::TokenParameters;
use crate::shape::{List, Map, MountPath, Name, Seconds, Set};
use crate::{Answer, Kind, Record, Value, json};

/// A role of the auth method `jwt` or `oidc`: which tokens it accepts, and what it gives out.
#[derive(schemas::Kind)]
#[kind(name = "jwt_auth_backend_role", list = "auth/{backend}/role", behavior = JwtRole)]
#[kind(path = "auth/{backend}/role/{role_name}", id = "auth/{backend}/role/{role_name}")]
#[kind(block(
    name = "role",
    label = "role_name",
    within = "auth",
    container = "backend",
    types("jwt", "oidc")
))]
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
    /// Claims that a token must have. Commas separate values of which one has to match. A text that is a JSON list
    /// stands for its items: for values with commas, and for such as are no text.
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
    /// `client`, `direct` or `device`: how the answer of the provider comes back. OpenBao only.
    #[kind(filled, omitted = Cleared, openbao)]
    pub callback_mode: Option<String>,
    /// How often a client asks whether a `direct` or `device` login is done, in seconds. OpenBao only.
    #[kind(openbao)]
    pub poll_interval: Option<i64>,
    /// Tokens of the provider that become metadata: `access_token`, `id_token`, `refresh_token`. OpenBao only.
    #[kind(openbao)]
    pub oauth2_metadata: Option<List<String>>,
    /// Do not ask people to confirm a `direct` login. OpenBao only.
    #[kind(openbao)]
    pub oidc_disable_confirmation: Option<bool>,
    /// Names in `token_policies` are templates over the claims. OpenBao only.
    #[kind(openbao)]
    pub token_policies_template_claims: Option<bool>,
    /// Token parameters.
    #[kind(flatten)]
    pub token: TokenParameters,
}

struct JwtRole;

impl Behavior for JwtRole {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let (Operation::Create { desired: known }
        | Operation::Update { desired: known, .. }
        | Operation::Read { prior: known }) = operation
        else {
            return behavior::follow_table(kind, operation, answers);
        };
        let answers: Vec<_> = answers.iter().map(|answer| with_claims_in_text(known, answer)).collect();
        let step = match operation {
            Operation::Update { prior, desired } => {
                let prior = &as_parsed_now(prior, desired);
                behavior::follow_table(kind, &Operation::Update { prior, desired }, &answers)
            }
            _ => behavior::follow_table(kind, operation, &answers),
        };
        match step {
            Step::Call(mut request) => {
                request.body = request.body.map(|body| with_parsed_claims(known, body));
                Step::Call(request)
            }
            step => step,
        }
    }
}

/// The same text means other values once commas count otherwise: the claims have to be written again.
fn as_parsed_now(prior: &Record, desired: &Record) -> Record {
    let flag = "disable_bound_claims_parsing";
    let is_same = prior.flag(flag) == desired.flag(flag) || desired.get("bound_claims").is_null();
    if is_same { prior.clone() } else { prior.clone().with("bound_claims", Value::Null) }
}

/// The server takes a list of values for each claim; the configuration has them in one text.
fn with_parsed_claims(desired: &Record, mut body: Value) -> Value {
    let Some(claims) = body.at("bound_claims").as_map().cloned() else { return body };
    let parsed = claims.into_iter().map(|(claim, text)| (claim, Value::List(values(desired, &text))));
    body.put("bound_claims", Value::Map(parsed.collect()));
    body
}

/// The values that a claim's text stands for.
fn values(role: &Record, text: &Value) -> Vec<Value> {
    let text = text.as_str().unwrap_or_default();
    if role.flag("disable_bound_claims_parsing") {
        return vec![text.into()];
    }
    match json::parse(text) {
        Ok(Value::List(values)) => values,
        _ => text.split(',').map(|value| value.trim().into()).collect(),
    }
}

/// The answer with each claim's values in one text: as it is known, if that stands for the same values.
fn with_claims_in_text(known: &Record, answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    if let Some(claims) = answer.data().at("bound_claims").as_map().cloned() {
        let before = known.get("bound_claims").as_map();
        let in_text = claims.into_iter().map(|(claim, live)| {
            let live = live.as_list().map_or_else(|| vec![live.clone()], <[Value]>::to_vec);
            let text = in_text(known, before.and_then(|claims| claims.get(&claim)), &live);
            (claim, text)
        });
        answer.body.put("data.bound_claims", Value::Map(in_text.collect()));
    }
    answer
}

fn in_text(role: &Record, before: Option<&Value>, live: &[Value]) -> Value {
    if before.is_some_and(|text| set(&values(role, text)) == set(live)) {
        return before.cloned().unwrap_or_default();
    }
    let text = Value::List(live.to_vec());
    let candidates =
        [joined(role, live), Some(json::render(&text)), Some(format!(" {}", json::render(&text)))];
    // A text that stands for other values must not look like these.
    let fits = |text: &&String| before.and_then(Value::as_str) != Some(text.as_str());
    candidates.iter().flatten().find(fits).map_or(text, |text| text.as_str().into())
}

/// The values as people write them; `None` if that would be read as something else.
fn joined(role: &Record, live: &[Value]) -> Option<String> {
    let texts: Option<Vec<_>> = live.iter().map(Value::as_str).collect();
    let text = texts?.join(",");
    (set(&values(role, &text.as_str().into())) == set(live)).then_some(text)
}

fn set(values: &[Value]) -> BTreeSet<String> {
    values.iter().map(json::render).collect()
}
