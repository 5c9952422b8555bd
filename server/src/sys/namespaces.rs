//! Namespaces below the one of the request.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use rand::Rng as _;
use schemas::Value;
use schemas::shape::{Declared as _, Json, Words};
use serde::Serialize;
use serde_json::json;

use super::{Sys, mounts, unmount};
use crate::config::parse_seal;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::exact::{self, Object};
use crate::core::go_text;
use crate::core::moving;
use crate::core::namespace::Namespace;
use crate::core::quota;
use crate::core::response::Response;
use crate::core::state::{namespace_key, write_namespace, write_namespace_records};
use crate::core::topology::{Mounted, Space};
use crate::handler;
use crate::seal::{SealConfiguration, SealError, begin_in};

/// Namespaces by name, and all.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("namespaces")
        .about("The namespaces below that of the request.")
        .fields(&[])
        .list(handler!(list))
        .scan(handler!(scan)),
    Route::new("internal/ui/namespaces")
        .about("The namespaces that the token of the request reaches, for user interfaces.")
        .unauthenticated()
        .fields(&[])
        .read(handler!(list_names)),
    Route::new("namespaces/{path+..}")
        .about("One namespace: makes, changes or shows it, or deletes it with all that it holds.")
        .fields(Body::PARTS)
        .topology()
        .read(handler!(read))
        .write(handler!(write))
        .patch(handler!(patch))
        .delete(handler!(delete)),
];

/// Names that would hide paths of the API.
const RESERVED: [&str; 8] = ["root", "sys", "audit", "auth", "cubbyhole", "identity", ".", ".."];

/// Tries to find an id that no namespace has.
const ID_LENGTH: usize = 6;

/// The body that writes a namespace.
#[derive(schemas::Fields)]
struct Body {
    /// Chosen by users.
    custom_metadata: Option<Json>,
    /// A seal of its own: a document with one block `seal "shamir"`, in HCL or JSON.
    seal: Option<String>,
    /// PGP keys for the shares of that seal; without one there is nothing to encrypt.
    pgp_keys: Option<Words>,
}

#[derive(Serialize)]
struct NamespaceBody<'a> {
    custom_metadata: &'a BTreeMap<String, String>,
    id: &'a str,
    locked: bool,
    path: &'a str,
    tainted: bool,
    uuid: &'a str,
}

/// A namespace with a seal of its own, as it is shown once.
#[derive(Serialize)]
struct NewSealBody<'a> {
    #[serde(flatten)]
    namespace: NamespaceBody<'a>,
    /// Hexadecimal.
    key_shares: Vec<String>,
    key_threshold: u8,
}

impl<'a> From<&'a Namespace> for NamespaceBody<'a> {
    fn from(namespace: &'a Namespace) -> Self {
        Self {
            custom_metadata: &namespace.custom_metadata,
            id: &namespace.id,
            locked: namespace.is_locked(),
            path: &namespace.path,
            tainted: namespace.tainted,
            uuid: &namespace.uuid,
        }
    }
}

/// The whole path of the namespace that the request names.
///
/// # Errors
/// 400 for a name that no namespace can have.
pub(super) fn named(cx: &Context<'_>) -> Result<String, Error> {
    let name = cx.capture("path").trim_matches('/');
    if name.contains('/') {
        return Err(Error::invalid("namespace name cannot contain /"));
    }
    if RESERVED.contains(&name) {
        let text = format!("\"{name}/\" is a reserved path and cannot be used as a namespace name");
        return Err(Error::invalid(text));
    }
    Ok(format!("{}{name}/", cx.request().namespace.path))
}

pub(super) fn find(cx: &Context<'_>, path: &str) -> Result<Option<Arc<Space>>, Error> {
    Ok(cx.topology()?.space(path).cloned())
}

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let space = find(cx, &named(cx)?)?.ok_or_else(Error::not_found)?;
    Response::data(&NamespaceBody::from(&*space.namespace))
}

async fn write(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = named(cx)?;
    let given: Body = cx.fields()?;
    let seal = given.seal.map(|text| seal_wanted(&text)).transpose()?;
    if seal.is_some() && given.pgp_keys.is_some_and(|keys| !keys.0.is_empty()) {
        return Err(Error::not_implemented("encrypting shares for PGP keys"));
    }
    let refused = || Error::invalid("custom_metadata values must be strings");
    let mut metadata = BTreeMap::new();
    for (key, value) in metadata_given(cx)? {
        metadata.insert(key, text(value).ok_or_else(refused)?);
    }
    match (find(cx, &path)?, seal) {
        (Some(_), Some(_)) => Err(Error::invalid("cannot modify existing namespace seal config")),
        (Some(space), None) => change(cx, &space, metadata),
        (None, seal) => create(cx, path, metadata, seal.as_ref()),
    }
}

