//! Logins.

use std::collections::BTreeMap;

use http::StatusCode;

use super::user::User;
use super::{Userpass, password};
use crate::auth::token_parameters::{not_renewed, seconds};
use crate::core::context::Context;
use crate::core::engine::Renewal;
use crate::core::error::Error;
use crate::core::response::{Alias, AuthGrant, Response};
use crate::core::token::sanitize_policies;

pub(super) async fn login(engine: &Userpass, cx: &Context<'_>) -> Result<Response, Error> {
    let name = cx.capture("username");
    engine.lockout.require_open(cx, name).await?;
    let password = cx.input().text("password");
    if password.is_empty() {
        return Err(Error::with_status(StatusCode::INTERNAL_SERVER_ERROR, "missing password"));
    }
    let user = User::of(cx).await?;
    let is_known = user.is_some();
    let fits = password::fits(password, user.as_ref().map(|user| user.password_hash.as_str())).await?;
    // Of many guesses at once only those before the lockout may learn anything.
    engine.lockout.require_open(cx, name).await?;
    let Some(user) = user.filter(|_| fits) else {
        let error = Error::invalid("invalid username or password");
        // Only failures of users that exist are kept, or anybody could fill the memory.
        return if is_known { engine.lockout.refuse(cx, name, error).await } else { Err(error) };
    };
    require_network(cx, &user)?;
    engine.lockout.forget_after(cx, name).await?;
    Ok(Response::login(grant(cx, name, &user)))
}

fn require_network(cx: &Context<'_>, user: &User) -> Result<(), Error> {
    let networks = user.token.bound_cidrs.as_deref().unwrap_or_default();
    let is_inside = networks.iter().any(|network| network.net.contains(&cx.request().client));
    if networks.is_empty() || is_inside { Ok(()) } else { Err(Error::permission_denied()) }
}

fn grant(cx: &Context<'_>, name: &str, user: &User) -> AuthGrant {
    let username = BTreeMap::from([("username".to_owned(), name.to_owned())]);
    AuthGrant {
        display_name: name.to_owned(),
        alias: Some(Alias { name: name.to_owned(), metadata: BTreeMap::new() }),
        internal: username.clone(),
        metadata: username,
        ..user.token.grant(cx)
    }
}

/// A token is renewed as the user says today, but not with other policies than it has.
pub(super) async fn renew(cx: &Context<'_>, grant: &AuthGrant) -> Result<Renewal, Error> {
    let name = grant.internal.get("username").map_or("", String::as_str);
    let user = User::load(cx, name).await?;
    let user = user.ok_or_else(|| not_renewed(&format!("user \"{name}\" does not exist during renewal")))?;
    if sanitize_policies(&user.token.policies, true) != sanitize_policies(&grant.policies, true) {
        return Err(not_renewed("policies have changed, not renewing"));
    }
    let [ttl, max_ttl, period] = [user.token.ttl, user.token.max_ttl, user.token.period].map(seconds);
    Ok(Renewal { ttl, max_ttl, period })
}
