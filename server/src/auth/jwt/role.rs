//! Roles.

use std::collections::{BTreeMap, BTreeSet};

use schemas::Record;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Jwt;
use super::claims::values;
use super::expectation::Leeways;
use super::template;
use crate::auth::page::Page;
use crate::auth::token_parameters::{TokenParameters, input_of, seconds, set, texts};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::exact;
use crate::core::go_text;
use crate::core::response::Response;
use crate::core::weak::Json;

/// The older field names that this method takes.
const OLDER: &[&str] = &["policies", "ttl", "max_ttl", "period", "num_uses", "bound_cidrs"];

/// Metadata that the method itself writes.
const RESERVED: [&str; 1] = ["role"];

const UNBOUND: &str = "must have at least one bound constraint when creating/updating a role";
const NO_REDIRECT: &str = "'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified.";

/// A role, as stored. `None`: never set, which is answered as null.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    /// `jwt` or `oidc`.
    pub(super) role_type: String,
    pub(super) user_claim: String,
    pub(super) user_claim_json_pointer: bool,
    pub(super) bound_audiences: Option<Vec<String>>,
    pub(super) bound_subject: String,
    pub(super) bound_claims: Option<BTreeMap<String, Value>>,
    /// `string` or `glob`.
    pub(super) bound_claims_type: String,
    pub(super) claim_mappings: Option<BTreeMap<String, String>>,
    pub(super) groups_claim: String,
    allowed_redirect_uris: Option<Vec<String>>,
    callback_mode: String,
    oauth2_metadata: Option<Vec<String>>,
    oidc_disable_confirmation: bool,
    oidc_scopes: Option<Vec<String>>,
    poll_interval: i64,
    /// Seconds.
    max_age: i64,
    expiration_leeway: i64,
    not_before_leeway: i64,
    clock_skew_leeway: i64,
    /// Whether names of policies are filled in from claims.
    pub(super) token_policies_template_claims: bool,
    verbose_oidc_logging: bool,
    pub(super) token: TokenParameters,
}

impl Role {
    pub(super) async fn load(cx: &Context<'_>, name: &str) -> Result<Option<Self>, Error> {
        Ok(cx.view().get_json(&key(name)).await?)
    }

    pub(super) fn leeways(&self) -> Leeways {
        Leeways {
            expiration: self.expiration_leeway,
            not_before: self.not_before_leeway,
            clock_skew: self.clock_skew_leeway,
        }
    }

    pub(super) fn is_glob(&self) -> bool {
        self.bound_claims_type == "glob"
    }

    fn answer(&self) -> Map<String, Value> {
        let mut data = self.token.answer();
        let own = json!({
            "allowed_redirect_uris": self.allowed_redirect_uris,
            "bound_audiences": self.bound_audiences,
            "bound_claims": self.bound_claims,
            "bound_claims_type": self.bound_claims_type,
            "bound_subject": self.bound_subject,
            "callback_mode": self.callback_mode,
            "claim_mappings": self.claim_mappings,
            "clock_skew_leeway": self.clock_skew_leeway,
            "expiration_leeway": self.expiration_leeway,
            "groups_claim": self.groups_claim,
            "max_age": self.max_age,
            "not_before_leeway": self.not_before_leeway,
            "oauth2_metadata": self.oauth2_metadata,
            "oidc_disable_confirmation": self.oidc_disable_confirmation,
            "oidc_scopes": self.oidc_scopes,
            "role_type": self.role_type,
            "token_policies_template_claims": self.token_policies_template_claims,
            "user_claim": self.user_claim,
            "user_claim_json_pointer": self.user_claim_json_pointer,
            "verbose_oidc_logging": self.verbose_oidc_logging,
        });
        if let Value::Object(own) = own {
            data.extend(own);
        }
        if self.poll_interval > 0 {
            data.insert("poll_interval".to_owned(), self.poll_interval.into());
        }
        data
    }
}

fn key(name: &str) -> String {
    format!("role/{}", schemas::lower_case(name))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(message)
}

pub(super) async fn exists(_: &Jwt, cx: &Context<'_>) -> Result<bool, Error> {
    Ok(Role::load(cx, cx.capture("name")).await?.is_some())
}

pub(super) async fn list(_: &Jwt, cx: &Context<'_>) -> Result<Response, Error> {
    let page = Page::of(cx);
    Response::keys(&cx.view().list("role/", page.after.as_deref(), page.most()).await?)
}

pub(super) async fn read(_: &Jwt, cx: &Context<'_>) -> Result<Response, Error> {
    let role = Role::load(cx, cx.capture("name")).await?.ok_or_else(Error::not_found)?;
    Response::data(&role.answer())
}

