//! Roles.

use http::StatusCode;
use schemas::Record;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{AppRole, hash};
use crate::auth::networks::require_blocks;
use crate::auth::page::Page;
use crate::auth::token_parameters::{self, TokenParameters, names, seconds, set, texts};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::go_text;
use crate::core::request::Operation;
use crate::core::response::Response;

/// The older field names that this method takes.
pub(super) const OLDER: &[&str] = &["policies", "period"];

const UNBOUND: &str = "at least one constraint should be enabled on the role";

/// A role, as stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Role {
    /// Lower case.
    pub(super) name: String,
    /// What a login names.
    pub(super) role_id: String,
    /// Hashes the role's name and its secret ids.
    pub(super) hash_key: String,
    pub(super) bind_secret_id: bool,
    /// Only kept: there are no other clusters.
    pub(super) local_secret_ids: bool,
    /// `None`: never set, which is answered as null.
    pub(super) secret_id_bound_cidrs: Option<Vec<String>>,
    /// 0 without limit.
    pub(super) secret_id_num_uses: i64,
    /// Seconds; 0 without limit.
    pub(super) secret_id_ttl: i64,
    pub(super) token: TokenParameters,
}

impl Role {
    fn new(name: &str) -> Self {
        let (role_id, hash_key) = (Uuid::new_v4().to_string(), hash::new_key());
        Self { name: name.to_owned(), role_id, hash_key, bind_secret_id: true, ..Self::default() }
    }

    /// The role that the path of the request names.
    pub(super) async fn of(cx: &Context<'_>) -> Result<Option<Self>, Error> {
        Self::load(cx, cx.capture("role_name")).await
    }

    pub(super) async fn load(cx: &Context<'_>, name: &str) -> Result<Option<Self>, Error> {
        Ok(cx.view().get_json(&key(name)).await?)
    }

    /// Networks that secret ids of the role are limited to.
    pub(super) fn blocks(&self) -> &[String] {
        self.secret_id_bound_cidrs.as_deref().unwrap_or_default()
    }

    /// Whether anything but the role id stands between a client and a token.
    fn is_bound(&self) -> bool {
        let is_set = |list: Option<usize>| list.is_some_and(|length| length > 0);
        self.bind_secret_id
            || is_set(self.secret_id_bound_cidrs.as_ref().map(Vec::len))
            || is_set(self.token.bound_cidrs.as_ref().map(Vec::len))
    }

    /// Writes it, together with the note of its role id; `previous` is the role id that it had.
    pub(super) async fn store(
        &self,
        engine: &AppRole,
        cx: &Context<'_>,
        previous: &str,
    ) -> Result<(), Error> {
        if !self.is_bound() {
            return Err(failed(UNBOUND));
        }
        let note = engine.role_id_key(cx, &self.role_id).await?;
        let owner: Option<String> = cx.view().get_json(&note).await?;
        match owner {
            Some(owner) if owner != self.name => return Err(failed("role_id already in use")),
            Some(_) => {}
            None => cx.view().put_json(&note, &self.name)?,
        }
        if !previous.is_empty() && previous != self.role_id {
            cx.view().delete(&engine.role_id_key(cx, previous).await?);
        }
        Ok(cx.view().put_json(&key(&self.name), self)?)
    }
}

/// A failure that the API answers with 500.
pub(super) fn failed(message: impl Into<String>) -> Error {
    Error::counted(StatusCode::INTERNAL_SERVER_ERROR, message)
}

fn key(name: &str) -> String {
    format!("role/{}", schemas::lower_case(name))
}

pub(super) async fn exists(_: &AppRole, cx: &Context<'_>) -> Result<bool, Error> {
    Ok(Role::of(cx).await?.is_some())
}

pub(super) async fn list(_: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let page = Page::of(cx);
    Response::keys(&cx.view().list("role/", page.after.as_deref(), page.most()).await?)
}

