//! Wrapping tokens as signed texts (RFC 7519, ES512), for clients that look into a token before they use it:
//! `X-Vault-Wrap-Format: jwt`. What is signed names the token, which is stored and used as every other.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::no_token;
use crate::auth::jwt::Signed;
use crate::core::error::Error;
use crate::core::request::{ClientToken, Request};
use crate::core::wrap::WrapInfo;

/// As headers name it.
const ALGORITHM: &str = "ES512";

const HEADER: &str = r#"{"alg":"ES512","typ":"JWT"}"#;

/// Seconds before its making from which a token counts, for clients whose clock is late.
const LENIENCE: i64 = 5;

/// What is signed.
#[derive(Serialize)]
struct Claims<'a> {
    /// Accessor of the token inside, if there is one.
    accessor: &'a str,
    /// Address of the server.
    addr: &'a str,
    exp: i64,
    iat: i64,
    /// The token.
    jti: &'a str,
    nbf: i64,
    r#type: &'a str,
}

/// The key that signs wrapping tokens.
pub(crate) struct ParcelKey(EcdsaKeyPair);

impl ParcelKey {
    /// A new key, as PKCS #8.
    ///
    /// # Errors
    /// Only if there are no random bytes.
    pub(crate) fn generate() -> Result<Zeroizing<Vec<u8>>, Error> {
        let made = EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).and_then(|key| key.to_pkcs8v1());
        let made = made.map_err(|_| Error::internal("the key of wrapping tokens could not be made"))?;
        Ok(Zeroizing::new(made.as_ref().to_vec()))
    }

    /// A key that was [made](Self::generate).
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn read(pkcs8: &[u8]) -> Result<Self, Error> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P521_SHA512_FIXED_SIGNING, pkcs8)
            .map(Self)
            .map_err(|_| Error::internal("the stored key of wrapping tokens is none"))
    }

    /// `info` with its token signed. `address` is that of the server.
    ///
    /// # Errors
    /// Only if there are no random bytes.
    pub(crate) fn sign(&self, info: WrapInfo, address: &str, now: Timestamp) -> Result<WrapInfo, Error> {
        let made = now.as_second();
        let claims = Claims {
            accessor: &info.wrapped_accessor,
            addr: address,
            exp: made.saturating_add_unsigned(info.ttl),
            iat: made,
            jti: &info.token,
            nbf: made - LENIENCE,
            r#type: "wrapping",
        };
        let encode = |text: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(text);
        let message = format!("{}.{}", encode(HEADER.as_bytes()), encode(&serde_json::to_vec(&claims)?));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes());
        let signature = signature.map_err(|_| Error::internal("a wrapping token could not be signed"))?;
        Ok(WrapInfo { token: format!("{message}.{}", encode(signature.as_ref())), ..info })
    }

    /// The token that `text` names; `None` if it is no such text.
    ///
    /// # Errors
    /// 403 if it has the form of one and is none, or is one that this key has not signed.
    fn token_in(&self, text: &str) -> Result<Option<ClientToken>, Error> {
        if !is_signed(text) {
            return Ok(None);
        }
        let signed = Signed::parse(text).and_then(|signed| match signed.algorithm() {
            ALGORITHM => Ok(signed),
            other => Err(format!("unexpected signature algorithm {other:?}; expected [{ALGORITHM:?}]")),
        });
        let signed =
            signed.map_err(|problem| no_token(&format!("wrapping token could not be parsed: {problem}")))?;
        let key = UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, self.0.public_key().as_ref());
        let claims = signed.claims_if(|message, signature| key.verify(message, signature).is_ok());
        let claims = claims.ok_or_else(|| {
            no_token(
                "wrapping token signature could not be validated: go-jose/go-jose: error in cryptographic \
                 primitive",
            )
        })?;
        Ok(claims.get("jti").and_then(Value::as_str).map(ClientToken::new))
    }

    /// Puts the tokens themselves where `request`, which is [about one](super::PATHS), has signed ones. That of the request
    /// does not matter if the body names one.
    ///
    /// # Errors
    /// 403 for what has the form of a signed one and is none, and for a signature of another key.
    pub(crate) fn open(&self, request: &mut Request) -> Result<(), Error> {
        let named = request.parameters.get("token").filter(|raw| raw.get() != "null");
        match self.token_in(request.client_token.expose()) {
            Ok(token) => request.client_token = token.unwrap_or_else(|| request.client_token.clone()),
            Err(_) if named.is_some() => {}
            Err(error) => return Err(error),
        }
        let named = named.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        if let Some(token) = named.map(|text| self.token_in(&text)).transpose()?.flatten() {
            let raw = serde_json::value::to_raw_value(token.expose())?;
            request.parameters.insert("token".to_owned(), raw);
        }
        Ok(())
    }
}

/// Whether `text` has the form of a signed one: a token that names its namespace has two dots as well, and the first of
/// them behind its kind.
fn is_signed(text: &str) -> bool {
    let bytes = text.as_bytes();
    let dots = bytes.iter().filter(|byte| **byte == b'.').count();
    bytes.len() > 3 && dots == 2 && bytes[1] != b'.' && bytes[3] != b'.'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(token: &str) -> WrapInfo {
        WrapInfo {
            token: token.to_owned(),
            accessor: "a".to_owned(),
            ttl: 60,
            creation_time: String::new(),
            creation_path: "sys/wrapping/wrap".to_owned(),
            wrapped_accessor: String::new(),
        }
    }

    #[test]
    fn a_signed_token_names_one_to_its_own_key_alone() {
        let key = || ParcelKey::read(&ParcelKey::generate().expect("random bytes")).expect("a key");
        let (own, other) = (key(), key());
        let signed =
            own.sign(info("s.abc.xyz"), "http://x", Timestamp::UNIX_EPOCH).expect("random bytes").token;
        let found = own.token_in(&signed).expect("its own signature").expect("a token");
        assert_eq!(found.expose(), "s.abc.xyz");
        assert!(other.token_in(&signed).is_err());
        let (message, _) = signed.rsplit_once('.').expect("three parts");
        assert!(own.token_in(&format!("{message}.")).is_err(), "no signature is worth nothing");
        let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let claims = message.split_once('.').expect("two parts").1;
        for text in ["s.abc", "a.b.c", "", "..", "s.abcdefgh.xyz", "hvs.abc.xyz"] {
            assert!(own.token_in(text).expect("no signed text").is_none(), "{text}");
        }
        for text in
            [&format!("{none}.{claims}."), "eyJhbGciOiJFUzUxMiJ9.e30.x", "eyJhbGciOiJFUzUxMiJ9.e30.aGVs"]
        {
            assert!(own.token_in(text).is_err(), "{text}");
        }
    }
}