pub(super) async fn delete(_: &Jwt, cx: &Context<'_>) -> Result<Response, Error> {
    cx.view().delete(&key(cx.capture("name")));
    Ok(Response::empty())
}

pub(super) async fn write(_: &Jwt, cx: &Context<'_>) -> Result<Response, Error> {
    let name = cx.capture("name");
    let input = input_of(cx, OLDER);
    let mut role = Role::load(cx, name).await?.unwrap_or_default();
    role.role_type = match input.text("role_type") {
        "" => "oidc".to_owned(),
        kind @ ("jwt" | "oidc") => kind.to_owned(),
        kind => return Err(invalid(format!("invalid 'role_type': {kind}"))),
    };
    role.token.update(cx, &input, OLDER)?;
    require_period(cx, role.token.period)?;
    role.take_bounds(cx, &input)?;
    role.take_claims(cx, &input)?;
    role.take_oidc(&input)?;
    role.require_bound()?;
    if role.token_policies_template_claims {
        template::check(&role.token.policies)?;
    }
    cx.view().put_json(&key(name), &role)?;
    Ok(warned(cx, &role))
}

fn require_period(cx: &Context<'_>, period: i64) -> Result<(), Error> {
    if seconds(period) <= cx.limits().max {
        return Ok(());
    }
    let [period, max] =
        [seconds(period), cx.limits().max].map(|duration| go_text::duration(duration.as_secs()));
    let message =
        format!("'period' of '\"{period}\"' is greater than the backend's maximum lease TTL of '\"{max}\"'");
    Err(invalid(message))
}

fn warned(cx: &Context<'_>, role: &Role) -> Response {
    let mut response = Response::empty();
    if seconds(role.token.max_ttl) > cx.limits().max {
        response = response.with_warning(
            "token max ttl is greater than the system or backend mount's maximum TTL value; issued tokens' max TTL \
             value will be truncated",
        );
    }
    if role.verbose_oidc_logging {
        response = response.with_warning(
            "verbose_oidc_logging has been enabled for this role. This is not recommended in production since \
             sensitive information may be present in OIDC responses.",
        );
    }
    response
}

impl Role {
    /// Times, audiences and subject.
    fn take_bounds(&mut self, cx: &Context<'_>, input: &Record) -> Result<(), Error> {
        set(&mut self.expiration_leeway, signed_seconds(cx, "expiration_leeway")?);
        set(&mut self.not_before_leeway, signed_seconds(cx, "not_before_leeway")?);
        set(&mut self.clock_skew_leeway, signed_seconds(cx, "clock_skew_leeway")?);
        if let Some(audiences) = texts(input, "bound_audiences") {
            self.bound_audiences = Some(audiences);
        }
        set(&mut self.bound_subject, text(input, "bound_subject"));
        set(&mut self.verbose_oidc_logging, input.get("verbose_oidc_logging").as_bool());
        set(&mut self.max_age, input.get("max_age").as_i64());
        let is_templated = input.get("token_policies_template_claims").as_bool();
        set(&mut self.token_policies_template_claims, is_templated);
        Ok(())
    }

    /// Claims that are bound, mapped, or name the user.
    fn take_claims(&mut self, cx: &Context<'_>, input: &Record) -> Result<(), Error> {
        self.bound_claims_type = match input.get("bound_claims_type").as_str() {
            None => "string".to_owned(),
            Some(kind @ ("string" | "glob")) => kind.to_owned(),
            Some(kind) => return Err(invalid(format!("invalid 'bound_claims_type': {kind}"))),
        };
        if let Some(claims) = bound_claims(cx)? {
            let claims = claims.into_iter().collect();
            if self.is_glob() {
                require_texts(&claims)?;
            }
            self.bound_claims = Some(claims);
        }
        if let Some(mappings) = input.get("claim_mappings").as_map() {
            let pair = |(claim, name): (&String, &schemas::Value)| {
                (claim.clone(), name.as_str().unwrap_or_default().to_owned())
            };
            let mappings = mappings.iter().map(pair).collect();
            require_targets(&mappings)?;
            self.claim_mappings = Some(mappings);
        }
        self.take_oauth2_metadata(input)?;
        set(&mut self.user_claim, text(input, "user_claim"));
        if self.user_claim.is_empty() {
            return Err(invalid("a user claim must be defined on the role"));
        }
        set(&mut self.user_claim_json_pointer, input.get("user_claim_json_pointer").as_bool());
        set(&mut self.groups_claim, text(input, "groups_claim"));
        Ok(())
    }

