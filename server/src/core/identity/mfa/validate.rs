//! `sys/mfa/validate`, and the check of a passcode.

use std::collections::BTreeMap;

use http::StatusCode;
use schemas::shape::{self, Declared as _, Map};
use serde_json::value::RawValue;

use super::method::find;
use super::service::Service;
use super::waiting::{Factor, Login, Used, Waiting};
use super::{Enforcement, Method, matching, secret};
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::identity::Entity;
use crate::core::identity::engine::fields::failed;
use crate::core::identity::store::Store;
use crate::core::object::object;
use crate::core::request::{ClientToken, MfaCredentials};
use crate::core::response::{Grant, Response};
use crate::core::weak::Json;
use crate::engines::totp::StoredKey;
use crate::handler;
use crate::sys::Sys;

/// The second step of a login.
pub(crate) static ROUTES: &[Route<Sys>] = &[Route::new("mfa/validate")
    .about("Enters the second factors that a login waits for.")
    .fields(ValidateFields::PARTS)
    .login()
    .write(handler!(validate))];

/// A waiting login and what proves it.
#[derive(schemas::Fields)]
struct ValidateFields {
    /// Names the login.
    mfa_request_id: Option<String>,
    /// Passcodes by method; read as they are.
    mfa_payload: Option<Map<shape::Json>>,
}

const WRONG: &str = "MFA credentials not supplied or incorrect";

async fn validate(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let id = cx.input().text("mfa_request_id").to_owned();
    if id.is_empty() {
        return Err(Error::invalid("missing request ID"));
    }
    let credentials = credentials(cx)?;
    let waiting = &cx.core.mfa;
    let login = waiting.claim(&id, &cx.request().id, cx.now());
    let login = login.ok_or_else(|| Error::invalid("invalid request ID"))?;
    let answer = finish(cx, &login, &credentials).await;
    match &answer {
        Ok(_) => Waiting::remove_after(waiting, cx.transaction(), id),
        Err(_) => waiting.release(&id),
    }
    answer
}

/// The passcodes of the body: lists of texts by id or name of the method.
fn credentials(cx: &Context<'_>) -> Result<MfaCredentials, Error> {
    let mut credentials = MfaCredentials::default();
    let Some(raw) = cx.parameters().get("mfa_payload") else { return Ok(credentials) };
    let invalid = || Error::invalid("invalid mfa payload");
    let payload = object(raw).map_err(|_| invalid())?;
    let payload: Option<BTreeMap<String, Option<Vec<&RawValue>>>> =
        serde_json::from_str(payload.get()).map_err(|_| invalid())?;
    for (method, passcodes) in payload.unwrap_or_default() {
        let passcodes: Option<Vec<String>> =
            passcodes.unwrap_or_default().into_iter().map(passcode).collect();
        credentials.insert(&method, passcodes.ok_or_else(invalid)?);
    }
    Ok(credentials)
}

/// A text, or the number that it might have been; null is nothing.
fn passcode(raw: &RawValue) -> Option<String> {
    match Json::of(raw).ok()? {
        Json::Bool(_) => None,
        value => value.text().ok(),
    }
}

async fn finish(cx: &Context<'_>, login: &Login, credentials: &MfaCredentials) -> Result<Response, Error> {
    let namespace = &cx.request().namespace;
    if namespace.id != login.namespace {
        return Err(failed("original request was issued in a different namespace"));
    }
    let home = cx.core.tokens.surroundings()?.mount_at(namespace, &login.path);
    let home = home.filter(|home| home.mount.entry.accessor == login.accessor);
    let home = home.ok_or_else(|| failed("the auth method of the login is not mounted any more"))?;
    let entity = cx.core.identity_in(cx.transaction(), namespace, &login.entity).await?;
    let entity = entity.ok_or_else(|| failed("MFA validation failed. entity not found"))?;
    if entity.disabled {
        return Err(Error::permission_denied());
    }
    let prefix = home.mount.storage_prefix();
    let limits = cx.core.limits_of(&home.mount);
    let at_mount = cx.at(&home.mount, &prefix, limits);
    let enforcements = matching(&at_mount, Some(&entity)).await?;
    if enforcements.is_empty() {
        return Err(failed("found nil or empty MFAEnforcement configuration"));
    }
    for enforcement in &enforcements {
        let checked = check(cx, enforcement, &entity, credentials).await?;
        checked.map_err(|cause| {
            let text = format!("failed to satisfy enforcement {}. error: {cause}", enforcement.name);
            Error::with_status(StatusCode::FORBIDDEN, text)
        })?;
    }
    let grant = login.grant.clone();
    let done = cx.core.tokens.finish_login(&at_mount, &login.path, grant, Some(&entity)).await?;
    let grant = done.proof.map_or_else(|| Grant::Issued(Box::new(done.auth)), Grant::Proved);
    Ok(Response { grant, warnings: done.warnings, ..Response::default() })
}

