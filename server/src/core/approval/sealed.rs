//! The token of who has asked, while the request waits: under a key that only the wrapping token gives, so that the
//! storage holds no token, whoever can read it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

use crate::core::error::Error;
use crate::core::request::ClientToken;

/// What the key is for.
const PURPOSE: &[&[u8]] = &[b"token of a request that waits for its approval"];

/// `token` under the wrapping token `wrapping`, which must be a new one.
pub(super) fn seal(token: &ClientToken, wrapping: &ClientToken) -> Result<String, Error> {
    let mut text = token.expose().as_bytes().to_vec();
    key(wrapping)?
        .seal_in_place_append_tag(nonce(), Aad::empty(), &mut text)
        .map_err(|_| Error::internal("the token of a request could not be sealed"))?;
    Ok(hex::encode(text))
}

/// What was [sealed](seal) under `wrapping`.
pub(super) fn open(sealed: &str, wrapping: &ClientToken) -> Result<ClientToken, Error> {
    let wrong = || Error::internal("the token of a stored request is not sealed under its wrapping token");
    let mut text = zeroize::Zeroizing::new(hex::decode(sealed).map_err(|_| wrong())?);
    let token = key(wrapping)?.open_in_place(nonce(), Aad::empty(), &mut text).map_err(|_| wrong())?;
    std::str::from_utf8(token).map(ClientToken::new).map_err(|_| wrong())
}

/// A wrapping token has as many random bits as letters make of a key of this length.
fn key(wrapping: &ClientToken) -> Result<LessSafeKey, Error> {
    let failed = |_| Error::internal("no key could be derived of a wrapping token");
    let secret = Salt::new(HKDF_SHA256, &[]).extract(wrapping.expose().as_bytes());
    let key = secret.expand(PURPOSE, &AES_256_GCM).map_err(failed)?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

/// A key seals one text, ever.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_opened_by_its_wrapping_token_alone() {
        let (token, wrapping) = (ClientToken::new("s.asker"), ClientToken::new("s.wrapping"));
        let sealed = seal(&token, &wrapping).expect("sealed");
        assert!(!sealed.contains(&hex::encode("asker")));
        assert!(open(&sealed, &wrapping).expect("its own") == token);
        assert!(open(&sealed, &ClientToken::new("s.other")).is_err());
        assert!(open(&sealed[2..], &wrapping).is_err());
    }
}
