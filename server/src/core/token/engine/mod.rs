//! `auth/token/`.

mod create;
mod look_up;
mod renew;
mod revoke;
mod role;

use async_trait::async_trait;
use http::StatusCode;
use schemas::shape::{Declared as _, Json, Seconds};
use schemas::{Shape, Text};

use super::place::named;
use super::{TokenEntry, Tokens};
use crate::core::context::Context;
use crate::core::engine::{Access, Engine, Route};
use crate::core::error::Error;
use crate::core::identity::Entity;
use crate::core::namespace::Namespace;
use crate::core::request::ClientToken;
use crate::core::response::Response;
use crate::handler;
use create::CreateFields;
use role::RoleFields;

/// The auth method that every namespace has at `auth/token/`.
pub(crate) struct TokenEngine;

/// A token in the body, read by [`named`]: what is no text is not made one.
#[derive(schemas::Fields)]
struct TokenFields {
    /// The token.
    token: Option<Json>,
}

/// A token in the body that says nothing.
#[derive(schemas::Fields)]
struct OwnFields {
    /// Without effect: the token is that of the request.
    token: Option<String>,
}

/// A token in the body, read by [`named`], to be renewed.
#[derive(schemas::Fields)]
struct RenewFields {
    /// The token.
    token: Option<Json>,
    /// The lifetime asked for.
    increment: Option<Seconds>,
}

/// The lifetime that the token of the request shall have.
#[derive(schemas::Fields)]
struct RenewOwnFields {
    /// Without effect: the token is that of the request.
    token: Option<String>,
    /// The lifetime asked for.
    increment: Option<Seconds>,
}

/// An accessor in the body.
#[derive(schemas::Fields)]
struct AccessorFields {
    /// Accessor of the token.
    accessor: Option<String>,
    /// The lifetime asked for.
    increment: Option<Seconds>,
}

/// Just an accessor in the body.
#[derive(schemas::Fields)]
struct BareAccessorFields {
    /// Accessor of the token.
    accessor: Option<String>,
}

/// A token is a text, though the bodies are read as they are.
const MEANT: &[(&str, Shape)] = &[("token", Shape::Text(Text::Plain))];

static ROUTES: &[Route<TokenEngine>] = &[
    Route::new("create").about("Makes a token.").fields(CreateFields::PARTS).write(handler!(create::create)),
    Route::new("create-orphan")
        .about("Makes a token without a parent.")
        .fields(CreateFields::PARTS)
        .write(handler!(create::create_orphan)),
    Route::new("create/{role_name}")
        .about("Makes a token after a role.")
        .fields(CreateFields::PARTS)
        .write(handler!(create::create_by_role)),
    Route::new("lookup")
        .about("What there is to know of a token.")
        .fields(TokenFields::PARTS)
        .meant(MEANT)
        .read(handler!(look_up::look_up))
        .write(handler!(look_up::look_up)),
    Route::new("lookup-self")
        .about("What there is to know of the token of the request.")
        .fields(OwnFields::PARTS)
        .read(handler!(look_up::look_up_self))
        .write(handler!(look_up::look_up_self)),
    Route::new("lookup-accessor")
        .about("What there is to know of the token of an accessor.")
        .fields(BareAccessorFields::PARTS)
        .write(handler!(look_up::look_up_accessor)),
    Route::new("renew")
        .about("Extends a token.")
        .fields(RenewFields::PARTS)
        .meant(MEANT)
        .write(handler!(renew::renew)),
    Route::new("renew-self")
        .about("Extends the token of the request.")
        .fields(RenewOwnFields::PARTS)
        .write(handler!(renew::renew_self)),
    Route::new("renew-accessor")
        .about("Extends the token of an accessor.")
        .fields(AccessorFields::PARTS)
        .write(handler!(renew::renew_accessor)),
    Route::new("revoke")
        .about("Ends a token and all that were made with it.")
        .fields(TokenFields::PARTS)
        .meant(MEANT)
        .write(handler!(revoke::revoke)),
    Route::new("revoke-self")
        .about("Ends the token of the request and all that were made with it.")
        .fields(&[])
        .write(handler!(revoke::revoke_self)),
    Route::new("revoke-accessor")
        .about("Ends the token of an accessor and all that were made with it.")
        .fields(BareAccessorFields::PARTS)
        .write(handler!(revoke::revoke_accessor)),
    Route::new("revoke-orphan")
        .about("Ends a token; those that were made with it become orphans.")
        .fields(TokenFields::PARTS)
        .meant(MEANT)
        .write(handler!(revoke::revoke_orphan)),
    Route::new("accessors")
        .about("The accessors of all tokens.")
        .fields(&[])
        .list(handler!(look_up::accessors))
        .sudo(),
    Route::new("roles").about("Names of the roles of tokens.").fields(&[]).list(handler!(role::list)),
    Route::new("roles/{role_name}")
        .about("One role: what tokens that are made after it may be.")
        .fields(RoleFields::PARTS)
        .exists(handler!(role::exists))
        .read(handler!(role::read))
        .write(handler!(role::write))
        .delete(handler!(role::delete)),
    Route::new("tidy")
        .about("Removes records of tokens that lead nowhere.")
        .fields(&[])
        .write(handler!(revoke::tidy)),
];

