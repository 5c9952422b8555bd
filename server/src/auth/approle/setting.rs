//! One setting of a role at a time.

use schemas::Record;
use serde_json::{Value, json};

use super::AppRole;
use super::role::{OLDER, Role, require_period};
use crate::auth::networks::require_blocks;
use crate::auth::token_parameters::{input_of, names, parse_networks, texts};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::core::token::sanitize_policies;

const OLD_LIST: &str = "The \"bound_cidr_list\" field is deprecated and will be removed. Please use \"secret_id_bound_cidrs\" instead.";

/// The last segment of the path.
fn setting<'a>(cx: &Context<'a>) -> &'a str {
    cx.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

pub(super) async fn read(_: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let role = Role::of(cx).await?.ok_or_else(Error::not_found)?;
    let response = Response::data(&shown(&role, setting(cx)))?;
    Ok(if setting(cx) == "bound-cidr-list" { response.with_warning(OLD_LIST) } else { response })
}

fn shown(role: &Role, setting: &str) -> Value {
    let token = &role.token;
    let with_older = |older: &str, name: &str| {
        let answer = token.answer();
        let shown =
            [name, older].into_iter().filter_map(|name| Some((name.to_owned(), answer.get(name)?.clone())));
        Value::Object(shown.collect())
    };
    match setting {
        "policies" => with_older("policies", "token_policies"),
        "period" => with_older("period", "token_period"),
        "bound-cidr-list" => json!({"bound_cidr_list": null}),
        "secret-id-bound-cidrs" => json!({"secret_id_bound_cidrs": role.secret_id_bound_cidrs}),
        "token-bound-cidrs" => json!({"token_bound_cidrs": token.bound_cidrs}),
        "secret-id-num-uses" => json!({"secret_id_num_uses": role.secret_id_num_uses}),
        "secret-id-ttl" => json!({"secret_id_ttl": role.secret_id_ttl}),
        "token-num-uses" => json!({"token_num_uses": token.num_uses}),
        "token-ttl" => json!({"token_ttl": token.ttl}),
        "token-max-ttl" => json!({"token_max_ttl": token.max_ttl}),
        "local-secret-ids" => json!({"local_secret_ids": role.local_secret_ids}),
        _ => json!({"role_id": role.role_id}),
    }
}

pub(super) async fn write(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let mut role = Role::of(cx).await?.ok_or_else(Error::unsupported_path)?;
    let previous = role.role_id.clone();
    take(&mut role, cx, &input_of(cx, OLDER), setting(cx))?;
    role.store(engine, cx, &previous).await?;
    Ok(Response::empty())
}

fn take(role: &mut Role, cx: &Context<'_>, input: &Record, setting: &str) -> Result<(), Error> {
    match setting {
        "policies" => take_policies(role, cx, input),
        "period" => take_period(role, cx, input),
        "bound-cidr-list" => take_blocks(role, input, "bound_cidr_list"),
        "secret-id-bound-cidrs" => take_blocks(role, input, "secret_id_bound_cidrs"),
        "token-bound-cidrs" => take_token_blocks(role, input),
        "secret-id-num-uses" => {
            role.secret_id_num_uses = number(input, "secret_id_num_uses")?;
            require(role.secret_id_num_uses >= 0, "secret_id_num_uses cannot be negative")
        }
        "secret-id-ttl" => number(input, "secret_id_ttl").map(|ttl| role.secret_id_ttl = ttl),
        "token-num-uses" => {
            role.token.num_uses = number(input, "token_num_uses")?;
            require(role.token.num_uses >= 0, "'token_num_uses' cannot be negative")
        }
        "token-ttl" => {
            role.token.ttl = number(input, "token_ttl")?;
            require(is_ordered(role), "token_ttl should not be greater than token_max_ttl")
        }
        "token-max-ttl" => {
            role.token.max_ttl = number(input, "token_max_ttl")?;
            require(is_ordered(role), "token_max_ttl should be greater than or equal to token_ttl")
        }
        _ => {
            input.text("role_id").clone_into(&mut role.role_id);
            require(!role.role_id.is_empty(), "missing role_id")
        }
    }
}

fn require(holds: bool, otherwise: &str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::invalid(otherwise)) }
}

fn is_ordered(role: &Role) -> bool {
    role.token.max_ttl == 0 || role.token.ttl <= role.token.max_ttl
}

fn missing(name: &str) -> Error {
    Error::invalid(format!("missing {name}"))
}

fn number(input: &Record, name: &str) -> Result<i64, Error> {
    input.get(name).as_i64().ok_or_else(|| missing(name))
}

fn take_policies(role: &mut Role, cx: &Context<'_>, input: &Record) -> Result<(), Error> {
    let policies = texts(input, "token_policies").ok_or_else(|| missing("token_policies"))?;
    role.token.policies = sanitize_policies(&policies, false);
    role.token.note_older(cx, &["policies"]);
    Ok(())
}

fn take_period(role: &mut Role, cx: &Context<'_>, input: &Record) -> Result<(), Error> {
    role.token.period = input.get("token_period").as_i64().ok_or_else(|| missing("period"))?;
    role.token.note_older(cx, &["period"]);
    // The text names what the older field holds, also when that is nothing.
    require_period(cx, role.token.period, if names(cx, "period") { role.token.period } else { 0 })
}

fn take_blocks(role: &mut Role, input: &Record, name: &str) -> Result<(), Error> {
    let Some(blocks) = texts(input, name) else { return Ok(()) };
    require(!blocks.is_empty(), "missing bound_cidr_list")?;
    require_blocks(&blocks, "CIDR blocks").map_err(Error::invalid)?;
    role.secret_id_bound_cidrs = Some(blocks);
    Ok(())
}

fn take_token_blocks(role: &mut Role, input: &Record) -> Result<(), Error> {
    let Some(blocks) = texts(input, "token_bound_cidrs") else { return Ok(()) };
    let networks = parse_networks(&blocks).map_err(|error| {
        Error::invalid(format!("failed to parse token_bound_cidrs: {}", error.messages(false).join("; ")))
    })?;
    role.token.bound_cidrs = Some(networks);
    Ok(())
}

pub(super) async fn clear(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let Some(mut role) = Role::of(cx).await? else { return Ok(Response::empty()) };
    let token = &mut role.token;
    match setting(cx) {
        "policies" => {
            token.policies.clear();
            token.older.remove("policies");
        }
        "period" => {
            token.period = 0;
            token.older.remove("period");
        }
        "secret-id-bound-cidrs" => role.secret_id_bound_cidrs = None,
        "token-bound-cidrs" => token.bound_cidrs = None,
        "secret-id-num-uses" => role.secret_id_num_uses = 0,
        "secret-id-ttl" => role.secret_id_ttl = 0,
        "token-num-uses" => token.num_uses = 0,
        "token-ttl" => token.ttl = 0,
        "token-max-ttl" => token.max_ttl = 0,
        // The older list holds nothing: what is written to it becomes `secret_id_bound_cidrs`.
        _ => {}
    }
    let previous = role.role_id.clone();
    role.store(engine, cx, &previous).await?;
    Ok(Response::empty())
}
