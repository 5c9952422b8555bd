//! A new root token for those who hold enough shares.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::StatusCode;
use schemas::shape::Declared as _;
use serde_json::{Value, json};

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::response::Response;
use crate::handler;
use crate::seal::{GenerationStatus, Seal, SealError, digits_or_base64, exclusive_or};

/// The attempt, and the reading of its token. Without a token of one's own it is off.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("generate-root-token/attempt")
        .about("Begins, shows or cancels the making of a root token with key shares.")
        .once()
        .fields(Begin::PARTS)
        .read(handler!(status))
        .write(handler!(begin))
        .delete(handler!(cancel)),
    Route::new("generate-root-token/update")
        .about("Enters a key share, of which some are needed for a root token.")
        .once()
        .fields(Share::PARTS)
        .write(handler!(enter)),
    Route::new("generate-root").about("Turned off: root tokens are made at `sys/generate-root-token/`."),
    Route::new("generate-root/attempt")
        .about("Turned off: root tokens are made at `sys/generate-root-token/`.")
        .unauthenticated()
        .read(handler!(turned_off))
        .write(handler!(turned_off))
        .delete(handler!(turned_off)),
    Route::new("generate-root/update")
        .about("Turned off: key shares are entered at `sys/generate-root-token/`.")
        .unauthenticated()
        .write(handler!(turned_off)),
    Route::new("decode-token")
        .about("Decodes the root token that was made, with the one-time password.")
        .unauthenticated()
        .fields(Decode::PARTS)
        .write(handler!(decode)),
];

/// The body that begins an attempt.
#[derive(schemas::Fields)]
struct Begin {
    /// The password that the token is told under; one is made up if none is given.
    otp: Option<String>,
    /// A PGP key instead of the password.
    pgp_key: Option<String>,
}

/// A share that is entered.
#[derive(schemas::Fields)]
struct Share {
    /// The share, hexadecimal or base64.
    key: Option<String>,
    /// Names the attempt.
    nonce: Option<String>,
}

/// A token as it was told, and its password.
#[derive(schemas::Fields)]
struct Decode {
    /// Base64.
    encoded_token: Option<String>,
    /// The password.
    otp: Option<String>,
}

async fn status(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let seal = super::own_seal(cx)?;
    let required = seal.threshold().await?;
    let Some(attempt) = seal.generation().await else {
        return Response::data(&json!({
            "complete": false, "otp": "", "otp_length": seal.otp_length(), "progress": 0, "required": required,
            "started": false,
        }));
    };
    Response::data(&shown(&seal, &attempt, required, ""))
}

fn shown(seal: &Seal, attempt: &GenerationStatus, required: u8, otp: &str) -> Value {
    json!({
        "complete": false,
        "nonce": attempt.nonce,
        "otp": otp,
        "otp_length": seal.otp_length(),
        "pgp_fingerprint": "",
        "progress": attempt.progress,
        "required": required,
        "started": true,
    })
}

async fn begin(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let seal = super::own_seal(cx)?;
    let given: Begin = cx.fields()?;
    if given.pgp_key.is_some_and(|key| !key.is_empty()) {
        return Err(Error::not_implemented("encrypting the token for a PGP key"));
    }
    let (attempt, otp) = seal.begin_generation(given.otp.filter(|otp| !otp.is_empty())).await?;
    let required = seal.threshold().await?;
    Response::data(&shown(&seal, &attempt, required, &otp.unwrap_or_default()))
}

async fn cancel(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    if let Ok(seal) = super::own_seal(cx) {
        seal.cancel_generation().await;
    }
    Ok(Response::empty())
}

/// The token is made in the transaction of the request. Should that fail, the shares have to be entered again.
async fn enter(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let given: Share = cx.fields()?;
    let required = |value: Option<String>, name: &str| {
        let value = value.filter(|value| !value.is_empty());
        value.ok_or_else(|| Error::invalid(format!("{name} is required")))
    };
    let nonce = required(given.nonce, "nonce")?;
    let key = required(given.key, "key")?;
    let refused = |error: SealError| Error::counted(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let share = digits_or_base64(key.trim()).map_err(|_| refused(SealError::MalformedKey))?;
    let not_sealable = || Error::counted(StatusCode::INTERNAL_SERVER_ERROR, super::NOT_SEALABLE);
    let seal = super::own_seal(cx).map_err(|_| not_sealable())?;
    let threshold = seal.threshold().await?;
    let Some(permit) = seal.enter_for_generation(&nonce, share).await.map_err(refused)? else {
        let progress = seal.generation().await.map_or(0, |attempt| attempt.progress);
        return Response::data(&json!({
            "complete": false,
            "encoded_token": "",
            "nonce": nonce,
            "pgp_fingerprint": "",
            "progress": progress,
            "required": threshold,
            "started": true,
        }));
    };
    // Stored at once: the shares that it was made for are used up.
    let transaction = cx.core.barrier.begin();
    let token = cx.core.tokens.create_root_in(&transaction, &cx.request().namespace, cx.now()).await?;
    transaction.commit().await?;
    let encoded = permit.encode(token.expose());
    let encoded =
        encoded.ok_or_else(|| Error::internal("a root token has another length than its password"))?;
    tracing::info!("a root token was generated by the holders of shares");
    Response::data(&json!({
        "complete": true,
        "encoded_token": encoded,
        "nonce": nonce,
        "pgp_fingerprint": "",
        "progress": permit.progress,
        "required": threshold,
        "started": true,
    }))
}

async fn turned_off(_: &Sys, _: &Context<'_>) -> Result<Response, Error> {
    Err(Error::unsupported_operation())
}

async fn decode(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    /// Reads what other programs write at the end of a text, too.
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &ALPHABET,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone),
    );
    let given: Decode = cx.fields()?;
    let (encoded, otp) = (given.encoded_token.unwrap_or_default(), given.otp.unwrap_or_default());
    if encoded.is_empty() || otp.is_empty() {
        return Err(Error::invalid("provided 'encoded_token' or 'otp' is empty"));
    }
    let bytes = LENIENT
        .decode(&encoded)
        .map_err(|_| Error::invalid("error decoding base64'd token: illegal base64 data at input byte 0"))?;
    let token = exclusive_or(&bytes, otp.as_bytes()).ok_or_else(|| {
        let (left, right) = (bytes.len(), otp.len());
        Error::invalid(format!(
            "error xoring token: length of byte slices is not equivalent: {left} != {right}"
        ))
    })?;
    Response::data(&json!({ "token": String::from_utf8_lossy(&token) }))
}
