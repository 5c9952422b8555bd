//! `…/tune`: limits and switches of mounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::kind::fields;
use schemas::shape::{Declared as _, Json, List, Map};
use serde::Serialize;

use super::mounts::{self, ConfigBody};
use super::{Sys, catalog, enable, plugin_version};
use crate::core::clearing::{self, Leftover};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::input::go_seconds;
use crate::core::mount::{MountClass, MountConfig, MountEntry, UserLockout};
use crate::core::mount_table;
use crate::core::response::Response;
use crate::core::topology::{Mounted, normal_path};
use crate::core::{exact, go_text};
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
pub(super) struct Settings {
    /// Lifetime of leases and tokens that ask for none; empty or `system`: the system's.
    default_lease_ttl: Option<String>,
    /// Longest lifetime.
    max_lease_ttl: Option<String>,
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
    pub(super) plugin_version: Option<String>,
}

/// The body of a change.
#[derive(schemas::Fields)]
struct Tune {
    /// Limits and switches.
    #[kind(flatten)]
    settings: Settings,
    /// Text for people.
    description: Option<String>,
    /// Options of the engine.
    options: Option<Map<String>>,
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
    lockout_disable: Option<bool>,
}

impl Settings {
    /// Sets the lifetimes that are given.
    ///
    /// # Errors
    /// Which is none, and why; who asks words the error.
    pub(super) fn apply_lifetimes(&self, config: &mut MountConfig) -> Result<(), WrongLifetime> {
        let lifetimes = [
            ("default", &self.default_lease_ttl, &mut config.default_lease_ttl),
            ("max", &self.max_lease_ttl, &mut config.max_lease_ttl),
        ];
        for (which, text, seconds) in lifetimes {
            // An empty text says nothing: command lines send it for what they were not told.
            if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
                *seconds =
                    lifetime(text).map_err(|problem| WrongLifetime { which, text: text.clone(), problem })?;
            }
        }
        Ok(())
    }

    /// Sets what tokens are, of an auth method.
    pub(super) fn apply_token_type(&self, config: &mut MountConfig) -> Result<(), Error> {
        if let Some(token_type) = &self.token_type {
            config.token_type = match token_type.as_str() {
                "" => "default-service".to_owned(),
                "default-service" | "default-batch" | "service" | "batch" => token_type.clone(),
                _ => return Err(Error::invalid("invalid value for 'token_type'")),
            };
        }
        Ok(())
    }

    /// Sets who sees the mount, and which keys and headers are let through.
    pub(super) fn apply_visibility(&self, config: &mut MountConfig) -> Result<(), Error> {
        if let Some(visibility) = &self.listing_visibility {
            if !matches!(visibility.as_str(), "" | "hidden" | "unauth") {
                return Err(Error::invalid(format!("invalid listing_visibility {visibility}")));
            }
            config.listing_visibility.clone_from(visibility);
        }
        replace(&mut config.audit_non_hmac_request_keys, self.audit_non_hmac_request_keys.as_ref());
        replace(&mut config.audit_non_hmac_response_keys, self.audit_non_hmac_response_keys.as_ref());
        replace(&mut config.passthrough_request_headers, self.passthrough_request_headers.as_ref());
        replace(&mut config.allowed_response_headers, self.allowed_response_headers.as_ref());
        Ok(())
    }
}

fn replace(list: &mut Option<Vec<String>>, given: Option<&List<String>>) {
    if let Some(given) = given {
        *list = Some(given.0.clone()).filter(|list| !list.is_empty());
    }
}

/// A text that is no lifetime.
pub(super) struct WrongLifetime {
    pub(super) which: &'static str,
    pub(super) text: String,
    pub(super) problem: String,
}

/// Seconds; 0 for the system's.
fn lifetime(text: &str) -> Result<u64, String> {
    match text {
        "" | "system" => Ok(0),
        text => {
            u64::try_from(go_seconds(text)?).map_err(|_| format!("`{text}` is negative, and no lifetime"))
        }
    }
}

/// Changes when logins of `entry` are locked out.
fn apply_lockout(cx: &Context<'_>, entry: &mut MountEntry) -> Result<(), Error> {
    let given = exact::object(cx.parameters(), "user_lockout_config")?;
    if given.is_empty() {
        return Ok(());
    }
    let refused = || Error::invalid("unable to convert given user lockout config information");
    let given: Lockout = exact::fields_of(&given).ok_or_else(refused)?;
    if !matches!(entry.kind.as_str(), "userpass" | "ldap" | "approle") || entry.class != MountClass::Auth {
        return Err(Error::invalid(format!(
            "tuning of user lockout configuration for auth type \"{}\" not allowed",
            entry.plain_kind()
        )));
    }
    let mut lockout = entry.config.user_lockout.unwrap_or_default();
    if let Some(text) = given.lockout_threshold.filter(|text| !text.is_empty()) {
        lockout.threshold = threshold(&text)?;
    }
    let periods = [
        (given.lockout_duration, &mut lockout.duration),
        (given.lockout_counter_reset_duration, &mut lockout.counter_reset),
    ];
    for (text, seconds) in periods {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            *seconds = lifetime(&text).map_err(Error::invalid)?;
        }
    }
    lockout.disable = given.lockout_disable.unwrap_or(lockout.disable);
    entry.config.user_lockout = Some(lockout);
    Ok(())
}