/// The seal that `text` asks for.
fn seal_wanted(text: &str) -> Result<SealConfiguration, Error> {
    let failed = |text| Error::counted(StatusCode::INTERNAL_SERVER_ERROR, text);
    let stanza = parse_seal(text).map_err(failed)?;
    SealConfiguration::new(stanza.shares, stanza.threshold).map_err(|error| match error {
        SealError::InvalidConfiguration(reason) => Error::invalid(format!("invalid seal config: {reason}")),
        error => error.into(),
    })
}

/// Writes `metadata` into a namespace that there is.
fn change(cx: &Context<'_>, space: &Space, metadata: BTreeMap<String, String>) -> Result<Response, Error> {
    let namespace = Arc::new(Namespace { custom_metadata: metadata, ..(*space.namespace).clone() });
    replace(cx, space, &namespace)?;
    Response::data(&NamespaceBody::from(&*namespace))
}

/// Writes `namespace` in place of the one of `space`.
pub(super) fn replace(cx: &Context<'_>, space: &Space, namespace: &Arc<Namespace>) -> Result<(), Error> {
    write_namespace(cx.transaction(), namespace)?;
    publish(cx, space.in_namespace(namespace))
}

fn create(
    cx: &Context<'_>,
    path: String,
    metadata: BTreeMap<String, String>,
    seal: Option<&SealConfiguration>,
) -> Result<Response, Error> {
    check_name(cx)?;
    let parent = mounts::space(cx)?;
    let name = &path[parent.namespace.path.len()..];
    if let Some(mount) = parent.conflict(name) {
        let parent = &parent.namespace.path;
        return Err(Error::invalid(format!("new namespace conflicts with existing mount: {parent}{mount}")));
    }
    let namespace = Arc::new(Namespace {
        id: new_id(cx)?,
        uuid: uuid::Uuid::new_v4().to_string(),
        path,
        custom_metadata: metadata,
        tainted: false,
        lock: String::new(),
        sealable: seal.is_some(),
        within: parent.namespace.domain(),
    });
    write_namespace(cx.transaction(), &namespace)?;
    let Some(seal) = seal else {
        let entries = write_namespace_records(cx.transaction(), &namespace, cx.now())?;
        let mounts = entries.into_iter().map(|entry| Mounted::new(entry, &namespace));
        publish(cx, Space::new(Arc::clone(&namespace), mounts))?;
        return Response::data(&NamespaceBody::from(&*namespace));
    };
    // From here on what is written in it is encrypted by its own keys.
    let shares = begin_in(cx.transaction(), &namespace.domain(), seal);
    write_namespace_records(cx.transaction(), &namespace, cx.now())?;
    publish(cx, Space::sealed(Arc::clone(&namespace)))?;
    Response::sorted_data(&NewSealBody {
        namespace: NamespaceBody::from(&*namespace),
        key_shares: super::encoded(&shares).0,
        key_threshold: seal.threshold(),
    })
}

fn check_name(cx: &Context<'_>) -> Result<(), Error> {
    let name = cx.capture("path").trim_matches('/');
    // In a policy of a parent the wildcards would stand for any namespace.
    let problem = match name.chars().find(|&letter| letter.is_whitespace() || matches!(letter, '+' | '*')) {
        None => return Ok(()),
        Some(wildcard @ ('+' | '*')) => {
            format!("wildcard characters that cannot be used in a namespace name: '{wildcard}'")
        }
        Some(_) => "space characters that cannot be used in a namespace name".to_owned(),
    };
    Err(Error::invalid(format!("\"{name}\" contains {problem}")))
}

fn new_id(cx: &Context<'_>) -> Result<String, Error> {
    let topology = cx.topology()?;
    loop {
        let letters = rand::rng().sample_iter(rand::distr::Alphanumeric).take(ID_LENGTH);
        let id: String = letters.map(char::from).collect();
        if topology.by_id(&id).is_none() {
            return Ok(id);
        }
    }
}

fn publish(cx: &Context<'_>, space: Space) -> Result<(), Error> {
    cx.change_topology(|topology| topology.with_space(Arc::new(space)))
}

