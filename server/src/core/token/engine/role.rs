//! Token roles.

use http::StatusCode;
use ipnet::IpNet;
use schemas::shape::{List, Seconds};
use serde::{Deserialize, Serialize};

use super::TokenEngine;
use super::look_up::network;
use crate::auth::networks::Network;
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::go_text::quoted;
use crate::core::request::Operation;
use crate::core::response::Response;
use crate::core::token::batch::unfit_for_batch;
use crate::core::token::policies::{RolePolicies, normalized, sanitize};

/// The body of a role. Its deprecated names are fields of their own, because a read tells under which name a value
/// was written.
#[derive(schemas::Fields)]
pub(super) struct RoleFields {
    /// Policies that a token may have.
    allowed_policies: Option<List<String>>,
    /// Patterns of such.
    allowed_policies_glob: Option<List<String>>,
    /// Policies that no token may have.
    disallowed_policies: Option<List<String>>,
    /// Patterns of such.
    disallowed_policies_glob: Option<List<String>>,
    /// Aliases that a token may be made for.
    allowed_entity_aliases: Option<List<String>>,
    /// Without parent.
    orphan: Option<bool>,
    /// May tokens be renewed.
    renewable: Option<bool>,
    /// Last part of the path that tokens are filed under.
    path_suffix: Option<String>,
    /// Deprecated.
    period: Option<Seconds>,
    /// Each renewal gives a token this long.
    token_period: Option<Seconds>,
    /// Deprecated.
    explicit_max_ttl: Option<Seconds>,
    /// Lifetime that no renewal extends.
    token_explicit_max_ttl: Option<Seconds>,
    /// Deprecated.
    bound_cidrs: Option<List<String>>,
    /// Networks from which tokens may be used.
    token_bound_cidrs: Option<List<String>>,
    /// How often a token may be used.
    token_num_uses: Option<i64>,
    /// Leave out the policy `default`.
    token_no_default_policy: Option<bool>,
    /// `service`, `batch`, `default-service` or `default-batch`.
    token_type: Option<String>,
    /// Without effect here.
    token_policies: Option<List<String>>,
    /// Without effect here.
    token_ttl: Option<Seconds>,
    /// Without effect here.
    token_max_ttl: Option<Seconds>,
}

/// A role as it is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) allowed_policies: Vec<String>,
    pub(super) allowed_policies_glob: Vec<String>,
    pub(super) disallowed_policies: Vec<String>,
    pub(super) disallowed_policies_glob: Vec<String>,
    /// Lower case; `None` if never written.
    #[serde(rename = "allowed_entity_aliases")]
    pub(super) named_entity_aliases: Option<Vec<String>>,
    pub(super) orphan: bool,
    pub(super) renewable: bool,
    pub(super) path_suffix: String,
    pub(super) period: u64,
    pub(super) explicit_max_ttl: u64,
    pub(super) bound_cidrs: Vec<IpNet>,
    pub(super) num_uses: i64,
    pub(super) no_default_policy: bool,
    pub(super) token_type: RoleTokenType,
    /// Which values were written under their deprecated names.
    deprecated: Deprecated,
    #[serde(skip)]
    pub(super) entity_aliases: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Deprecated {
    period: bool,
    explicit_max_ttl: bool,
    bound_cidrs: bool,
}

/// Which tokens a role makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RoleTokenType {
    /// Service tokens, unless the request asks for batch.
    #[default]
    DefaultService,
    /// Batch tokens, unless the request asks for service.
    DefaultBatch,
    /// Service tokens.
    Service,
    /// Batch tokens.
    Batch,
}

impl Role {
    pub(super) fn policies(&self) -> RolePolicies<'_> {
        RolePolicies {
            allowed: &self.allowed_policies,
            allowed_glob: &self.allowed_policies_glob,
            disallowed: &self.disallowed_policies,
            disallowed_glob: &self.disallowed_policies_glob,
            no_default: self.no_default_policy,
        }
    }
}

/// The role `name` of the request's namespace.
pub(super) async fn stored_role(cx: &Context<'_>, name: &str) -> Result<Option<Role>, Error> {
    let role: Option<Role> = cx.view().get_json(&role_key(name)).await?;
    Ok(role.map(|mut role| {
        role.entity_aliases = role.named_entity_aliases.clone().unwrap_or_default();
        role
    }))
}

fn role_key(name: &str) -> String {
    format!("roles/{name}")
}

pub(super) async fn exists(_: &TokenEngine, cx: &Context<'_>) -> Result<bool, Error> {
    Ok(stored_role(cx, cx.capture("role_name")).await?.is_some())
}

pub(super) async fn list(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    Response::keys(&cx.view().list("roles/", None, usize::MAX).await?)
}

pub(super) async fn delete(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    cx.view().delete(&role_key(cx.capture("role_name")));
    Ok(Response::empty())
}

