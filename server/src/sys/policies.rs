//! ACL policies: `sys/policies/acl`, and `sys/policy` of older clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use schemas::acl::{AclPolicy, stored_text};
use schemas::shape::{Declared as _, Seconds};
use serde::Serialize;
use serde_json::json;

use super::Sys;
use crate::barrier::View;
use crate::core::acl::builtin;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::policies::{PolicyRecord, normal_name, policy_prefix};
use crate::core::request::Operation;
use crate::core::response::Response;
use crate::engines::scan::scan;
use crate::handler;

/// The policies of the namespace.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("policies/acl")
        .about("Names of the ACL policies.")
        .fields(&[])
        .list(handler!(list))
        .scan(handler!(list)),
    Route::new("policies/detailed/acl").about("ACL policies with their texts.").list(handler!(list_detailed)),
    Route::new("policies/detailed/acl/{name+..}")
        .about("ACL policies below a name, with their texts.")
        .list(handler!(list_detailed_below)),
    Route::new("policies/acl/{name+..}")
        .about("One ACL policy: what tokens that have it may do.")
        .fields(Policy::PARTS)
        .list(handler!(list_below))
        .read(handler!(read))
        .write(handler!(write))
        .patch(handler!(write))
        .delete(handler!(delete)),
    Route::new("policy")
        .about("Names of the ACL policies, at the path of old clients.")
        .read(handler!(list_legacy))
        .list(handler!(list_legacy)),
    Route::new("policy/{name+..}")
        .about("One ACL policy, at the path of old clients.")
        .fields(Policy::PARTS)
        .list(handler!(list_legacy_below))
        .read(handler!(read_legacy))
        .write(handler!(write_legacy))
        .delete(handler!(delete)),
];

/// The body that writes a policy.
#[derive(schemas::Fields)]
struct Policy {
    /// HCL or JSON, plain or base64.
    policy: Option<String>,
    /// An older name of `policy`.
    rules: Option<String>,
    /// Ends the policy so many seconds from now.
    ttl: Option<Seconds>,
    /// Ends the policy at this time, RFC 3339.
    expiration: Option<String>,
    /// The version that is to be replaced; -1: there must be none.
    cas: Option<i64>,
    /// Whether later writes must name the version.
    cas_required: Option<bool>,
    /// Whether values of identity templates may hold slashes.
    allow_slashes_in_identity_templates: Option<bool>,
    /// Whether they may hold wildcards.
    allow_wildcards_in_identity_templates: Option<bool>,
}

#[derive(Serialize)]
struct PolicyBody<'a> {
    allow_slashes_in_identity_templates: bool,
    allow_wildcards_in_identity_templates: bool,
    cas_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<&'a str>,
    version: u64,
}

fn stored<'a>(cx: &Context<'a>) -> View<'a> {
    cx.transaction().view(policy_prefix(&cx.request().namespace))
}

/// The policy `name`, if it has not ended. The built-in ones are there without a record.
async fn load(cx: &Context<'_>, name: &str) -> Result<Option<PolicyRecord>, Error> {
    let built_in = |policy: &str, version| PolicyRecord {
        policy: policy.to_owned(),
        version,
        ..PolicyRecord::default()
    };
    match name {
        "root" => return Ok(Some(built_in("", 0))),
        "response-wrapping" => return Ok(Some(built_in(builtin::RESPONSE_WRAPPING, 1))),
        _ => {}
    }
    let record: Option<PolicyRecord> = stored(cx).get_json(name).await?;
    let now = cx.now().as_second();
    Ok(record.filter(|record| record.expiration.is_none_or(|end| now < end)))
}

fn name_of(cx: &Context<'_>) -> String {
    normal_name(cx.capture("name").trim_end_matches('/'))
}

