//! Longer lives.

use http::StatusCode;
use schemas::shape::Seconds;

use super::role::stored_role;
use super::{
    AccessorFields, RenewFields, RenewOwnFields, TokenEngine, by_accessor, identity_of, identity_of_id,
    required, tokens, with_warnings,
};
use crate::core::context::Context;
use crate::core::engine::Renewal;
use crate::core::error::Error;
use crate::core::go_text::quoted;
use crate::core::identity;
use crate::core::limits::TtlLimits;
use crate::core::request::ClientToken;
use crate::core::response::{AuthGrant, Grant, Response};
use crate::core::token::login::{auth_block, grant_of};
use crate::core::token::ttl::{self, Wanted, lifetime};
use crate::core::token::{TokenEntry, TokenKind};

pub(super) async fn renew(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: RenewFields = cx.fields()?;
    renew_token(cx, &required(cx)?, fields.increment).await
}

pub(super) async fn renew_self(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: RenewOwnFields = cx.fields()?;
    renew_token(cx, &cx.request().client_token, fields.increment).await
}

pub(super) async fn renew_accessor(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: AccessorFields = cx.fields()?;
    let entry = by_accessor(cx, fields.accessor).await?;
    renew_entry(cx, entry, &ClientToken::default(), fields.increment).await
}

async fn renew_token(
    cx: &Context<'_>,
    token: &ClientToken,
    increment: Option<Seconds>,
) -> Result<Response, Error> {
    let not_found = || Error::invalid("token not found");
    let found = tokens(cx).lookup(token, cx.now()).await?.ok_or_else(not_found)?;
    if found.kind == TokenKind::Batch {
        return Err(Error::invalid("batch tokens cannot be renewed"));
    }
    let entry = tokens(cx).read(cx.transaction(), &found.id).await?.ok_or_else(not_found)?;
    renew_entry(cx, entry, token, increment).await
}

async fn renew_entry(
    cx: &Context<'_>,
    mut entry: TokenEntry,
    token: &ClientToken,
    increment: Option<Seconds>,
) -> Result<Response, Error> {
    if entry.namespace != cx.request().namespace.id {
        return Err(Error::invalid("cannot renew a token across namespaces"));
    }
    let increment = increment.map_or(0, |increment| increment.0).max(0).unsigned_abs();
    let warnings = extend(cx, &mut entry, increment).await?;
    let entity = identity_of(cx, &entry).await?;
    let block = auth_block(&entry, token, entity.as_ref());
    let response = Response { grant: Grant::Issued(Box::new(block)), ..Response::default() };
    Ok(with_warnings(response, warnings))
}

/// Gives `entry` more time and writes it; answers the warnings.
async fn extend(cx: &Context<'_>, entry: &mut TokenEntry, increment: u64) -> Result<Vec<String>, Error> {
    if !entry.is_leased || !entry.renewable || entry.expires_at.is_none() {
        return Err(Error::invalid("lease is not renewable"));
    }
    let (limits, wanted) = wanted(cx, entry, increment).await?;
    refresh_groups(cx, entry).await?;
    let lifetime = lifetime(limits, wanted, entry.created_at, cx.now())?;
    let end = ttl::after(cx.now(), lifetime.seconds);
    tokens(cx).leases().unwatch(cx.transaction(), entry.lease_id(), entry.expires_at);
    entry.expires_at = Some(end);
    entry.granted_ttl = lifetime.seconds;
    entry.renewed_at = Some(cx.now());
    tokens(cx).rewrite(cx.transaction(), entry)?;
    tokens(cx).leases().watch(cx.transaction(), entry.lease_id(), Some(end));
    Ok(lifetime.warnings)
}

/// Groups that the login named may have come, others may have lost their alias.
async fn refresh_groups(cx: &Context<'_>, entry: &mut TokenEntry) -> Result<(), Error> {
    let Some(login) = entry.login.as_mut().filter(|_| !entry.entity_id.is_empty()) else { return Ok(()) };
    let home = tokens(cx).surroundings()?.mount_at(&cx.request().namespace, &entry.path);
    let Some(home) = home else { return Ok(()) };
    let Some(entity) = identity_of_id(cx, &entry.entity_id).await? else { return Ok(()) };
    let accessor = &home.mount.entry.accessor;
    login.group_aliases = identity::refresh_groups(cx, &entity.id, accessor, &login.group_aliases).await?;
    Ok(())
}

async fn wanted(cx: &Context<'_>, entry: &TokenEntry, increment: u64) -> Result<(TtlLimits, Wanted), Error> {
    match entry.login {
        Some(_) => wanted_by_login(cx, entry, increment).await,
        None => Ok((cx.limits(), wanted_by_role(cx, entry, increment).await?)),
    }
}

/// A token of `auth/token/` follows its role as that is now.
async fn wanted_by_role(cx: &Context<'_>, entry: &TokenEntry, increment: u64) -> Result<Wanted, Error> {
    let wanted = Wanted { increment, ttl: entry.granted_ttl, ..Wanted::default() };
    if entry.role.is_empty() {
        return Ok(Wanted { period: entry.period, explicit_max_ttl: entry.explicit_max_ttl, ..wanted });
    }
    let role = stored_role(cx, &entry.role).await?.ok_or_else(|| {
        let role = quoted(&entry.role);
        let text =
            format!("failed to renew entry: original token role {role} could not be found, not renewing");
        Error::counted(StatusCode::INTERNAL_SERVER_ERROR, text)
    })?;
    Ok(Wanted { period: role.period, explicit_max_ttl: role.explicit_max_ttl, ..wanted })
}

/// A token of a login is its auth method's to decide on.
async fn wanted_by_login(
    cx: &Context<'_>,
    entry: &TokenEntry,
    increment: u64,
) -> Result<(TtlLimits, Wanted), Error> {
    let home = tokens(cx).surroundings()?.mount_at(&cx.request().namespace, &entry.path);
    let home = home.ok_or_else(|| Error::invalid("the auth method of the token is not mounted any more"))?;
    let engine = home.engine.ok_or_else(|| Error::not_implemented("renewing a token of this auth method"))?;
    let grant: AuthGrant = grant_of(entry);
    let prefix = home.mount.storage_prefix();
    let limits = cx.core.limits_of(&home.mount);
    let renewal: Renewal = engine.renew_login(&cx.at(&home.mount, &prefix, limits), &grant).await?;
    let wanted = Wanted {
        increment,
        ttl: ttl::whole(renewal.ttl),
        period: ttl::whole(renewal.period),
        max_ttl: ttl::whole(renewal.max_ttl),
        explicit_max_ttl: entry.explicit_max_ttl,
    };
    Ok((limits, wanted))
}
