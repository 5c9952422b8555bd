//! Mounting.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::shape::{Json, Map};

use super::tune::{self, Tune};
use super::{Sys, catalog, mounts};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::input;
use crate::core::mount::{MountClass, MountConfig, MountEntry};
use crate::core::mount_table;
use crate::core::request::Parameters;
use crate::core::response::Response;
use crate::core::topology::{Mounted, Space, normal_path};

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

/// `POST sys/mounts/{path}`.
pub(super) async fn secret(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = wanted_path(cx)?;
    for reserved in ["sys/", "cubbyhole/", "identity/", "auth/", "audit/"] {
        if path.starts_with(reserved) {
            return Err(Error::invalid(format!("cannot mount \"{path}\"")));
        }
    }
    enable(cx, MountClass::Secret, &path).await
}

/// `POST sys/mounts/auth/{path}`: auth methods are mounted at `sys/auth`.
pub(super) async fn not_auth(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Err(Error::invalid(format!("cannot mount \"auth/{}\"", wanted_path(cx)?)))
}

/// `POST sys/auth/{path}`.
pub(super) async fn auth(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = wanted_path(cx)?;
    enable(cx, MountClass::Auth, &path).await
}

fn wanted_path(cx: &Context<'_>) -> Result<String, Error> {
    match cx.capture("path") {
        "" => Err(Error::unsupported_path()),
        path => Ok(normal_path(path)),
    }
}

async fn enable(cx: &Context<'_>, class: MountClass, path: &str) -> Result<Response, Error> {
    let entry = entry(cx, class, path)?;
    let space = mounts::space(cx)?;
    refuse_conflict(cx, &space, &entry)?;
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

/// The entry that the request describes.
fn entry(cx: &Context<'_>, class: MountClass, path: &str) -> Result<MountEntry, Error> {
    let body: Enable = cx.fields()?;
    let mut options = options(cx, body.options.map(|map| map.0));
    let kind = kind(class, body.kind, body.plugin_name, &mut options)?;
    check_version(&kind, options.as_ref())?;
    let config = config(cx, class, body.config.as_ref())?;
    Ok(MountEntry {
        description: body.description.unwrap_or_default(),
        config,
        options,
        local: body.local.unwrap_or_default(),
        seal_wrap: body.seal_wrap.unwrap_or_default(),
        external_entropy_access: body.external_entropy_access.unwrap_or_default(),
        ..MountEntry::new(class, path, &kind)
    })
}

/// Options as given: null stays null, absent is empty.
fn options(cx: &Context<'_>, given: Option<BTreeMap<String, String>>) -> Option<BTreeMap<String, String>> {
    let is_null = cx.parameters().get("options").is_some_and(|raw| raw.get() == "null");
    if is_null { None } else { Some(given.unwrap_or_default()) }
}

/// The type, checked. `kv-v2` is `kv` with an option.
fn kind(
    class: MountClass,
    kind: Option<String>,
    plugin: Option<String>,
    options: &mut Option<BTreeMap<String, String>>,
) -> Result<String, Error> {
    let kind = kind.filter(|kind| !kind.is_empty() && kind != "plugin").or(plugin).unwrap_or_default();
    let version = match kind.as_str() {
        "" => return Err(Error::invalid("backend type must be specified as a string")),
        "kv-v1" => Some("1"),
        "kv-v2" => Some("2"),
        _ => None,
    };
    if let (MountClass::Secret, Some(version)) = (class, version) {
        options.get_or_insert_default().insert("version".to_owned(), version.to_owned());
        return Ok("kv".to_owned());
    }
    if class == MountClass::Secret && matches!(kind.as_str(), "system" | "cubbyhole" | "identity" | "token") {
        return Err(Error::invalid(format!("mount type of \"{kind}\" is not mountable")));
    }
    if class == MountClass::Auth && matches!(kind.as_str(), "token" | "ns_token") {
        return Err(Error::invalid("token credential backend cannot be instantiated"));
    }
    if !catalog::is_known(class, &kind) {
        return Err(Error::invalid(format!("plugin not found in the catalog: {kind}")));
    }
    Ok(kind)
}

fn check_version(kind: &str, options: Option<&BTreeMap<String, String>>) -> Result<(), Error> {
    match options.and_then(|options| options.get("version")).map(String::as_str) {
        Some(version) if kind == "kv" && !matches!(version, "" | "1" | "2") => Err(Error::invalid(format!(
            "invalid version \"{version}\" of a key/value mount: it must be 1 or 2"
        ))),
        _ => Ok(()),
    }
}

fn config(cx: &Context<'_>, class: MountClass, json: Option<&Json>) -> Result<MountConfig, Error> {
    let parameters: Parameters = match json.map(|json| json.0.trim()) {
        None | Some("" | "null") => Parameters::new(),
        Some(text) if text.starts_with('{') => serde_json::from_str(text)?,
        Some(_) => {
            return Err(Error::invalid(
                "Field validation failed: error converting input for field \"config\": \
                 '' expected type 'map[string]interface {}', got unconvertible type 'string'",
            ));
        }
    };
    let given: Tune = input::decode_object(&parameters)?;
    tune::check_lifetimes(&given)?;
    let mut config = MountConfig::default();
    if class == MountClass::Auth {
        "default-service".clone_into(&mut config.token_type);
    }
    tune::apply(&mut config, &given, class == MountClass::Auth)?;
    check_limits(cx, &config)?;
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
    match cx.topology()?.conflict(space, &api_path) {
        Some(namespace) => Err(Error::invalid(format!("existing mount at {namespace}auth/token/"))),
        None => Ok(()),
    }
}
