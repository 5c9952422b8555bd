//! Time-based one-time passwords (RFC 6238): codes made for other services, or checked for them.

mod barcode;
mod base32;
mod code;
mod key;
mod otpauth;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use schemas::shape::Declared;

use crate::core::engine::{Engine, Route};
use crate::handler;

pub(crate) use barcode::barcode;
pub(crate) use key::{Algorithm, Fingerprint, MAX_KEY_SIZE, MAX_QR_SIZE, StoredKey};

/// The engine of a `totp` mount.
pub struct Totp;

static ROUTES: &[Route<Totp>] = &[
    Route::new("keys").about("Names of the keys.").fields(key::PageInput::PARTS).list(handler!(key::list)),
    Route::new("keys/{name@}")
        .about("One key of one-time passwords.")
        .fields(key::KeyInput::PARTS)
        .read(handler!(key::read))
        .write(handler!(key::write))
        .delete(handler!(key::delete)),
    Route::new("code/{name@}")
        .about("Makes the present one-time password of a key, or checks one.")
        .fields(code::CodeInput::PARTS)
        .read(handler!(code::read))
        .write(handler!(code::verify)),
];

#[async_trait]
impl Engine for Totp {
    const ABOUT: &'static str = "Keeps keys of one-time passwords: makes the present password of a key, or checks one that \
        somebody else made.";

    fn routes() -> &'static [Route<Self>] {
        ROUTES
    }
}
