//! The claims of tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::keyring::KeyRecord;
use super::template::Claims;
use crate::core::error::Error;

/// Claims that no template makes.
pub(super) const RESERVED: [&str; 10] =
    ["iat", "aud", "exp", "iss", "sub", "namespace", "nonce", "auth_time", "at_hash", "c_hash"];

/// What the server itself says in a token.
#[derive(Debug, Default, Serialize)]
pub(super) struct OwnClaims<'a> {
    pub(super) iss: &'a str,
    pub(super) namespace: &'a str,
    pub(super) sub: &'a str,
    pub(super) aud: &'a str,
    pub(super) exp: i64,
    pub(super) iat: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) nonce: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_time: Option<i64>,
    /// Binds the access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at_hash: Option<String>,
    /// Binds the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) c_hash: Option<String>,
    /// Names the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jti: Option<String>,
}

impl OwnClaims<'_> {
    /// These claims from `now` on, for `seconds`.
    pub(super) fn lasting(self, now: Timestamp, seconds: u64) -> Self {
        let iat = now.as_second();
        Self { iat, exp: iat.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)), ..self }
    }

    /// The token of these claims and those of templates, signed by `key`.
    pub(super) fn signed(&self, key: &KeyRecord, templated: Claims) -> Result<String, Error> {
        let mut claims = Claims::new();
        merge(&mut claims, templated);
        if let Value::Object(own) = serde_json::to_value(self)? {
            claims.extend(own);
        }
        key.signing()?.token(&serde_json::to_vec(&claims)?)
    }
}

/// Adds the claims of a template, but for those that are the server's to say.
pub(super) fn merge(claims: &mut Claims, templated: Claims) {
    claims.extend(templated.into_iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())));
}

/// The claim that binds `text` to a token of `key`.
pub(super) fn binding(key: &KeyRecord, text: &str) -> Result<Option<String>, Error> {
    let digest = key.signing()?.algorithm().half_digest(text);
    Ok(Some(URL_SAFE_NO_PAD.encode(digest)))
}
