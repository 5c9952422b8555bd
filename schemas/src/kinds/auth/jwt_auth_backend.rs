use crate::behavior::{Behavior, Operation, Step};
use crate::kind::Field;
use crate::kinds::auth::{AuthMount, Mounting, Tune};
use crate::shape::{List, Map, MountPath, Name, Pem, Sensitive, WriteOnly};
use crate::{Answer, Diagnostic, Kind, Number, Record, Value};

/// The auth method `jwt` (or `oidc`), mounted at a path, with its configuration.
#[derive(schemas::Kind)]
#[kind(name = "jwt_auth_backend", list = "sys/auth", id = "{path}", version = 1, behavior = JwtMount)]
#[kind(path = "sys/auth/{path}", read = "GET sys/mounts/auth/{path}", update = "none")]
#[kind(endpoint(name = "config", path = "auth/{path}/config", delete = "none"))]
#[kind(endpoint(name = "tune", path = "sys/mounts/auth/{path}/tune", delete = "none"))]
#[kind(block(name = "auth", label = "path", within = "namespace", types("jwt", "oidc")))]
pub struct JwtAuthBackend {
    /// Where it is mounted. A change moves the method with all it holds.
    #[kind(key, default = "jwt")]
    pub path: Option<MountPath>,
    /// `jwt` or `oidc`.
    #[kind(default = "jwt", replaces, identity)]
    pub r#type: Option<String>,
    /// Text for people.
    #[kind(update_at = "tune")]
    pub description: Option<String>,
    /// Issuer that a token has to name.
    #[kind(at = "config")]
    pub bound_issuer: Option<String>,
    /// Role of a login that names none. The server lower-cases it.
    #[kind(at = "config")]
    pub default_role: Option<Name>,
    /// URL of the provider, without `.well-known/openid-configuration`.
    #[kind(at = "config", conflicts("jwks_url", "jwt_validation_pubkeys"))]
    pub oidc_discovery_url: Option<String>,
    /// Certificate authority of the provider's TLS certificate, in PEM.
    #[kind(at = "config")]
    pub oidc_discovery_ca_pem: Option<Pem>,
    /// Client id at the provider.
    #[kind(at = "config")]
    pub oidc_client_id: Option<String>,
    /// Client secret at the provider. Each change of the configuration sends it again: the server loses or refuses what
    /// goes without.
    #[kind(at = "config", unreadable, conflicts("oidc_client_secret_wo"))]
    pub oidc_client_secret: Option<Sensitive<String>>,
    /// Client secret at the provider, never stored. Each change of the configuration sends it again.
    #[kind(
        at = "config",
        api = "oidc_client_secret",
        unreadable,
        omitted = Cleared,
        revision = "oidc_client_secret_wo_version",
        conflicts("oidc_client_secret")
    )]
    pub oidc_client_secret_wo: Option<Sensitive<WriteOnly<String>>>,
    /// Change it to have `oidc_client_secret_wo` sent again.
    #[kind(local, needs("oidc_client_secret_wo"))]
    pub oidc_client_secret_wo_version: Option<i64>,
    /// `query` or `form_post`: how the provider answers.
    #[kind(at = "config")]
    pub oidc_response_mode: Option<String>,
    /// `code` or `id_token`: what the provider answers with.
    #[kind(at = "config")]
    pub oidc_response_types: Option<List<String>>,
    /// URL of a JSON web key set.
    #[kind(at = "config", conflicts("oidc_discovery_url", "jwt_validation_pubkeys"))]
    pub jwks_url: Option<String>,
    /// Certificate authority of the TLS certificate at `jwks_url`, in PEM.
    #[kind(at = "config")]
    pub jwks_ca_pem: Option<Pem>,
    /// Several key sets: maps with `jwks_url` and `jwks_ca_pem`. OpenBao 2.7 names it, and does not take it.
    #[kind(at = "config", conflicts("jwks_url", "jwks_ca_pem"))]
    pub jwks_pairs: Option<List<Map<String>>>,
    /// Names of which the TLS certificates of the provider and of `jwks_url` may have one, instead of the URL's own.
    /// OpenBao only.
    #[kind(at = "config", openbao)]
    pub override_allowed_server_names: Option<List<String>>,
    /// Take a URL of which the keys cannot be read now; the server answers a warning. OpenBao only.
    #[kind(at = "config", unreadable, openbao)]
    pub skip_jwks_validation: Option<bool>,
    /// Public keys that tokens may be signed with, in PEM.
    #[kind(at = "config", conflicts("jwks_url", "oidc_discovery_url"))]
    pub jwt_validation_pubkeys: Option<List<Pem>>,
    /// Signature algorithms that are accepted.
    #[kind(at = "config")]
    pub jwt_supported_algs: Option<List<String>>,
    /// Settings of one identity provider's own ways, such as `provider` and `fetch_groups`.
    #[kind(at = "config")]
    pub provider_config: Option<Map<String>>,
    /// Pass the namespace in the OIDC state parameter, and not in the redirect URI.
    #[kind(at = "config", default = true)]
    pub namespace_in_state: Option<bool>,
    /// What can be tuned. Absent: as the server has it.
    #[kind(filled, at = "tune", api = "")]
    pub tune: Option<List<Tune>>,
    /// How it is mounted.
    #[kind(flatten)]
    pub mounting: Mounting,
    /// Keep the method on one cluster.
    #[kind(default = false, replaces)]
    pub local: Option<bool>,
    /// Replace the mount when its path changes, and do not move it.
    #[kind(local, default = false)]
    pub disable_remount: Option<bool>,
    /// Accessor of the mount.
    #[kind(output, lasting, identity)]
    pub accessor: String,
}

