//! `sys/leases/`.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use schemas::shape::{Declared as _, Json, Seconds};
use schemas::{Shape, Text};
use serde::Serialize;

use super::{LeaseRecord, lease_key, token_of};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::go_text;
use crate::core::namespace::Namespace;
use crate::core::response::{Effect, Grant, Response};
use crate::core::token::{Tokens, ttl};
use crate::core::weak;
use crate::handler;
use crate::sys::Sys;

/// Irrevocable leases that one answer lists, unless the request says otherwise.
const LISTED: usize = 10_000;

/// A lease in body or path.
#[derive(schemas::Fields)]
struct LeaseFields {
    /// Id of the lease.
    lease_id: Option<Json>,
    /// Id of the lease, as the path has it.
    url_lease_id: Option<String>,
    /// The lifetime asked for.
    increment: Option<Seconds>,
    /// Answer only when it is done. This server always does; `false` changes the status alone.
    sync: Option<bool>,
}

/// Leases by the beginning of their ids.
#[derive(schemas::Fields)]
struct PrefixFields {
    /// Answer only when it is done. This server always does; `false` changes the status alone.
    sync: Option<bool>,
}

/// Which leases to count.
#[derive(schemas::Fields)]
struct CountFields {
    /// Only `irrevocable`.
    #[kind(api = "type")]
    lease_type: Option<String>,
    /// Also those of namespaces below.
    include_child_namespaces: Option<bool>,
    /// How many to list at most; `none` for all.
    limit: Option<String>,
}

/// An id is a text, though the bodies are read as they are.
const MEANT: &[(&str, Shape)] = &[("lease_id", Shape::Text(Text::Plain))];

/// The routes of `sys/leases/`.
pub(crate) static ROUTES: &[Route<Sys>] = &[
    // Before the lookup: a list of all has nothing after the slash.
    Route::new("leases/lookup/{prefix..}")
        .about("Ids of the leases below a prefix.")
        .fields(&[])
        .list(handler!(list))
        .sudo(),
    Route::new("leases/lookup")
        .about("One lease: when it was made and when it ends.")
        .fields(LeaseFields::PARTS)
        .meant(MEANT)
        .only(&["lease_id"])
        .write(handler!(look_up)),
    Route::new("leases/renew")
        .about("Extends a lease.")
        .fields(LeaseFields::PARTS)
        .meant(MEANT)
        .only(&["lease_id", "url_lease_id", "increment"])
        .write(handler!(renew)),
    Route::new("leases/renew/{url_lease_id+..}")
        .about("Extends a lease that the path names.")
        .fields(LeaseFields::PARTS)
        .meant(MEANT)
        .only(&["lease_id", "url_lease_id", "increment"])
        .write(handler!(renew)),
    Route::new("leases/revoke")
        .about("Ends a lease and the secret that it stands for.")
        .fields(LeaseFields::PARTS)
        .meant(MEANT)
        .only(&["lease_id", "url_lease_id", "sync"])
        .write(handler!(revoke)),
    Route::new("leases/revoke/{url_lease_id+..}")
        .about("Ends a lease that the path names, and the secret that it stands for.")
        .fields(LeaseFields::PARTS)
        .meant(MEANT)
        .only(&["lease_id", "url_lease_id", "sync"])
        .write(handler!(revoke)),
    Route::new("leases/revoke-prefix/{prefix..}")
        .about("Ends all leases below a prefix.")
        .fields(PrefixFields::PARTS)
        .write(handler!(revoke_prefix))
        .sudo(),
    Route::new("leases/revoke-force/{prefix..}")
        .about("Ends all leases below a prefix, even where the engine fails to end the secret.")
        .fields(&[])
        .write(handler!(revoke_force))
        .sudo(),
    // Older names, of which only the rights are left that they ask for.
    Route::new("revoke-prefix/{prefix..}")
        .about("Gone: leases are ended at `sys/leases/revoke-prefix/`.")
        .sudo()
        .hidden()
        .write(handler!(gone)),
    Route::new("revoke-force/{prefix..}")
        .about("Gone: leases are ended at `sys/leases/revoke-force/`.")
        .sudo()
        .hidden()
        .write(handler!(gone)),
    Route::new("leases/tidy")
        .about("Removes records of leases that lead nowhere.")
        .fields(&[])
        .write(handler!(tidy)),
    Route::new("leases/count")
        .about("How many leases there are that could not be ended.")
        .fields(CountFields::PARTS)
        .only(&["lease_type", "include_child_namespaces"])
        .read(handler!(count)),
    Route::new("leases")
        .about("The leases that could not be ended.")
        .fields(CountFields::PARTS)
        .read(handler!(irrevocable))
        .sudo(),
];

fn tokens<'a>(cx: &Context<'a>) -> &'a Tokens {
    &cx.core.tokens
}

