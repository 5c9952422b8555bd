//! ACL policies: `sys/policies/acl`, and `sys/policy` of older clients.

use std::collections::BTreeMap;
use std::num::{IntErrorKind, ParseIntError};
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use schemas::acl::{AclPolicy, stored_text, timestamp};
use schemas::shape::{Declared as _, Json, Seconds};
use schemas::{Shape, Text, Value, duration, json};
use serde::Serialize;

use super::Sys;
use crate::barrier::View;
use crate::core::acl::builtin;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::exact;
use crate::core::policies::{PolicyRecord, normal_name, policy_prefix};
use crate::core::request::Operation;
use crate::core::response::Response;
use crate::core::weak;
use crate::engines::scan::scan;
use crate::handler;

/// The policies of the namespace.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("policies/acl").about("Names of the ACL policies.").fields(&[]).list(handler!(list)),
    Route::new("policies/detailed/acl")
        .about("ACL policies with their texts.")
        .fields(&[])
        .list(handler!(list_detailed)),
    Route::new("policies/detailed/acl/{name+..}")
        .about("ACL policies below a name, with their texts.")
        .fields(&[])
        .list(handler!(list_detailed_below)),
    Route::new("policies/acl/{name+..}")
        .about("One ACL policy: what tokens that have it may do.")
        .fields(Policy::PARTS)
        .meant(MEANT)
        .list(handler!(list_below))
        .read(handler!(read))
        .write(handler!(write))
        .patch(handler!(write))
        .delete(handler!(delete)),
    Route::new("policy")
        .about("Names of the ACL policies, at the path of old clients.")
        .fields(&[])
        .read(handler!(list_legacy))
        .list(handler!(list_legacy)),
    Route::new("policy/{name+..}")
        .about("One ACL policy, at the path of old clients.")
        .fields(LegacyPolicy::PARTS)
        .meant(MEANT)
        .list(handler!(list_legacy_below))
        .read(handler!(read_legacy))
        .write(handler!(write_legacy))
        .delete(handler!(delete)),
];

/// A time is written as a text, and read in other forms as well.
const MEANT: &[(&str, Shape)] = &[("expiration", Shape::Text(Text::Plain))];

/// The body that writes a policy.
#[derive(schemas::Fields)]
struct Policy {
    /// HCL or JSON, plain or base64.
    policy: Option<String>,
    /// Ends the policy so many seconds from now.
    ttl: Option<Seconds>,
    /// Ends the policy at this time: RFC 3339, or seconds since 1970.
    expiration: Option<Json>,
    /// The version that is to be replaced; -1: there must be none.
    cas: Option<i64>,
    /// Whether later writes must name the version.
    cas_required: Option<bool>,
    /// Whether values of identity templates may hold slashes.
    allow_slashes_in_identity_templates: Option<bool>,
    /// Whether they may hold wildcards.
    allow_wildcards_in_identity_templates: Option<bool>,
}

/// The same at the path of old clients.
#[derive(schemas::Fields)]
struct LegacyPolicy {
    /// The policy.
    #[kind(flatten)]
    policy: Policy,
    /// An older name of `policy`.
    rules: Option<String>,
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
    let now = cx.now().as_microsecond();
    Ok(record.filter(|record| record.ends_at().is_none_or(|end| now < end)))
}

fn name_of(cx: &Context<'_>) -> String {
    normal_name(cx.capture("name").trim_end_matches('/'))
}

/// The beginning of 1970, from which seconds are counted. Points in time of the calendar, as those of our library for
/// time end a day before the year 9999 does.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The time so long after 1970, if years before 10000 have it.
fn shown(end: SignedDuration) -> Option<String> {
    EPOCH.checked_add(end).ok().map(|time| format!("{time}Z"))
}

