//! `…/tune`: limits and switches of mounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::shape::{Declared as _, Json, List, Map};
use serde::Serialize;

use super::mounts::{self, ConfigBody};
use super::{Sys, enable};
use crate::core::clearing::{self, Leftover};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::input::{self, go_seconds};
use crate::core::mount::{MountClass, MountConfig, MountEntry, UserLockout};
use crate::core::mount_table;
use crate::core::request::Parameters;
use crate::core::response::Response;
use crate::core::topology::{Mounted, normal_path};
use crate::engines::kv2;
use crate::handler;

/// Settings of mounts.
pub(super) static ROUTES: &[Route<Sys>] = &[
    of_mounts("mounts/auth/{path+..}/tune", "Settings of a mount of an auth method.").hidden(),
    of_mounts("mounts/{path+..}/tune", "Settings of a mount of a secrets engine."),
    of_mounts("auth/{path+..}/tune", "Settings of a mount of an auth method.").sudo(),
];

const fn of_mounts(pattern: &'static str, about: &'static str) -> Route<Sys> {
    Route::new(pattern)
        .about(about)
        .fields(Tune::PARTS)
        .topology()
        .read(handler!(read))
        .write(handler!(write))
}

/// What can be set when mounting, and changed later.
#[derive(schemas::Fields)]
pub(super) struct Tune {
    /// Lifetime of leases and tokens that ask for none; empty or `system`: the system's.
    default_lease_ttl: Option<String>,
    /// Longest lifetime.
    max_lease_ttl: Option<String>,
    /// Only kept.
    force_no_cache: Option<bool>,
    /// Text for people.
    description: Option<String>,
    /// Options of the engine.
    options: Option<Map<String>>,
    /// What tokens of an auth method are.
    token_type: Option<String>,
    /// `hidden` or `unauth`.
    listing_visibility: Option<String>,
    /// Request keys that the audit log shows in clear.
    audit_non_hmac_request_keys: Option<List<String>>,
    /// Response keys that the audit log shows in clear.
    audit_non_hmac_response_keys: Option<List<String>>,
    /// Request headers that the engine gets.
    passthrough_request_headers: Option<List<String>>,
    /// Response headers that the engine may set.
    allowed_response_headers: Option<List<String>>,
    /// Only the built-in version is there.
    plugin_version: Option<String>,
    /// Another way to name the type.
    plugin_name: Option<String>,
    /// When failed logins lock out.
    user_lockout_config: Option<Json>,
}

/// `user_lockout_config`, as people write it.
#[derive(schemas::Fields)]
struct Lockout {
    /// Failures in a row.
    lockout_threshold: Option<String>,
    /// How long it lasts.
    lockout_duration: Option<String>,
    /// After how long a failure is forgotten.
    lockout_counter_reset_duration: Option<String>,
    /// Never lock out.
    lockout_disable: Option<Json>,
}

/// Changes `config` as `given` says.
pub(super) fn apply(config: &mut MountConfig, given: &Tune, is_auth: bool) -> Result<(), Error> {
    // An empty text says nothing: command lines send it for what they were not told.
    if let Some(text) = given.default_lease_ttl.as_ref().filter(|text| !text.is_empty()) {
        config.default_lease_ttl = lifetime(text, "default")?;
    }
    if let Some(text) = given.max_lease_ttl.as_ref().filter(|text| !text.is_empty()) {
        config.max_lease_ttl = lifetime(text, "max")?;
    }
    config.force_no_cache = given.force_no_cache.unwrap_or(config.force_no_cache);
    if let Some(visibility) = &given.listing_visibility {
        if !matches!(visibility.as_str(), "" | "hidden" | "unauth") {
            return Err(Error::invalid(format!("invalid listing_visibility {visibility}")));
        }
        config.listing_visibility.clone_from(visibility);
    }
    if let Some(token_type) = given.token_type.as_ref().filter(|_| is_auth) {
        config.token_type = match token_type.as_str() {
            "" => "default-service".to_owned(),
            "default-service" | "default-batch" | "service" | "batch" => token_type.clone(),
            _ => return Err(Error::invalid("invalid value for 'token_type'")),
        };
    }
    replace(&mut config.audit_non_hmac_request_keys, given.audit_non_hmac_request_keys.as_ref());
    replace(&mut config.audit_non_hmac_response_keys, given.audit_non_hmac_response_keys.as_ref());
    replace(&mut config.passthrough_request_headers, given.passthrough_request_headers.as_ref());
    replace(&mut config.allowed_response_headers, given.allowed_response_headers.as_ref());
    Ok(())
}

