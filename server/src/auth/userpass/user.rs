//! Users.

use http::StatusCode;
use schemas::Record;
use serde::{Deserialize, Serialize};

use super::{Userpass, password};
use crate::auth::page::Page;
use crate::auth::token_parameters::{TokenParameters, input_of, names, texts};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::request::Operation;
use crate::core::response::Response;
use crate::core::token::sanitize_policies;

/// The older field names that this method takes.
const OLDER: &[&str] = &["policies", "ttl", "max_ttl", "bound_cidrs"];

/// A user, as stored.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) password_hash: String,
    pub(super) token: TokenParameters,
}

impl User {
    pub(super) async fn load(cx: &Context<'_>, name: &str) -> Result<Option<Self>, Error> {
        Ok(cx.view().get_json(&key(name)).await?)
    }

    /// The user that the path of the request names.
    pub(super) async fn of(cx: &Context<'_>) -> Result<Option<Self>, Error> {
        Self::load(cx, cx.capture("username")).await
    }

    async fn known(cx: &Context<'_>) -> Result<Self, Error> {
        let missing = || Error::counted(StatusCode::INTERNAL_SERVER_ERROR, "username does not exist");
        Self::of(cx).await?.ok_or_else(missing)
    }

    fn store(&self, cx: &Context<'_>) -> Result<Response, Error> {
        cx.view().put_json(&key(cx.capture("username")), self)?;
        Ok(Response::empty())
    }
}

fn key(name: &str) -> String {
    format!("user/{}", schemas::lower_case(name))
}

/// The fields of the request. Password and hash stand under Terraform's names for them.
fn input(cx: &Context<'_>) -> Record {
    let mut input = input_of(cx, OLDER);
    let ttl = input.take("ttl");
    if !names(cx, "token_ttl") && !ttl.is_null() {
        input.set("token_ttl", ttl);
    }
    input
}

/// Password and hash, either of which may be empty.
fn secrets(input: &Record) -> (&str, &str) {
    (input.text("password_wo"), input.text("password_hash_wo"))
}

pub(super) async fn exists(_: &Userpass, cx: &Context<'_>) -> Result<bool, Error> {
    Ok(User::of(cx).await?.is_some())
}

pub(super) async fn list(_: &Userpass, cx: &Context<'_>) -> Result<Response, Error> {
    let page = Page::of(cx);
    Response::keys(&cx.view().list("user/", page.after.as_deref(), page.most()).await?)
}

pub(super) async fn read(_: &Userpass, cx: &Context<'_>) -> Result<Response, Error> {
    let user = User::of(cx).await?.ok_or_else(Error::not_found)?;
    Response::data(&user.token.answer())
}

pub(super) async fn write(_: &Userpass, cx: &Context<'_>) -> Result<Response, Error> {
    let input = input(cx);
    let (password, hash) = secrets(&input);
    if cx.operation() == Operation::Create {
        password::require_one(password, hash)?;
    }
    let mut user = User::of(cx).await?.unwrap_or_default();
    user.token.update(cx, &input, OLDER)?;
    if !password.is_empty() || !hash.is_empty() {
        user.password_hash = password::hash_of(password, hash).await?;
    }
    user.store(cx)
}

pub(super) async fn change_password(_: &Userpass, cx: &Context<'_>) -> Result<Response, Error> {
    let mut user = User::known(cx).await?;
    let input = input(cx);
    let (password, hash) = secrets(&input);
    user.password_hash = password::hash_of(password, hash).await?;
    user.store(cx)
}

pub(super) async fn change_policies(_: &Userpass, cx: &Context<'_>) -> Result<Response, Error> {
    let mut user = User::known(cx).await?;
    if let Some(policies) = texts(cx.input(), "token_policies") {
        user.token.policies = sanitize_policies(&policies, false);
        user.token.note_older(cx, &["policies"]);
    }
    user.store(cx)
}

pub(super) async fn delete(_: &Userpass, cx: &Context<'_>) -> Result<Response, Error> {
    cx.view().delete(&key(cx.capture("username")));
    Ok(Response::empty())
}
