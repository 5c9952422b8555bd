//! `X-Vault-Index` and `X-Vault-Inconsistent`: how new the state must be that a request reads.
//!
//! One server reads what it has written, so that every index is reached: the headers are checked and change nothing.
//! No answer has an index, as those of a server with storage in one place.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{HeaderMap, HeaderName};
use serde_json::{Map, Value};

use crate::core::error::Error;

const INDEX: HeaderName = HeaderName::from_static("x-vault-index");
const INCONSISTENT: HeaderName = HeaderName::from_static("x-vault-inconsistent");

/// Refuses headers that mean nothing.
///
/// # Errors
/// 400, with the name of the header.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Error> {
    check_index(headers)?;
    let count = headers.get_all(INCONSISTENT).iter().count();
    for value in headers.get_all(INCONSISTENT) {
        match value.to_str() {
            Ok("forward-active-node" | "fail") if count == 1 => {}
            Ok(known @ ("forward-active-node" | "fail")) => {
                let text = format!("X-Vault-Inconsistent={known} cannot be used with more than one value");
                return Err(Error::invalid(text));
            }
            _ => return Err(Error::invalid("unknown value for \"X-Vault-Inconsistent\" header")),
        }
    }
    Ok(())
}

fn check_index(headers: &HeaderMap) -> Result<(), Error> {
    let mut values = headers.get_all(INDEX).iter();
    let Some(value) = values.next() else { return Ok(()) };
    if values.next().is_some() {
        return Err(Error::invalid("expected at most one value for \"X-Vault-Index\""));
    }
    if value.is_empty() {
        return Ok(());
    }
    let undecodable = || Error::invalid("failed to decode \"X-Vault-Index\"");
    let json = BASE64_STANDARD.decode(value.as_bytes()).map_err(|_| undecodable())?;
    let fields: Option<Map<String, Value>> = serde_json::from_slice(&json).map_err(|_| undecodable())?;
    let fields = fields.unwrap_or_default();
    let is_text = |name| fields.get(name).is_none_or(|value| value.is_string() || value.is_null());
    if is_text("cluster") && is_text("value") { Ok(()) } else { Err(undecodable()) }
}
