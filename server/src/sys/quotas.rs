//! Rate limits: `sys/quotas/`.

use schemas::shape::{Declared as _, Json, Seconds};
use schemas::{Shape, Text};
use serde_json::{Value, json};

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::mount::MountClass;
use crate::core::quota::{self, QuotaConfig, QuotaRecord};
use crate::core::response::Response;
use crate::core::weak::Json as Given;
use crate::handler;

/// Limits by name, and what holds for all.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("quotas/config")
        .about("What holds for all rate limits: paths without limits, and headers of answers.")
        .fields(Config::PARTS)
        .meant(&[("rate_limit_exempt_paths", Shape::List(&Shape::Text(Text::Plain)))])
        .read(handler!(read_config))
        .write(handler!(write_config)),
    Route::new("quotas/rate-limit").about("Names of the rate limits.").fields(&[]).list(handler!(list)),
    Route::new("quotas/rate-limit/{name}")
        .about("One rate limit: how many requests a client may send in a time.")
        .fields(Quota::PARTS)
        // A number with a fraction, which a text can be as well.
        .meant(&[("rate", Shape::Text(Text::Plain))])
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
];

/// What holds for all limits.
#[derive(schemas::Fields)]
struct Config {
    /// Beginnings of paths that no limit holds for.
    rate_limit_exempt_paths: Option<Json>,
    /// Whether refused requests are written to the audit log.
    enable_rate_limit_audit_logging: Option<bool>,
    /// Whether answers tell in headers how much is left.
    enable_rate_limit_response_headers: Option<bool>,
}

/// A limit.
#[derive(schemas::Fields)]
struct Quota {
    /// Type of the limit; there is one.
    #[kind(api = "type")]
    quota_type: Option<String>,
    /// Namespace, mount, or path in a mount that it holds for; empty for the whole server.
    path: Option<String>,
    /// Role of the logins that it holds for.
    role: Option<String>,
    /// Requests of one address in an interval.
    rate: Option<Json>,
    /// The interval; a second where nothing is said.
    interval: Option<Seconds>,
    /// How long an address is refused once it was too fast.
    block_interval: Option<Seconds>,
    /// Whether it holds in namespaces below that have none of their own.
    inheritable: Option<bool>,
}

async fn read_config(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let config = quota::load_config(cx.transaction()).await?;
    Response::data(&json!({
        "enable_rate_limit_audit_logging": config.audit_refusals,
        "enable_rate_limit_response_headers": config.response_headers,
        "rate_limit_exempt_paths": config.exempt_paths,
    }))
}

async fn write_config(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let given: Config = cx.fields()?;
    let config = QuotaConfig {
        audit_refusals: given.enable_rate_limit_audit_logging.unwrap_or_default(),
        response_headers: given.enable_rate_limit_response_headers.unwrap_or_default(),
        exempt_paths: exempt_paths(cx)?,
    };
    quota::configure(cx, config)?;
    Ok(Response::empty())
}

/// A text is one path, commas and all.
fn exempt_paths(cx: &Context<'_>) -> Result<Vec<String>, Error> {
    let Some(raw) = cx.parameters().get("rate_limit_exempt_paths") else { return Ok(Vec::new()) };
    let items = match Given::of(raw)? {
        Given::Null => Vec::new(),
        Given::Text(text) if text.is_empty() => Vec::new(),
        Given::List(items) => items.into_iter().map(Given::of).collect::<Result<_, _>>()?,
        item => vec![item],
    };
    let refused = |_| Error::invalid("`rate_limit_exempt_paths` is no list of paths");
    items.iter().map(|item| item.text().map(|path| path.trim().to_owned()).map_err(refused)).collect()
}

async fn list(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let records = quota::load_all(cx.transaction()).await?;
    let names: Vec<String> = records.into_iter().map(|record| record.name).collect();
    Response::keys(&names)
}

async fn load(cx: &Context<'_>) -> Result<Option<QuotaRecord>, Error> {
    Ok(cx.transaction().get_json(&format!("{}{}", quota::PREFIX, cx.capture("name"))).await?)
}

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let record = load(cx).await?.ok_or_else(Error::not_found)?;
    Response::data(&json!({
        "block_interval": record.block_interval,
        "inheritable": record.inheritable,
        "interval": record.interval,
        "name": record.name,
        "path": record.path(),
        "rate": number(record.rate),
        "role": record.role,
        "type": "rate-limit",
    }))
}