pub(super) async fn read(_: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let role = Role::of(cx).await?.ok_or_else(Error::not_found)?;
    let mut data = role.token.answer();
    data.insert("bind_secret_id".to_owned(), role.bind_secret_id.into());
    data.insert("local_secret_ids".to_owned(), role.local_secret_ids.into());
    data.insert("secret_id_bound_cidrs".to_owned(), json!(role.secret_id_bound_cidrs));
    data.insert("secret_id_num_uses".to_owned(), role.secret_id_num_uses.into());
    data.insert("secret_id_ttl".to_owned(), role.secret_id_ttl.into());
    Response::data(&data)
}

pub(super) async fn write(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let name = cx.capture("role_name");
    if !hash::is_short(name) {
        return Err(Error::invalid("role_name is longer than maximum of 4096 bytes"));
    }
    let stored = Role::of(cx).await?;
    let previous = stored.as_ref().map_or(String::new(), |role| role.role_id.clone());
    let mut role = stored.unwrap_or_else(|| Role::new(name));
    let mut input = token_parameters::input_of(cx, OLDER);
    let mut response = Response::empty();
    if let Some(plain) = plain_type(&input) {
        let warning = format!("default-{plain} has no useful meaning; adjusting to {plain}");
        response = response.with_warning(warning);
        input.set("token_type", plain);
    }
    role.token.update(cx, &input, OLDER)?;
    role.take(cx, &input)?;
    if names(cx, "period") {
        require_period(cx, role.token.period, role.token.period)?;
    }
    if seconds(role.token.max_ttl) > cx.limits().max {
        response = response.with_warning(
            "token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' max TTL value \
             will be truncated",
        );
    }
    role.store(engine, cx, &previous).await?;
    Ok(response)
}

/// `service` for `default-service`, `batch` for `default-batch`.
fn plain_type(input: &Record) -> Option<&'static str> {
    match input.text("token_type") {
        "default-service" => Some("service"),
        "default-batch" => Some("batch"),
        _ => None,
    }
}

/// Refuses a period that the mount would not allow; `shown` is the one that the text names.
pub(super) fn require_period(cx: &Context<'_>, period: i64, shown: i64) -> Result<(), Error> {
    let max = cx.limits().max;
    if seconds(period) <= max {
        return Ok(());
    }
    let [shown, max] = [seconds(shown), max].map(|duration| go_text::duration(duration.as_secs()));
    let message =
        format!("period of \"{shown}\" is greater than the backend's maximum lease TTL of \"{max}\"");
    Err(Error::invalid(message))
}

impl Role {
    /// Takes over the fields that only this method has.
    fn take(&mut self, cx: &Context<'_>, input: &Record) -> Result<(), Error> {
        if let Some(is_local) = input.get("local_secret_ids").as_bool() {
            if cx.operation() != Operation::Create {
                return Err(Error::invalid("local_secret_ids can only be modified during role creation"));
            }
            self.local_secret_ids = is_local;
        }
        set(&mut self.role_id, input.get("role_id").as_str().map(str::to_owned));
        if self.role_id.is_empty() {
            return Err(Error::invalid("invalid role_id supplied, or failed to generate a role_id"));
        }
        set(&mut self.bind_secret_id, input.get("bind_secret_id").as_bool());
        let blocks = texts(input, "secret_id_bound_cidrs").or_else(|| texts(input, "bound_cidr_list"));
        if let Some(blocks) = blocks {
            self.secret_id_bound_cidrs = Some(blocks);
        }
        require_blocks(self.blocks(), "CIDR blocks").map_err(failed)?;
        set(&mut self.secret_id_num_uses, input.get("secret_id_num_uses").as_i64());
        if self.secret_id_num_uses < 0 {
            return Err(Error::invalid("secret_id_num_uses cannot be negative"));
        }
        set(&mut self.secret_id_ttl, input.get("secret_id_ttl").as_i64());
        Ok(())
    }
}

pub(super) async fn delete(engine: &AppRole, cx: &Context<'_>) -> Result<Response, Error> {
    let Some(role) = Role::of(cx).await? else { return Ok(Response::empty()) };
    super::secret_id::delete_all(engine, cx, &role).await?;
    cx.view().delete(&engine.role_id_key(cx, &role.role_id).await?);
    cx.view().delete(&key(&role.name));
    Ok(Response::empty())
}
