//! Secret ids.

use std::collections::BTreeMap;

use http::StatusCode;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::role::{Role, failed};
use super::{AppRole, hash, metadata};
use crate::auth::networks::{are_within, networks_of, require_blocks};
use crate::auth::page::Page;
use crate::auth::token_parameters::{seconds, texts};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::go_text::quoted;
use crate::core::response::Response;

/// A secret id, as stored: all but itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SecretId {
    pub(super) accessor: String,
    /// Uses that are left; 0 without limit.
    pub(super) num_uses: i64,
    /// As it was asked for, in seconds; 0 without limit.
    pub(super) ttl: i64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) cidr_list: Vec<String>,
    pub(super) token_bound_cidrs: Vec<String>,
}

/// Where a secret id is, and what it is.
pub(super) struct Found {
    pub(super) key: String,
    pub(super) secret_id: SecretId,
}

impl SecretId {
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    fn answer(&self) -> Value {
        let never = "0001-01-01T00:00:00Z".to_owned();
        json!({
            "cidr_list": self.cidr_list,
            "creation_time": self.created_at.to_string(),
            "expiration_time": self.expires_at.map_or(never, |end| end.to_string()),
            "last_updated_time": self.updated_at.to_string(),
            "metadata": self.metadata,
            "secret_id_accessor": self.accessor,
            "secret_id_num_uses": self.num_uses,
            "secret_id_ttl": self.ttl,
            "token_bound_cidrs": self.token_bound_cidrs,
        })
    }
}

impl Role {
    /// The folder of its secret ids.
    fn folder(&self) -> String {
        format!("secret_id/{}/", hash::keyed(&self.hash_key, &self.name))
    }

    /// The secret id of this role whose text is `text`. One whose time is over is there no more.
    pub(super) async fn find(&self, cx: &Context<'_>, text: &str) -> Result<Option<Found>, Error> {
        let hash = hash::keyed_within(&self.hash_key, text, "secret_id")?;
        self.find_hash(cx, &hash).await
    }

    async fn find_hash(&self, cx: &Context<'_>, hash: &str) -> Result<Option<Found>, Error> {
        let found = self.find_old(cx, hash).await?;
        Ok(found.filter(|found| !found.secret_id.is_expired(cx.now())))
    }

    /// As [`find_hash`](Self::find_hash), but one whose time is over too.
    async fn find_old(&self, cx: &Context<'_>, hash: &str) -> Result<Option<Found>, Error> {
        let key = format!("{}{hash}", self.folder());
        let secret_id: Option<SecretId> = cx.view().get_json(&key).await?;
        Ok(secret_id.map(|secret_id| Found { key, secret_id }))
    }

    async fn find_accessor(
        &self,
        engine: &AppRole,
        cx: &Context<'_>,
        accessor: &str,
    ) -> Result<AccessorOf, Error> {
        let hash: Option<String> = cx.view().get_json(&engine.accessor_key(cx, accessor).await?).await?;
        let Some(hash) = hash else { return Ok(AccessorOf::Nothing) };
        let found = self.find_hash(cx, &hash).await?;
        Ok(found.map_or(AccessorOf::Other, |found| AccessorOf::This(Box::new(found))))
    }
}

/// What an accessor stands for.
enum AccessorOf {
    Nothing,
    /// A secret id of another role, or one whose time is over.
    Other,
    This(Box<Found>),
}

/// Deletes a secret id and the note of its accessor.
pub(super) async fn remove(engine: &AppRole, cx: &Context<'_>, found: &Found) -> Result<(), Error> {
    cx.view().delete(&engine.accessor_key(cx, &found.secret_id.accessor).await?);
    cx.view().delete(&found.key);
    Ok(())
}

/// Deletes all secret ids of `role`.
pub(super) async fn delete_all(engine: &AppRole, cx: &Context<'_>, role: &Role) -> Result<(), Error> {
    for key in cx.view().scan_keys(&role.folder()).await? {
        if let Some(secret_id) = cx.view().get_json(&key).await? {
            remove(engine, cx, &Found { key, secret_id }).await?;
        }
    }
    Ok(())
}