/// `rate` as people write it: 5 and not 5.0.
fn number(rate: f64) -> Value {
    serde_json::from_str(&rate.to_string()).unwrap_or_else(|_| json!(rate))
}

async fn write(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let record = record(cx)?;
    let others = quota::load_all(cx.transaction()).await?;
    if let Some(other) = others.iter().find(|other| other.name != record.name && other.is_like(&record)) {
        let text = format!("quota rule with similar properties exists under the name \"{}\"", other.name);
        return Err(Error::invalid(text));
    }
    quota::write(cx, record)?;
    Ok(Response::empty())
}

fn record(cx: &Context<'_>) -> Result<QuotaRecord, Error> {
    let given: Quota = cx.fields()?;
    let rate = rate(cx)?;
    let seconds =
        |given: Option<Seconds>| given.and_then(|given| u64::try_from(given.0).ok()).unwrap_or_default();
    let role = given.role.unwrap_or_default();
    let [namespace, mount, suffix] = place(cx, given.path.as_deref().unwrap_or_default(), &role)?;
    let is_global = namespace.is_empty() && mount.is_empty();
    Ok(QuotaRecord {
        name: cx.capture("name").to_owned(),
        namespace,
        mount,
        suffix,
        role,
        rate,
        interval: seconds(given.interval).max(1),
        block_interval: seconds(given.block_interval),
        inheritable: given.inheritable.unwrap_or(is_global),
    })
}

fn rate(cx: &Context<'_>) -> Result<f64, Error> {
    let given = cx.parameters().get("rate").map(|raw| Given::of(raw)).transpose()?.unwrap_or(Given::Null);
    let rate = given.float().map_err(|problem| {
        let text = "Field validation failed: error converting input for field \"rate\": ''";
        Error::invalid(format!("{text} {problem}"))
    })?;
    if rate > 0.0 && f64::is_finite(rate) { Ok(rate) } else { Err(Error::invalid("'rate' is invalid")) }
}

/// Namespace, mount and rest of `path`.
fn place(cx: &Context<'_>, path: &str, role: &str) -> Result<[String; 3], Error> {
    let path = match path.trim_matches('/') {
        "" => String::new(),
        path => format!("{path}/"),
    };
    let topology = cx.core.open_topology()?;
    let (space, length) = topology.resolve("", &path).ok_or_else(Error::not_found)?;
    let (namespace, rest) = (space.namespace.path.clone(), &path[length..]);
    if rest.is_empty() {
        require_roles(role, None)?;
        return Ok([namespace, String::new(), String::new()]);
    }
    let found = space.route(rest).ok_or_else(|| Error::invalid(format!("invalid mount path \"{rest}\"")))?;
    let (mounted, suffix) = (found.0, found.1.strip_suffix('/').unwrap_or(found.1));
    if !role.is_empty() && !suffix.is_empty() {
        return Err(Error::invalid(
            "Quotas cannot contain both a path suffix and a role. If a role is provided, path must be a valid auth \
             mount with a concept of roles",
        ));
    }
    require_roles(role, Some(mounted))?;
    Ok([namespace, mounted.entry().api_path(), suffix.to_owned()])
}

/// Only logins of some auth methods have roles.
fn require_roles(role: &str, mounted: Option<&crate::core::topology::Mounted>) -> Result<(), Error> {
    if role.is_empty() {
        return Ok(());
    }
    let path = mounted.map(|mounted| mounted.entry().api_path()).unwrap_or_default();
    let Some(mounted) = mounted.filter(|mounted| mounted.entry().class == MountClass::Auth) else {
        return Err(Error::invalid(format!(
            "Mount path \"{path}\" is not a valid auth method and therefore unsuitable for use with role-based quotas"
        )));
    };
    match &mounted.engine {
        Some(engine) if engine.has_roles() => Ok(()),
        _ => {
            Err(Error::invalid(format!("Mount path \"{path}\" does not support use with role-based quotas")))
        }
    }
}

async fn delete(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    quota::remove(cx, cx.capture("name"));
    Ok(Response::empty())
}