fn body<'a>(name: &'a str, record: &'a PolicyRecord, is_legacy: bool) -> PolicyBody<'a> {
    let text = Some(record.policy.as_str());
    PolicyBody {
        allow_slashes_in_identity_templates: record.allow_slashes_in_identity_templates,
        allow_wildcards_in_identity_templates: record.allow_wildcards_in_identity_templates,
        cas_required: record.cas_required,
        expiration: record.end().and_then(shown),
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
        serde_json::json!({ "policies": null })
    } else {
        serde_json::json!({ "keys": names, "policies": names })
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
    Ok(Response::data(&serde_json::json!({ "keys": names, "policies": names }))?.spread())
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
    Response::data(&serde_json::json!({ "key_info": key_info, "keys": names }))
}

async fn write_legacy(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let LegacyPolicy { policy, rules } = cx.fields()?;
    if policy.policy.as_ref().is_some_and(|text| !text.is_empty()) {
        return put(cx, policy).await;
    }
    let response = put(cx, Policy { policy: rules, ..policy }).await?;
    Ok(response.with_warning("'rules' is deprecated, please use 'policy' instead"))
}

async fn write(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    put(cx, cx.fields()?).await
}

async fn put(cx: &Context<'_>, given: Policy) -> Result<Response, Error> {
    let end = end(cx)?;
    let name = name_of(cx);
    let present = load(cx, &name).await?;
    let is_patch = cx.operation() == Operation::Patch;
    if is_patch && present.is_none() {
        return Err(Error::invalid("policy not found"));
    }
    let kept = present.as_ref().filter(|_| is_patch);
    let sent = sent_text(&given, kept)?;
    let end = expiration(lifetime(cx, &given)?, end, cx.now())?.or_else(|| kept?.end());
    if sent.len() > LARGEST {
        return Err(Error::invalid(format!(
            "the policy has {} bytes, and {LARGEST} are the most",
            sent.len()
        )));
    }
    AclPolicy::parse(&sent).map_err(|error| Error::invalid(error.peer_text))?;
    if matches!(name.as_str(), "root" | "response-wrapping") {
        return Err(Error::invalid(format!("cannot update \"{name}\" policy")));
    }
    check_version(&given, present.as_ref(), is_patch)?;
    let record = PolicyRecord {
        policy: sent,
        version: present.as_ref().map_or(1, |present| present.version + 1),
        modified: cx.now().to_string(),
        expiration: end.map(|end| end.as_secs()),
        expiration_nanoseconds: end.map_or(0, |end| end.subsec_nanos()),
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

/// Bytes of a policy at most, which is what the peer's own storage takes. It is read again for each set of policies that
/// it is part of.
const LARGEST: usize = 1 << 20;

/// The text to store.
fn sent_text(given: &Policy, kept: Option<&PolicyRecord>) -> Result<String, Error> {
    match (given.policy.as_deref(), kept) {
        // Of the policies that there are, that of `root` alone has no text.
        (None, Some(kept)) if !kept.policy.is_empty() => Ok(kept.policy.clone()),
        (None | Some(""), _) => Err(Error::invalid("'policy' parameter not supplied or empty")),
        (Some(sent), _) => Ok(stored_text(sent).into_owned()),
    }
}

/// Whether the request names the version that is there, if it names one or has to. A patch is always one of what is
/// there.
fn check_version(given: &Policy, present: Option<&PolicyRecord>, is_patch: bool) -> Result<(), Error> {
    let is_required =
        given.cas_required.unwrap_or_default() || present.is_some_and(|present| present.cas_required);
    let version = present.map(|present| present.version);
    match (given.cas, version) {
        (None, _) if is_required && !is_patch => {
            Err(Error::invalid("check-and-set parameter required for this call"))
        }
        (None, _) | (Some(-1), None) => Ok(()),
        (Some(-1), Some(_)) => Err(Error::invalid("check-and-set parameter set to -1 on existing entry")),
        (Some(wanted), version) if u64::try_from(wanted) == Ok(version.unwrap_or_default()) => Ok(()),
        (Some(wanted), version) => Err(Error::invalid(format!(
            "check-and-set parameter {wanted} did not match the current version {}",
            version.unwrap_or_default()
        ))),
    }
}

/// The whole seconds that the policy lasts, if the request says so. A lifetime of less than one is over at once, and no
/// second is made of it.
fn lifetime(cx: &Context<'_>, given: &Policy) -> Result<Option<i64>, Error> {
    let text = match cx.parameters().get("ttl").map(|raw| weak::Json::of(raw)).transpose()? {
        Some(weak::Json::Text(text)) => text,
        _ => return Ok(given.ttl.map(|Seconds(ttl)| ttl)),
    };
    Ok(duration::seconds(&text).ok())
}

/// When the policy ends, after 1970, if it lasts that long or the request gives its end.
fn expiration(
    lifetime: Option<i64>,
    end: Option<SignedDuration>,
    now: Timestamp,
) -> Result<Option<SignedDuration>, Error> {
    let end = match (end, lifetime) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid("cannot supply both 'expiration' and 'ttl' for policies"));
        }
        (None, Some(ttl)) => Some(now.as_duration().saturating_add(SignedDuration::from_secs(ttl))),
        (end, None) => end,
    };
    match end {
        Some(end) if end <= now.as_duration() => {
            Err(Error::invalid("refusing to update policy as expiration time has already elapsed"))
        }
        Some(end) if shown(end).is_none() => Err(Error::invalid(format!(
            "the policy would end {} seconds after 1970, beyond the year 9999",
            end.as_secs()
        ))),
        end => Ok(end),
    }
}

/// `expiration` of the request as time since 1970, if it is given.
fn end(cx: &Context<'_>) -> Result<Option<SignedDuration>, Error> {
    let Some(raw) = cx.parameters().get("expiration") else { return Ok(None) };
    let refused = |problem: &str| exact::refused("expiration", problem);
    match json::parse(raw.get()).map_err(|problem| refused(&problem))? {
        Value::Null => Ok(None),
        Value::Number(number) => {
            let end = seconds(&number.written()).map_err(|problem| refused(&problem))?;
            Ok(Some(SignedDuration::from_secs(end)))
        }
        Value::String(text) => {
            let seconds = text.parse().ok().map(SignedDuration::from_secs);
            let moment = || timestamp::since_epoch(&text);
            let end = seconds
                .or_else(|| moment().map(|(seconds, rest)| SignedDuration::new(seconds, rest.cast_signed())));
            end.map(Some).ok_or_else(|| refused("could not parse string as date and time"))
        }
        _ => Err(refused("could not parse time from input type")),
    }
}

fn seconds(text: &str) -> Result<i64, String> {
    text.parse().map_err(|error: ParseIntError| {
        let problem = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.ParseInt: parsing \"{text}\": {problem}")
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_shown_down_to_nanoseconds() {
        let shown = |seconds, nanoseconds| shown(SignedDuration::new(seconds, nanoseconds));
        assert_eq!(shown(253_402_300_799, 0).as_deref(), Some("9999-12-31T23:59:59Z"));
        assert_eq!(shown(0, 500_000_000).as_deref(), Some("1970-01-01T00:00:00.5Z"));
        assert_eq!(shown(253_402_300_800, 0), None);
    }
}