/// The lease that the body names, or else the path. What is no text is not made one.
fn lease_id(cx: &Context<'_>) -> Result<String, Error> {
    let named = match cx.parameters().get("lease_id").map(|raw| weak::Json::of(raw)).transpose()? {
        None | Some(weak::Json::Null) => String::new(),
        Some(weak::Json::Text(id)) => id,
        Some(_) => return Err(Error::invalid("invalid lease ID")),
    };
    let id = if named.is_empty() { cx.capture("url_lease_id").to_owned() } else { named };
    if id.is_empty() { Err(Error::invalid("lease_id must be specified")) } else { Ok(id) }
}

/// A lease as a lookup shows it.
#[derive(Serialize)]
struct Shown<'a> {
    expire_time: Option<String>,
    id: &'a str,
    issue_time: String,
    last_renewal: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace_path: &'a str,
    path: &'a str,
    renewable: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    revoke_error: String,
    ttl: u64,
}

async fn look_up(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let id = &*lease_id(cx)?;
    let namespace = &cx.request().namespace;
    let invalid = || Error::invalid("invalid lease");
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let shown = Shown {
        expire_time: None,
        id,
        issue_time: String::new(),
        last_renewal: None,
        namespace_path: &namespace.path,
        path: "",
        renewable: false,
        revoke_error: String::new(),
        ttl: 0,
    };
    match tokens(cx).find_lease(cx.transaction(), namespace, id).await?.ok_or_else(invalid)? {
        LeaseRecord::Secret(lease) => Response::data(&Shown {
            expire_time: text(Some(lease.expires_at)),
            issue_time: lease.issued_at.to_string(),
            last_renewal: text(lease.renewed_at),
            path: &lease.path,
            renewable: lease.renewable && lease.expires_at > cx.now(),
            revoke_error: lease.revoke_error.clone(),
            ttl: ttl::seconds_between(cx.now(), lease.expires_at),
            ..shown
        }),
        LeaseRecord::Token => {
            let entry = tokens(cx).read(cx.transaction(), token_of(id)).await?.ok_or_else(invalid)?;
            Response::data(&Shown {
                expire_time: text(entry.expires_at),
                issue_time: entry.created_at.to_string(),
                last_renewal: text(entry.renewed_at),
                path: &entry.path,
                renewable: entry.renewable && entry.expires_at.is_some() && !entry.is_expired(cx.now()),
                ttl: entry.seconds_left(cx.now()),
                ..shown
            })
        }
    }
}

async fn list(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let prefix = match cx.capture("prefix").trim_end_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let key = lease_key(&cx.request().namespace, &prefix);
    Response::keys(&cx.transaction().list(&key, None, usize::MAX).await?)
}

async fn renew(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: LeaseFields = cx.fields()?;
    let increment = fields.increment.map_or(0, |increment| increment.0).max(0).unsigned_abs();
    let (block, warnings) = tokens(cx).renew_lease(cx, &lease_id(cx)?, increment).await?;
    Ok(Response { grant: Grant::Renewed(Box::new(block)), warnings, ..Response::default() })
}

async fn revoke(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let id = &*lease_id(cx)?;
    let namespace = &cx.request().namespace;
    if tokens(cx).find_lease(cx.transaction(), namespace, id).await?.is_some() {
        tokens(cx).end_lease(cx, namespace, id, false).await?;
    }
    Ok(told(Response::empty(), cx.fields::<LeaseFields>()?.sync))
}

async fn revoke_prefix(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let sync = cx.fields::<PrefixFields>()?.sync;
    Ok(told(end_below(cx, cx.capture("prefix"), false).await?, sync))
}

/// `response` to who wants to wait until it is done, or not.
fn told(response: Response, sync: Option<bool>) -> Response {
    if sync == Some(false) { response.with_status(StatusCode::ACCEPTED) } else { response }
}

async fn revoke_force(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    end_below(cx, cx.capture("prefix"), true).await
}

async fn gone(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::unsupported_path())
}

/// Ends every lease below `prefix`, and the one of that id.
pub(crate) async fn end_below(cx: &Context<'_>, prefix: &str, force: bool) -> Result<Response, Error> {
    let namespace = &cx.request().namespace;
    let below = format!("{}/", prefix.trim_end_matches('/'));
    if !tokens(cx).end_some_below(cx, namespace, &below, force).await? {
        return Ok(Response { effect: Some(Effect::Again), ..Response::empty() });
    }
    tokens(cx).end_lease(cx, namespace, prefix, force).await?;
    Ok(Response::empty())
}

