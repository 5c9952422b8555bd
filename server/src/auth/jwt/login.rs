//! Logins.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Jwt;
use super::claims::{check_bound, claim, values};
use super::config::{Config, Keys, keyset_error};
use super::expectation::Expectation;
use super::key_set::{Failure, Problem};
use super::role::Role;
use super::signed::{Claims, Signed};
use super::template;
use crate::auth::token_parameters::{not_renewed, seconds};
use crate::core::context::Context;
use crate::core::engine::Renewal;
use crate::core::error::Error;
use crate::core::go_text::quoted;
use crate::core::response::{Alias, AuthGrant, Response};

pub(super) async fn login(engine: &Jwt, cx: &Context<'_>) -> Result<Response, Error> {
    let config = Config::of(cx).await?;
    let (name, role) = role_of(cx, &config).await?;
    if role.role_type == "oidc" {
        return Err(Error::invalid("role with oidc role_type is not allowed"));
    }
    let token = cx.input().text("jwt");
    if token.is_empty() {
        return Err(Error::invalid("missing token"));
    }
    require_network(cx, &role)?;
    let claims = claims_of(engine, cx, &config, &role, token).await?;
    let mut grant = grant(cx, &name, &role, &claims).map_err(Error::invalid)?;
    check_bound(role.bound_claims.as_ref().unwrap_or(&BTreeMap::new()), role.is_glob(), &claims)
        .map_err(|problem| Error::invalid(format!("error validating claims: {problem}")))?;
    if role.token_policies_template_claims {
        grant.policies = template::fill(&grant.policies, &claims)?;
    }
    Ok(Response::login(grant))
}

/// The name of the role that the login names, else of the configured one, whether it is there or not.
pub(super) async fn role_name(cx: &Context<'_>) -> Result<String, Error> {
    Ok(name_of(cx, &Config::of(cx).await?))
}

fn name_of(cx: &Context<'_>, config: &Config) -> String {
    match cx.input().text("role") {
        "" => config.default_role.clone(),
        name => schemas::lower_case(name),
    }
}

/// The role that the login names, else the configured one.
async fn role_of(cx: &Context<'_>, config: &Config) -> Result<(String, Role), Error> {
    let name = name_of(cx, config);
    if name.is_empty() {
        return Err(Error::invalid("missing role"));
    }
    match Role::load(cx, &name).await? {
        Some(role) => Ok((name, role)),
        None => Err(Error::invalid(format!("role {} could not be found", quoted(&name)))),
    }
}

fn require_network(cx: &Context<'_>, role: &Role) -> Result<(), Error> {
    let networks = role.token.bound_cidrs.as_deref().unwrap_or_default();
    let is_inside = networks.iter().any(|network| network.net.contains(&cx.request().client));
    if networks.is_empty() || is_inside { Ok(()) } else { Err(Error::permission_denied()) }
}

/// The claims of a token that is signed by a configured key and meets what the role expects.
async fn claims_of(
    engine: &Jwt,
    cx: &Context<'_>,
    config: &Config,
    role: &Role,
    token: &str,
) -> Result<Claims, Error> {
    let refused = |problem: String| Error::invalid(format!("error validating token: {problem}"));
    let claims = verified(engine, config, token).await?;
    let algorithm = Signed::parse(token).map(|signed| signed.algorithm().to_owned()).unwrap_or_default();
    if !config.jwt_supported_algs.is_empty() && !config.jwt_supported_algs.contains(&algorithm) {
        let problem = "invalid algorithm (alg) header parameter: token signed with unexpected algorithm";
        return Err(refused(problem.to_owned()));
    }
    let audiences = role.bound_audiences.as_deref().unwrap_or_default();
    let expectation = Expectation {
        issuer: &config.bound_issuer,
        subject: &role.bound_subject,
        audiences,
        leeways: role.leeways(),
    };
    expectation.check(&claims, cx.now()).map_err(refused)?;
    let names_audience = claim(&claims, "aud").and_then(values).is_some_and(|names| !names.is_empty());
    if names_audience && audiences.is_empty() {
        return Err(Error::invalid("audience claim found in JWT but no audiences bound to the role"));
    }
    Ok(claims)
}

