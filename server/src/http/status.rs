//! What answers while the server is sealed: health, seal status, initialization, unsealing.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::go_struct::{GoStruct, GoType, MAP};
use crate::COMMIT_DATE;
use crate::VERSION;
use crate::core::error::Error;
use crate::core::go_text;
use crate::core::pipeline::Reply;
use crate::core::request::Parameters;
use crate::core::state::Core;
use crate::seal::{InitRequest, SealError, SealStatus, parse_share};
use crate::sys::encoded;

/// One request to a path of this module.
pub(super) struct StatusRequest<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    /// The query.
    pub(super) pairs: Vec<(String, String)>,
    pub(super) parameters: Parameters,
    /// Whether no namespace but the root is meant.
    pub(super) is_root: bool,
}

/// What is answered in namespaces as well.
pub(super) const OF_NAMESPACES: [&str; 2] = ["sys/seal-status", "sys/leader"];

/// Whether `path` is answered here.
pub(super) fn is_status_path(path: &str) -> bool {
    matches!(
        path,
        "sys/health" | "sys/seal-status" | "sys/init" | "sys/unseal" | "sys/leader" | "sys/step-down"
    )
}

/// Answers `request`.
pub(super) async fn answer(core: &Arc<Core>, request: StatusRequest<'_>) -> Result<Reply, Error> {
    let is_read = matches!(*request.method, Method::GET);
    let is_write = matches!(*request.method, Method::POST | Method::PUT);
    if !request.is_root && !OF_NAMESPACES.contains(&request.path) {
        return Err(Error::invalid("operation unavailable in namespaces"));
    }
    match request.path {
        "sys/health" if is_read || request.method == Method::HEAD => health(core, &request.pairs).await,
        "sys/seal-status" if is_read => seal_status(core).await,
        "sys/init" if is_read => initialized(core).await,
        "sys/init" if is_write => initialize(core, &request.parameters).await,
        "sys/unseal" if is_write => unseal(core, &request.parameters).await,
        "sys/leader" if is_read => leader(),
        // There is nobody to step down for.
        "sys/step-down" if is_write => Ok(Reply::json(StatusCode::NO_CONTENT, bytes::Bytes::new())),
        _ => Err(Error::empty(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

fn reply<T: Serialize>(status: StatusCode, body: &T) -> Result<Reply, Error> {
    let mut bytes = serde_json::to_vec(body)?;
    bytes.push(b'\n');
    Ok(Reply::json(status, bytes))
}

async fn status_of(core: &Core) -> Result<SealStatus, Error> {
    Ok(core.seal.status().await?)
}

#[derive(Serialize)]
struct Health {
    initialized: bool,
    sealed: bool,
    standby: bool,
    replication_performance_mode: &'static str,
    replication_dr_mode: &'static str,
    server_time_utc: i64,
    version: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_id: String,
}

async fn health(core: &Core, pairs: &[(String, String)]) -> Result<Reply, Error> {
    require_well_formed(pairs)?;
    let seal = status_of(core).await?;
    let is_sealed = core.topology().is_none();
    let (name, usual) = match (seal.initialized, is_sealed) {
        (false, _) => ("uninitcode", StatusCode::NOT_IMPLEMENTED),
        (true, true) => ("sealedcode", StatusCode::SERVICE_UNAVAILABLE),
        (true, false) => ("activecode", StatusCode::OK),
    };
    let cluster = core.cluster().filter(|_| !is_sealed);
    let replication = if is_sealed { "unknown" } else { "disabled" };
    let body = Health {
        initialized: seal.initialized,
        sealed: is_sealed,
        standby: is_sealed,
        replication_performance_mode: replication,
        replication_dr_mode: replication,
        server_time_utc: core.clock.now().as_second(),
        version: VERSION,
        cluster_name: cluster.as_ref().map(|cluster| cluster.name.clone()).unwrap_or_default(),
        cluster_id: cluster.as_ref().map(|cluster| cluster.id.clone()).unwrap_or_default(),
    };
    reply(status_wanted(pairs, name)?.unwrap_or(usual), &body)
}

/// Refuses wrong values of all parameters, also of those for another health.
fn require_well_formed(pairs: &[(String, String)]) -> Result<(), Error> {
    let is_wrong = |(name, text): &(String, String)| match &**name {
        "activecode" | "sealedcode" | "standbycode" | "uninitcode" => text.parse::<i64>().is_err(),
        "standbyok" => !text.is_empty() && go_text::boolean(text).is_none(),
        _ => false,
    };
    if pairs.iter().any(is_wrong) { Err(Error::empty(StatusCode::BAD_REQUEST)) } else { Ok(()) }
}

/// The status that the query wants for `name`.
fn status_wanted(pairs: &[(String, String)], name: &str) -> Result<Option<StatusCode>, Error> {
    let Some((_, text)) = pairs.iter().find(|(key, _)| key == name) else { return Ok(None) };
    let status = text.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
    // What only announces an answer is followed by the usual one.
    let status = status.map(|status| Some(status).filter(|status| !is_preliminary(*status)));
    status.ok_or_else(|| Error::empty(StatusCode::BAD_REQUEST))
}

fn is_preliminary(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

#[derive(Serialize)]
struct SealStatusBody {
    #[serde(rename = "type")]
    kind: &'static str,
    initialized: bool,
    sealed: bool,
    t: u8,
    n: u8,
    progress: usize,
    nonce: String,
    recovery_seal: bool,
    version: &'static str,
    commit_date: &'static str,
    migration: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cluster_id: String,
    storage_type: &'static str,
}

async fn seal_status(core: &Core) -> Result<Reply, Error> {
    let seal = status_of(core).await?;
    reply(StatusCode::OK, &seal_status_body(core, seal))
}

fn seal_status_body(core: &Core, seal: SealStatus) -> SealStatusBody {
    let is_sealed = core.topology().is_none();
    let cluster = core.cluster().filter(|_| !is_sealed);
    SealStatusBody {
        kind: seal.kind,
        initialized: seal.initialized,
        sealed: is_sealed,
        t: seal.threshold,
        n: seal.shares,
        progress: seal.progress,
        nonce: seal.nonce,
        recovery_seal: false,
        version: VERSION,
        commit_date: COMMIT_DATE,
        migration: false,
        cluster_name: cluster.as_ref().map(|cluster| cluster.name.clone()).unwrap_or_default(),
        cluster_id: cluster.as_ref().map(|cluster| cluster.id.clone()).unwrap_or_default(),
        storage_type: seal.storage_type,
    }
}

async fn initialized(core: &Core) -> Result<Reply, Error> {
    let seal = status_of(core).await?;
    reply(StatusCode::OK, &json!({ "initialized": seal.initialized }))
}

/// The body of `sys/init`.
const INIT: GoStruct = GoStruct {
    name: "InitRequest",
    fields: &[
        ("secret_shares", GoType::Int),
        ("secret_threshold", GoType::Int),
        ("pgp_keys", GoType::Texts),
        ("root_token_pgp_key", GoType::Text),
        ("recovery_shares", GoType::Int),
        ("recovery_threshold", GoType::Int),
        ("recovery_pgp_keys", GoType::Texts),
    ],
};

/// The body of `sys/unseal`.
const UNSEAL: GoStruct = GoStruct {
    name: "UnsealRequest",
    fields: &[("key", GoType::Text), ("reset", GoType::Bool), ("migrate", GoType::Bool)],
};

/// What the peer decodes the body of a request for `path` into.
pub(super) fn body_type(path: &str) -> &'static str {
    match path {
        "sys/init" => "http.InitRequest",
        "sys/unseal" => "http.UnsealRequest",
        _ => MAP,
    }
}

#[derive(Serialize)]
struct Initialized {
    keys: Vec<String>,
    keys_base64: Vec<String>,
    root_token: String,
}

async fn initialize(core: &Core, parameters: &Parameters) -> Result<Reply, Error> {
    let request: InitRequest = INIT.decode(parameters)?;
    let (shares, root_token) = core.initialize(&request, None).await?;
    let (keys, keys_base64) = encoded(&shares);
    let body = Initialized { keys, keys_base64, root_token: root_token.expose().to_owned() };
    reply(StatusCode::OK, &body)
}

async fn unseal(core: &Arc<Core>, parameters: &Parameters) -> Result<Reply, Error> {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Unseal {
        key: String,
        reset: bool,
        migrate: bool,
    }
    let request: Unseal = UNSEAL.decode(parameters)?;
    let outcome = if request.reset {
        core.seal.reset().await
    } else if request.migrate {
        Err(SealError::NoMigration)
    } else if request.key.is_empty() {
        Err(SealError::MissingKey)
    } else {
        match parse_share(&request.key) {
            Ok(share) => core.seal.unseal_share(share).await,
            Err(error) => Err(error),
        }
    };
    let seal = outcome?;
    core.open().await?;
    reply(StatusCode::OK, &seal_status_body(core, seal))
}

/// There is one node, sealed or not.
fn leader() -> Result<Reply, Error> {
    reply(StatusCode::OK, &json!({ "ha_enabled": false }))
}