/// How many failures lock out.
fn threshold(text: &str) -> Result<u64, Error> {
    let is_number = text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or_else(|| {
        let problem = if is_number { "value out of range" } else { "invalid syntax" };
        let text = go_text::quoted(text);
        Error::invalid(format!(
            "unable to parse user lockout threshold: strconv.ParseUint: parsing {text}: {problem}"
        ))
    })
}

/// The mount that the path names. `missing` makes the error of what names none.
fn named(cx: &Context<'_>, missing: fn(&str) -> String) -> Result<Arc<Mounted>, Error> {
    let is_auth = match cx.path().strip_prefix("mounts/") {
        // Of a mount that is called so, and not of one below it.
        Some(path) => path.starts_with("auth/") && path != "auth/tune",
        None => true,
    };
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
    #[serde(skip_serializing_if = "str::is_empty")]
    plugin_version: &'a str,
    #[serde(flatten)]
    user_lockout: Option<UserLockout>,
}

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let mounted = named(cx, |path| format!("cannot fetch sysview for path \"{path}\""))?;
    let entry = mounted.entry();
    let limits = cx.core.limits_of(&mounted.mount);
    let body = TuneBody {
        config: ConfigBody::new(&entry.config, limits.default.as_secs(), limits.max.as_secs())
            .without_lockout(),
        description: &entry.description,
        options: entry.options.as_ref().filter(|options| !options.is_empty()),
        external_entropy_access: entry.external_entropy_access,
        plugin_version: &entry.plugin_version,
        user_lockout: entry.config.user_lockout,
    };
    Ok(Response::sorted_data(&body)?.spread())
}

async fn write(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let mounted = named(cx, |path| format!("tune of path \"{path}\" failed: no mount entry found"))?;
    refuse_untunable(cx, mounted.entry())?;
    let given: Tune = cx.fields()?;
    let mut entry = mounted.entry().clone();
    apply(cx, &mut entry, &given)?;
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

/// Changes `entry` as `given` says, but for its options.
fn apply(cx: &Context<'_>, entry: &mut MountEntry, given: &Tune) -> Result<(), Error> {
    let settings = &given.settings;
    settings.apply_lifetimes(&mut entry.config).map_err(|wrong| Error::invalid(wrong.problem))?;
    check_limits(&entry.config)?;
    apply_lockout(cx, entry)?;
    if let Some(description) = &given.description {
        entry.description.clone_from(description);
    }
    if let Some(version) = &settings.plugin_version {
        entry.plugin_version = plugin_version::canonical(version)?;
        catalog::require_version(entry.class, entry.plain_kind(), &entry.plugin_version)?;
    }
    settings.apply_visibility(&mut entry.config)?;
    if settings.token_type.is_some() {
        require_token_type(entry)?;
    }
    settings.apply_token_type(&mut entry.config)
}

/// Only auth methods have a type of tokens, and the tokens' own has none to choose.
fn require_token_type(entry: &MountEntry) -> Result<(), Error> {
    match (entry.class, entry.plain_kind()) {
        (MountClass::Secret, _) => Err(Error::invalid("'token_type' can only be modified on auth mounts")),
        (MountClass::Auth, "token") => {
            Err(Error::invalid("'token_type' cannot be set for 'token' or 'ns_token' auth mounts"))
        }
        _ => Ok(()),
    }
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
    let domain = mounted.mount.namespace.domain();
    cx.core.tokens.clearing().leave(cx.transaction(), &domain, &note)?;
    Ok(false)
}

/// Of what every namespace has, only what the audit log shows can be changed.
fn refuse_untunable(cx: &Context<'_>, entry: &MountEntry) -> Result<(), Error> {
    let path = entry.api_path();
    if !matches!(path.as_str(), "sys/" | "cubbyhole/" | "identity/") {
        return Ok(());
    }
    let mut names = fields(Tune::PARTS).map(|field| field.api);
    let is_refused =
        |name: &&str| cx.parameters().contains_key(*name) && !name.starts_with("audit_non_hmac_");
    match names.find(is_refused) {
        Some(name) => Err(Error::invalid(format!("cannot tune parameter {name} of {path}"))),
        None => Ok(()),
    }
}

/// A default above the system's longest lifetime is kept: what is given out is cut when it is.
fn check_limits(config: &MountConfig) -> Result<(), Error> {
    let (default, max) = (config.default_lease_ttl, config.max_lease_ttl);
    if max > 0 && default > max {
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
    let is_kv = matches!(entry.kind.as_str(), "kv" | "generic");
    match (before.as_str(), after) {
        ("2", after) if is_kv && after != "2" => Err(Error::invalid("cannot downgrade mount from version 2")),
        (before, "2") if is_kv => Ok(before != "2"),
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