/// The claims, if the signature is good.
async fn verified(engine: &Jwt, config: &Config, token: &str) -> Result<Claims, Error> {
    let refused = |problem: String| {
        Error::invalid(format!("error validating token: error verifying token signature: {problem}"))
    };
    let unusable = |problem: String| Error::invalid(format!("error configuring token validator: {problem}"));
    match config.keys().map_err(unusable)? {
        Keys::Static(keys) => {
            let signed = Signed::parse(token).map_err(refused)?;
            let claims = keys.iter().find_map(|key| signed.claims_by(key));
            let none = || refused("no known key successfully validated the token signature".to_owned());
            claims.ok_or_else(none)
        }
        Keys::Fetched(source) => {
            engine.key_sets.claims(&source, token).await.map_err(|failure| match failure {
                Failure::Token(problem) => refused(problem),
                Failure::Keys(Problem::Fetch(problem)) => refused(format!("fetching keys {problem}")),
                Failure::Keys(problem) => unusable(keyset_error(problem)),
            })
        }
    }
}

/// What the login is worth, and to whom.
fn grant(cx: &Context<'_>, name: &str, role: &Role, claims: &Claims) -> Result<AuthGrant, String> {
    let user = user_of(role, claims)?;
    let metadata = metadata_of(name, role, claims)?;
    Ok(AuthGrant {
        display_name: user.to_owned(),
        alias: Some(Alias { name: user.to_owned(), metadata: metadata.clone() }),
        group_aliases: groups_of(role, claims)?,
        internal: BTreeMap::from([("role".to_owned(), name.to_owned())]),
        metadata,
        ..role.token.grant(cx)
    })
}

fn user_of<'a>(role: &Role, claims: &'a Claims) -> Result<&'a str, String> {
    let name = &role.user_claim;
    let found = if role.user_claim_json_pointer { claim(claims, name) } else { claims.get(name) };
    match found {
        None | Some(Value::Null) => Err(format!("claim \"{name}\" not found in token")),
        Some(user) => {
            user.as_str().ok_or_else(|| format!("claim \"{name}\" could not be converted to string"))
        }
    }
}

fn metadata_of(name: &str, role: &Role, claims: &Claims) -> Result<BTreeMap<String, String>, String> {
    let mut metadata = BTreeMap::new();
    for (source, target) in role.claim_mappings.iter().flatten() {
        let Some(value) = claim(claims, source) else { continue };
        let value = value.as_str().ok_or_else(|| format!("error converting claim '{source}' to string"))?;
        metadata.insert(target.clone(), value.to_owned());
    }
    metadata.insert("role".to_owned(), name.to_owned());
    Ok(metadata)
}

fn groups_of(role: &Role, claims: &Claims) -> Result<Vec<String>, String> {
    let name = &role.groups_claim;
    if name.is_empty() {
        return Ok(Vec::new());
    }
    let groups = claim(claims, name);
    let groups =
        groups.ok_or_else(|| format!("failed to fetch groups: \"{name}\" claim not found in token"))?;
    let groups =
        values(groups).ok_or_else(|| format!("\"{name}\" claim could not be converted to string list"))?;
    let text = |group: &Value| match group.as_str() {
        Some(group) => Ok(group.to_owned()),
        None => Err(format!("value {group} in groups claim could not be parsed as string")),
    };
    let groups: Vec<String> = groups.into_iter().map(text).collect::<Result<_, _>>()?;
    Ok(groups.into_iter().filter(|group| !group.is_empty()).collect())
}

/// A token is renewed as the role says today.
pub(super) async fn renew(cx: &Context<'_>, grant: &AuthGrant) -> Result<Renewal, Error> {
    let name = grant.internal.get("role").map_or("", String::as_str);
    let role = Role::load(cx, name).await?;
    let role = role.ok_or_else(|| not_renewed(&format!("role {name} does not exist during renewal")))?;
    let [ttl, max_ttl, period] = [role.token.ttl, role.token.max_ttl, role.token.period].map(seconds);
    Ok(Renewal { ttl, max_ttl, period })
}
