//! `identity/mfa/method`.

use std::collections::BTreeMap;

use schemas::shape::{Declared as _, Seconds};
use serde::Serialize;

use super::{Method, enforcement, scope, secret};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::engine::fields::failed;
use crate::core::identity::store::Store;
use crate::core::namespace::Namespace;
use crate::core::response::Response;
use crate::engines::totp::{Algorithm, MAX_KEY_SIZE, MAX_QR_SIZE};
use crate::handler;

/// Methods of all types; those of other services than TOTP are not built.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("mfa/method").fields(MethodFields::PARTS).list(handler!(list)).read(handler!(read)),
    Route::new("mfa/method/totp")
        .fields(MethodFields::PARTS)
        .list(handler!(list))
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
    foreign(Route::new("mfa/method/duo")),
    foreign(Route::new("mfa/method/okta")),
    foreign(Route::new("mfa/method/pingid")),
    foreign(Route::new("mfa/method/duo/{method_id}")),
    foreign(Route::new("mfa/method/okta/{method_id}")),
    foreign(Route::new("mfa/method/pingid/{method_id}")),
];

/// A route of a type that this server has no methods of.
const fn foreign(route: Route<Identity>) -> Route<Identity> {
    route
        .fields(&[])
        .list(handler!(list_foreign))
        .read(handler!(read_foreign))
        .write(handler!(write_foreign))
        .delete(handler!(read_foreign))
}

/// What a TOTP method may be given.
#[derive(schemas::Fields)]
pub(super) struct MethodFields {
    /// Unique name.
    method_name: Option<String>,
    /// Id of the method.
    method_id: Option<String>,
    /// Passcodes that may be tried within a period.
    max_validation_attempts: Option<i64>,
    /// Organization that issues the keys.
    issuer: Option<String>,
    /// Seconds that a passcode is good for.
    period: Option<Seconds>,
    /// Bytes of a generated key.
    key_size: Option<i64>,
    /// Pixels of a side of the barcode; 0 for no barcode.
    qr_size: Option<i64>,
    /// `SHA1`, `SHA256` or `SHA512`.
    algorithm: Option<String>,
    /// Length of the passcodes: 6 or 8.
    digits: Option<i64>,
    /// Periods before and after the present one whose passcodes are taken: 0 or 1.
    skew: Option<i64>,
}

/// A method as answers show it.
#[derive(Serialize)]
struct Shown {
    algorithm: &'static str,
    digits: u32,
    id: String,
    issuer: String,
    key_size: u64,
    max_validation_attempts: u64,
    name: String,
    namespace_id: String,
    namespace_path: String,
    period: u64,
    qr_size: u64,
    skew: u64,
    #[serde(rename = "type")]
    kind: &'static str,
}

fn show(method: Method, namespace: &Namespace) -> Shown {
    Shown {
        algorithm: method.algorithm.as_str(),
        digits: method.digits,
        id: method.id,
        issuer: method.issuer,
        key_size: method.key_size,
        max_validation_attempts: method.max_validation_attempts,
        name: method.name,
        namespace_id: namespace.id.clone(),
        namespace_path: namespace.path.clone(),
        period: method.period,
        qr_size: method.qr_size,
        skew: method.skew,
        kind: "totp",
    }
}

fn key(store: &Store<'_>, id: &str) -> String {
    store.key(&format!("mfa/method/{id}"))
}

fn name_key(store: &Store<'_>, name: &str) -> String {
    store.key(&format!("mfa/method-name/{name}"))
}

async fn own(store: &Store<'_>, id: &str) -> Result<Option<Method>, Error> {
    Ok(store.transaction.get_json(&key(store, id)).await?)
}

/// The method `id` of the request's namespace, or of one above it.
pub(super) async fn find(
    cx: &Context<'_>,
    id: &str,
) -> Result<Option<(Method, std::sync::Arc<Namespace>)>, Error> {
    for namespace in scope(cx) {
        let store = Store::new(cx.transaction(), &namespace, &cx.core.identities);
        if let Some(method) = own(&store, id).await? {
            return Ok(Some((method, namespace)));
        }
    }
    Ok(None)
}

async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    write_method(cx, "").await
}

pub(super) async fn write_by_id(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    write_method(cx, cx.capture("method_id")).await
}

async fn write_method(cx: &Context<'_>, id: &str) -> Result<Response, Error> {
    let fields: MethodFields = cx.fields()?;
    let store = Store::of(cx);
    let by_id = match id {
        "" => None,
        // The peer answers success here, and does nothing.
        id => Some(own(&store, id).await?.ok_or_else(Error::not_found)?),
    };
    let name = fields.method_name.clone().unwrap_or_default();
    let named: Option<String> = match name.as_str() {
        "" => None,
        name => store.transaction.get_json(&name_key(&store, name)).await?,
    };
    if let (Some(by_id), Some(named)) = (&by_id, &named)
        && by_id.id != *named
    {
        let text = format!("a login MFA method configuration with the method name {name} already exists");
        return Err(failed(text));
    }
    let before = match (by_id, named) {
        (Some(method), _) => Some(method),
        (None, Some(named)) => own(&store, &named).await?,
        (None, None) => None,
    };
    let method = described(fields, before.as_ref())?;
    if let Some(before) = before.filter(|before| !before.name.is_empty()) {
        store.transaction.delete(name_key(&store, &before.name));
    }
    store.transaction.put_json(&key(&store, &method.id), &method)?;
    if !method.name.is_empty() {
        store.transaction.put_json(&name_key(&store, &method.name), &method.id)?;
    }
    match id {
        "" => Response::data(&serde_json::json!({ "method_id": method.id })),
        _ => Ok(Response::empty()),
    }
}

