use crate::behavior::{self, Behavior, Operation, Step};
use crate::kind::Field;
use crate::kinds::sys::mounted;
use crate::shape::{List, Map, MountPath, Seconds, Set};
use crate::{Answer, Diagnostic, Kind, Listed, Record, Request, Value};

/// A secrets engine, mounted at a path.
#[derive(schemas::Kind)]
#[kind(name = "mount", list = "sys/mounts", id = "{path}", behavior = SecretsEngine)]
#[kind(path = "sys/mounts/{path}", update = "POST sys/mounts/{path}/tune", strip = "config")]
#[kind(block(name = "mount", label = "path", within = "namespace", typed_by = "type", serves = ""))]
pub struct Mount {
    /// Where it is mounted. A change moves the engine with all it holds.
    #[kind(key)]
    pub path: MountPath,
    /// Type of the engine: `kv`, `pki`, … `kv-v2` is `kv` with version 2.
    #[kind(create_only, identity)]
    pub r#type: String,
    /// Text for people.
    pub description: Option<String>,
    /// Lifetime of leases when a request names none, in seconds. 0: the system's.
    #[kind(filled, api = "config.default_lease_ttl")]
    pub default_lease_ttl_seconds: Option<Seconds>,
    /// Longest lifetime of leases, in seconds. 0: the system's.
    #[kind(filled, api = "config.max_lease_ttl")]
    pub max_lease_ttl_seconds: Option<Seconds>,
    /// Options of the engine's type, such as `version` of kv.
    #[kind(identity)]
    pub options: Option<Map<String>>,
    /// Request fields that the audit log shows in clear.
    #[kind(filled, api = "config.audit_non_hmac_request_keys")]
    pub audit_non_hmac_request_keys: Option<List<String>>,
    /// Response fields that the audit log shows in clear.
    #[kind(filled, api = "config.audit_non_hmac_response_keys")]
    pub audit_non_hmac_response_keys: Option<List<String>>,
    /// `unauth` shows the mount to everyone, `hidden` to nobody.
    #[kind(api = "config.listing_visibility")]
    pub listing_visibility: Option<String>,
    /// Request headers that are passed to the engine.
    #[kind(api = "config.passthrough_request_headers")]
    pub passthrough_request_headers: Option<List<String>>,
    /// Response headers that the engine may set.
    #[kind(api = "config.allowed_response_headers")]
    pub allowed_response_headers: Option<List<String>>,
    /// Accessors of auth methods to which the engine may delegate a login. Not on OpenBao.
    #[kind(api = "config.delegated_auth_accessors")]
    pub delegated_auth_accessors: Option<List<String>>,
    /// Managed keys that the engine may use.
    #[kind(api = "config.allowed_managed_keys", enterprise)]
    pub allowed_managed_keys: Option<Set<String>>,
    /// Key that signs the engine's identity tokens.
    #[kind(api = "config.identity_token_key", enterprise)]
    pub identity_token_key: Option<String>,
    /// Version of the engine's plugin.
    pub plugin_version: Option<String>,
    /// Never answer from the server's cache. Set when the engine is mounted, and not changed later.
    #[kind(filled, create_only, api = "config.force_no_cache")]
    pub force_no_cache: Option<bool>,
    /// Keep the engine on one cluster.
    #[kind(replaces)]
    pub local: Option<bool>,
    /// Wrap the engine's storage with the seal.
    #[kind(filled, replaces)]
    pub seal_wrap: Option<bool>,
    /// Let the engine draw from an external source of entropy.
    #[kind(default = false, replaces)]
    pub external_entropy_access: Option<bool>,
    /// Accessor of the mount.
    #[kind(output, lasting, identity)]
    pub accessor: String,
}

struct SecretsEngine;

impl Behavior for SecretsEngine {
    fn next(&self, kind: &Kind, operation: &Operation<'_>, answers: &[Answer]) -> Step {
        let (known, step) = match operation {
            Operation::Update { prior, desired } => {
                match retyped(prior, desired).or_else(|| self.refuses(kind, prior, desired)) {
                    Some(diagnostic) => return Step::Failed(diagnostic),
                    None => (*desired, update(kind, prior, desired, answers)),
                }
            }
            Operation::Create { desired: known } | Operation::Read { prior: known } => {
                (*known, behavior::follow_table(kind, operation, answers))
            }
            Operation::Delete { .. } | Operation::Open { .. } | Operation::Close { .. } => {
                return behavior::follow_table(kind, operation, answers);
            }
        };
        match step {
            Step::Done(record) => Step::Done(as_written(known, record)),
            step => step,
        }
    }

