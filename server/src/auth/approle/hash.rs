//! Keyed hashes of what must not stand in clear.

use aws_lc_rs::hmac;
use http::StatusCode;

use crate::core::error::Error;

/// The longest text that is hashed, in bytes.
const LONGEST: usize = 4096;

/// A fresh key.
pub(super) fn new_key() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

/// HMAC-SHA-256 of `text`, in hex.
pub(super) fn keyed(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()))
}

/// As [`keyed`], for text of any length from outside; `what` names it.
///
/// # Errors
/// 500 for text that is too long.
pub(super) fn keyed_within(key: &str, text: &str, what: &str) -> Result<String, Error> {
    if text.len() > LONGEST {
        let message =
            format!("failed to create HMAC of {what}: value is longer than maximum of {LONGEST} bytes");
        return Err(Error::counted(StatusCode::INTERNAL_SERVER_ERROR, message));
    }
    Ok(keyed(key, text))
}

/// Whether a role may be called so.
pub(super) fn is_short(name: &str) -> bool {
    name.len() <= LONGEST
}
