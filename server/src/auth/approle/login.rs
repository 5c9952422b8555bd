//! Logins.

use std::collections::BTreeMap;
use std::net::IpAddr;

use http::StatusCode;

use super::AppRole;
use super::role::Role;
use super::secret_id::{Found, SecretId, remove, require_within};
use crate::auth::networks::{contain, networks_of};
use crate::auth::token_parameters::{not_renewed, seconds};
use crate::core::context::Context;
use crate::core::engine::Renewal;
use crate::core::error::Error;
use crate::core::response::{Alias, AuthGrant, Response};

const INVALID: &str = "invalid role or secret ID";

pub(super) async fn login(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let role_id = cx.input().text("role_id").trim();
    if role_id.is_empty() {
        return Err(Error::with_status(StatusCode::INTERNAL_SERVER_ERROR, "missing role_id"));
    }
    engine.lockout.require_open(cx, role_id).await?;
    let role = role_of(engine, cx, role_id).await?.ok_or_else(|| Error::invalid(INVALID))?;
    let secret_id = match role.bind_secret_id {
        true => match use_secret_id(engine, cx, &role).await? {
            None => return engine.lockout.refuse(cx, role_id, Error::invalid(INVALID)).await,
            secret_id => secret_id,
        },
        false => None,
    };
    let client = cx.request().client;
    if !role.blocks().is_empty() && !contain(role.blocks(), client) {
        return Err(unauthorized(client, "by", "the role"));
    }
    engine.lockout.forget_after(cx, role_id).await?;
    Ok(Response::login(grant(cx, &role, secret_id)))
}

/// The name of the role whose id the request has; empty if there is none.
pub(super) async fn role_name(engine: &AppRole, cx: &Context<'_>) -> Result<String, Error> {
    let role_id = cx.input().text("role_id").trim();
    if role_id.is_empty() {
        return Ok(String::new());
    }
    let key = engine.role_id_key(cx, role_id).await?;
    Ok(cx.view().get_json(&key).await?.unwrap_or_default())
}

async fn role_of(engine: &AppRole, cx: &Context<'_>, role_id: &str) -> Result<Option<Role>, Error> {
    let name: Option<String> = cx.view().get_json(&engine.role_id_key(cx, role_id).await?).await?;
    match name {
        Some(name) => Role::load(cx, &name).await,
        None => Ok(None),
    }
}

/// Checks the secret id of the request, and takes one use off it; `None` if the role has none like it.
async fn use_secret_id(engine: &AppRole, cx: &Context<'_>, role: &Role) -> Result<Option<SecretId>, Error> {
    let text = cx.input().text("secret_id").trim();
    if text.is_empty() {
        return Err(Error::invalid("missing secret_id"));
    }
    let Some(mut found) = role.find(cx, text).await? else { return Ok(None) };
    let secret_id = &found.secret_id;
    require_within(&secret_id.cidr_list, &networks_of(role.blocks()), role.blocks())?;
    let client = cx.request().client;
    if !secret_id.cidr_list.is_empty() && !contain(&secret_id.cidr_list, client) {
        let word = if secret_id.num_uses == 0 { "through" } else { "by" };
        return Err(unauthorized(client, word, "the secret ID"));
    }
    take_use(engine, cx, &mut found).await?;
    Ok(Some(found.secret_id))
}

/// Of two logins at the same time one conflicts and runs again, so that no use is counted twice.
async fn take_use(engine: &AppRole, cx: &Context<'_>, found: &mut Found) -> Result<(), Error> {
    match found.secret_id.num_uses {
        0 => Ok(()),
        1 => remove(engine, cx, found).await,
        _ => {
            found.secret_id.num_uses -= 1;
            found.secret_id.updated_at = cx.now();
            Ok(cx.view().put_json(&found.key, &found.secret_id)?)
        }
    }
}

fn unauthorized(client: IpAddr, word: &str, place: &str) -> Error {
    Error::invalid(format!("source address \"{client}\" unauthorized {word} CIDR restrictions on {place}"))
}

fn grant(cx: &Context<'_>, role: &Role, secret_id: Option<SecretId>) -> AuthGrant {
    let mut grant = role.token.grant(cx);
    let (mut metadata, bound) = secret_id.map_or_else(Default::default, |secret_id| {
        (secret_id.metadata, networks_of(&secret_id.token_bound_cidrs))
    });
    metadata.insert("role_name".to_owned(), role.name.clone());
    // A binding to the client's own address is never wider than what the secret id says.
    if !bound.is_empty() && !role.token.strictly_bind_ip {
        grant.bound_cidrs = bound;
    }
    grant.internal = BTreeMap::from([("role_name".to_owned(), role.name.clone())]);
    grant.alias = Some(Alias { name: role.role_id.clone(), metadata: metadata.clone() });
    grant.metadata = metadata;
    grant
}

/// A token is renewed as the role says today.
pub(super) async fn renew(cx: &Context<'_>, grant: &AuthGrant) -> Result<Renewal, Error> {
    let name = grant.internal.get("role_name").map_or("", String::as_str);
    let role = Role::load(cx, name).await?;
    let role = role.ok_or_else(|| not_renewed(&format!("role \"{name}\" does not exist during renewal")))?;
    let [ttl, max_ttl, period] = [role.token.ttl, role.token.max_ttl, role.token.period].map(seconds);
    Ok(Renewal { ttl, max_ttl, period })
}
