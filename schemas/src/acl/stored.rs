//! A policy text as it is sent.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::hcl1::NO_TEXT;

/// As the server reads base64: bits that are left over do not count.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// The text to store: what is sent may be the text or its base64, on any number of lines. A byte of it that is no text
/// is [`NO_TEXT`], which no policy may hold.
#[must_use]
pub fn stored_text(sent: &str) -> Cow<'_, str> {
    let bare: String = sent.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    match LENIENT.decode(bare) {
        Ok(bytes) => Cow::Owned(text(bytes)),
        Err(_) => Cow::Borrowed(sent),
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let chunks = error.as_bytes().utf8_chunks();
        let chunk = |chunk: std::str::Utf8Chunk<'_>| {
            chunk.valid().chars().chain(chunk.invalid().iter().map(|_| NO_TEXT)).collect::<String>()
        };
        chunks.map(chunk).collect()
    })
}
