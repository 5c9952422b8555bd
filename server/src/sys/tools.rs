//! `sys/tools`: random bytes and hashes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::TryRngCore as _;
use schemas::shape::Declared as _;
use serde_json::json;
use sha2::Digest as _;

use super::Sys;
use crate::core::context::Context;
use crate::core::engine::Route;
use crate::core::error::Error;
use crate::core::go_base64;
use crate::core::go_text;
use crate::core::response::Response;
use crate::handler;

/// Most bytes of one answer.
const MAX_BYTES: i64 = 128 * 1024;

/// Sources of random bytes.
const SOURCES: [&str; 3] = ["platform", "seal", "all"];

/// Random bytes and hashes.
pub(super) static ROUTES: &[Route<Sys>] = &[
    Route::new("tools/random")
        .about("Makes random bytes.")
        .without(&["source", "urlbytes"])
        .fields(Random::PARTS)
        .write(handler!(random)),
    Route::new("tools/random/{source}/{urlbytes+..}")
        .about("Makes random bytes; the path says from which source and how many.")
        .fields(Random::PARTS)
        .write(handler!(random)),
    Route::new("tools/random/{urlbytes+..}")
        .without(&["source"])
        .about("Makes random bytes; the path says how many, or from which source.")
        .fields(Random::PARTS)
        .write(handler!(random)),
    Route::new("tools/hash")
        .about("The hash of some bytes.")
        .without(&["urlalgorithm"])
        .fields(Hash::PARTS)
        .write(handler!(hash)),
    Route::new("tools/hash/{urlalgorithm+..}")
        .about("The hash of some bytes; the path says of which sort.")
        .fields(Hash::PARTS)
        .write(handler!(hash)),
];

/// How many bytes, and how to show them.
#[derive(schemas::Fields)]
struct Random {
    /// Number of bytes; 32 if not named.
    bytes: Option<i64>,
    /// `base64` or `hex`.
    format: Option<String>,
}

/// What to hash, and how.
#[derive(schemas::Fields)]
struct Hash {
    /// The bytes, base64.
    input: Option<String>,
    /// `sha2-224`, `sha2-256`, `sha2-384` or `sha2-512`, or one of `sha3-…` with the same lengths.
    algorithm: Option<String>,
    /// `hex` or `base64`.
    format: Option<String>,
}

/// `bytes` as text; `None` for a format that is none.
fn encode(bytes: &[u8], format: &str) -> Option<String> {
    match format {
        "hex" => Some(hex::encode(bytes)),
        "base64" => Some(STANDARD.encode(bytes)),
        _ => None,
    }
}

/// Hashes name the format bare, random bytes in quotes.
fn wrong_format(shown: &str) -> Error {
    Error::invalid(format!("unsupported encoding format {shown}; must be \"hex\" or \"base64\""))
}

async fn random(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let body: Random = cx.fields()?;
    let (source, count) = match (cx.capture("source"), cx.capture("urlbytes")) {
        // One word alone may be either.
        ("", source) if SOURCES.contains(&source) => (source, ""),
        ("", count) => ("platform", count),
        both => both,
    };
    let count = match count {
        "" => body.bytes.unwrap_or(32),
        text => text.parse().map_err(|error| {
            let problem = go_text::integer_problem("Atoi", text, &error);
            Error::invalid(format!("error parsing url-set byte count: {problem}"))
        })?,
    };
    let bytes = random_bytes(count)?;
    let format = body.format.as_deref().unwrap_or("base64");
    let text = encode(&bytes, format).ok_or_else(|| wrong_format(&format!("\"{format}\"")))?;
    let response = Response::data(&json!({ "random_bytes": text }))?;
    match source {
        "seal" => {
            Ok(response.with_warning("no seal/entropy augmentation available, using platform entropy source"))
        }
        "platform" | "all" => Ok(response),
        other => Err(Error::invalid(format!(
            "unsupported entropy source \"{other}\"; must be \"platform\" or \"seal\", or \"all\""
        ))),
    }
}

fn random_bytes(count: i64) -> Result<Vec<u8>, Error> {
    if count < 1 {
        return Err(Error::invalid("'bytes' cannot be less than 1"));
    }
    if count > MAX_BYTES {
        return Err(Error::invalid(format!("'bytes' should be less than {MAX_BYTES}")));
    }
    let mut bytes = vec![0; usize::try_from(count).map_err(Error::internal)?];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

async fn hash(_: &Sys, cx: &Context<'_>) -> Result<Response, Error> {
    let body: Hash = cx.fields()?;
    let input = go_base64::decode(&body.input.unwrap_or_default())
        .map_err(|problem| Error::invalid(format!("unable to decode input as base64: {problem}")))?;
    let algorithm = match cx.capture("urlalgorithm") {
        "" => body.algorithm.as_deref().unwrap_or("sha2-256"),
        algorithm => algorithm,
    };
    let sum = match algorithm {
        "sha2-224" => sha2::Sha224::digest(&input).to_vec(),
        "sha2-256" => sha2::Sha256::digest(&input).to_vec(),
        "sha2-384" => sha2::Sha384::digest(&input).to_vec(),
        "sha2-512" => sha2::Sha512::digest(&input).to_vec(),
        "sha3-224" => sha3::Sha3_224::digest(&input).to_vec(),
        "sha3-256" => sha3::Sha3_256::digest(&input).to_vec(),
        "sha3-384" => sha3::Sha3_384::digest(&input).to_vec(),
        "sha3-512" => sha3::Sha3_512::digest(&input).to_vec(),
        other => return Err(Error::invalid(format!("unsupported algorithm {other}"))),
    };
    let format = body.format.as_deref().unwrap_or("hex");
    Response::data(&json!({ "sum": encode(&sum, format).ok_or_else(|| wrong_format(format))? }))
}
