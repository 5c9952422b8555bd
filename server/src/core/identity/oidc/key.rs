//! `identity/oidc/key`.

use schemas::shape::{Declared as _, List, Seconds};
use serde::Serialize;

use super::algorithm::Algorithm;
use super::keyring::KeyRecord;
use super::record::{ClientRecord, DEFAULT, RoleRecord};
use super::store;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::handler;

/// Named keys.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("oidc/key")
        .about("Names of the keys that sign identity tokens.")
        .fields(&[])
        .list(handler!(list)),
    Route::new("oidc/key/{name}")
        .about("One key that signs identity tokens.")
        .fields(KeyFields::PARTS)
        .exists(handler!(exists))
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
    Route::new("oidc/key/{name}/rotate/?")
        .about("Makes a new pair of a key that signs identity tokens.")
        .fields(RotateFields::PARTS)
        .write(handler!(rotate)),
];

/// Seconds: keys are not rotated more often.
const SHORTEST_PERIOD: u64 = 60;

/// What a key may be given.
#[derive(schemas::Fields)]
struct KeyFields {
    /// Name of the key.
    name: Option<String>,
    /// How often a new pair is made.
    rotation_period: Option<Seconds>,
    /// How long a public half verifies after its pair was rotated.
    verification_ttl: Option<Seconds>,
    /// `RS256`, `RS384`, `RS512`, `ES256`, `ES384`, `ES512` or `EdDSA`.
    algorithm: Option<String>,
    /// Client ids whose tokens it signs; `*` for all.
    allowed_client_ids: Option<List<String>>,
}

/// How to rotate.
#[derive(schemas::Fields)]
struct RotateFields {
    /// Name of the key.
    name: Option<String>,
    /// How long the former public half verifies, instead of what the key says.
    verification_ttl: Option<Seconds>,
}

fn seconds(given: Option<Seconds>, known: u64) -> u64 {
    given.map_or(known, |seconds| seconds.0.unsigned_abs())
}

async fn exists(_: &Identity, cx: &Context<'_>) -> Result<bool, Error> {
    store::exists::<KeyRecord>(cx).await
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    store::list::<KeyRecord>(cx).await
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        algorithm: &'static str,
        allowed_client_ids: &'a [String],
        rotation_period: u64,
        verification_ttl: u64,
    }
    let key: KeyRecord = store::named(cx).await?;
    Response::data(&Shown {
        algorithm: key.algorithm.as_str(),
        allowed_client_ids: &key.allowed_client_ids,
        rotation_period: key.rotation_period,
        verification_ttl: key.verification_ttl,
    })
}

async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: KeyFields = cx.fields()?;
    let (store, name) = (Store::of(cx), cx.capture("name"));
    let known: Option<KeyRecord> = store::load(&store, name).await?;
    let former = known.as_ref().map(|key| key.algorithm);
    let mut key = known.unwrap_or_else(|| KeyRecord::new(Algorithm::Rs256));
    key.rotation_period = seconds(fields.rotation_period, key.rotation_period);
    key.verification_ttl = seconds(fields.verification_ttl, key.verification_ttl);
    require_periods(&key)?;
    require_long_enough(&store, name, &key).await?;
    if let Some(List(ids)) = fields.allowed_client_ids {
        key.allowed_client_ids = ids;
    }
    if let Some(algorithm) = fields.algorithm {
        let unknown = || Error::invalid(format!("unknown signing algorithm {algorithm:?}"));
        key.algorithm = Algorithm::of_name(&algorithm).ok_or_else(unknown)?;
    }
    key.schedule(cx.now());
    if former != Some(key.algorithm) {
        key.renew(&mut cx.core.identity_pairs.supply(&store, name), cx.now()).await?;
    }
    store::save(&store, name, &key)?;
    Ok(Response::empty())
}

fn require_periods(key: &KeyRecord) -> Result<(), Error> {
    if key.rotation_period < SHORTEST_PERIOD {
        return Err(Error::invalid("rotation_period must be at least one minute"));
    }
    if key.verification_ttl > key.rotation_period.saturating_mul(10) {
        return Err(Error::invalid("verification_ttl cannot be longer than 10x rotation_period"));
    }
    Ok(())
}

/// Refuses a key that verifies for a shorter time than tokens live that it signs.
async fn require_long_enough(store: &Store<'_>, name: &str, key: &KeyRecord) -> Result<(), Error> {
    let limit = key.verification_ttl;
    let is_longer = |of: &str, ttl: u64| of == name && ttl > limit;
    let refused = |others: &str| {
        Err(Error::invalid(format!(
            "unable to update key {name:?} because it is currently referenced by one or more {others} greater than \
             {limit} seconds"
        )))
    };
    let roles = store::names_of::<RoleRecord>(store, |role| is_longer(&role.key, role.ttl)).await?;
    if !roles.is_empty() {
        return refused("roles with a token ttl");
    }
    let is_longer = |client: &ClientRecord| is_longer(&client.key, client.id_token_ttl);
    match store::names_of::<ClientRecord>(store, is_longer).await?.is_empty() {
        true => Ok(()),
        false => refused("clients with an id_token_ttl"),
    }
}

async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let (store, name) = (Store::of(cx), cx.capture("name"));
    if name == DEFAULT {
        return Err(Error::invalid(format!("deletion of key {name:?} not allowed")));
    }
    let roles = store::names_of::<RoleRecord>(&store, |role| role.key == name).await?;
    store::require_unused("key", name, "roles", &roles)?;
    let clients = store::names_of::<ClientRecord>(&store, |client| client.key == name).await?;
    store::require_unused("key", name, "clients", &clients)?;
    store::erase::<KeyRecord>(&store, name);
    Ok(Response::empty())
}

async fn rotate(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: RotateFields = cx.fields()?;
    let (store, name) = (Store::of(cx), cx.capture("name"));
    let missing = || Error::invalid(format!("no named key found at {name:?}"));
    let mut key: KeyRecord = store::load(&store, name).await?.ok_or_else(missing)?;
    let verification_ttl = seconds(fields.verification_ttl, key.verification_ttl);
    key.rotate(&mut cx.core.identity_pairs.supply(&store, name), verification_ttl, cx.now()).await?;
    store::save(&store, name, &key)?;
    Ok(Response::empty())
}

/// The key `name` with pairs: what every namespace has gets them when it is first needed.
pub(super) async fn usable(cx: &Context<'_>, name: &str) -> Result<Option<KeyRecord>, Error> {
    let store = Store::of(cx);
    let Some(mut key) = store::load::<KeyRecord>(&store, name).await? else { return Ok(None) };
    if key.is_empty() {
        key.renew(&mut cx.core.identity_pairs.supply(&store, name), cx.now()).await?;
        store::save(&store, name, &key)?;
    }
    Ok(Some(key))
}
