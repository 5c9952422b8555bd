//! `identity/mfa/method`.

use std::collections::BTreeMap;

use schemas::shape::{Declared as _, Seconds};
use serde::Serialize;

use super::service::{Service, Totp};
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

/// What a namespace is told that would change a method of one above it.
const FOREIGN: &str = "request namespace does not match method namespace";

/// Methods of all types, and those of TOTP.
pub(super) static ROUTES: &[Route<Identity>] = &[
    // Without the slash of a list, it is a method whose id is missing.
    Route::new("mfa/method")
        .about("One method of second factors, which has to be named.")
        .fields(MethodFields::PARTS)
        .read(handler!(read)),
    Route::new("mfa/method/?").about("All methods of second factors.").fields(&[]).list(handler!(list)),
    Route::new("mfa/method/totp")
        .about("Makes a method of one-time passwords.")
        .fields(MethodFields::PARTS)
        .read(handler!(read))
        .write(handler!(write_totp))
        .delete(handler!(delete)),
    Route::new("mfa/method/totp/?")
        .about("All methods of one-time passwords.")
        .fields(&[])
        .list(handler!(list)),
];

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
struct Shown<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_accessor: Option<&'static str>,
    name: &'a str,
    namespace_id: &'a str,
    namespace_path: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username_format: Option<&'a str>,
    #[serde(flatten)]
    settings: super::service::Shown<'a>,
}

/// What is told of `method`, its names in alphabetical order.
fn show(method: &Method, namespace: &Namespace) -> Result<serde_json::Value, Error> {
    let has_names = matches!(method.service, Service::Duo(_) | Service::Okta(_));
    Ok(serde_json::to_value(Shown {
        id: &method.id,
        // No method is bound to a mount any more.
        mount_accessor: has_names.then_some(""),
        name: &method.name,
        namespace_id: &namespace.id,
        namespace_path: &namespace.path,
        kind: method.service.kind(),
        username_format: has_names.then_some(method.username_format.as_str()),
        settings: method.service.shown(),
    })?)
}

/// The type that the path names; `None` where it names none.
fn type_of_path<'a>(cx: &'a Context<'_>) -> Option<&'a str> {
    let first = cx.path().strip_prefix("mfa/method/")?.split('/').next()?;
    Some(first).filter(|first| ["totp", "duo", "okta", "pingid"].contains(first))
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

pub(super) async fn write_totp(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: MethodFields = cx.fields()?;
    put(cx, fields.method_name.clone(), None, totp(fields).map(Service::Totp)).await
}

/// Writes the method that the path or `name` names, or a new one. Whose type is another one than before changes it.
pub(super) async fn put(
    cx: &Context<'_>,
    name: Option<String>,
    username_format: Option<String>,
    service: Result<Service, Error>,
) -> Result<Response, Error> {
    let store = Store::of(cx);
    let id = cx.capture("method_id");
    let name = name.filter(|name| !name.is_empty());
    if !id.is_empty() && own(&store, id).await?.is_none() && find(cx, id).await?.is_some() {
        return Err(Error::invalid(FOREIGN));
    }
    let before = present(&store, id, name.as_deref()).await?;
    let service = service?;
    if let Some(before) = before.as_ref().filter(|before| !before.name.is_empty()) {
        store.transaction.delete(name_key(&store, &before.name));
    }
    let mut method = before.unwrap_or_else(|| Method {
        id: uuid::Uuid::new_v4().to_string(),
        name: String::new(),
        username_format: String::new(),
        service: service.clone(),
    });
    method.name = name.unwrap_or(method.name);
    method.username_format = username_format.unwrap_or(method.username_format);
    method.service = service;
    store.transaction.put_json(&key(&store, &method.id), &method)?;
    if !method.name.is_empty() {
        store.transaction.put_json(&name_key(&store, &method.name), &method.id)?;
    }
    match id {
        "" => Response::data(&serde_json::json!({ "method_id": method.id })),
        _ => Ok(Response::empty()),
    }
}

/// The method that is to be changed; `None` for a new one.
async fn present(store: &Store<'_>, id: &str, name: Option<&str>) -> Result<Option<Method>, Error> {
    let by_id = match id {
        "" => None,
        // The peer answers success here, and does nothing.
        id => Some(own(store, id).await?.ok_or_else(Error::not_found)?),
    };
    let named: Option<String> = match name {
        None => None,
        Some(name) => store.transaction.get_json(&name_key(store, name)).await?,
    };
    match (by_id, named, name) {
        (Some(by_id), Some(named), Some(name)) if by_id.id != named => Err(failed(format!(
            "a login MFA method configuration with the method name {name} already exists"
        ))),
        (Some(by_id), _, _) => Ok(Some(by_id)),
        (None, Some(named), _) => own(store, &named).await,
        (None, None, _) => Ok(None),
    }
}

/// The method that `fields` describe; what they do not name takes its default, not what it was before.
fn totp(fields: MethodFields) -> Result<Totp, Error> {
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
    Ok(Totp {
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
            if let Some(kind) = type_of_path(cx).filter(|kind| *kind != method.service.kind()) {
                return Err(Error::invalid(format!("failed to find the method ID under MFA type {kind}.")));
            }
            Response::data(&show(&method, &namespace)?)
        }
    }
}

pub(super) async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let id = cx.capture("method_id");
    if id.is_empty() {
        return Err(Error::invalid("missing method ID"));
    }
    let store = Store::of(cx);
    let Some(method) = own(&store, id).await? else {
        return if find(cx, id).await?.is_some() { Err(failed(FOREIGN)) } else { Ok(Response::empty()) };
    };
    refuse_use(cx, id).await?;
    if type_of_path(cx) != Some(method.service.kind()) {
        return Err(failed("method type does not match the MFA config type"));
    }
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
    for space in topology.spaces().filter(|space| space.namespace.is_within(own) && !space.is_sealed) {
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

pub(super) async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let kind = type_of_path(cx);
    let mut found = BTreeMap::new();
    for namespace in scope(cx) {
        let store = Store::new(cx.transaction(), &namespace, &cx.core.identities);
        for id in store.ids("mfa/method/").await? {
            let method = own(&store, &id).await?;
            let is_meant = |method: &Method| kind.is_none_or(|kind| kind == method.service.kind());
            found.extend(method.filter(is_meant).map(|method| (id, (method, namespace.clone()))));
        }
    }
    let shown = found.iter().map(|(id, (method, namespace))| Ok((id.clone(), show(method, namespace)?)));
    let keys: Vec<String> = found.keys().cloned().collect();
    crate::core::identity::engine::shown::list(&keys, &shown.collect::<Result<_, Error>>()?)
}
