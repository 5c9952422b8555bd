//! Inline authentication: a login in the headers of the request that it is for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;

use super::headers;
use crate::core::error::Error;
use crate::core::inline::{InlineLogin, WORDS};
use crate::core::lenient;
use crate::core::request::{ClientToken, MfaCredentials, Operation, Parameters};

/// Every header of a login begins so.
const PREFIX: &str = "x-vault-inline-auth-";
const PARAMETER: &str = "parameter-";

/// Tells that the answer is that of the login.
pub(super) const FAILED: HeaderName = HeaderName::from_static("x-vault-inline-auth-failed");

/// Takes the login out of `headers`, where nothing of it is left. `namespace` is that of the request.
///
/// # Errors
/// 500, as the API has it, for headers that make no login, and for a request that has a token, too.
pub(super) fn take(
    headers: &mut HeaderMap,
    namespace: &str,
    token: &ClientToken,
) -> Result<Option<InlineLogin>, Error> {
    let names: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect();
    if names.is_empty() {
        return Ok(None);
    }
    let mut taken = BTreeMap::new();
    for name in names {
        let values: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
        headers.remove(&name);
        taken.insert(name.as_str()[PREFIX.len()..].to_owned(), values);
    }
    let Some(path) = taken.get("path") else { return Ok(None) };
    let path = one(path).ok_or_else(|| wrong("expected exactly one value for X-Vault-Inline-Auth-Path"))?;
    if !token.is_empty() {
        return Err(wrong("cannot layer inline authentication with token authentication"));
    }
    Ok(Some(InlineLogin {
        path: path.to_owned(),
        operation: operation(taken.get("operation"))?,
        namespace: self::namespace(taken.get("namespace"), namespace)?,
        parameters: parameters(&taken)?,
        mfa: MfaCredentials::default(),
    }))
}

/// The text of the one value that there is.
fn one(values: &[HeaderValue]) -> Option<&str> {
    match values {
        [value] => Some(headers::of(value)),
        _ => None,
    }
}

/// Logins are writes, or reads with some auth methods. What the server asks of an engine itself has no word here.
fn operation(values: Option<&Vec<HeaderValue>>) -> Result<Operation, Error> {
    let Some(values) = values else { return Ok(Operation::Update) };
    let text =
        one(values).ok_or_else(|| wrong("expected exactly one value for X-Vault-Inline-Auth-Operation"))?;
    match text {
        "create" | "update" => Ok(Operation::Update),
        "read" => Ok(Operation::Read),
        _ => Err(wrong("expected a valid login operation in X-Vault-Inline-Auth-Operation")),
    }
}

fn namespace(values: Option<&Vec<HeaderValue>>, outer: &str) -> Result<String, Error> {
    let Some(values) = values else { return Ok(outer.to_owned()) };
    let text = one(values);
    let text = text.ok_or_else(|| wrong("expected at most one value for X-Vault-Inline-Auth-Namespace"))?;
    Ok(text.to_owned())
}

fn parameters(taken: &BTreeMap<String, Vec<HeaderValue>>) -> Result<Parameters, Error> {
    let parameters = taken.iter().filter(|(name, _)| name.starts_with(PARAMETER));
    parameters.map(|(_, values)| parameter(values)).collect()
}

/// One parameter: `{"key": …, "value": …}` in base64. No error shows anything of it, as it may be a password.
fn parameter(values: &[HeaderValue]) -> Result<(String, Box<RawValue>), Error> {
    let text =
        one(values).ok_or_else(|| wrong("expected exactly one value for each auth header parameter"))?;
    let json = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| wrong("failed raw url-safe base64 decoding header value"))?;
    let mut json = Cow::Owned(lenient::into_text(json).into_bytes());
    lenient::whole_escapes(&mut json);
    let fields: Option<BTreeMap<String, Box<RawValue>>> =
        serde_json::from_slice(&json).map_err(|_| wrong("failed json decoding header value"))?;
    let mut fields = fields.unwrap_or_default();
    let key = fields.remove("key").ok_or_else(|| wrong("decoded header lacked `key` field"))?;
    let key = serde_json::from_str(key.get())
        .map_err(|_| wrong("decoded header had incorrect type for `key` field"))?;
    let value = fields.remove("value").ok_or_else(|| wrong("decoded header lacked `value` field"))?;
    if !fields.is_empty() {
        return Err(wrong("unexpected field in decoded request parameter"));
    }
    Ok((key, value))
}

fn wrong(problem: &str) -> Error {
    Error::with_status(StatusCode::INTERNAL_SERVER_ERROR, problem).after(WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
        });
        pairs.collect()
    }

    #[test]
    fn nothing_of_a_login_is_left_in_the_headers() {
        let mut headers = headers(&[
            ("accept", "*/*"),
            ("x-vault-inline-auth-path", "auth/userpass/login/a"),
            ("x-vault-inline-auth-parameter-p", "eyJrZXkiOiJwYXNzd29yZCIsInZhbHVlIjoicHcifQ"),
        ]);
        let login =
            take(&mut headers, "team", &ClientToken::default()).expect("good headers").expect("a login");
        assert_eq!((login.namespace.as_str(), login.operation), ("team", Operation::Update));
        assert_eq!(login.parameters["password"].get(), "\"pw\"");
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }

    #[test]
    fn parameters_without_a_login_are_dropped() {
        let mut headers = headers(&[("x-vault-inline-auth-parameter-p", "!!")]);
        assert!(take(&mut headers, "", &ClientToken::default()).expect("no login").is_none());
        assert!(headers.is_empty());
    }

    #[test]
    fn an_error_shows_nothing_of_a_parameter() {
        for text in ["hunter2!", "aHVudGVyMg", "eyJrZXkiOiJwYXNzd29yZCIsInZhbHVlIjoiaHVudGVyMiIsIngiOjF9"] {
            let mut headers =
                headers(&[("x-vault-inline-auth-path", "a"), ("x-vault-inline-auth-parameter-p", text)]);
            let error = take(&mut headers, "", &ClientToken::default()).expect_err("no parameter");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