fn body<'a>(name: &'a str, record: &'a PolicyRecord, is_legacy: bool) -> PolicyBody<'a> {
    let text = Some(record.policy.as_str());
    let expiration = record.expiration.and_then(|end| Timestamp::from_second(end).ok());
    PolicyBody {
        allow_slashes_in_identity_templates: record.allow_slashes_in_identity_templates,
        allow_wildcards_in_identity_templates: record.allow_wildcards_in_identity_templates,
        cas_required: record.cas_required,
        expiration: expiration.map(|end| end.to_string()),
        modified: Some(record.modified.as_str()).filter(|modified| !modified.is_empty()),
        name,
        policy: text.filter(|_| !is_legacy),
        rules: text.filter(|_| is_legacy),
        version: record.version,
    }
}

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let name = name_of(cx);
    let record = load(cx, &name).await?.ok_or_else(Error::not_found)?;
    Response::data(&body(&name, &record, false))
}

async fn read_legacy(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let name = name_of(cx);
    let record = load(cx, &name).await?.ok_or_else(Error::not_found)?;
    Ok(Response::data(&body(&name, &record, true))?.spread())
}

/// The names of what is stored below `folder` and has not ended, in the order of a scan.
async fn names_below(cx: &Context<'_>, folder: &str) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for name in scan(&stored(cx), folder).await? {
        let name = format!("{folder}{name}");
        if load(cx, &name).await?.is_some() {
            names.push(name);
        }
    }
    Ok(names)
}

/// All names: what is stored, and `root` after it in the root namespace.
async fn names(cx: &Context<'_>) -> Result<Vec<String>, Error> {
    let mut names = names_below(cx, "").await?;
    if cx.request().namespace.is_root() {
        names.push("root".to_owned());
    }
    Ok(names)
}

async fn list(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Response::keys(&names(cx).await?)
}

/// The names below that of the path, which is a folder.
async fn named_below(cx: &Context<'_>) -> Result<Vec<String>, Error> {
    names_below(cx, &format!("{}/", name_of(cx))).await
}

async fn list_below(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Response::keys(&named_below(cx).await?)
}

async fn list_legacy_below(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let names = named_below(cx).await?;
    let data = if names.is_empty() {
        json!({ "policies": null })
    } else {
        json!({ "keys": names, "policies": names })
    };
    Ok(Response::data(&data)?.spread())
}

/// As the API has it: the policy `root` is below every name.
async fn list_detailed_below(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let mut names = named_below(cx).await?;
    if cx.request().namespace.is_root() {
        names.push("root".to_owned());
    }
    if names.is_empty() {
        return Err(Error::not_found());
    }
    detailed(cx, &names).await
}

async fn list_legacy(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let names = names(cx).await?;
    Ok(Response::data(&json!({ "keys": names, "policies": names }))?.spread())
}

async fn list_detailed(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    detailed(cx, &names(cx).await?).await
}

async fn detailed(cx: &Context<'_>, names: &[String]) -> Result<Response, Error> {
    let mut records = BTreeMap::new();
    for name in names {
        records.extend(load(cx, name).await?.map(|record| (name.as_str(), record)));
    }
    let bodies = records.iter().map(|(name, record)| (*name, body(name, record, false)));
    let key_info: BTreeMap<&str, PolicyBody<'_>> = bodies.collect();
    Response::data(&json!({ "key_info": key_info, "keys": names }))
}

async fn write_legacy(sys: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let is_old_name = cx.input().get("policy").is_null() && !cx.input().get("rules").is_null();
    let response = write(sys, cx).await?;
    let deprecated = "'rules' is deprecated, please use 'policy' instead";
    Ok(if is_old_name { response.with_warning(deprecated) } else { response })
}

