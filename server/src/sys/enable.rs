//! Mounting.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::Value;
use schemas::shape::{Json, Map};

use super::tune::{Settings, WrongLifetime};
use super::{Sys, catalog, mounts, plugin_version};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::exact;
use crate::core::go_text::quoted;
use crate::core::mount::{MountClass, MountConfig, MountEntry};
use crate::core::mount_table;
use crate::core::response::Response;
use crate::core::topology::{Mounted, Space, Topology, normal_path};

/// The body that mounts something.
#[derive(schemas::Fields)]
pub(super) struct Enable {
    /// Type of the engine or the auth method.
    #[kind(api = "type")]
    kind: Option<String>,
    /// Text for people.
    description: Option<String>,
    /// Limits and switches.
    config: Option<Json>,
    /// Options of the engine.
    options: Option<Map<String>>,
    /// Only kept.
    local: Option<bool>,
    /// Only kept.
    seal_wrap: Option<bool>,
    /// Only kept.
    external_entropy_access: Option<bool>,
    /// Another way to name the type.
    plugin_name: Option<String>,
    /// Version of the plugin; only the built-in one is there.
    plugin_version: Option<String>,
}

/// `config` of that body.
#[derive(schemas::Fields)]
struct Config {
    /// Limits and switches.
    #[kind(flatten)]
    settings: Settings,
    /// Only kept, of secrets engines.
    force_no_cache: Option<bool>,
    /// Taken by `tune` alone: here it has to be of its type, and is passed over.
    user_lockout_config: Option<Json>,
    /// Another way to name the type.
    plugin_name: Option<String>,
}

/// `user_lockout_config` of that, whose names and types are others than those of `tune`.
#[derive(schemas::Fields)]
struct LockoutConfig {
    /// Failed logins.
    lockout_threshold: Option<i64>,
    /// Nanoseconds.
    lockout_duration: Option<i64>,
    /// Nanoseconds.
    lockout_counter_reset: Option<i64>,
    /// Whether users are never locked.
    disable_lockout: Option<bool>,
}

/// `POST sys/mounts/{path}`.
pub(super) async fn secret(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    enable(cx, MountClass::Secret).await
}

/// `POST sys/mounts/auth/{path}`: auth methods are mounted at `sys/auth`.
pub(super) async fn not_auth(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Err(Error::invalid(format!("cannot mount \"auth/{}\"", wanted_path(cx)?)))
}

/// `POST sys/auth/{path}`.
pub(super) async fn auth(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    enable(cx, MountClass::Auth).await
}

fn wanted_path(cx: &Context<'_>) -> Result<String, Error> {
    match cx.capture("path") {
        "" => Err(Error::unsupported_path()),
        path => Ok(normal_path(path)),
    }
}

async fn enable(cx: &Context<'_>, class: MountClass) -> Result<Response, Error> {
    let path = wanted_path(cx)?;
    let (entry, version) = entry(cx, class, &path)?;
    refuse_singleton(&entry)?;
    let space = mounts::space(cx)?;
    refuse_conflict(cx, &space, &entry)?;
    look_up(&entry, version)?;
    mount_table::write(cx.transaction(), &space.namespace, &entry)?;
    let mounted = Mounted::new(entry, &space.namespace);
    if let Some(engine) = &mounted.engine {
        engine.mount(&cx.at(&mounted.mount, &mounted.prefix, cx.limits())).await?;
    }
    publish(cx, &mounted)?;
    Ok(Response::empty())
}

/// Lets requests find `mounted` once it is stored.
pub(super) fn publish(cx: &Context<'_>, mounted: &Arc<Mounted>) -> Result<(), Error> {
    cx.change_topology(|topology| topology.with_mount(mounted))
}

/// The entry that the request describes, and the version of its plugin if it is not just the one that is there.
fn entry(cx: &Context<'_>, class: MountClass, path: &str) -> Result<(MountEntry, Option<String>), Error> {
    let given = exact::object(cx.parameters(), "config")?;
    let body: Enable = cx.fields()?;
    let refused = || {
        let class = if class == MountClass::Auth { "auth" } else { "mount" };
        Error::invalid(format!("unable to convert given {class} config information"))
    };
    if let Some(Value::Map(lockout)) = given.get("user_lockout_config") {
        let lockout: LockoutConfig = exact::fields_of(lockout).ok_or_else(refused)?;
        if lockout.lockout_threshold.is_some_and(i64::is_negative) {
            return Err(refused());
        }
    }
    let given: Config = exact::fields_of(&given).ok_or_else(refused)?;
    let mut config = limits(cx, class, &given)?;
    let mut options = options(cx, body.options.map(|map| map.0));
    let kind = kind(class, body.kind, given.plugin_name.or(body.plugin_name), &mut options)?;
    let version = plugin_version::wanted(class, &kind, given.settings.plugin_version.as_deref())?;
    given.settings.apply_visibility(&mut config)?;
    let entry = MountEntry {
        description: body.description.unwrap_or_default(),
        config,
        options,
        local: body.local.unwrap_or_default(),
        seal_wrap: body.seal_wrap.unwrap_or_default(),
        external_entropy_access: body.external_entropy_access.unwrap_or_default(),
        ..MountEntry::new(class, path, &kind)
    };
    Ok((entry, version))
}

/// Options as given: null stays null, absent is empty.
fn options(cx: &Context<'_>, given: Option<BTreeMap<String, String>>) -> Option<BTreeMap<String, String>> {
    let is_null = cx.parameters().get("options").is_some_and(|raw| raw.get() == "null");
    if is_null { None } else { Some(given.unwrap_or_default()) }
}

