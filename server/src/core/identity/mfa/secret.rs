//! TOTP keys of entities.

use schemas::shape::Declared as _;

use super::Method;
use super::method::{self, MethodFields, find};
use super::service::{Service, Totp};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::engine::fields::failed;
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::engines::totp::{StoredKey, barcode};
use crate::handler;

/// Making and destroying keys, and the methods by id, whose route would take these names.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("mfa/method/totp/generate")
        .about("Makes the secret of one-time passwords of whoever asks.")
        .fields(OwnFields::PARTS)
        .write(handler!(generate_own)),
    Route::new("mfa/method/totp/admin-generate")
        .about("Makes the secret of one-time passwords of an entity.")
        .fields(SecretFields::PARTS)
        .write(handler!(generate)),
    Route::new("mfa/method/totp/admin-destroy")
        .about("Deletes the secret of one-time passwords of an entity.")
        .fields(SecretFields::PARTS)
        .write(handler!(destroy)),
    Route::new("mfa/method/totp/{method_id#}")
        .about("One method of one-time passwords.")
        .fields(MethodFields::PARTS)
        .read(handler!(method::read))
        .write(handler!(method::write_totp))
        .delete(handler!(method::delete)),
    Route::new("mfa/method/{method_id#}")
        .about("One method of second factors, of any type.")
        .fields(MethodFields::PARTS)
        .read(handler!(method::read)),
];

/// Whose key, when it is the token's own entity.
#[derive(schemas::Fields)]
struct OwnFields {
    /// Id of the method.
    method_id: Option<String>,
}

/// Whose key.
#[derive(schemas::Fields)]
struct SecretFields {
    /// Id of the method.
    method_id: Option<String>,
    /// Id of the entity.
    entity_id: Option<String>,
}

fn prefix(store: &Store<'_>, entity: &str) -> String {
    store.key(&format!("mfa/secret/{entity}/"))
}

/// The key of `entity` for a method.
pub(super) async fn load(store: &Store<'_>, entity: &str, method: &str) -> Result<Option<StoredKey>, Error> {
    Ok(store.transaction.get_json(&format!("{}{method}", prefix(store, entity))).await?)
}

async fn generate_own(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let method = cx.fields::<OwnFields>()?.method_id.unwrap_or_default();
    let entity = cx.request().entity.as_ref().map(|entity| entity.id.clone()).unwrap_or_default();
    generate_for(cx, &method, &entity).await
}

async fn generate(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: SecretFields = cx.fields()?;
    generate_for(cx, &fields.method_id.unwrap_or_default(), &fields.entity_id.unwrap_or_default()).await
}

async fn generate_for(cx: &Context<'_>, method: &str, entity: &str) -> Result<Response, Error> {
    if method.is_empty() {
        return Err(Error::invalid("missing method ID"));
    }
    if entity.is_empty() {
        return Err(Error::invalid("missing entityID"));
    }
    let method = known(cx, method).await?;
    let store = Store::of(cx);
    if store.entity(entity).await?.is_none() {
        return Err(Error::invalid("invalid entity ID"));
    }
    let Service::Totp(totp) = &method.service else {
        let kind = method.service.kind();
        return Err(Error::invalid(format!("generate not available for MFA type {kind:?}")));
    };
    if load(&store, entity, &method.id).await?.is_some() {
        let text = format!("Entity already has a secret for MFA method {:?}", method.name);
        return Ok(Response::empty().with_warning(text));
    }
    let key = new_key(totp, entity);
    let url = key.url();
    let picture = match usize::try_from(totp.qr_size).unwrap_or(0) {
        0 => String::new(),
        size => barcode(&url, size)?,
    };
    store.transaction.put_json(&format!("{}{}", prefix(&store, entity), method.id), &key)?;
    Response::data(&serde_json::json!({ "barcode": picture, "url": url }))
}

async fn known(cx: &Context<'_>, id: &str) -> Result<Method, Error> {
    let missing = || Error::invalid(format!("configuration for method ID {id:?} does not exist"));
    find(cx, id).await?.map(|(method, _)| method).ok_or_else(missing)
}

fn new_key(method: &Totp, entity: &str) -> StoredKey {
    let template = StoredKey {
        key: String::new(),
        issuer: method.issuer.clone(),
        account_name: entity.to_owned(),
        period: method.period,
        algorithm: method.algorithm,
        digits: method.digits,
        skew: method.skew,
    };
    StoredKey::generate(template, usize::try_from(method.key_size).unwrap_or(20))
}

async fn destroy(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: SecretFields = cx.fields()?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let method = given(fields.method_id).ok_or_else(|| Error::invalid("missing method ID"))?;
    let entity = given(fields.entity_id).ok_or_else(|| Error::invalid("missing entity ID"))?;
    let store = Store::of(cx);
    if store.entity(&entity).await?.is_none() {
        return Err(Error::invalid("invalid entity ID"));
    }
    let method = known(cx, &method).await?;
    store.transaction.delete(format!("{}{}", prefix(&store, &entity), method.id));
    Ok(Response::empty())
}

/// Forgets all keys of `entity`.
pub(crate) async fn forget(store: &Store<'_>, entity: &str) -> Result<(), Error> {
    for key in store.transaction.scan_keys(&prefix(store, entity)).await? {
        store.transaction.delete(key);
    }
    Ok(())
}

/// Forgets all keys of a method.
pub(super) async fn forget_method(cx: &Context<'_>, method: &str) -> Result<(), Error> {
    let Some(topology) = cx.core.topology() else { return Ok(()) };
    let own = &cx.request().namespace;
    for space in topology.spaces().filter(|space| space.namespace.is_within(own) && !space.is_sealed) {
        let store = Store::new(cx.transaction(), &space.namespace, &cx.core.identities);
        for key in cx.transaction().scan_keys(&store.key("mfa/secret/")).await? {
            if key.ends_with(&format!("/{method}")) {
                cx.transaction().delete(key);
            }
        }
    }
    Ok(())
}

/// Gives the keys of `source`, which is merged, to `target`. Where both have one, `force` keeps the target's.
pub(crate) async fn take_over(
    store: &Store<'_>,
    target: &str,
    source: &str,
    force: bool,
) -> Result<(), Error> {
    let from = prefix(store, source);
    for key in store.transaction.scan_keys(&from).await? {
        let method = &key[from.len()..];
        match load(store, target, method).await? {
            Some(_) if !force => {
                let text = format!("conflicting MFA config ID {method:?} in entity ID {source:?}");
                return Err(failed(text));
            }
            Some(_) => {}
            None => {
                let moved = load(store, source, method).await?;
                let place = format!("{}{method}", prefix(store, target));
                moved.map_or(Ok(()), |moved| store.transaction.put_json(&place, &moved))?;
            }
        }
        store.transaction.delete(key);
    }
    Ok(())
}
