//! What a token is.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::{Timestamp, Unit};
use serde::Serialize;

use super::{BareAccessorFields, TokenEngine, by_accessor, identity_of, reaches, tokens};
use crate::core::context::Context;
use crate::core::engine::Access;
use crate::core::error::Error;
use crate::core::identity::Entity;
use crate::core::request::ClientToken;
use crate::core::response::Response;
use crate::core::token::{TokenEntry, TokenKind};

/// The answer of a lookup. Never the parent: who knows it has its rights.
#[derive(Serialize)]
struct Shown<'a> {
    accessor: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bound_cidrs: Vec<String>,
    creation_time: i64,
    creation_ttl: u64,
    display_name: &'a str,
    entity_id: &'a str,
    expire_time: Option<String>,
    explicit_max_ttl: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_namespace_policies: Option<BTreeMap<String, Vec<String>>>,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_policies: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_renewal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_renewal_time: Option<i64>,
    meta: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace_path: &'a str,
    num_uses: i64,
    orphan: bool,
    path: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    period: u64,
    policies: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    renewable: Option<bool>,
    #[serde(skip_serializing_if = "str::is_empty")]
    role: &'a str,
    ttl: u64,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

pub(super) async fn look_up(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    match super::named(cx.parameters())? {
        Some(token) => look_up_token(cx, &token).await,
        None => look_up_token(cx, &cx.request().client_token).await,
    }
}

pub(super) async fn look_up_self(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    look_up_token(cx, &cx.request().client_token).await
}

async fn look_up_token(cx: &Context<'_>, token: &ClientToken) -> Result<Response, Error> {
    let bad = || Error::with_status(StatusCode::FORBIDDEN, "bad token");
    let entry = tokens(cx).lookup_even_used_up(token, cx.now()).await?.ok_or_else(bad)?;
    let owner = tokens(cx).surroundings()?.namespace(&entry.namespace)?.ok_or_else(bad)?;
    let is_own = *token == cx.request().client_token;
    if !is_own && !reaches(cx, &owner, Access::Token).await? {
        return Err(bad());
    }
    let entity = identity_of(cx, &entry).await?;
    show(&entry, token.expose(), &owner.path, entity.as_ref(), cx.now())
}

pub(super) async fn look_up_accessor(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    let fields: BareAccessorFields = cx.fields()?;
    let entry = by_accessor(cx, fields.accessor).await?;
    let owner = tokens(cx).namespace_of(&entry.id)?;
    let entity = identity_of(cx, &entry).await?;
    show(&entry, "", owner.as_ref().map_or("", |owner| &owner.path), entity.as_ref(), cx.now())
}

fn show(
    entry: &TokenEntry,
    token: &str,
    namespace_path: &str,
    entity: Option<&Entity>,
    now: Timestamp,
) -> Result<Response, Error> {
    let entity = entity.filter(|_| entry.access.is_none());
    let of_entity = entity.map(|entity| entity.policies.as_slice()).filter(|policies| !policies.is_empty());
    let has_times = entry.is_leased || entry.kind == TokenKind::Batch;
    let renewed_at = entry.renewed_at;
    Response::data(&Shown {
        accessor: &entry.accessor,
        bound_cidrs: entry.bound_cidrs.iter().map(network).collect(),
        creation_time: entry.created_at.as_second(),
        creation_ttl: entry.creation_ttl,
        display_name: &entry.display_name,
        entity_id: &entry.entity_id,
        expire_time: entry.expires_at.map(|end| end.to_string()),
        explicit_max_ttl: entry.explicit_max_ttl,
        // Groups never reach beyond their namespace.
        external_namespace_policies: of_entity.map(|_| BTreeMap::new()),
        id: token,
        identity_policies: of_entity,
        issue_time: has_times.then(|| issue_time(entry)),
        last_renewal: renewed_at.map(|time| time.to_string()),
        last_renewal_time: renewed_at.map(Timestamp::as_second),
        meta: Some(&entry.metadata).filter(|metadata| !metadata.is_empty()),
        namespace_path,
        num_uses: entry.num_uses,
        orphan: entry.is_orphan(),
        path: &entry.path,
        period: entry.period,
        policies: entry.access.is_none().then_some(&entry.policies),
        renewable: has_times.then_some(entry.renewable && entry.expires_at.is_some()),
        role: &entry.role,
        ttl: entry.seconds_left(now),
        kind: entry.kind.as_str(),
    })
}

/// Batch tokens tell whole seconds.
fn issue_time(entry: &TokenEntry) -> String {
    match entry.kind {
        TokenKind::Service => entry.created_at.to_string(),
        TokenKind::Batch => entry.created_at.round(Unit::Second).unwrap_or(entry.created_at).to_string(),
    }
}

/// A network as the API writes it: a host without its length.
pub(super) fn network(network: &ipnet::IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        return network.addr().to_string();
    }
    network.to_string()
}

pub(super) async fn accessors(_: &TokenEngine, cx: &Context<'_>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Keys {
        keys: Vec<String>,
    }
    let keys = tokens(cx).accessors(cx.transaction(), &cx.request().namespace).await?;
    if keys.is_empty() { Err(Error::not_found()) } else { Response::data(&Keys { keys }) }
}