/// The answer of a read.
#[derive(Serialize)]
struct Shown<'a> {
    allowed_entity_aliases: Option<&'a [String]>,
    allowed_policies: &'a [String],
    allowed_policies_glob: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bound_cidrs: Vec<String>,
    disallowed_policies: &'a [String],
    disallowed_policies_glob: &'a [String],
    explicit_max_ttl: u64,
    name: &'a str,
    orphan: bool,
    path_suffix: &'a str,
    period: u64,
    renewable: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    token_bound_cidrs: Vec<String>,
    token_explicit_max_ttl: u64,
    token_no_default_policy: bool,
    #[serde(skip_serializing_if = "is_zero")]
    token_num_uses: i64,
    token_period: u64,
    token_type: RoleTokenType,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

pub(super) async fn read(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    let role = stored_role(cx, cx.capture("role_name")).await?.ok_or_else(Error::not_found)?;
    let networks: Vec<String> = role.bound_cidrs.iter().map(network).collect();
    let old = role.deprecated;
    Response::data(&Shown {
        allowed_entity_aliases: role.named_entity_aliases.as_deref(),
        allowed_policies: &role.allowed_policies,
        allowed_policies_glob: &role.allowed_policies_glob,
        bound_cidrs: if old.bound_cidrs { networks.clone() } else { Vec::new() },
        disallowed_policies: &role.disallowed_policies,
        disallowed_policies_glob: &role.disallowed_policies_glob,
        explicit_max_ttl: if old.explicit_max_ttl { role.explicit_max_ttl } else { 0 },
        name: &role.name,
        orphan: role.orphan,
        path_suffix: &role.path_suffix,
        period: if old.period { role.period } else { 0 },
        renewable: role.renewable,
        token_bound_cidrs: networks,
        token_explicit_max_ttl: role.explicit_max_ttl,
        token_no_default_policy: role.no_default_policy,
        token_num_uses: role.num_uses,
        token_period: role.period,
        token_type: role.token_type,
    })
}

pub(super) async fn write(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    let name = cx.capture("role_name");
    let fields: RoleFields = cx.fields()?;
    let stored = if cx.operation() == Operation::Update { stored_role(cx, name).await? } else { None };
    let mut role =
        stored.unwrap_or_else(|| Role { name: name.to_owned(), renewable: true, ..Role::default() });
    let stored_type = role.token_type;
    set_policies(&mut role, &fields);
    set_switches(&mut role, &fields)?;
    set_token_type(cx, &mut role, &fields)?;
    let mut warnings = Vec::new();
    set_limits(&mut role, &fields, stored_type, &mut warnings)?;
    warn_of_long_life(cx, &role, &fields, &mut warnings);
    require_good_for_batch(&role)?;
    cx.view().put_json(&role_key(name), &role)?;
    Ok(super::with_warnings(Response::empty(), warnings))
}

fn set_policies(role: &mut Role, fields: &RoleFields) {
    let set = |target: &mut Vec<String>, names: &Option<List<String>>| {
        if let Some(names) = names {
            *target = normalized(&names.0);
        }
    };
    if let Some(names) = &fields.allowed_policies {
        role.allowed_policies = sanitize(&names.0, false);
    }
    if let Some(names) = &fields.allowed_policies_glob {
        role.allowed_policies_glob = sanitize(&names.0, false);
    }
    set(&mut role.disallowed_policies, &fields.disallowed_policies);
    set(&mut role.disallowed_policies_glob, &fields.disallowed_policies_glob);
    if let Some(names) = &fields.allowed_entity_aliases {
        role.named_entity_aliases = Some(normalized(&names.0));
    }
}

fn set_switches(role: &mut Role, fields: &RoleFields) -> Result<(), Error> {
    role.orphan = fields.orphan.unwrap_or(role.orphan);
    role.renewable = fields.renewable.unwrap_or(role.renewable);
    role.no_default_policy = fields.token_no_default_policy.unwrap_or(role.no_default_policy);
    if let Some(suffix) = &fields.path_suffix {
        if !suffix.is_empty() && !has_good_part(suffix) {
            let text = r"given role path suffix contains invalid characters; must match \w[\w-.]+\w";
            return Err(Error::invalid(text));
        }
        if suffix.contains("..") {
            return Err(Error::invalid(
                "error registering path suffix: path cannot contain parent references",
            ));
        }
        role.path_suffix.clone_from(suffix);
    }
    Ok(())
}

/// Whether a part of `text` is a word character, one or more of `-`, `.` and word characters, and a word character.
fn has_good_part(text: &str) -> bool {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let parts = text.split(|character: char| !is_word(character) && !matches!(character, '-' | '.'));
    parts.map(|part| part.trim_matches(['-', '.'])).any(|part| part.len() >= 3)
}

