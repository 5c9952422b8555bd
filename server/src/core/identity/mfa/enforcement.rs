//! `identity/mfa/login-enforcement`.

use std::collections::BTreeMap;

use schemas::shape::{Declared as _, Words};
use serde::Serialize;

use super::Enforcement;
use super::method::find;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::engine::shown;
use crate::core::identity::store::Store;
use crate::core::mount::{MountClass, MountEntry};
use crate::core::response::Response;
use crate::handler;

/// Which logins need a second factor.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("mfa/login-enforcement")
        .about("Names of the rules that ask logins for second factors.")
        .fields(&[])
        .list(handler!(list)),
    Route::new("mfa/login-enforcement/{name}")
        .about("One rule: which logins need which second factors.")
        .fields(EnforcementFields::PARTS)
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
];

/// What an enforcement may be given.
#[derive(schemas::Fields)]
struct EnforcementFields {
    /// Its name.
    name: Option<String>,
    /// Methods, one of which a login has to prove.
    mfa_method_ids: Option<Words>,
    /// Accessors of the mounts whose logins are meant.
    auth_method_accessors: Option<Words>,
    /// Types of the mounts whose logins are meant.
    auth_method_types: Option<Words>,
    /// Groups whose logins are meant.
    identity_group_ids: Option<Words>,
    /// Entities whose logins are meant.
    identity_entity_ids: Option<Words>,
}

#[derive(Serialize)]
struct Shown {
    auth_method_accessors: Vec<String>,
    auth_method_types: Vec<String>,
    id: String,
    identity_entity_ids: Vec<String>,
    identity_group_ids: Vec<String>,
    mfa_method_ids: Vec<String>,
    name: String,
    namespace_id: String,
    namespace_path: String,
}

fn show(cx: &Context<'_>, enforcement: Enforcement) -> Shown {
    let namespace = &cx.request().namespace;
    Shown {
        auth_method_accessors: enforcement.auth_method_accessors,
        auth_method_types: enforcement.auth_method_types,
        id: enforcement.id,
        identity_entity_ids: enforcement.identity_entity_ids,
        identity_group_ids: enforcement.identity_group_ids,
        mfa_method_ids: enforcement.mfa_method_ids,
        name: enforcement.name,
        namespace_id: namespace.id.clone(),
        namespace_path: namespace.path.clone(),
    }
}

const FOLDER: &str = "mfa/enforcement/";

fn key(store: &Store<'_>, name: &str) -> String {
    store.key(&format!("{FOLDER}{name}"))
}

async fn load(store: &Store<'_>, name: &str) -> Result<Option<Enforcement>, Error> {
    Ok(store.transaction.get_json(&key(store, name)).await?)
}

/// All of a namespace, by name.
pub(super) async fn all(store: &Store<'_>) -> Result<Vec<Enforcement>, Error> {
    let mut all = Vec::new();
    for name in store.ids(FOLDER).await? {
        all.extend(load(store, &name).await?);
    }
    Ok(all)
}

async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: EnforcementFields = cx.fields()?;
    let (store, name) = (Store::of(cx), cx.capture("name"));
    let known = load(&store, name).await?;
    let missing = || Error::invalid("missing method ids");
    let Words(methods) = fields.mfa_method_ids.ok_or_else(missing)?;
    for id in &methods {
        if find(cx, id).await?.is_none() {
            return Err(Error::invalid("one of the provided method ids doesn't exist"));
        }
    }
    let named = [
        &fields.auth_method_accessors,
        &fields.auth_method_types,
        &fields.identity_group_ids,
        &fields.identity_entity_ids,
    ];
    let is_for_some = named.into_iter().any(Option::is_some);
    let mut enforcement = known.unwrap_or_else(|| Enforcement {
        id: uuid::Uuid::new_v4().to_string(),
        name: name.to_owned(),
        mfa_method_ids: Vec::new(),
        auth_method_accessors: Vec::new(),
        auth_method_types: Vec::new(),
        identity_group_ids: Vec::new(),
        identity_entity_ids: Vec::new(),
    });
    enforcement.mfa_method_ids = methods;
    if let Some(Words(accessors)) = fields.auth_method_accessors {
        require_mounts(cx, &accessors, "accessors", |mount| &mount.accessor)?;
        enforcement.auth_method_accessors = accessors;
    }
    if let Some(Words(types)) = fields.auth_method_types {
        require_mounts(cx, &types, "types", |mount| &mount.kind)?;
        enforcement.auth_method_types = types;
    }
    if let Some(Words(groups)) = fields.identity_group_ids {
        for id in &groups {
            let group = store.group(id).await?;
            group.ok_or_else(|| Error::invalid("one of the provided group ids doesn't exist"))?;
        }
        enforcement.identity_group_ids = groups;
    }
    if let Some(Words(entities)) = fields.identity_entity_ids {
        for id in &entities {
            let entity = store.entity(id).await?;
            entity.ok_or_else(|| Error::invalid("one of the provided entity ids doesn't exist"))?;
        }
        enforcement.identity_entity_ids = entities;
    }
    if !is_for_some {
        return Err(Error::invalid(
            "One of auth_method_accessors, auth_method_types, identity_group_ids, identity_entity_ids must be specified",
        ));
    }
    // It would enforce nothing.
    if enforcement.mfa_method_ids.is_empty() {
        return Err(missing());
    }
    store.transaction.put_json(&key(&store, name), &enforcement)?;
    Ok(Response::empty())
}

/// Refuses what no auth method of the namespace has.
fn require_mounts(
    cx: &Context<'_>,
    wanted: &[String],
    noun: &str,
    of: impl Fn(&MountEntry) -> &String,
) -> Result<(), Error> {
    let topology = cx.core.open_topology()?;
    let space = topology.space(&cx.request().namespace.path).ok_or_else(Error::not_found)?;
    let is_known = |wanted: &String| {
        let mut entries = space.mounts().map(|(_, mounted)| mounted.entry());
        entries.any(|entry| entry.class == MountClass::Auth && of(entry) == wanted)
    };
    match wanted.iter().all(is_known) {
        true => Ok(()),
        false => Err(Error::invalid(format!("one of the auth method {noun} provided is invalid"))),
    }
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let enforcement = load(&Store::of(cx), cx.capture("name")).await?;
    Response::data(&show(cx, enforcement.ok_or_else(Error::not_found)?))
}

async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let store = Store::of(cx);
    store.transaction.delete(key(&store, cx.capture("name")));
    Ok(Response::empty())
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let all = all(&Store::of(cx)).await?;
    let key_info: BTreeMap<String, Shown> =
        all.into_iter().map(|enforcement| (enforcement.name.clone(), show(cx, enforcement))).collect();
    let keys: Vec<String> = key_info.keys().cloned().collect();
    shown::list(&keys, &key_info)
}