fn replace(list: &mut Option<Vec<String>>, given: Option<&List<String>>) {
    if let Some(given) = given {
        *list = Some(given.0.clone()).filter(|list| !list.is_empty());
    }
}

/// Seconds; 0 for the system's. Errors are worded as `tune` words them.
fn lifetime(text: &str, which: &str) -> Result<u64, Error> {
    if matches!(text, "" | "system") {
        return Ok(0);
    }
    let seconds = go_seconds(text).map_err(|problem| Error::invalid(problem.to_string()))?;
    u64::try_from(seconds)
        .map_err(|_| Error::invalid(format!("unable to parse {which} TTL of {text}: it is negative")))
}

/// Refuses lifetimes that are none, in the words of mounting.
pub(super) fn check_lifetimes(given: &Tune) -> Result<(), Error> {
    for (text, which) in [(&given.max_lease_ttl, "max"), (&given.default_lease_ttl, "default")] {
        let Some(text) = text else { continue };
        lifetime(text, which)
            .map_err(|error| error.after(&format!("unable to parse {which} TTL of {text}: ")))?;
    }
    Ok(())
}

/// Changes when logins of `entry` are locked out.
fn apply_lockout(entry: &mut MountEntry, given: &Tune) -> Result<(), Error> {
    let Some(Json(text)) = &given.user_lockout_config else { return Ok(()) };
    if !matches!(entry.kind.as_str(), "userpass" | "ldap" | "approle") || entry.class != MountClass::Auth {
        return Err(Error::invalid(format!(
            "tuning of user lockout configuration for auth type \"{}\" not allowed",
            entry.plain_kind()
        )));
    }
    let refused = || Error::invalid("unable to convert given user lockout config information");
    let parameters: Parameters = serde_json::from_str(text).map_err(|_| refused())?;
    let given: Lockout = input::decode_object(&parameters).map_err(|_| refused())?;
    let mut lockout = entry.config.user_lockout.unwrap_or_default();
    if let Some(text) = &given.lockout_threshold {
        lockout.threshold = text.parse().map_err(|_| {
            Error::invalid(format!(
                "unable to parse user lockout threshold: strconv.ParseUint: parsing \"{text}\": invalid syntax"
            ))
        })?;
    }
    let periods = [
        (given.lockout_duration, &mut lockout.duration),
        (given.lockout_counter_reset_duration, &mut lockout.counter_reset),
    ];
    for (text, seconds) in periods {
        if let Some(text) = text {
            *seconds = lifetime(&text, "lockout")?;
        }
    }
    if let Some(Json(text)) = given.lockout_disable {
        lockout.disable = serde_json::from_str(&text).map_err(|_| refused())?;
    }
    entry.config.user_lockout = Some(lockout);
    Ok(())
}

/// The mount that the path names. `missing` makes the error of what names none.
fn named(cx: &Context<'_>, missing: fn(&str) -> String) -> Result<Arc<Mounted>, Error> {
    let is_auth = cx.path().starts_with("mounts/auth/") || cx.path().starts_with("auth/");
    let class = if is_auth { MountClass::Auth } else { MountClass::Secret };
    let name = cx.capture("path");
    let shown = match class {
        MountClass::Auth => format!("auth/{}", normal_path(name)),
        MountClass::Secret => normal_path(name),
    };
    mounts::find(&*mounts::space(cx)?, class, name).ok_or_else(|| Error::invalid(missing(&shown)))
}

#[derive(Serialize)]
struct TuneBody<'a> {
    #[serde(flatten)]
    config: ConfigBody<'a>,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    external_entropy_access: bool,
    #[serde(flatten)]
    user_lockout: Option<UserLockout>,
}

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let mounted = named(cx, |path| format!("cannot fetch sysview for path \"{path}\""))?;
    let entry = mounted.entry();
    let limits = cx.core.settings.limits.of_mount(&entry.config);
    let body = TuneBody {
        config: ConfigBody::new(&entry.config, limits.default.as_secs(), limits.max.as_secs())
            .without_lockout(),
        description: &entry.description,
        options: entry.options.as_ref().filter(|options| !options.is_empty()),
        external_entropy_access: entry.external_entropy_access,
        user_lockout: entry.config.user_lockout,
    };
    Ok(Response::data(&body)?.spread())
}

