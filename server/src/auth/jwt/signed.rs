//! Tokens in their compact form (RFC 7515): header, claims, signature.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::key::Key;

/// The claims of a token.
pub(crate) type Claims = Map<String, Value>;

/// Base64 as clients of the API know it: bits that are left over do not count.
const BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// A token whose signature nobody has checked yet.
#[derive(Debug)]
pub(crate) struct Signed<'a> {
    header: Header,
    /// What is signed.
    message: &'a str,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Header {
    #[serde(default)]
    alg: String,
    #[serde(default)]
    kid: String,
    /// Extensions that a reader must know. We know none.
    crit: Option<Value>,
}

impl<'a> Signed<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// What is wrong with its form; never a part of it.
    pub(crate) fn parse(token: &'a str) -> Result<Self, String> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else {
            return Err("go-jose/go-jose: compact JWS format must have three parts".to_owned());
        };
        let bytes = |text: &str| {
            BASE64.decode(text).map_err(|error| match error {
                base64::DecodeError::InvalidByte(at, _) => format!("illegal base64 data at input byte {at}"),
                _ => "illegal base64 data at input byte 0".to_owned(),
            })
        };
        let (raw, claims, signature_bytes) = (bytes(header)?, bytes(claims)?, bytes(signature)?);
        let header =
            serde_json::from_slice(&raw).map_err(|_| "the header of the token is malformed".to_owned())?;
        let message = &token[..token.len() - signature.len() - 1];
        Ok(Self { header, message, claims, signature: signature_bytes })
    }

    /// The algorithm that it says it is signed with.
    pub(crate) fn algorithm(&self) -> &str {
        &self.header.alg
    }

    /// The key that it says it is signed with; empty for none in particular.
    pub(crate) fn key_id(&self) -> &str {
        &self.header.kid
    }

    /// The claims, if `key` has signed them.
    pub(crate) fn claims_by(&self, key: &Key) -> Option<Claims> {
        let is_plain = self.header.crit.is_none();
        let is_signed = is_plain && key.verifies(self.algorithm(), self.message.as_bytes(), &self.signature);
        if is_signed { serde_json::from_slice(&self.claims).ok() } else { None }
    }
}