fn no_role(cx: &Context<'_>) -> String {
    format!("role \"{}\" does not exist", cx.capture("role_name"))
}

pub(super) async fn list(_: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let role = Role::of(cx).await?.ok_or_else(|| Error::invalid(no_role(cx)))?;
    let (page, folder) = (Page::of(cx), role.folder());
    let mut accessors = Vec::new();
    for name in cx.view().list(&folder, page.after.as_deref(), page.most()).await? {
        let secret_id: Option<SecretId> = cx.view().get_json(&format!("{folder}{name}")).await?;
        let live = secret_id.filter(|secret_id| !secret_id.is_expired(cx.now()));
        accessors.extend(live.map(|secret_id| secret_id.accessor));
    }
    Response::keys(&accessors)
}

pub(super) async fn generate(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    issue(engine, cx, &Uuid::new_v4().to_string()).await
}

pub(super) async fn take(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    match cx.input().text("secret_id") {
        "" => Err(Error::invalid("missing secret_id")),
        text => issue(engine, cx, text).await,
    }
}

async fn issue(engine: &AppRole, cx: &Context<'_>, text: &str) -> Result<Response, Error> {
    let role = Role::of(cx).await?;
    let role = role.ok_or_else(|| Error::with_status(StatusCode::NOT_FOUND, no_role(cx)))?;
    if !role.bind_secret_id {
        return Err(Error::invalid("bind_secret_id is not set on the role"));
    }
    let mut secret_id = wanted(&role, cx)?;
    let ttl = seconds(secret_id.ttl).min(cx.limits().max);
    if !ttl.is_zero() {
        secret_id.expires_at =
            SignedDuration::try_from(ttl).ok().and_then(|ttl| cx.now().checked_add(ttl).ok());
    }
    let storing = |message: &str| failed(format!("failed to store secret_id: {message}"));
    let hash = hash::keyed_within(&role.hash_key, text, "secret ID")
        .map_err(|error| storing(&error.messages(false).join("; ")))?;
    match role.find_old(cx, &hash).await? {
        Some(old) if old.secret_id.is_expired(cx.now()) => remove(engine, cx, &old).await?,
        Some(_) => return Err(storing("SecretID is already registered")),
        None => {}
    }
    cx.view().put_json(&engine.accessor_key(cx, &secret_id.accessor).await?, &hash)?;
    cx.view().put_json(&format!("{}{hash}", role.folder()), &secret_id)?;
    let response = Response::data(&json!({
        "secret_id": text,
        "secret_id_accessor": secret_id.accessor,
        "secret_id_num_uses": secret_id.num_uses,
        "secret_id_ttl": ttl.as_secs(),
    }))?;
    Ok(Response { wrapped_accessor: Some(secret_id.accessor), ..response })
}

