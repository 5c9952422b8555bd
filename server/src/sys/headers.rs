//! `sys/config/`: pages of other origins, headers of the user interface, headers in the audit log.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use schemas::shape::{Declared as _, List};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Sys;
use crate::core::context::Context;
use crate::core::cors::{self, CorsConfig};
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::handler;

/// The headers that requests and answers may have.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("config/cors")
        .about("Which pages of other origins may call the API.")
        .sudo()
        .fields(Cors::PARTS)
        .read(handler!(read_cors))
        .write(handler!(write_cors))
        .delete(handler!(delete_cors)),
    Route::new("config/ui/headers")
        .about("Names of the headers that answers of the user interface have.")
        .sudo()
        .fields(&[])
        .list(handler!(list_ui)),
    Route::new("config/ui/headers/{header}")
        .about("One header that answers of the user interface have.")
        .sudo()
        .fields(Ui::PARTS)
        .read(handler!(read_ui))
        .write(handler!(write_ui))
        .delete(handler!(delete_ui)),
    Route::new("config/auditing/request-headers")
        .about("The headers of requests that audit devices get.")
        .sudo()
        .fields(&[])
        .read(handler!(list_audited)),
    Route::new("config/auditing/request-headers/{header+..}")
        .about("One header of requests that audit devices get.")
        .sudo()
        .fields(AuditedFields::PARTS)
        .read(handler!(read_audited))
        .write(handler!(write_audited))
        .delete(handler!(delete_audited)),
];

/// Which pages may call.
#[derive(schemas::Fields)]
struct Cors {
    /// Whether any may; they may as soon as origins are given.
    enable: Option<bool>,
    /// Origins, or `*` alone.
    allowed_origins: Option<List<String>>,
    /// Headers that pages may send, besides the usual ones.
    allowed_headers: Option<List<String>>,
    /// Whether they may send cookies and the like.
    allow_credentials: Option<bool>,
}

/// A header of the user interface.
#[derive(schemas::Fields)]
struct Ui {
    /// Its values.
    values: Option<List<String>>,
    /// Answer all values and not the first.
    multivalue: Option<bool>,
}

/// A header of requests that the audit log has.
#[derive(schemas::Fields)]
struct AuditedFields {
    /// Whether its value is hashed.
    hmac: Option<bool>,
}

/// As [`AuditedFields`], as it is stored.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Audited {
    hmac: bool,
}

const UI: &str = "config/ui/headers/";
const AUDITED: &str = "config/auditing/request-headers/";

async fn read_cors(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let config: Option<CorsConfig> = cx.transaction().get_json(cors::KEY).await?;
    let body = match config {
        None => json!({ "enabled": false }),
        Some(config) => json!({
            "allow_credentials": config.credentials, "allowed_headers": config.headers,
            "allowed_origins": config.origins, "enabled": true,
        }),
    };
    Ok(Response::data(&body)?.spread())
}

async fn write_cors(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let given: Cors = cx.fields()?;
    let refused = |text: &str| Error::counted(StatusCode::INTERNAL_SERVER_ERROR, text);
    let origins = given.allowed_origins.map(|origins| origins.0).unwrap_or_default();
    if origins.is_empty() {
        return Err(refused("at least one origin or the wildcard must be provided"));
    }
    if origins.len() > 1 && origins.iter().any(|origin| origin == "*") {
        return Err(refused("to allow all origins the '*' must be the only value for allowed_origins"));
    }
    let mut headers: Vec<String> = cors::HEADERS.map(str::to_owned).to_vec();
    headers.extend(given.allowed_headers.map(|headers| headers.0).unwrap_or_default());
    let config = CorsConfig { origins, headers, credentials: given.allow_credentials.unwrap_or_default() };
    cx.transaction().put_json(cors::KEY, &config)?;
    put_in_force(cx, Some(config));
    Ok(Response::empty())
}

async fn delete_cors(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    cx.transaction().delete(cors::KEY);
    put_in_force(cx, None);
    Ok(Response::empty())
}

fn put_in_force(cx: &Context<'_>, config: Option<CorsConfig>) {
    let (core, config) = (Arc::clone(cx.core), config.map(Arc::new));
    cx.transaction().after_commit(Box::new(move || core.cors.0.store(config)));
}

/// `name` as headers are written: `X-Frame-Options`.
fn canonical(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        first.to_uppercase() + &rest.to_lowercase()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

async fn list_ui(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    Response::keys(&cx.view().list(UI, None, usize::MAX).await?)
}

async fn read_ui(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let given: Ui = cx.fields()?;
    let values: Option<Vec<String>> = cx.view().get_json(&ui_key(cx)).await?;
    let values = values.ok_or_else(Error::not_found)?;
    if given.multivalue.unwrap_or_default() {
        return Response::data(&json!({ "values": values }));
    }
    Response::data(&json!({ "value": values.first() }))
}

fn ui_key(cx: &Context<'_>) -> String {
    format!("{UI}{}", canonical(cx.capture("header")))
}

/// Kept for the user interface, which alone sends them; this server has none to show.
async fn write_ui(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let values = values(cx)?;
    if values.is_empty() {
        return Err(Error::invalid("header and values must be specified"));
    }
    let header = canonical(cx.capture("header"));
    if header.starts_with("X-Vault-") {
        return Err(Error::invalid("X-Vault headers cannot be set"));
    }
    cx.view().put_json(&ui_key(cx), &values)?;
    let response = Response::empty().with_status(StatusCode::OK).with_body();
    let warning =
        "overriding default Content-Security-Policy which is secure by default, proceed with caution";
    Ok(if header == "Content-Security-Policy" { response.with_warning(warning) } else { response })
}

/// The values of a header. A text is one of them: commas stand in the values of many headers.
fn values(cx: &Context<'_>) -> Result<Vec<String>, Error> {
    let raw = cx.parameters().get("values").filter(|raw| raw.get().starts_with('"'));
    if let Some(raw) = raw {
        let text: String = serde_json::from_str(raw.get())?;
        return Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()).into_iter().collect());
    }
    Ok(cx.fields::<Ui>()?.values.map(|values| values.0).unwrap_or_default())
}

async fn delete_ui(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    cx.view().delete(&ui_key(cx));
    Ok(Response::empty())
}

fn audited_key(cx: &Context<'_>) -> String {
    format!("{AUDITED}{}", cx.capture("header").to_lowercase())
}

async fn list_audited(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let mut headers = BTreeMap::new();
    for key in cx.view().scan_keys(AUDITED).await? {
        if let Some(audited) = cx.view().get_json::<Audited>(&key).await? {
            headers.insert(key[AUDITED.len()..].to_owned(), audited);
        }
    }
    Ok(Response::data(&json!({ "headers": headers }))?.spread())
}

async fn read_audited(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let audited: Option<Audited> = cx.view().get_json(&audited_key(cx)).await?;
    let audited = audited.ok_or_else(|| Error::invalid("Could not find header in config"))?;
    Ok(Response::data(&BTreeMap::from([(cx.capture("header"), audited)]))?.spread())
}

/// Which headers every audit device gets.
async fn write_audited(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let given: AuditedFields = cx.fields()?;
    cx.view().put_json(&audited_key(cx), &Audited { hmac: given.hmac.unwrap_or_default() })?;
    Ok(Response::empty())
}

async fn delete_audited(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    cx.view().delete(&audited_key(cx));
    Ok(Response::empty())
}
