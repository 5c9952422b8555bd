//! A share as a person enters it.

use zeroize::Zeroizing;

use super::{SealError, SecretBytes};
use crate::core::go_base64::{self, Corrupt};

const SHORTEST: usize = 16;
/// The unseal key, and the x of a share.
const LONGEST: usize = 33;

/// Reads hexadecimal digits, or base64. Digits of an impossible length are tried as base64 too.
pub fn parse_share(text: &str) -> Result<SecretBytes, SealError> {
    if text.is_empty() {
        return Err(SealError::MissingKey);
    }
    if let Ok(share) = hex::decode(text).map(Zeroizing::new)
        && (SHORTEST..=LONGEST).contains(&share.len())
    {
        return Ok(share);
    }
    go_base64::decode(text).map(Zeroizing::new).map_err(|_| SealError::MalformedKey)
}

/// As [`parse_share`], where digits are not tried as base64, whatever their number.
///
/// # Errors
/// Where it goes wrong as base64.
pub(crate) fn digits_or_base64(text: &str) -> Result<SecretBytes, Corrupt> {
    hex::decode(text).or_else(|_| go_base64::decode(text)).map(Zeroizing::new)
}

pub(super) fn check_length(share: &SecretBytes) -> Result<(), SealError> {
    match share.len() {
        length if length < SHORTEST => Err(SealError::KeyTooShort),
        length if length > LONGEST => Err(SealError::KeyTooLong),
        _ => Ok(()),
    }
}