/// A lease is removed with what it ends, in one batch, so that nothing is left over; those that are over and still
/// there are ended by the expiry task.
async fn tidy(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let namespace = &cx.request().namespace;
    for key in cx.transaction().scan_keys(&lease_key(namespace, "")).await? {
        match leads_nowhere(cx, &key).await {
            Ok(true) => cx.transaction().delete(key),
            Ok(false) => {}
            Err(error) if cx.core.barrier.is_sealed() => return Err(error),
            Err(error) => tracing::warn!(lease = %key, "the lease could not be read, and is left: {error}"),
        }
    }
    let told = "Tidy operation successfully started. Any information from the operation will be printed to \
                OpenBao's server logs.";
    Ok(Response::empty().with_warning(told).with_status(StatusCode::ACCEPTED))
}

/// Whether the lease under `key` is of a token that is gone.
async fn leads_nowhere(cx: &Context<'_>, key: &str) -> Result<bool, Error> {
    match cx.transaction().get_json(key).await? {
        Some(LeaseRecord::Token) => Ok(tokens(cx).read(cx.transaction(), token_of(key)).await?.is_none()),
        _ => Ok(false),
    }
}

async fn count(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Counts {
        counts: BTreeMap<String, usize>,
        lease_count: usize,
    }
    let leases = irrevocable_leases(cx).await?;
    let mut counts = BTreeMap::new();
    for lease in &leases {
        *counts.entry(lease.mount_id.clone()).or_insert(0) += 1;
    }
    Response::data(&Counts { counts, lease_count: leases.len() })
}

async fn irrevocable(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Leases {
        lease_count: usize,
        leases: Vec<Irrevocable>,
    }
    let mut leases = irrevocable_leases(cx).await?;
    let limit = limit(cx)?;
    let found = leases.len();
    leases.truncate(limit);
    let response = Response::data(&Leases { lease_count: leases.len(), leases })?;
    let cut = format!("Not all irrevocable leases are listed: there are {found}, and `limit` is {limit}");
    Ok(if found > limit { response.with_warning(cut) } else { response })
}

/// How many leases one answer lists.
fn limit(cx: &Context<'_>) -> Result<usize, Error> {
    let failed = |text| Error::counted(StatusCode::INTERNAL_SERVER_ERROR, text);
    let fields: CountFields = cx.fields()?;
    match fields.limit.as_deref() {
        None | Some("") => Ok(LISTED),
        Some("none") => Ok(usize::MAX),
        Some(text) => match text.parse::<i64>() {
            Err(error) => {
                let problem = go_text::integer_problem("Atoi", text, &error);
                Err(failed(format!("invalid 'limit' provided: {problem}")))
            }
            Ok(limit) => match usize::try_from(limit) {
                Ok(limit @ 1..) => Ok(limit),
                _ => Err(failed("limit must be 'none' or a positive integer".to_owned())),
            },
        },
    }
}

/// A lease that could not be revoked.
#[derive(Serialize)]
struct Irrevocable {
    lease_id: String,
    /// Accessor of the mount that made it.
    mount_id: String,
    /// Why it could not be revoked.
    error: String,
    #[serde(skip)]
    expires_at: Timestamp,
}

/// The leases that could not be revoked, those that were to end first before the others.
async fn irrevocable_leases(cx: &Context<'_>) -> Result<Vec<Irrevocable>, Error> {
    let fields: CountFields = cx.fields()?;
    if !fields.lease_type.is_some_and(|wanted| wanted.eq_ignore_ascii_case("irrevocable")) {
        return Err(Error::not_found());
    }
    let own = &cx.request().namespace;
    let mut namespaces = vec![Arc::clone(own)];
    if fields.include_child_namespaces == Some(true) {
        let below = tokens(cx).surroundings()?.namespaces().into_iter();
        namespaces.extend(below.filter(|namespace| namespace.is_within(own) && namespace.id != own.id));
    }
    let mut found = Vec::new();
    for namespace in namespaces {
        found.extend(irrevocable_of(cx, &namespace).await?);
    }
    found.sort_by(|a, b| (a.expires_at, &a.lease_id).cmp(&(b.expires_at, &b.lease_id)));
    Ok(found)
}

async fn irrevocable_of(cx: &Context<'_>, namespace: &Namespace) -> Result<Vec<Irrevocable>, Error> {
    let root = lease_key(namespace, "");
    let mut found = Vec::new();
    for key in cx.transaction().scan_keys(&root).await? {
        let record = cx.transaction().get_json(&key).await?;
        let Some(LeaseRecord::Secret(lease)) = record else { continue };
        if !lease.is_irrevocable() {
            continue;
        }
        let home = tokens(cx).surroundings()?.mount_at(namespace, &lease.path);
        let of_none = || "mount-accessor-not-found".to_owned();
        found.push(Irrevocable {
            lease_id: key[root.len()..].to_owned(),
            mount_id: home.map_or_else(of_none, |home| home.mount.entry.accessor),
            error: lease.revoke_error,
            expires_at: lease.expires_at,
        });
    }
    Ok(found)
}