async fn write(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let name = name_of(cx);
    if matches!(name.as_str(), "root" | "response-wrapping") {
        return Err(Error::invalid(format!("cannot update \"{name}\" policy")));
    }
    let given: Policy = cx.fields()?;
    let present = load(cx, &name).await?;
    let is_patch = cx.operation() == Operation::Patch;
    if is_patch && present.is_none() {
        return Err(Error::invalid("policy not found"));
    }
    check_version(&given, present.as_ref())?;
    let kept = present.as_ref().filter(|_| is_patch);
    let record = PolicyRecord {
        policy: text(&given, kept)?,
        version: present.as_ref().map_or(1, |present| present.version + 1),
        modified: cx.now().to_string(),
        expiration: expiration(&given, cx.now())?.or_else(|| kept?.expiration),
        cas_required: given
            .cas_required
            .unwrap_or(present.as_ref().is_some_and(|present| present.cas_required)),
        allow_slashes_in_identity_templates: given
            .allow_slashes_in_identity_templates
            .unwrap_or(kept.is_some_and(|kept| kept.allow_slashes_in_identity_templates)),
        allow_wildcards_in_identity_templates: given
            .allow_wildcards_in_identity_templates
            .unwrap_or(kept.is_some_and(|kept| kept.allow_wildcards_in_identity_templates)),
    };
    stored(cx).put_json(&name, &record)?;
    invalidate(cx);
    Ok(if is_patch { Response::empty().with_body() } else { Response::empty() })
}

/// The text to store, after it was understood.
fn text(given: &Policy, kept: Option<&PolicyRecord>) -> Result<String, Error> {
    let sent = given.policy.as_ref().or(given.rules.as_ref()).filter(|text| !text.is_empty());
    let text = match (sent, kept) {
        (Some(sent), _) => stored_text(sent).into_owned(),
        (None, Some(kept)) => return Ok(kept.policy.clone()),
        (None, None) => return Err(Error::invalid("'policy' parameter not supplied or empty")),
    };
    AclPolicy::parse(&text).map_err(|error| Error::invalid(error.peer_text))?;
    Ok(text)
}

fn check_version(given: &Policy, present: Option<&PolicyRecord>) -> Result<(), Error> {
    let is_required =
        given.cas_required.unwrap_or_default() || present.is_some_and(|present| present.cas_required);
    let version = present.map(|present| present.version);
    match (given.cas, version) {
        (None, _) if is_required => Err(Error::invalid("check-and-set parameter required for this call")),
        (None, _) | (Some(-1), None) => Ok(()),
        (Some(-1), Some(_)) => Err(Error::invalid("check-and-set parameter set to -1 on existing entry")),
        (Some(wanted), version) if u64::try_from(wanted) == Ok(version.unwrap_or_default()) => Ok(()),
        (Some(wanted), version) => Err(Error::invalid(format!(
            "check-and-set parameter {wanted} did not match the current version {}",
            version.unwrap_or_default()
        ))),
    }
}

/// When the policy ends, in seconds since 1970.
fn expiration(given: &Policy, now: Timestamp) -> Result<Option<i64>, Error> {
    if let Some(Seconds(ttl)) = given.ttl.filter(|ttl| ttl.0 > 0) {
        let end = now.as_second().saturating_add(ttl);
        return match Timestamp::from_second(end) {
            Ok(end) => Ok(Some(end.as_second())),
            Err(_) => Err(Error::invalid(format!("`ttl` of {ttl} seconds ends beyond the year 9999"))),
        };
    }
    let Some(text) = given.expiration.as_ref().filter(|text| !text.is_empty()) else { return Ok(None) };
    let end: Timestamp = text.parse().map_err(|_| {
        Error::invalid(format!("`expiration` `{text}` is no time such as `2030-01-31T12:00:00Z`"))
    })?;
    if end <= now {
        return Err(Error::invalid("refusing to update policy as expiration time has already elapsed"));
    }
    Ok(Some(end.as_second()))
}

async fn delete(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let name = name_of(cx);
    match name.as_str() {
        "default" => return Err(Error::invalid("cannot delete default policy")),
        "root" | "response-wrapping" => {
            return Err(Error::invalid(format!("cannot delete \"{name}\" policy")));
        }
        _ => {}
    }
    stored(cx).delete(&name);
    invalidate(cx);
    Ok(Response::empty())
}

/// Makes the matchers of all tokens be compiled anew once the change is stored.
fn invalidate(cx: &Context<'_>) {
    let core = Arc::clone(cx.core);
    cx.transaction().after_commit(Box::new(move || core.acls.invalidate()));
}