/// A mounted auth method whose `provider_config` has typed values.
struct JwtMount;

impl Behavior for JwtMount {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        match AuthMount.next(kind, operation, answers) {
            Step::Call(mut request) => {
                request.body = request.body.map(with_typed_settings);
                Step::Call(request)
            }
            step => step,
        }
    }

    fn same(&self, field: &Field, a: &Value, b: &Value) -> bool {
        AuthMount.same(field, a, b)
    }

    fn check(&self, kind: &Kind, config: &Record) -> Vec<Diagnostic> {
        let mut found = AuthMount.check(kind, config);
        found.extend(secretless(config));
        found
    }

    fn foresee(&self, kind: &Kind, prior: Option<&Record>, planned: &mut Record) {
        AuthMount.foresee(kind, prior, planned);
    }

    fn replaces(&self, kind: &Kind, prior: &Record, planned: &Record) -> Vec<&'static str> {
        AuthMount.replaces(kind, prior, planned)
    }
}

/// The server takes a client id only with its secret, in every write, and never shows the secret: without it in the
/// configuration the method can be neither made nor changed.
fn secretless(config: &Record) -> Option<Diagnostic> {
    let is_set = |name: &str| !config.get(name).is_null();
    let has_secret = is_set("oidc_client_secret") || is_set("oidc_client_secret_wo");
    (is_set("oidc_client_id") && !has_secret).then(|| {
        Diagnostic::warning("`oidc_client_id` is set, and no client secret")
            .because(
                "every write replaces the whole configuration, and the server refuses one without the secret",
            )
            .hint("set `oidc_client_secret_wo` (or `oidc_client_secret`); an imported method needs it too")
            .at_field("oidc_client_id")
    })
}

/// A map of Terraform holds texts; the server wants `fetch_groups` as a truth value, and depths as numbers.
fn with_typed_settings(mut body: Value) -> Value {
    if let Some(settings) = body.at("provider_config").as_map().cloned() {
        let typed = settings.into_iter().map(|(name, value)| (name, typed(value)));
        body.put("provider_config", Value::Map(typed.collect()));
    }
    body
}

fn typed(value: Value) -> Value {
    let Some(text) = value.as_str() else { return value };
    let number =
        || text.parse::<Number>().ok().filter(|number| number.to_string() == text).map(Value::Number);
    text.parse::<bool>().ok().map(Value::Bool).or_else(number).unwrap_or(value)
}