/// The type. `kv-v2` is `kv` with an option, and nothing else has versions.
fn kind(
    class: MountClass,
    kind: Option<String>,
    plugin: Option<String>,
    options: &mut Option<BTreeMap<String, String>>,
) -> Result<String, Error> {
    let kind = match kind.unwrap_or_default().as_str() {
        "" => return Err(Error::invalid("backend type must be specified as a string")),
        "plugin" => plugin
            .filter(|plugin| !plugin.is_empty())
            .ok_or_else(|| Error::invalid("plugin_name must be provided for plugin backend"))?,
        kind => kind.to_owned(),
    };
    let version = match (class, kind.as_str()) {
        (MountClass::Secret, "kv") => return Ok(kind),
        (MountClass::Secret, "kv-v1") => "1",
        (MountClass::Secret, "kv-v2") => "2",
        _ => return refuse_version(class, kind, options.as_ref()),
    };
    options.get_or_insert_default().insert("version".to_owned(), version.to_owned());
    Ok("kv".to_owned())
}

fn refuse_version(
    class: MountClass,
    kind: String,
    options: Option<&BTreeMap<String, String>>,
) -> Result<String, Error> {
    let sort = if class == MountClass::Auth { "auth method" } else { "secrets engine" };
    match options.and_then(|options| options.get("version")).filter(|version| !version.is_empty()) {
        Some(_) => {
            let kind = quoted(&kind);
            Err(Error::invalid(format!("{sort} {kind} does not allow setting a version")))
        }
        None => Ok(kind),
    }
}

/// Every namespace has one of some types, at places of their own.
fn refuse_singleton(entry: &MountEntry) -> Result<(), Error> {
    let is_singleton = matches!(entry.plain_kind(), "system" | "cubbyhole" | "identity" | "token");
    match entry.class {
        MountClass::Auth if entry.plain_kind() == "token" => {
            Err(Error::invalid("token credential backend cannot be instantiated"))
        }
        MountClass::Auth => Ok(()),
        MountClass::Secret => {
            let reserved = ["sys/", "cubbyhole/", "identity/", "auth/", "audit/"];
            if reserved.iter().any(|reserved| entry.path.starts_with(reserved)) {
                return Err(Error::invalid(format!("cannot mount \"{}\"", entry.path)));
            }
            if is_singleton {
                let kind = &entry.kind;
                return Err(Error::invalid(format!("mount type of \"{kind}\" is not mountable")));
            }
            Ok(())
        }
    }
}

/// Whether there is what `entry` is to be.
fn look_up(entry: &MountEntry, version: Option<String>) -> Result<(), Error> {
    let kind = &entry.kind;
    if let Some(version) = version {
        catalog::require_version(entry.class, kind, &version)?;
    }
    if !catalog::is_known(entry.class, kind) {
        return Err(Error::invalid(format!("plugin not found in the catalog: {kind}")));
    }
    match entry.option("version") {
        version if kind == "kv" && !matches!(version, "" | "1" | "2") => Err(Error::invalid(format!(
            "invalid version \"{version}\" of a key/value mount: it must be 1 or 2"
        ))),
        _ => Ok(()),
    }
}

/// Its lifetimes, and what its tokens are.
fn limits(cx: &Context<'_>, class: MountClass, given: &Config) -> Result<MountConfig, Error> {
    let mut config = MountConfig::default();
    let worded = |WrongLifetime { which, text, problem }: WrongLifetime| {
        Error::invalid(format!("unable to parse {which} TTL of {text}: {problem}"))
    };
    given.settings.apply_lifetimes(&mut config).map_err(worded)?;
    check_limits(cx, &config)?;
    if class == MountClass::Auth {
        "default-service".clone_into(&mut config.token_type);
        given.settings.apply_token_type(&mut config)?;
    }
    config.force_no_cache = class == MountClass::Secret && given.force_no_cache.unwrap_or_default();
    Ok(config)
}

fn check_limits(cx: &Context<'_>, config: &MountConfig) -> Result<(), Error> {
    let (default, max) = (config.default_lease_ttl, config.max_lease_ttl);
    let system = cx.core.settings.limits.max.as_secs();
    if max > 0 && default > max {
        return Err(Error::invalid("given default lease TTL greater than given max lease TTL"));
    }
    if max == 0 && default > system {
        let text = format!("given default lease TTL greater than system max lease TTL of {system}");
        return Err(Error::invalid(text));
    }
    Ok(())
}

/// Mounts may not lie in one another, nor where a namespace is.
fn refuse_conflict(cx: &Context<'_>, space: &Space, entry: &MountEntry) -> Result<(), Error> {
    let api_path = entry.api_path();
    if let Some(other) = space.conflict(&api_path) {
        let shown = if entry.class == MountClass::Auth { other.trim_start_matches("auth/") } else { other };
        return Err(Error::invalid(format!("path is already in use at {shown}")));
    }
    match mount_below(&*cx.topology()?, space, &api_path) {
        Some(mount) => Err(Error::invalid(format!("existing mount at {mount}"))),
        None => Ok(()),
    }
}

/// What `path` of `space` collides with in a namespace below, which counts as a mount itself.
fn mount_below(topology: &Topology, space: &Space, path: &str) -> Option<String> {
    let namespace = topology.conflict(space, path)?;
    let below = topology.space(namespace)?;
    let rest = &path[namespace.len() - space.namespace.path.len()..];
    let deeper = mount_below(topology, below, rest);
    let mount = if rest.is_empty() { Some("auth/token/") } else { below.conflict(rest) };
    deeper.or_else(|| Some(format!("{namespace}{}", mount.unwrap_or_default())))
}
