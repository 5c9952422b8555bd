//! A policy text as it is sent.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The text to store: what is sent may be the text or its base64.
#[must_use]
pub fn stored_text(sent: &str) -> Cow<'_, str> {
    match STANDARD.decode(sent).ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Cow::Owned(text),
        None => Cow::Borrowed(sent),
    }
}
