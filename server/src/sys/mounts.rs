//! `sys/mounts` and `sys/auth`: what is mounted.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use schemas::shape::Declared as _;
use serde::Serialize;
use serde_json::json;

use super::enable::{self, Enable};
use super::{Sys, catalog, unmount};
use crate::core::acl::Acl;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::mount::{MountClass, MountConfig, MountEntry, UserLockout};
use crate::core::response::Response;
use crate::core::topology::{Mounted, Space, normal_path};
use crate::handler;

/// Mounts, by path and all, and what user interfaces show of them.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("mounts")
        .about("All secrets engines that are mounted.")
        .fields(&[])
        .read(handler!(read_secrets)),
    Route::new("mounts/auth/{path+..}")
        .about("Auth methods are mounted at `auth/`, not here.")
        .hidden()
        .read(handler!(read_auth_as_mount))
        .write(handler!(enable::not_auth))
        .delete(handler!(unmount::not_auth)),
    Route::new("mounts/{path+..}")
        .about("One secrets engine: mounts it, shows it, unmounts it with all that it holds.")
        .fields(Enable::PARTS)
        .topology()
        .read(handler!(read_secret))
        .write(handler!(enable::secret))
        .delete(handler!(unmount::secret)),
    Route::new("auth").about("All auth methods that are enabled.").fields(&[]).read(handler!(read_all_auth)),
    Route::new("auth/{path+..}")
        .about("One auth method: enables it, shows it, disables it and ends its tokens.")
        .fields(Enable::PARTS)
        .sudo()
        .topology()
        .read(handler!(read_auth))
        .write(handler!(enable::auth))
        .delete(handler!(unmount::auth)),
    Route::new("internal/ui/mounts")
        .about("The mounts that the token of the request reaches, for user interfaces.")
        .unauthenticated()
        .fields(&[])
        .read(handler!(visible)),
    Route::new("internal/ui/mounts/{path+..}")
        .about("The mount that a path is in, for clients that need its type first.")
        .unauthenticated()
        .fields(&[])
        .read(handler!(preflight)),
];

/// A mount as it is answered.
#[derive(Serialize)]
pub(super) struct MountBody<'a> {
    accessor: &'a str,
    config: ConfigBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecation_status: Option<&'static str>,
    description: &'a str,
    external_entropy_access: bool,
    local: bool,
    options: &'a Option<BTreeMap<String, String>>,
    /// Only where one mount is asked for by a path in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    plugin_version: &'a str,
    running_plugin_version: String,
    running_sha256: &'static str,
    seal_wrap: bool,
    #[serde(rename = "type")]
    kind: &'a str,
    uuid: &'a str,
}

/// The configuration of a mount: limits, and what was tuned.
#[derive(Serialize)]
pub(super) struct ConfigBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_response_headers: &'a Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_non_hmac_request_keys: &'a Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_non_hmac_response_keys: &'a Option<Vec<String>>,
    default_lease_ttl: u64,
    force_no_cache: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    listing_visibility: &'a str,
    max_lease_ttl: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    passthrough_request_headers: &'a Option<Vec<String>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_lockout_config: Option<UserLockout>,
}

impl<'a> ConfigBody<'a> {
    /// The same without what `tune` shows in its own place.
    pub(super) fn without_lockout(self) -> Self {
        Self { user_lockout_config: None, ..self }
    }

    /// `config` with these limits in seconds.
    pub(super) fn new(config: &'a MountConfig, default_lease_ttl: u64, max_lease_ttl: u64) -> Self {
        Self {
            allowed_response_headers: &config.allowed_response_headers,
            audit_non_hmac_request_keys: &config.audit_non_hmac_request_keys,
            audit_non_hmac_response_keys: &config.audit_non_hmac_response_keys,
            default_lease_ttl,
            force_no_cache: config.force_no_cache,
            listing_visibility: &config.listing_visibility,
            max_lease_ttl,
            passthrough_request_headers: &config.passthrough_request_headers,
            token_type: &config.token_type,
            user_lockout_config: config.user_lockout,
        }
    }
}

impl<'a> MountBody<'a> {
    fn new(entry: &'a MountEntry) -> Self {
        let config = &entry.config;
        Self {
            accessor: &entry.accessor,
            config: ConfigBody::new(config, config.default_lease_ttl, config.max_lease_ttl),
            deprecation_status: catalog::deprecation_status(entry.class, &entry.kind),
            description: &entry.description,
            external_entropy_access: entry.external_entropy_access,
            local: entry.local,
            options: &entry.options,
            path: None,
            plugin_version: &entry.plugin_version,
            running_plugin_version: catalog::running_version(),
            running_sha256: "",
            seal_wrap: entry.seal_wrap,
            kind: &entry.kind,
            uuid: &entry.uuid,
        }
    }
}

/// The namespace of the request.
pub(super) fn space(cx: &Context<'_>) -> Result<Arc<Space>, Error> {
    let topology = cx.topology()?;
    topology.space(&cx.request().namespace.path).cloned().ok_or_else(Error::not_found)
}

