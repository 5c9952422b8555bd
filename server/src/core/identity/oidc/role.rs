//! `identity/oidc/role`.

use schemas::shape::{Declared as _, Seconds};

use super::key;
use super::keyring::DAY;
use super::record::RoleRecord;
use super::{store, template};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Identity;
use crate::core::identity::store::Store;
use crate::core::response::Response;
use crate::core::token::random_letters;
use crate::handler;

/// What identity tokens hold.
pub(super) static ROUTES: &[Route<Identity>] = &[
    Route::new("oidc/role").about("Names of the roles of identity tokens.").fields(&[]).list(handler!(list)),
    Route::new("oidc/role/{name}")
        .about("One role of identity tokens: what they say, and which key signs them.")
        .fields(RoleFields::PARTS)
        .exists(handler!(exists))
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
];

/// Letters of the id of a role that was given none.
const ID_LENGTH: usize = 26;

/// What a role may be given.
#[derive(schemas::Fields)]
struct RoleFields {
    /// Name of the role.
    name: Option<String>,
    /// Name of the key that signs.
    key: Option<String>,
    /// Claims, as JSON with names in double braces; may be base64 of it.
    template: Option<String>,
    /// How long tokens live.
    ttl: Option<Seconds>,
    /// The audience of the tokens; made up if it is not given.
    client_id: Option<String>,
}

async fn exists(_: &Identity, cx: &Context<'_>) -> Result<bool, Error> {
    store::exists::<RoleRecord>(cx).await
}

async fn list(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    store::list::<RoleRecord>(cx).await
}

async fn read(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    Response::sorted_data(&store::named::<RoleRecord>(cx).await?)
}

async fn delete(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    store::erase::<RoleRecord>(&Store::of(cx), cx.capture("name"));
    Ok(Response::empty())
}

async fn write(_: &Identity, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: RoleFields = cx.fields()?;
    let (store, name) = (Store::of(cx), cx.capture("name"));
    let known = store::load(&store, name).await?;
    let mut role = known.unwrap_or_else(|| RoleRecord { ttl: DAY, ..RoleRecord::default() });
    role.key = fields.key.unwrap_or(role.key);
    if role.key.is_empty() {
        return Err(Error::invalid("the key parameter is required"));
    }
    role.template = template::accept(&fields.template.unwrap_or(role.template), cx.now())?;
    role.ttl = fields.ttl.map_or(role.ttl, |ttl| ttl.0.unsigned_abs());
    let unknown = || Error::invalid(format!("cannot find key {:?}", role.key));
    let key = key::usable(cx, &role.key).await?.ok_or_else(unknown)?;
    if role.ttl > key.verification_ttl {
        return Err(Error::invalid(
            "a role's token ttl cannot be longer than the verification_ttl of the key it references",
        ));
    }
    role.client_id = fields.client_id.unwrap_or(role.client_id);
    if role.client_id.is_empty() {
        role.client_id = random_letters(ID_LENGTH);
    }
    store::save(&store, name, &role)?;
    Ok(Response::empty())
}