#[async_trait]
impl Engine for TokenEngine {
    const ABOUT: &'static str = "Makes tokens, shows, extends and ends them. Each token but an orphan ends with the one that it \
        was made with.";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }
}

fn tokens<'a>(cx: &Context<'a>) -> &'a Tokens {
    &cx.core.tokens
}

/// Whether the request may do what it asks for to what belongs to `owner`: that lies within its namespace, or who asks may
/// do the same there. Ids of the root namespace do not tell that they are, so that nothing has led the request there.
async fn reaches(cx: &Context<'_>, owner: &Namespace, access: Access) -> Result<bool, Error> {
    Ok(owner.is_within(&cx.request().namespace) || cx.core.may_in(cx.request(), owner, access).await?)
}

/// Whether the token of the request has `sudo` at its path.
async fn has_sudo(cx: &Context<'_>) -> Result<bool, Error> {
    tokens(cx).surroundings()?.has_sudo(cx).await
}

/// The identity behind `entry`, as the transaction sees it.
async fn identity_of(cx: &Context<'_>, entry: &TokenEntry) -> Result<Option<Entity>, Error> {
    identity_of_id(cx, &entry.entity_id).await
}

async fn identity_of_id(cx: &Context<'_>, id: &str) -> Result<Option<Entity>, Error> {
    if id.is_empty() {
        return Ok(None);
    }
    match tokens(cx).namespace_of(id)? {
        Some(namespace) => cx.core.identity_in(cx.transaction(), &namespace, id).await,
        None => Ok(None),
    }
}

/// The token that the body must name.
fn required(cx: &Context<'_>) -> Result<ClientToken, Error> {
    named(cx.parameters())?.ok_or_else(|| Error::invalid("missing token ID"))
}

/// The stored name and entry of the token that an accessor in the body belongs to.
async fn by_accessor(cx: &Context<'_>, accessor: Option<String>) -> Result<TokenEntry, Error> {
    find_by_accessor(cx, accessor)
        .await?
        .ok_or_else(|| Error::counted(StatusCode::BAD_REQUEST, "invalid accessor"))
}

async fn find_by_accessor(cx: &Context<'_>, accessor: Option<String>) -> Result<Option<TokenEntry>, Error> {
    let Some(accessor) = accessor.filter(|accessor| !accessor.is_empty()) else {
        return Err(Error::counted(StatusCode::BAD_REQUEST, "missing accessor"));
    };
    of_accessor(cx, &accessor).await
}

/// The token that `accessor` belongs to, if it may be used and is of the request's own namespace: the request was
/// authorized there and nowhere else.
///
/// # Errors
/// 500 for a token of a namespace below, whose accessors are no secret to those above.
pub(crate) async fn of_accessor(cx: &Context<'_>, accessor: &str) -> Result<Option<TokenEntry>, Error> {
    let asked = &cx.request().namespace;
    let elsewhere = || {
        let text = "cannot lookup token in different namespace";
        Error::counted(StatusCode::INTERNAL_SERVER_ERROR, text)
    };
    if tokens(cx).may_be_sealed(accessor, asked)? {
        return Err(elsewhere());
    }
    let Some(id) = tokens(cx).by_accessor(cx.transaction(), accessor).await? else { return Ok(None) };
    let entry = tokens(cx).read(cx.transaction(), &id).await?;
    let Some(entry) = entry.filter(|entry| entry.num_uses >= 0 && !entry.is_expired(cx.now())) else {
        return Ok(None);
    };
    if tokens(cx).is_left_over(&entry, cx.now()).await? {
        return Ok(None);
    }
    match tokens(cx).namespace_of(&entry.id)? {
        Some(owner) if owner.id == asked.id => Ok(Some(entry)),
        Some(owner) if owner.is_within(asked) => Err(elsewhere()),
        _ => Ok(None),
    }
}

/// `warnings` added to `response`.
fn with_warnings(mut response: Response, warnings: Vec<String>) -> Response {
    response.warnings.extend(warnings);
    response
}
