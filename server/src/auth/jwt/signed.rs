//! Tokens in their compact form (RFC 7515): header, claims, signature.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, STANDARD};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::key::{Jwk, Key};
use crate::core::lenient;

/// The claims of a token.
pub(crate) type Claims = Map<String, Value>;

/// Base64 as clients of the API know it: bits that are left over do not count.
const BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

/// The longest token that is looked at, in bytes: who it comes from is not known before all of it was read.
const LONGEST: usize = 1024 * 1024;

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
    alg: Option<String>,
    kid: Option<String>,
    /// Extensions that a reader must know. We know `b64`.
    crit: Option<Value>,
    /// Whether the claims stand in base64.
    b64: Option<Value>,
    /// Keys that the token brings along. None of them counts, but each must be one.
    jwk: Option<Value>,
    x5c: Option<Vec<String>>,
    #[serde(rename = "nonce")]
    _nonce: Option<String>,
}

impl Header {
    /// Whether the claims stand as they do in all tokens that logins know, and nothing else has to be known.
    fn is_plain(&self) -> bool {
        let is_known = match &self.crit {
            None => true,
            Some(Value::Array(names)) => names.iter().all(|name| name == "b64"),
            Some(_) => false,
        };
        is_known && self.b64 != Some(Value::Bool(false))
    }

    fn require_keys(&self) -> Result<(), String> {
        if let Some(key) = &self.jwk {
            if key["kty"] == "oct" || key.get("d").is_some() {
                return Err("go-jose/go-jose: invalid embedded jwk, must be public key".to_owned());
            }
            // What it says is not told: it may be a key that nobody should know.
            let read = Jwk::deserialize(key).ok().and_then(|jwk| jwk.key());
            read.ok_or_else(|| "failed to unmarshal JWK in the header of the token".to_owned())?;
        }
        for certificate in self.x5c.iter().flatten() {
            let read = STANDARD.decode(certificate).ok();
            read.filter(|bytes| X509Certificate::from_der(bytes).is_ok())
                .ok_or_else(|| "failed to unmarshal x5c header of the token".to_owned())?;
        }
        Ok(())
    }
}

impl<'a> Signed<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// What is wrong with its form; never a part of it.
    pub(crate) fn parse(token: &'a str) -> Result<Self, String> {
        if token.len() > LONGEST {
            return Err(format!("the token is longer than {LONGEST} bytes"));
        }
        let parts: Vec<&str> = token.splitn(4, '.').collect();
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
        let malformed = |_| "the header of the token is malformed".to_owned();
        // A header of no letters says nothing.
        let raw: &[u8] = if raw.is_empty() { b"{}" } else { &raw };
        let Distinct(header) = serde_json::from_slice(raw).map_err(malformed)?;
        let header: Header = serde_json::from_value(header).map_err(malformed)?;
        header.require_keys()?;
        let message = &token[..token.len() - signature.len() - 1];
        Ok(Self { header, message, claims, signature: signature_bytes })
    }

    /// The algorithm that it says it is signed with.
    pub(crate) fn algorithm(&self) -> &str {
        self.header.alg.as_deref().unwrap_or_default()
    }

    /// The key that it says it is signed with; empty for none in particular.
    pub(crate) fn key_id(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    /// The claims, if `key` has signed them.
    pub(crate) fn claims_by(&self, key: &Key) -> Option<Claims> {
        self.claims_if(|message, signature| key.verifies(self.algorithm(), message, signature))
    }

    /// The claims, if `verifies` says of message and signature that they belong together.
    pub(crate) fn claims_if(&self, verifies: impl FnOnce(&[u8], &[u8]) -> bool) -> Option<Claims> {
        let is_signed = self.header.is_plain() && verifies(self.message.as_bytes(), &self.signature);
        if !is_signed {
            return None;
        }
        // Half a pair of surrogates stands for a letter that is none, as in bodies.
        let mut claims = Cow::Borrowed(self.claims.as_slice());
        lenient::whole_escapes(&mut claims);
        match serde_json::from_slice(&claims).ok()? {
            Distinct(Value::Object(claims)) => Some(claims),
            Distinct(Value::Null) => Some(Claims::new()),
            Distinct(_) => None,
        }
    }
}

/// JSON in which no object names a key twice: of those two readers might take different ones.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Distinct(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Distinct(value))) = entries.next_entry::<String, Distinct>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a key stands twice in one object"));
            }
        }
        Ok(Value::Object(object))
    }
}