    fn take_oauth2_metadata(&mut self, input: &Record) -> Result<(), Error> {
        let Some(names) = texts(input, "oauth2_metadata") else { return Ok(()) };
        let known = ["id_token", "refresh_token", "access_token"];
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(invalid(format!("Unrecognized oauth2 metadata name {name}")));
        }
        self.oauth2_metadata = Some(names);
        Ok(())
    }

    /// What only a browser login needs.
    fn take_oidc(&mut self, input: &Record) -> Result<(), Error> {
        if let Some(scopes) = texts(input, "oidc_scopes") {
            self.oidc_scopes = Some(scopes);
        }
        if let Some(uris) = texts(input, "allowed_redirect_uris") {
            self.allowed_redirect_uris = Some(uris);
        }
        set(&mut self.poll_interval, input.get("poll_interval").as_i64());
        self.callback_mode = match input.get("callback_mode").as_str() {
            None => "client".to_owned(),
            Some(mode @ ("client" | "direct" | "device")) => mode.to_owned(),
            Some(mode) => return Err(invalid(format!("invalid 'callback_mode': {mode}"))),
        };
        self.oidc_disable_confirmation = input.flag("oidc_disable_confirmation");
        Ok(())
    }

    /// Refuses a role that takes any token of the issuer.
    fn require_bound(&self) -> Result<(), Error> {
        let is_set = |length: Option<usize>| length.is_some_and(|length| length > 0);
        if self.role_type == "oidc" {
            let has_redirect = is_set(self.allowed_redirect_uris.as_ref().map(Vec::len));
            return if has_redirect { Ok(()) } else { Err(invalid(NO_REDIRECT)) };
        }
        let is_bound = is_set(self.bound_audiences.as_ref().map(Vec::len))
            || is_set(self.token.bound_cidrs.as_ref().map(Vec::len))
            || !self.bound_subject.is_empty()
            || is_set(self.bound_claims.as_ref().map(BTreeMap::len));
        if is_bound { Ok(()) } else { Err(invalid(UNBOUND)) }
    }
}

fn text(input: &Record, name: &str) -> Option<String> {
    input.get(name).as_str().map(str::to_owned)
}

/// Seconds that may be negative; null is not given.
fn signed_seconds(cx: &Context<'_>, name: &str) -> Result<Option<i64>, Error> {
    match cx.parameters().get(name).map(|raw| Json::of(raw)).transpose()? {
        None | Some(Json::Null) => Ok(None),
        Some(json) => json
            .seconds()
            .map(Some)
            .map_err(|problem| invalid(format!("error converting input for field \"{name}\": {problem}"))),
    }
}

/// The JSON object in field `name`, if the request names it.
pub(super) fn object(input: &Record, name: &str) -> Result<Option<Map<String, Value>>, Error> {
    let value = input.get(name);
    if value.as_map().is_none() {
        return Ok(None);
    }
    entries(name, &schemas::json::render(value)).map(Some)
}

/// The bound claims as they were written: `5.0` is not shown as `5`.
fn bound_claims(cx: &Context<'_>) -> Result<Option<Map<String, Value>>, Error> {
    let Some(raw) = cx.parameters().get("bound_claims") else { return Ok(None) };
    let claims = crate::core::object::object(raw);
    let claims = claims.map_err(|problem| exact::refused("bound_claims", &problem))?;
    entries("bound_claims", claims.get()).map(Some)
}

/// The entries of the object that `json` is, or of null.
fn entries(name: &str, json: &str) -> Result<Map<String, Value>, Error> {
    let entries: Option<Map<String, Value>> = serde_json::from_str(json)
        .map_err(|_| exact::refused(name, "a number is too large, or lists and objects are too deep"))?;
    Ok(entries.unwrap_or_default())
}

/// A glob fits texts alone.
fn require_texts(claims: &BTreeMap<String, Value>) -> Result<(), Error> {
    for value in claims.values() {
        let items =
            values(value).ok_or_else(|| invalid(format!("claim is not a string or list: {value}")))?;
        if let Some(item) = items.iter().find(|item| !item.is_string()) {
            return Err(invalid(format!("claim is not a string: {item}")));
        }
    }
    Ok(())
}

/// Each metadata key comes from one claim, and none is the method's own.
fn require_targets(mappings: &BTreeMap<String, String>) -> Result<(), Error> {
    let mut targets = BTreeSet::new();
    for target in mappings.values() {
        if RESERVED.contains(&target.as_str()) {
            let message =
                format!("metadata key \"{target}\" is reserved and may not be a mapping destination");
            return Err(invalid(message));
        }
        if !targets.insert(target) {
            return Err(invalid(format!("multiple keys are mapped to metadata key \"{target}\"")));
        }
    }
    Ok(())
}
