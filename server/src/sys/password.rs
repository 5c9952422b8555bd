//! Password policies: `sys/policies/password`.

use std::sync::LazyLock;

use http::StatusCode;
use schemas::acl::stored_text;
use schemas::password_policy::PasswordPolicy;
use schemas::shape::Declared as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::Sys;
use crate::barrier::View;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::password_policy;
use crate::core::response::Response;
use crate::core::slow::Queue;
use crate::handler;

/// The password policies of the namespace.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("policies/password").about("Names of the password policies.").fields(&[]).list(handler!(list)),
    Route::new("policies/password/{name+..}/generate")
        .about("Makes a password after a password policy.")
        .fields(&[])
        .read(handler!(generate)),
    Route::new("policies/password/{name+..}")
        .about("One password policy: of which letters passwords are made.")
        .fields(Body::PARTS)
        .read(handler!(read))
        .write(handler!(write))
        .delete(handler!(delete)),
];

/// The body that writes a password policy.
#[derive(schemas::Fields)]
struct Body {
    /// HCL or JSON, plain or base64.
    policy: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    policy: String,
}

fn stored<'a>(cx: &Context<'a>) -> View<'a> {
    cx.transaction().view(format!("{}sys/password-policy/", cx.request().namespace.storage_prefix()))
}

async fn load(cx: &Context<'_>) -> Result<Record, Error> {
    let record = stored(cx).get_json(cx.capture("name")).await?;
    record.ok_or_else(|| Error::counted(StatusCode::NOT_FOUND, "policy does not exist"))
}

async fn list(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Response::keys(&stored(cx).scan_keys("").await?)
}

async fn read(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Response::data(&load(cx).await?)
}

async fn write(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let body: Body = cx.fields()?;
    let refused = |text: String| Error::counted(StatusCode::BAD_REQUEST, text);
    let sent =
        body.policy.filter(|text| !text.is_empty()).ok_or_else(|| refused("missing policy".to_owned()))?;
    let policy = stored_text(&sent).into_owned();
    let parsed = PasswordPolicy::parse(&policy).map_err(|error| Error::invalid(error.peer_text))?;
    // Better refused now than when a password is needed.
    generated(parsed)
        .await?
        .map_err(|error| refused(format!("unable to generate password from provided policy: {error}")))?;
    stored(cx).put_json(cx.capture("name"), &Record { policy })?;
    Ok(Response::empty())
}

/// To find a password that meets a policy may take a second. Half a minute of them may wait, and logins do not wait
/// behind them.
static MAKING: LazyLock<Queue> = LazyLock::new(|| Queue::new(1, 32, "generated passwords"));

/// A password of `policy`.
async fn generated(
    policy: PasswordPolicy,
) -> Result<Result<Zeroizing<String>, password_policy::GenerationError>, Error> {
    MAKING.run(move || password_policy::generate(&policy)).await
}

async fn delete(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    stored(cx).delete(cx.capture("name"));
    Ok(Response::empty())
}

async fn generate(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let record = load(cx).await?;
    let policy = PasswordPolicy::parse(&record.policy)
        .map_err(|_| Error::internal("a stored password policy does not parse"))?;
    let password = generated(policy)
        .await?
        .map_err(|error| Error::counted(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Response::data(&json!({ "password": password.as_str() }))
}
