//! A share as a person enters it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{SealError, SecretBytes};

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
    STANDARD.decode(text).map(Zeroizing::new).map_err(|_| SealError::MalformedKey)
}

pub(super) fn check_length(share: &SecretBytes) -> Result<(), SealError> {
    match share.len() {
        length if length < SHORTEST => Err(SealError::KeyTooShort),
        length if length > LONGEST => Err(SealError::KeyTooLong),
        _ => Ok(()),
    }
}