fn set_token_type(cx: &Context<'_>, role: &mut Role, fields: &RoleFields) -> Result<(), Error> {
    let is_null = cx.parameters().get("token_type").is_some_and(|raw| raw.get() == "null");
    role.token_type = match fields.token_type.as_deref() {
        _ if is_null => return Err(Error::invalid("Invalid 'token_type' value: null")),
        None => return Ok(()),
        Some("service") => RoleTokenType::Service,
        Some("batch") => RoleTokenType::Batch,
        Some("default-service") => RoleTokenType::DefaultService,
        Some("default-batch") => RoleTokenType::DefaultBatch,
        Some(word) => return Err(Error::invalid(format!("invalid 'token_type' value {}", quoted(word)))),
    };
    Ok(())
}

fn set_limits(
    role: &mut Role,
    fields: &RoleFields,
    stored_type: RoleTokenType,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    let seconds = |seconds: &Option<Seconds>| seconds.map(|seconds| seconds.0.max(0).unsigned_abs());
    let uses = fields.token_num_uses.unwrap_or(role.num_uses);
    if uses < 0 {
        return Err(Error::invalid("error parsing role fields: 'token_num_uses' cannot be negative"));
    }
    role.num_uses = uses;
    let is_batch = matches!(stored_type, RoleTokenType::Batch | RoleTokenType::DefaultBatch);
    // As the API has it, the type that the role has had so far.
    let token_period = seconds(&fields.token_period).unwrap_or(role.period);
    if let Some(problem) = unfit_for_batch(token_period != 0, uses != 0).filter(|_| is_batch) {
        return Err(Error::invalid(format!("error parsing role fields: {problem}")));
    }
    let proper = networks(fields.token_bound_cidrs.as_ref(), "role fields")?;
    let (period, max) = (seconds(&fields.period), seconds(&fields.explicit_max_ttl));
    let old = &mut role.deprecated;
    let limit = &mut role.period;
    prefer(limit, &mut old.period, seconds(&fields.token_period), period, "period", warnings);
    let cidrs = networks(fields.bound_cidrs.as_ref(), "bound_cidrs")?;
    prefer(&mut role.bound_cidrs, &mut old.bound_cidrs, proper, cidrs, "bound_cidrs", warnings);
    let (limit, proper) = (&mut role.explicit_max_ttl, seconds(&fields.token_explicit_max_ttl));
    prefer(limit, &mut old.explicit_max_ttl, proper, max, "explicit_max_ttl", warnings);
    Ok(())
}

/// Sets `target` to the value of the proper name, else to that of the deprecated one.
fn prefer<T>(
    target: &mut T,
    is_deprecated: &mut bool,
    proper: Option<T>,
    deprecated: Option<T>,
    name: &str,
    warnings: &mut Vec<String>,
) {
    match (proper, deprecated) {
        (Some(value), old) => {
            if old.is_some() {
                warnings.push(format!(
                    "Both 'token_{name}' and deprecated '{name}' value supplied, ignoring the deprecated value"
                ));
            }
            (*target, *is_deprecated) = (value, false);
        }
        (None, Some(value)) => (*target, *is_deprecated) = (value, true),
        (None, None) => {}
    }
}

/// Networks and single addresses.
fn networks(names: Option<&List<String>>, what: &str) -> Result<Option<Vec<IpNet>>, Error> {
    let Some(names) = names else { return Ok(None) };
    let parse = |text: &String| {
        let network =
            Network::parse(text).map_err(|error| error.after(&format!("error parsing {what}: ")))?;
        Ok(network.net)
    };
    names.0.iter().map(parse).collect::<Result<_, _>>().map(Some)
}

fn warn_of_long_life(cx: &Context<'_>, role: &Role, fields: &RoleFields, warnings: &mut Vec<String>) {
    let is_named = fields.token_explicit_max_ttl.is_some() || role.deprecated.explicit_max_ttl;
    let max = cx.limits().max.as_secs();
    if is_named && role.explicit_max_ttl > max {
        warnings.push(format!(
            "Given explicit max TTL of {} is greater than system/mount allowed value of {max} seconds; until this is \
             fixed attempting to create tokens against this role will result in an error",
            role.explicit_max_ttl
        ));
    }
}

fn require_good_for_batch(role: &Role) -> Result<(), Error> {
    let what = match role {
        _ if role.token_type != RoleTokenType::Batch => return Ok(()),
        Role { orphan: false, .. } => "non-orphan tokens",
        Role { period: 1.., .. } => "periodic tokens",
        Role { renewable: true, .. } => "renewable tokens",
        Role { explicit_max_ttl: 1.., .. } => "tokens with an explicit max TTL",
        _ => return Ok(()),
    };
    let text = format!("'token_type' cannot be 'batch' when role is set to generate {what}");
    Err(Error::with_status(StatusCode::BAD_REQUEST, text))
}