/// Merges `custom_metadata`; a null removes its key.
async fn patch(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = named(cx)?;
    let missing = || Error::with_status(StatusCode::BAD_REQUEST, "namespace not found");
    let space = find(cx, &path)?.ok_or_else(missing)?;
    // What a patch makes null is taken away, all of it too.
    let takes_all = cx.parameters().get("custom_metadata").is_some_and(|raw| raw.get() == "null");
    let mut metadata = if takes_all { BTreeMap::new() } else { space.namespace.custom_metadata.clone() };
    for (key, value) in metadata_given(cx)? {
        if value.is_null() {
            metadata.remove(&key);
            continue;
        }
        let refused =
            format!("metadata patch can only have string or null values, got {}", go_text::type_of(&value));
        metadata.insert(key, text(value).ok_or_else(|| Error::invalid(refused))?);
    }
    change(cx, &space, metadata)
}

/// `custom_metadata` of the request, its values as they came.
fn metadata_given(cx: &Context<'_>) -> Result<Object, Error> {
    exact::object(cx.parameters(), "custom_metadata")
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

async fn delete(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = named(cx)?;
    let Some(space) = find(cx, &path)? else {
        return Ok(Response::empty().with_warning("requested namespace does not exist"));
    };
    if space.is_sealed {
        return Err(Error::namespace_sealed());
    }
    if !cx.topology()?.below(&path, false).is_empty() {
        return Err(Error::invalid("unable to delete namespace containing child namespaces"));
    }
    if moving::is_left_below(cx.transaction(), &space.namespace.storage_prefix()).await? {
        return Err(Error::invalid(
            "unable to delete a namespace while a mount is being moved out of it; ask again once \
             `sys/remount/status` says that it is over",
        ));
    }
    clear(cx, &space).await?;
    cx.change_topology(|topology| topology.without_space(&path))?;
    let core = Arc::clone(cx.core);
    cx.transaction().after_commit(Box::new(move || core.acls.invalidate()));
    Response::data(&json!({ "status": "in-progress" }))
}

/// Ends everything of the namespace and deletes what is stored in it. Its tokens end with it: they name it.
async fn clear(cx: &Context<'_>, space: &Space) -> Result<(), Error> {
    unmount::revoke_secrets(cx, &space.namespace).await?;
    quota::remove_below(cx, &space.namespace, "").await?;
    for (_, mounted) in space.mounts() {
        unmount::clear_in_namespace(cx, mounted).await?;
    }
    abandon_after(cx, &space.namespace);
    let (within, prefix) = (&space.namespace.within, space.namespace.storage_prefix());
    cx.core.tokens.clearing().delete_all(cx.transaction(), within, &prefix).await?;
    cx.transaction().delete(namespace_key(&space.namespace));
    Ok(())
}

/// Lets what `namespace` holds be deleted without its keys, if it has its own, once the request is committed.
pub(super) fn abandon_after(cx: &Context<'_>, namespace: &Namespace) {
    if namespace.sealable {
        let (core, prefix) = (Arc::clone(cx.core), namespace.storage_prefix());
        cx.transaction().after_commit(Box::new(move || core.abandon_below(&prefix)));
    }
}

async fn list(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    list_below(cx, false)
}

async fn scan(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    list_below(cx, true)
}

fn list_below(cx: &Context<'_>, all: bool) -> Result<Response, Error> {
    let topology = cx.topology()?;
    let parent = &cx.request().namespace.path;
    let below = topology.below(parent, all);
    if below.is_empty() {
        // As the API has it, only a list of nothing is not found.
        return if all { Response::data(&json!({})) } else { Err(Error::not_found()) };
    }
    let key_info: BTreeMap<&str, NamespaceBody<'_>> = below
        .iter()
        .map(|(path, space)| (&path[parent.len()..], NamespaceBody::from(&*space.namespace)))
        .collect();
    let keys: Vec<&str> = key_info.keys().copied().collect();
    Response::data(&json!({ "key_info": key_info, "keys": keys }))
}

/// Names of the direct children that the token reaches, for user interfaces.
async fn list_names(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    if cx.request().client_token.is_empty() {
        return Err(Error::with_status(StatusCode::INTERNAL_SERVER_ERROR, "client token empty"));
    }
    let acl = cx.core.acl_of(cx.request()).await?;
    let topology = cx.topology()?;
    let parent = &cx.request().namespace.path;
    let below = topology.below(parent, false);
    let keys: Vec<&str> =
        below.keys().filter(|path| acl.reaches_mount("", path)).map(|path| &path[parent.len()..]).collect();
    Response::data(&if keys.is_empty() { json!({}) } else { json!({ "keys": keys }) })
}
