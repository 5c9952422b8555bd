//! Wrapping tokens as signed texts (RFC 7519, ES512), for clients that look into a token before they use it:
//! `X-Vault-Wrap-Format: jwt`. What is signed names the token, which is stored and used as every other.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::core::error::Error;
use crate::core::request::{ClientToken, Request};
use crate::core::wrap::WrapInfo;

const HEADER: &str = r#"{"alg":"ES512","typ":"JWT"}"#;

/// Seconds before its making from which a token counts, for clients whose clock is late.
const LENIENCE: i64 = 5;

/// What is signed.
#[derive(Serialize, Deserialize)]
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

/// The one claim that the server itself reads.
#[derive(Deserialize)]
struct Named {
    jti: String,
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
    /// 403 if it is one that this key has not signed.
    fn token_in(&self, text: &str) -> Result<Option<ClientToken>, Error> {
        let Some((message, signature)) = text.rsplit_once('.') else { return Ok(None) };
        let Some((header, claims)) = message.split_once('.') else { return Ok(None) };
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok().map(Zeroizing::new);
        let (Some(header), Some(claims), Some(signature)) =
            (decode(header), decode(claims), decode(signature))
        else {
            return Ok(None);
        };
        if *header != HEADER.as_bytes() {
            return Ok(None);
        }
        let key = UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, self.0.public_key().as_ref());
        if key.verify(message.as_bytes(), &signature).is_err() {
            let text = "error validating wrapping token: wrapping token signature could not be validated: \
                        go-jose/go-jose: error in cryptographic primitive";
            return Err(Error::with_status(StatusCode::FORBIDDEN, text));
        }
        Ok(serde_json::from_slice::<Named>(&claims).ok().map(|named| ClientToken::new(named.jti)))
    }

    /// Puts the tokens themselves where `request`, which is [about one](super::PATHS), has signed ones.
    ///
    /// # Errors
    /// 403 for a signature of another key.
    pub(crate) fn open(&self, request: &mut Request) -> Result<(), Error> {
        if let Some(token) = self.token_in(request.client_token.expose())? {
            request.client_token = token;
        }
        let named = request.parameters.get("token");
        let named = named.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        if let Some(token) = named.map(|text| self.token_in(&text)).transpose()?.flatten() {
            let raw = serde_json::value::to_raw_value(token.expose())?;
            request.parameters.insert("token".to_owned(), raw);
        }
        Ok(())
    }
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
        for text in ["s.abc", "a.b.c", "", "..", &format!("{none}.{claims}.")] {
            assert!(own.token_in(text).expect("no signed text").is_none(), "{text}");
        }
    }
}