async fn write(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let mounted = named(cx, |path| format!("tune of path \"{path}\" failed: no mount entry found"))?;
    let given: Tune = cx.fields()?;
    refuse_untunable(mounted.entry(), &given)?;
    let mut entry = mounted.entry().clone();
    apply(&mut entry.config, &given, entry.class == MountClass::Auth)?;
    check_limits(cx, &entry.config)?;
    apply_lockout(&mut entry, &given)?;
    if let Some(description) = given.description {
        entry.description = description;
    }
    let is_upgrade = apply_options(&mut entry, given.options.map(|map| map.0).unwrap_or_default())?;
    if is_upgrade {
        if entry.tainted {
            return Err(Error::invalid("a mount that is being moved cannot be brought to version 2"));
        }
        entry.upgrading = !upgrade(cx, &mounted).await?;
    }
    mount_table::write(cx.transaction(), &mounted.mount.namespace, &entry)?;
    let next =
        if is_upgrade { Mounted::new(entry, &mounted.mount.namespace) } else { mounted.with_entry(entry) };
    enable::publish(cx, &next)?;
    let upgrading = "Upgrading mount to version 2. This mount will be unavailable for a brief period and will \
                     resume service shortly.";
    Ok(if is_upgrade { Response::empty().with_warning(upgrading) } else { Response::empty() })
}

/// Brings the secrets of a kv mount to version 2. False if they are many: then a task does it, and the mount takes no
/// request until it has.
async fn upgrade(cx: &Context<'_>, mounted: &Mounted) -> Result<bool, Error> {
    if clearing::is_soon_done(cx, &mounted.prefix).await?
        && kv2::upgrade::at_once(cx.transaction(), &mounted.prefix, cx.now()).await?
    {
        return Ok(true);
    }
    let note = Leftover::OldSecrets {
        namespace: mounted.mount.namespace.id.clone(),
        mount: mounted.entry().uuid.clone(),
        are_aside: false,
    };
    cx.core.tokens.clearing().leave(cx.transaction(), &note)?;
    Ok(false)
}

fn refuse_untunable(entry: &MountEntry, given: &Tune) -> Result<(), Error> {
    let wanted = [
        ("default_lease_ttl", given.default_lease_ttl.is_some()),
        ("max_lease_ttl", given.max_lease_ttl.is_some()),
    ];
    let path = entry.api_path();
    if matches!(path.as_str(), "sys/" | "cubbyhole/" | "identity/")
        && let Some((name, _)) = wanted.iter().find(|(_, is_wanted)| *is_wanted)
    {
        return Err(Error::invalid(format!("cannot tune parameter {name} of {path}")));
    }
    if given.token_type.is_some() && entry.class == MountClass::Secret {
        return Err(Error::invalid("'token_type' can only be modified on auth mounts"));
    }
    Ok(())
}

fn check_limits(cx: &Context<'_>, config: &MountConfig) -> Result<(), Error> {
    let (default, max) = (config.default_lease_ttl, config.max_lease_ttl);
    let max = if max == 0 { cx.core.settings.limits.max.as_secs() } else { max };
    if default > max {
        return Err(Error::invalid(format!(
            "backend max lease TTL of {max} would be less than backend default lease TTL of {default}"
        )));
    }
    Ok(())
}

/// Adds `given` to the options. True if it turns a kv mount into version 2.
fn apply_options(entry: &mut MountEntry, given: BTreeMap<String, String>) -> Result<bool, Error> {
    if given.is_empty() {
        return Ok(false);
    }
    if let Some(version) = given.get("version") {
        check_version(version)?;
    }
    let before = entry.option("version").to_owned();
    for (name, value) in given {
        let options = entry.options.get_or_insert_default();
        if value.is_empty() { drop(options.remove(&name)) } else { drop(options.insert(name, value)) }
    }
    let after = entry.option("version");
    match (before.as_str(), after) {
        ("2", after) if entry.kind == "kv" && after != "2" => {
            Err(Error::invalid("cannot downgrade mount from version 2"))
        }
        (before, "2") if entry.kind == "kv" => Ok(before != "2"),
        _ => Ok(false),
    }
}

/// Mounts of every type have a version of 1 or 2, if any.
fn check_version(version: &str) -> Result<(), Error> {
    let number = if version.is_empty() { Ok(0) } else { version.parse::<i64>() };
    let number = number.map_err(|_| {
        let text =
            format!("unable to parse options: strconv.ParseInt: parsing \"{version}\": invalid syntax");
        Error::invalid(text)
    })?;
    match number {
        1 | 2 => Ok(()),
        _ => Err(Error::invalid(format!("invalid version provided: {number}"))),
    }
}