/// The secret id that the request describes, within the limits of `role`.
fn wanted(role: &Role, cx: &Context<'_>) -> Result<SecretId, Error> {
    let blocks = |name: &str| texts(cx.input(), name).unwrap_or_default();
    let (cidr_list, token_bound_cidrs) = (blocks("cidr_list"), blocks("token_bound_cidrs"));
    require_blocks(&cidr_list, "CIDR blocks").map_err(failed)?;
    require_within(&cidr_list, &networks_of(role.blocks()), role.blocks())?;
    require_blocks(&token_bound_cidrs, "token CIDR blocks").map_err(failed)?;
    let bound = role.token.bound_cidrs.as_deref().unwrap_or_default();
    let outer: Vec<IpNet> = bound.iter().map(|network| network.net).collect();
    require_within(&token_bound_cidrs, &outer, &bound.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok(SecretId {
        accessor: Uuid::new_v4().to_string(),
        num_uses: wanted_uses(role, cx)?,
        ttl: wanted_ttl(role, cx)?,
        created_at: cx.now(),
        updated_at: cx.now(),
        expires_at: None,
        metadata: wanted_metadata(cx)?,
        cidr_list,
        token_bound_cidrs,
    })
}

/// Refuses networks beyond those of the role, if it has any.
pub(super) fn require_within(inner: &[String], outer: &[IpNet], shown: &[String]) -> Result<(), Error> {
    if inner.is_empty() || outer.is_empty() || are_within(inner, outer) {
        return Ok(());
    }
    let all = |list: &[String]| list.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(" ");
    Err(failed(format!(
        "failed to verify subset relationship between CIDR blocks on the role [{}] and CIDR blocks on the secret \
         ID [{}]",
        all(shown),
        all(inner),
    )))
}

fn wanted_uses(role: &Role, cx: &Context<'_>) -> Result<i64, Error> {
    let limit = role.secret_id_num_uses;
    match cx.input().get("num_uses").as_i64() {
        None => Ok(limit),
        Some(uses) if uses < 0 => Err(Error::invalid("num_uses cannot be negative")),
        Some(uses) if limit > 0 && (uses == 0 || uses > limit) => {
            Err(Error::invalid("num_uses cannot be higher than the role's secret_id_num_uses"))
        }
        Some(uses) => Ok(uses),
    }
}

fn wanted_ttl(role: &Role, cx: &Context<'_>) -> Result<i64, Error> {
    let limit = role.secret_id_ttl;
    match cx.input().get("ttl").as_i64() {
        None => Ok(limit),
        Some(ttl) if limit > 0 && (ttl == 0 || ttl > limit) => {
            Err(Error::invalid("ttl cannot be longer than the role's secret_id_ttl"))
        }
        Some(ttl) => Ok(ttl),
    }
}

fn wanted_metadata(cx: &Context<'_>) -> Result<BTreeMap<String, String>, Error> {
    let raw = cx.parameters().get("metadata").map_or("", |raw| raw.get());
    let kind = match raw.as_bytes().first() {
        Some(b'{') => "map[string]interface {}",
        Some(b'[') => "[]interface {}",
        _ => {
            let text = cx.input().text("metadata");
            return metadata::parse(text)
                .map_err(|problem| Error::invalid(format!("failed to parse metadata: {problem}")));
        }
    };
    Err(Error::invalid(format!(
        "Field validation failed: error converting input for field \"metadata\": '' expected type 'string', got \
         unconvertible type '{kind}'"
    )))
}

/// The role and the text of field `name`, which a request about one secret id must have.
async fn subject<'a>(cx: &'a Context<'_>, name: &str) -> Result<(Role, &'a str), Error> {
    let text = cx.input().text(name);
    if text.is_empty() {
        return Err(Error::invalid(format!("missing {name}")));
    }
    let role = Role::of(cx).await?.ok_or_else(|| failed(no_role(cx)))?;
    Ok((role, text))
}

pub(super) async fn look_up(_: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let (role, text) = subject(cx, "secret_id").await?;
    match role.find(cx, text).await? {
        Some(found) => Response::data(&found.secret_id.answer()),
        None => Ok(Response::empty()),
    }
}

pub(super) async fn destroy(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let (role, text) = subject(cx, "secret_id").await?;
    if let Some(found) = role.find(cx, text).await? {
        remove(engine, cx, &found).await?;
    }
    Ok(Response::empty())
}

fn no_accessor(accessor: &str) -> String {
    format!("failed to find accessor entry for secret_id_accessor: {}", quoted(accessor))
}

pub(super) async fn look_up_by_accessor(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let (role, accessor) = subject(cx, "secret_id_accessor").await?;
    match role.find_accessor(engine, cx, accessor).await? {
        AccessorOf::This(found) => Response::data(&found.secret_id.answer()),
        AccessorOf::Other => Ok(Response::empty()),
        AccessorOf::Nothing => {
            Ok(Response::data(&json!({"error": no_accessor(accessor)}))?.with_status(StatusCode::NOT_FOUND))
        }
    }
}

pub(super) async fn destroy_by_accessor(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let (role, accessor) = subject(cx, "secret_id_accessor").await?;
    match role.find_accessor(engine, cx, accessor).await? {
        AccessorOf::This(found) => remove(engine, cx, &found).await?,
        AccessorOf::Other => {
            return Err(Error::with_status(StatusCode::FORBIDDEN, "invalid secret id accessor"));
        }
        AccessorOf::Nothing => return Err(failed(no_accessor(accessor))),
    }
    Ok(Response::empty())
}