    fn same(&self, field: &Field, a: &Value, b: &Value) -> bool {
        mounted::same(field, a, b)
    }

    /// Another type is another engine; another way to write the same type is not, and must not cost its secrets. Nor
    /// must a type or a version that is not known yet: the update refuses those that cannot be had.
    fn replaces(&self, _kind: &Kind, prior: &Record, planned: &Record) -> Vec<&'static str> {
        if planned.get("type").has_unknown() {
            return Vec::new();
        }
        let is_plain = !is_versioned(planned) && !is_open(planned);
        let is_downgrade = is_versioned(prior) && is_plain && prior.text("type") != planned.text("type");
        let is_other = engine(prior) != engine(planned);
        if is_other || is_downgrade { vec!["type"] } else { Vec::new() }
    }

    fn refuses(&self, kind: &Kind, prior: &Record, planned: &Record) -> Option<Diagnostic> {
        let is_settled = !planned.get("options").has_unknown() && !planned.get("type").has_unknown();
        let downgraded = || is_settled.then(|| downgraded(prior, planned)).flatten();
        frozen(kind, prior, planned).or_else(downgraded)
    }

    fn is_of_type(&self, declared: &str, live: &str) -> bool {
        engine_of(declared) == engine_of(live)
    }

    fn listed(&self, request: &Request) -> Option<Listed> {
        let is_auth = request.path.starts_with("sys/mounts/auth/");
        let listed = || mounted::listed(request, "sys/mounts/", "sys/mounts", "secret engine mount");
        if is_auth { None } else { listed() }
    }
}

fn engine(record: &Record) -> &str {
    engine_of(record.text("type"))
}

/// The engine that the server runs for a type.
fn engine_of(of_type: &str) -> &str {
    match of_type {
        "kv-v2" => "kv",
        other => other,
    }
}

/// True for `kv` of version 2.
fn is_versioned(record: &Record) -> bool {
    let version = || record.get("options").at("version").as_str() == Some("2");
    record.text("type") == "kv-v2" || (record.text("type") == "kv" && version())
}

/// True while the version is not known.
fn is_open(record: &Record) -> bool {
    let options = record.get("options");
    [options.expose(), options.at("version")].contains(&&Value::Unknown)
}

/// Tunes the mount. The type is not tuned; `kv` becomes `kv-v2` by its version.
fn update(kind: &Kind, prior: &Record, desired: &Record, answers: &[Answer]) -> Step {
    let mut desired = desired.clone();
    if is_versioned(&desired) && !is_versioned(prior) {
        let mut options = desired.get("options").clone();
        options.put("version", "2".into());
        desired.set("options", options);
    }
    mounted::update(kind, "", prior, &desired, answers)
}

/// `kv-v2` is a way to write version 2 of `kv`; the server answers the latter.
fn as_written(known: &Record, record: Record) -> Record {
    let is_short = known.text("type") == "kv-v2" && record.text("type") == "kv";
    if !is_short || record.get("options").at("version").as_str() != Some("2") {
        return record;
    }
    record.with("type", "kv-v2").with("options", known.get("options").clone())
}

/// The server answers a tune without the version with success, and goes on with version 2.
fn downgraded(prior: &Record, desired: &Record) -> Option<Diagnostic> {
    (is_versioned(prior) && !is_versioned(desired)).then(|| {
        Diagnostic::error("an engine `kv` of version 2 does not become version 1 again")
            .because("its secrets have versions, and the server keeps them")
            .hint("set `options = { version = \"2\" }`, or mount another engine")
            .at_field("options")
    })
}

/// A tune that does not name the type would be answered with success.
fn retyped(prior: &Record, desired: &Record) -> Option<Diagnostic> {
    let [is, wanted] = [prior, desired].map(engine);
    (!is.is_empty() && !wanted.is_empty() && is != wanted).then(|| {
        Diagnostic::error(format!("the mounted engine `{is}` cannot become an engine `{wanted}`"))
            .because("the type was not known while planning, and another type is another engine")
            .hint("plan again: the engine is then replaced, with all it holds")
            .at_field("type")
    })
}

fn frozen(kind: &Kind, prior: &Record, desired: &Record) -> Option<Diagnostic> {
    let field = kind.field("force_no_cache")?;
    let wanted = desired.get(field.name);
    let differs =
        !wanted.is_null() && !wanted.has_unknown() && !kind.same(field, prior.get(field.name), wanted);
    differs.then(|| {
        Diagnostic::error("`force_no_cache` of a mounted engine cannot be changed")
            .because("the server takes it only when it mounts the engine, and ignores it afterwards")
            .hint("set it as it is, or mount the engine anew")
            .at_field(field.name)
    })
}
