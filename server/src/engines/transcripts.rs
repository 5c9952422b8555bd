//! `server/tests/transcripts/{kv1,kv2,totp,cubbyhole}.md`: what OpenBao answers, replayed on the engines.
//!
//! A section is a fresh mount and a fenced block of requests (`METHOD path body`), each with the status and the
//! JSON that OpenBao 2.7.2 answered; of the envelope only what is not empty. A line that begins with `ours` is
//! what this server answers instead; the text of the section says why.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{cubbyhole::Cubbyhole, kv1::Kv1, kv2::Kv2, totp::Totp};
use crate::core::engine::Engine;
use crate::core::error::Error;
use crate::core::request::Operation;
use crate::core::response::Response;
use crate::core::testing::Harness;

struct Exchange<'a> {
    request: &'a str,
    theirs: &'a str,
    ours: Option<&'a str>,
}

fn exchanges(section: &str) -> Vec<Exchange<'_>> {
    let mut exchanges: Vec<Exchange<'_>> = Vec::new();
    let blocks = section.split("```").skip(1).step_by(2);
    for line in blocks.flat_map(str::lines).filter(|line| !line.is_empty()) {
        match exchanges.last_mut() {
            Some(exchange) if line.starts_with("ours ") => exchange.ours = line.strip_prefix("ours "),
            Some(exchange) if exchange.theirs.is_empty() => exchange.theirs = line,
            _ => exchanges.push(Exchange { request: line, theirs: "", ours: None }),
        }
    }
    exchanges
}

/// Replays each section of `transcript` on a fresh mount.
pub(crate) async fn check<E: Engine>(transcript: &str, engine: fn() -> E) {
    let mut wrong = Vec::new();
    for section in transcript.split("\n## ").skip(1) {
        let mut harness = Harness::new(engine()).await;
        let title = section.lines().next().unwrap_or_default();
        for Exchange { request, theirs, ours } in exchanges(section) {
            harness.now = harness.now.checked_add(Duration::from_millis(1)).expect("a time");
            let answer = line_of(send(&harness, request).await);
            let expected = ours.unwrap_or(theirs);
            if answer != normal(expected) {
                wrong.push(format!("{title}: {request}\n  expected {expected}\n  ours {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
}

async fn send(harness: &Harness, request: &str) -> Result<Response, Error> {
    let mut words = request.splitn(3, ' ');
    let (method, target) = (words.next().expect("a method"), words.next().expect("a path"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (_, path) = path.split_once('/').unwrap_or((path, ""));
    let operation = operation(method);
    let is_folder = matches!(operation, Operation::List | Operation::Scan);
    let slash = if is_folder && !path.is_empty() && !path.ends_with('/') { "/" } else { "" };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query: Map<String, Value> = pairs.map(|(name, text)| (name.to_owned(), json!(text))).collect();
    let parameters = words.next().map_or_else(|| Value::Object(query).to_string(), str::to_owned);
    harness.call_text(operation, &format!("{}{slash}", path.replace("%20", " ")), &parameters).await
}

fn operation(method: &str) -> Operation {
    match method {
        "GET" => Operation::Read,
        "LIST" => Operation::List,
        "SCAN" => Operation::Scan,
        "PATCH" => Operation::Patch,
        "DELETE" => Operation::Delete,
        _ => Operation::Update,
    }
}

/// An answer as a line of a transcript.
fn line_of(answer: Result<Response, Error>) -> String {
    let response = match answer {
        Ok(response) => response,
        Err(error) => {
            return shown(error.status().as_u16(), json!({"errors": error.messages(true)}));
        }
    };
    let status = response.status.map(|status| status.as_u16());
    if response.is_empty() || response.raw.is_some() {
        return status.unwrap_or(204).to_string();
    }
    let data = response.data.map_or(Value::Null, |raw| serde_json::from_str(raw.get()).expect("JSON"));
    let mut body = json!({ "data": data });
    if response.lease_duration != 0 {
        body["lease_duration"] = json!(response.lease_duration);
    }
    if !response.warnings.is_empty() {
        body["warnings"] = json!(response.warnings);
    }
    shown(status.unwrap_or(200), body)
}

fn shown(status: u16, mut body: Value) -> String {
    mask("", &mut body);
    format!("{status} {body}")
}

/// `line` with its JSON written as ours is.
fn normal(line: &str) -> String {
    match line.split_once(' ') {
        Some((status, body)) => format!("{status} {}", serde_json::from_str::<Value>(body).expect("JSON")),
        None => line.to_owned(),
    }
}

/// Hides times, codes, keys and accessors.
fn mask(name: &str, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mask("", item)),
        Value::Object(entries) => entries.iter_mut().for_each(|(name, value)| mask(name, value)),
        Value::String(text) if name.ends_with("_time") && !text.is_empty() => *value = json!("<time>"),
        Value::String(_) if name == "secret_id_accessor" => *value = json!("<accessor>"),
        Value::String(_) if name == "code" || name == "barcode" => *value = json!(format!("<{name}>")),
        Value::String(text) if name == "url" => {
            let start = text.split("secret=").next().unwrap_or_default();
            *value = json!(format!("{start}secret=<secret>"));
        }
        Value::Number(_) if matches!(name, "expire_time" | "generated") => *value = json!("<time>"),
        _ => {}
    }
}

#[tokio::test]
async fn kv1_answers_as_openbao() {
    check(include_str!("../../tests/transcripts/kv1.md"), || Kv1).await;
}

#[tokio::test]
async fn kv2_answers_as_openbao() {
    check(include_str!("../../tests/transcripts/kv2.md"), || Kv2).await;
}

#[tokio::test]
async fn totp_answers_as_openbao() {
    check(include_str!("../../tests/transcripts/totp.md"), || Totp).await;
}

#[tokio::test]
async fn cubbyhole_answers_as_openbao() {
    check(include_str!("../../tests/transcripts/cubbyhole.md"), || Cubbyhole).await;
}
