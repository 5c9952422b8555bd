//! Codes.

use aws_lc_rs::{constant_time, hmac};
use serde::Serialize;

use super::Totp;
use super::key::{Algorithm, StoredKey, used_key};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::go_text;
use crate::core::response::Response;

#[derive(schemas::Fields)]
pub(super) struct CodeInput {
    /// Name of the key.
    name: String,
    /// The code to check.
    code: Option<String>,
}

/// Answers the code of this moment.
pub(super) async fn read(_: &Totp, cx: &Context<'_>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Answer {
        code: String,
        expire_time: u64,
        generated: u64,
        period: String,
    }
    let key = known_key(cx, cx.capture("name")).await?;
    let generated = seconds_now(cx);
    let counter = generated / key.period;
    Response::data(&Answer {
        code: key.code(counter),
        expire_time: (counter + 1) * key.period,
        generated,
        period: go_text::duration(key.period),
    })
}

/// Whether a code is right. Each is taken once.
pub(super) async fn verify(_: &Totp, cx: &Context<'_>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Answer {
        valid: bool,
    }
    let CodeInput { name, code } = cx.fields()?;
    let key = known_key(cx, &name).await?;
    let code =
        code.filter(|code| !code.is_empty()).ok_or_else(|| Error::invalid("the code value is required"))?;
    if code.len() != key.digits as usize {
        return Err(Error::invalid("invalid number of digits for the code"));
    }
    let now = seconds_now(cx) / key.period;
    let mut used = used_counters(cx, &name, oldest_of_interest(&key, now)).await?;
    if used.iter().any(|&counter| key.is_code(counter, &code)) {
        return Err(Error::invalid("code already used; wait until the next time period"));
    }
    let matching =
        (now.saturating_sub(key.skew)..=now + key.skew).find(|&counter| key.is_code(counter, &code));
    if let Some(counter) = matching {
        used.push(counter);
        cx.view().put_json(&used_key(&name), &used)?;
    }
    Response::data(&Answer { valid: matching.is_some() })
}

async fn known_key(cx: &Context<'_>, name: &str) -> Result<StoredKey, Error> {
    let key = StoredKey::load(cx, name).await?;
    key.ok_or_else(|| Error::invalid(format!("unknown key: {name}")))
}

fn seconds_now(cx: &Context<'_>) -> u64 {
    u64::try_from(cx.now().as_second()).unwrap_or(0)
}

/// The first counter whose code may still be taken, or is still called used.
fn oldest_of_interest(key: &StoredKey, now: u64) -> u64 {
    now.saturating_sub(key.skew + 1)
}

/// Counters whose codes were taken, from `oldest` on.
async fn used_counters(cx: &Context<'_>, name: &str, oldest: u64) -> Result<Vec<u64>, Error> {
    let mut used: Vec<u64> = cx.view().get_json(&used_key(name)).await?.unwrap_or_default();
    used.retain(|&counter| counter >= oldest);
    Ok(used)
}

impl StoredKey {
    /// The code of time step `counter` (RFC 4226, section 5.3).
    pub(crate) fn code(&self, counter: u64) -> String {
        let algorithm = match self.algorithm {
            Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::Sha256 => hmac::HMAC_SHA256,
            Algorithm::Sha512 => hmac::HMAC_SHA512,
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, &self.secret()), &counter.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[tag.len() - 1] & 15);
        let word: [u8; 4] = tag[offset..offset + 4].try_into().expect("four bytes are four bytes");
        let number = u32::from_be_bytes(word) & 0x7fff_ffff;
        let digits = self.digits as usize;
        format!("{:0digits$}", number % 10_u32.pow(self.digits))
    }

    /// Whether `code` is that of time step `counter`; takes the same time for every code.
    pub(crate) fn is_code(&self, counter: u64, code: &str) -> bool {
        constant_time::verify_slices_are_equal(self.code(counter).as_bytes(), code.as_bytes()).is_ok()
    }
}