/// Whether `credentials` satisfy `enforcement`; the inner error is what the client may know.
pub(super) async fn check(
    cx: &Context<'_>,
    enforcement: &Enforcement,
    entity: &Entity,
    credentials: &MfaCredentials,
) -> Result<Result<(), String>, Error> {
    let mut given = Vec::new();
    let mut missing = Vec::new();
    for id in &enforcement.mfa_method_ids {
        let Some((method, namespace)) = find(cx, id).await? else {
            missing.push(format!("failed to find MFA config for method ID {id}"));
            continue;
        };
        let name = format!("{}{}", namespace.path, method.name);
        match credentials.of(id).or_else(|| credentials.of(&name)) {
            Some(passcodes) => given.push((method, passcodes)),
            None => missing.push(format!(
                "failed to find MFA credentials associated with an MFA method ID {id}, method name {name}"
            )),
        }
    }
    if given.is_empty() {
        return Ok(Err(format!("failed to sanitize MFA creds, {}", counted(&missing))));
    }
    let mut problems = Vec::new();
    for (method, passcodes) in given {
        match check_method(cx, &method, entity, passcodes).await? {
            Ok(()) => return Ok(Ok(())),
            Err(problem) => problems.push(problem),
        }
    }
    let ids = enforcement.mfa_method_ids.join(" ");
    problems.push(format!("login MFA validation failed for methodID: [{ids}]"));
    Ok(Err(counted(&problems)))
}

fn counted(problems: &[String]) -> String {
    let items: Vec<String> = problems.iter().map(|text| format!("* {text}")).collect();
    let noun = if items.len() == 1 { "error" } else { "errors" };
    format!("{} {noun} occurred:\n\t{}\n\n", items.len(), items.join("\n\t"))
}

async fn check_method(
    cx: &Context<'_>,
    method: &Method,
    entity: &Entity,
    passcodes: &[ClientToken],
) -> Result<Result<(), String>, Error> {
    let passcode = match passcode_of(passcodes) {
        Ok(passcode) => passcode,
        Err(problem) => return Ok(Err(format!("failed to parse MFA factor, {problem}"))),
    };
    let Service::Totp(totp) = &method.service else {
        let kind = method.service.kind();
        return Ok(Err(format!(
            "this server cannot ask {kind} for a second factor: it asks no other service"
        )));
    };
    let Some(key) = secret::load(&Store::of(cx), &entity.id, &method.id).await? else {
        let (name, id) = (&method.name, &entity.id);
        return Ok(Err(format!("MFA secret for method name {name:?} not present in entity {id:?}")));
    };
    let factor = Factor { method: method.id.clone(), entity: entity.id.clone() };
    Ok(check_passcode(cx, factor, totp.max_validation_attempts, &key, passcode))
}

/// The one passcode among what was given, plain or as `passcode=…`; empty for none.
fn passcode_of(given: &[ClientToken]) -> Result<&str, &'static str> {
    let mut found = "";
    for text in given.iter().map(ClientToken::expose).filter(|text| !text.is_empty()) {
        let passcode = match text.strip_prefix("passcode=") {
            Some("") => return Err("invalid passcode"),
            Some(passcode) => passcode,
            None if text.contains('=') => return Err("found an invalid MFA cred"),
            None => text,
        };
        if !found.is_empty() {
            return Err("found multiple passcodes for the same MFA method");
        }
        found = passcode;
    }
    Ok(found)
}

/// Every passcode is taken once; wrong ones are counted, for each entity and method, and used ones are not.
fn check_passcode(
    cx: &Context<'_>,
    factor: Factor,
    allowed: u64,
    key: &StoredKey,
    passcode: &str,
) -> Result<(), String> {
    if passcode.trim() != passcode || passcode.len() != key.digits as usize {
        return Err(WRONG.to_owned());
    }
    let (waiting, request, now) = (&cx.core.mfa, &cx.request().id, cx.now());
    let step = u64::try_from(now.as_second()).unwrap_or(0) / key.period;
    let mut steps = step.saturating_sub(key.skew)..=step + key.skew;
    let counter = steps.find(|step| key.is_code(*step, passcode));
    let used =
        counter.map(|counter| Used { method: factor.method.clone(), secret: key.fingerprint(), counter });
    // Of requests with one passcode, all but one have to find it used.
    let _checking = waiting.check_alone();
    // Who repeats a passcode guesses nothing.
    if used.as_ref().is_some_and(|used| waiting.is_used(used, request, now)) {
        return Err(WRONG.to_owned());
    }
    let attempts = waiting.attempt(&factor, request, key.period, now);
    if attempts > allowed {
        let period = key.period;
        return Err(format!(
            "maximum TOTP validation attempts {attempts} exceeded the allowed attempts {allowed}. Please try again in {period} seconds"
        ));
    }
    if !used.is_some_and(|used| waiting.use_up(used, request, key.period * (2 + key.skew), now)) {
        return Err(WRONG.to_owned());
    }
    waiting.succeed(&factor);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &[&str], expected: Result<&str, &'static str>) {
        let given: Vec<ClientToken> = given.iter().map(|text| ClientToken::new(*text)).collect();
        assert_eq!(passcode_of(&given), expected);
    }

    #[test]
    fn one_passcode_is_taken_plain_or_named() {
        check(&[], Ok(""));
        check(&["", "123456"], Ok("123456"));
        check(&["passcode=123456"], Ok("123456"));
        check(&["passcode="], Err("invalid passcode"));
        check(&["push=1"], Err("found an invalid MFA cred"));
        check(&["1", "passcode=2"], Err("found multiple passcodes for the same MFA method"));
    }
}