/// The method that `fields` describe; what they do not name takes its default, not what it was before.
fn described(fields: MethodFields, before: Option<&Method>) -> Result<Method, Error> {
    let refused = |text: &str| Err(Error::invalid(text));
    let algorithm = match fields.algorithm.as_deref() {
        None | Some("SHA1") => Algorithm::Sha1,
        Some("SHA256") => Algorithm::Sha256,
        Some("SHA512") => Algorithm::Sha512,
        _ => return refused("unrecognized algorithm"),
    };
    let digits = match fields.digits {
        None | Some(6) => 6,
        Some(8) => 8,
        _ => return refused("digits can only be 6 or 8"),
    };
    let period = fields.period.map_or(30, |period| period.0);
    if period <= 0 {
        return refused("period must be greater than zero");
    }
    let skew = match fields.skew {
        Some(0) => 0,
        None | Some(1) => 1,
        _ => return refused("skew must be 0 or 1"),
    };
    let key_size = fields.key_size.unwrap_or(20);
    if key_size <= 0 {
        return refused("key_size must be greater than zero");
    }
    let issuer = fields.issuer.unwrap_or_default();
    if issuer.is_empty() {
        return refused("issuer must be set");
    }
    let attempts = fields.max_validation_attempts.unwrap_or(0);
    if attempts < 0 {
        return refused("max_validation_attempts must be greater than zero");
    }
    let qr_size = fields.qr_size.unwrap_or(200);
    if !(0..=MAX_QR_SIZE).contains(&qr_size) || key_size > MAX_KEY_SIZE {
        return Err(Error::invalid(format!(
            "`qr_size` must be 0 to {MAX_QR_SIZE}, `key_size` at most {MAX_KEY_SIZE}"
        )));
    }
    let name = fields.method_name.filter(|name| !name.is_empty());
    Ok(Method {
        id: before.map_or_else(|| uuid::Uuid::new_v4().to_string(), |before| before.id.clone()),
        name: name.or_else(|| before.map(|before| before.name.clone())).unwrap_or_default(),
        issuer,
        period: period.unsigned_abs(),
        algorithm,
        digits,
        skew,
        key_size: key_size.unsigned_abs(),
        qr_size: qr_size.unsigned_abs(),
        max_validation_attempts: if attempts == 0 { 5 } else { attempts.unsigned_abs() },
    })
}

pub(super) async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    match cx.capture("method_id") {
        "" => Err(Error::invalid("missing method ID")),
        id => {
            let (method, namespace) = find(cx, id).await?.ok_or_else(Error::not_found)?;
            Response::data(&show(method, &namespace))
        }
    }
}

pub(super) async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let id = cx.capture("method_id");
    if id.is_empty() {
        return Err(Error::invalid("missing method ID"));
    }
    let store = Store::of(cx);
    let Some(method) = own(&store, id).await? else { return Ok(Response::empty()) };
    refuse_use(cx, id).await?;
    secret::forget_method(cx, id).await?;
    store.transaction.delete(key(&store, id));
    if !method.name.is_empty() {
        store.transaction.delete(name_key(&store, &method.name));
    }
    Ok(Response::empty())
}

/// Refuses the end of a method that an enforcement needs, of this namespace or one below.
async fn refuse_use(cx: &Context<'_>, id: &str) -> Result<(), Error> {
    let Some(topology) = cx.core.topology() else { return Ok(()) };
    let own = &cx.request().namespace;
    for space in topology.spaces().filter(|space| space.namespace.is_within(own)) {
        let store = Store::new(cx.transaction(), &space.namespace, &cx.core.identities);
        let all = enforcement::all(&store).await?;
        if let Some(user) = all.iter().find(|user| user.mfa_method_ids.iter().any(|other| other == id)) {
            let user = &user.id;
            let text = format!("methodID is still used by an enforcement configuration with ID: {user}");
            return Err(failed(text));
        }
    }
    Ok(())
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let mut key_info = BTreeMap::new();
    for namespace in scope(cx) {
        let store = Store::new(cx.transaction(), &namespace, &cx.core.identities);
        for id in store.ids("mfa/method/").await? {
            if let Some(method) = own(&store, &id).await? {
                key_info.insert(id, show(method, &namespace));
            }
        }
    }
    let keys: Vec<String> = key_info.keys().cloned().collect();
    crate::core::identity::engine::shown::list(&keys, &key_info)
}

/// The type that the path names.
fn foreign_type<'a>(cx: &'a Context<'_>) -> &'a str {
    cx.path().trim_start_matches("mfa/method/").split('/').next().unwrap_or_default()
}

async fn write_foreign(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_implemented(format_args!("the MFA method type `{}`", foreign_type(cx))))
}

async fn list_foreign(_: &Identity, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::not_found())
}

/// There is no method of this type; one of another type may have the id.
async fn read_foreign(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let id = cx.capture("method_id");
    if id.is_empty() {
        return Err(Error::invalid("missing method ID"));
    }
    let is_delete = cx.operation() == crate::core::request::Operation::Delete;
    match find(cx, id).await? {
        Some(_) if is_delete => Err(failed("method type does not match the MFA config type")),
        Some(_) => {
            let kind = foreign_type(cx);
            Err(Error::invalid(format!("failed to find the method ID under MFA type {kind}.")))
        }
        None if is_delete => Ok(Response::empty()),
        None => Err(Error::not_found()),
    }
}