/// The mount of `class` at `path`, if it is not being unmounted.
pub(super) fn find(space: &Space, class: MountClass, path: &str) -> Option<Arc<Mounted>> {
    let api_path = match class {
        MountClass::Secret => normal_path(path),
        MountClass::Auth => format!("auth/{}", normal_path(path)),
    };
    space.mount(&api_path).filter(|mounted| mounted.entry().class == class).cloned()
}

fn of_class(space: &Space, class: MountClass) -> BTreeMap<&str, MountBody<'_>> {
    let mounts = space.mounts().map(|(_, mounted)| mounted.entry()).filter(|entry| entry.class == class);
    mounts.map(|entry| (entry.path.as_str(), MountBody::new(entry))).collect()
}

async fn read_secrets(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Ok(Response::data(&of_class(&*space(cx)?, MountClass::Secret))?.spread_folders())
}

async fn read_all_auth(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Ok(Response::data(&of_class(&*space(cx)?, MountClass::Auth))?.spread_folders())
}

async fn read_secret(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    read_one(cx, MountClass::Secret, "No secret engine mount at ")
}

async fn read_auth(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    read_one(cx, MountClass::Auth, "No auth engine at ")
}

async fn read_auth_as_mount(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    read_one(cx, MountClass::Auth, "No secret engine mount at auth/")
}

fn read_one(cx: &Context<'_>, class: MountClass, missing: &str) -> Result<Response, Error> {
    let path = cx.capture("path");
    let mounted = find(&*space(cx)?, class, path)
        .ok_or_else(|| Error::invalid(format!("{missing}{}", normal_path(path))))?;
    Ok(Response::data(&MountBody::new(mounted.entry()))?.spread())
}

/// Mounts that the token reaches; without a token those that are listed for everybody.
async fn visible(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let space = space(cx)?;
    let acl = acl(cx).await?;
    let namespace = &cx.request().namespace.path;
    let mut bodies: [BTreeMap<&str, serde_json::Value>; 2] = Default::default();
    for (path, mounted) in space.mounts() {
        let entry = mounted.entry();
        let is_listed = entry.config.listing_visibility == "unauth";
        let body = match &acl {
            Some(acl) if is_listed || acl.reaches_mount(namespace, path) => {
                serde_json::to_value(MountBody::new(entry))?
            }
            None if is_listed => {
                json!({ "type": entry.kind, "description": entry.description, "options": entry.options })
            }
            _ => continue,
        };
        bodies[usize::from(entry.class == MountClass::Auth)].insert(&entry.path, body);
    }
    let [secret, auth] = bodies;
    Response::data(&json!({ "auth": auth, "secret": secret }))
}

/// What the token may do; `None` without a token.
///
/// # Errors
/// 403 for a token that is not good: it is not as good as none.
async fn acl(cx: &Context<'_>) -> Result<Option<Arc<Acl>>, Error> {
    match cx.request().token {
        None if cx.request().client_token.is_empty() => Ok(None),
        _ => cx.core.acl_of(cx.request()).await.map(Some),
    }
}

/// The mounts that the token reaches; without a token those that are listed for everybody.
pub(super) async fn reached(cx: &Context<'_>) -> Result<Vec<Arc<Mounted>>, Error> {
    let acl = acl(cx).await?;
    let namespace = &cx.request().namespace.path;
    let is_shown = |path: &str, mounted: &Mounted| {
        mounted.entry().config.listing_visibility == "unauth"
            || acl.as_ref().is_some_and(|acl| acl.reaches_mount(namespace, path))
    };
    let space = space(cx)?;
    let shown = space.mounts().filter(|(path, mounted)| is_shown(path, mounted));
    Ok(shown.map(|(_, mounted)| Arc::clone(mounted)).collect())
}

/// One mount by any path in it, for clients that need its type before they can form a request.
async fn preflight(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let path = cx.capture("path");
    if cx.request().token.is_none() {
        return Err(Error::permission_denied());
    }
    let denied = || {
        let path = normal_path(path);
        Error::with_status(
            StatusCode::FORBIDDEN,
            format!(
                "preflight capability check returned 403, please ensure client's policies grant access to path \"{path}\""
            ),
        )
    };
    let acl = cx.core.acl_of(cx.request()).await?;
    let (topology, own) = (cx.topology()?, space(cx)?);
    let (space, length) = topology.descend(&own, path);
    let (namespace, below) = path.split_at(length);
    let (mounted, _) = space.route(below).ok_or_else(denied)?;
    let (entry, api_path) = (mounted.entry(), mounted.entry().api_path());
    if !acl.reaches_mount(&space.namespace.path, &api_path) {
        return Err(denied());
    }
    // As the API has it, `auth/` is shown of the mounts of another namespace only.
    let shown = if namespace.is_empty() { entry.path.clone() } else { format!("{namespace}{api_path}") };
    Response::data(&MountBody { path: Some(&shown), ..MountBody::new(entry) })
}
