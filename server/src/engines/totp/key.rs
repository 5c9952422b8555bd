//! Keys.

use std::fmt;

use rand::RngCore as _;
use schemas::shape::Seconds;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::barcode::barcode;
use super::otpauth::{OtpAuth, Problem};
use super::{Totp, base32};
use crate::core::context::Context;
use crate::core::error::Error;
use crate::core::response::Response;

/// Bytes of a generated key at most. HMAC hashes longer keys, so they are no better.
pub(crate) const MAX_KEY_SIZE: i64 = 1024;

/// Pixels of a side of the barcode at most.
pub(crate) const MAX_QR_SIZE: i64 = 4096;

#[derive(schemas::Fields)]
pub(super) struct PageInput {
    /// The name after which to begin.
    after: Option<String>,
    /// How many names to answer; all without it.
    limit: Option<i64>,
}

#[derive(schemas::Fields)]
pub(super) struct KeyInput {
    /// Name of the key.
    name: String,
    /// Make the key here instead of taking one.
    generate: Option<bool>,
    /// Answer the URL, and the barcode, of a generated key.
    exported: Option<bool>,
    /// Bytes of a generated key.
    key_size: Option<i64>,
    /// The key of another service, in base32.
    key: Option<String>,
    /// Organization that issues the key.
    issuer: Option<String>,
    /// Account that the key belongs to.
    account_name: Option<String>,
    /// Seconds that a code is good for.
    period: Option<Seconds>,
    /// `SHA1`, `SHA256` or `SHA512`.
    algorithm: Option<String>,
    /// Length of the codes: 6 or 8.
    digits: Option<i64>,
    /// Periods before and after the present one whose codes are taken: 0 or 1.
    skew: Option<i64>,
    /// Pixels of a side of the barcode; 0 for no barcode.
    qr_size: Option<i64>,
    /// An `otpauth` URL of another service, which says all of this.
    url: Option<String>,
}

/// A key as it is stored.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    /// Base32 without padding.
    pub(crate) key: String,
    pub(crate) issuer: String,
    pub(crate) account_name: String,
    /// Seconds that a code is good for; more than 0.
    pub(crate) period: u64,
    pub(crate) algorithm: Algorithm,
    /// 6 or 8.
    pub(crate) digits: u32,
    /// Periods before and after the present one whose codes are taken: 0 or 1.
    pub(crate) skew: u64,
}

/// What tells one key from another. It is no key, but of a short one it tells which: it is shown nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a key in base32.
    pub(crate) fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fingerprint(secret)")
    }
}

/// The hash function of the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StoredKey").field("key", &"(secret)").finish_non_exhaustive()
    }
}

pub(super) async fn list(_: &Totp, cx: &Context<'_>) -> Result<Response, Error> {
    let PageInput { after, limit } = cx.fields()?;
    let limit = usize::try_from(limit.unwrap_or(0)).ok().filter(|&limit| limit > 0).unwrap_or(usize::MAX);
    let after = after.filter(|after| !after.is_empty());
    Response::keys(&cx.view().list(&stored_key(""), after.as_deref(), limit).await?)
}

pub(super) async fn read(_: &Totp, cx: &Context<'_>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Answer {
        account_name: String,
        algorithm: Algorithm,
        digits: u32,
        issuer: String,
        period: u64,
    }
    let key = StoredKey::load(cx, cx.capture("name")).await?.ok_or_else(Error::not_found)?;
    Response::data(&Answer {
        account_name: key.account_name,
        algorithm: key.algorithm,
        digits: key.digits,
        issuer: key.issuer,
        period: key.period,
    })
}

pub(super) async fn write(_: &Totp, cx: &Context<'_>) -> Result<Response, Error> {
    let input = cx.fields::<KeyInput>()?.with_url()?;
    let template = input.template()?;
    if input.generate == Some(true) { generate(cx, &input, template) } else { accept(cx, &input, template) }
}

pub(super) async fn delete(_: &Totp, cx: &Context<'_>) -> Result<Response, Error> {
    let name = cx.capture("name");
    cx.view().delete(&stored_key(name));
    cx.view().delete(&used_key(name));
    Ok(Response::empty())
}

/// Makes a new key, and tells it if it is to be exported.
fn generate(cx: &Context<'_>, input: &KeyInput, template: StoredKey) -> Result<Response, Error> {
    if template.account_name.is_empty() {
        return Err(Error::invalid("the account_name value is required for generated keys"));
    }
    if template.issuer.is_empty() {
        return Err(Error::invalid("the issuer value is required for generated keys"));
    }
    let mut secret = Zeroizing::new(vec![0; size(input.key_size, 20)]);
    rand::rng().fill_bytes(&mut secret);
    let key = StoredKey { key: base32::encode(&secret), ..template };
    key.store(cx, &input.name)?;
    if input.exported == Some(false) { Ok(Response::empty()) } else { exported(&key, input) }
}

fn exported(key: &StoredKey, input: &KeyInput) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Answer {
        #[serde(skip_serializing_if = "Option::is_none")]
        barcode: Option<String>,
        url: String,
    }
    let url = key.url();
    let barcode = match size(input.qr_size, 200) {
        0 => None,
        size => Some(barcode(&url, size)?),
    };
    Response::data(&Answer { barcode, url })
}

/// Stores the key that another service has made.
fn accept(cx: &Context<'_>, input: &KeyInput, template: StoredKey) -> Result<Response, Error> {
    let key = input.key.as_deref().unwrap_or_default();
    if key.is_empty() {
        return Err(Error::invalid("the key value is required"));
    }
    let secret = Zeroizing::new(base32::decode(key).map_err(|place| {
        Error::invalid(format!("invalid key value: illegal base32 data at input byte {place}"))
    })?);
    StoredKey { key: base32::encode(&secret), ..template }.store(cx, &input.name)?;
    Ok(Response::empty())
}

impl KeyInput {
    /// The input with what its URL says.
    fn with_url(mut self) -> Result<Self, Error> {
        let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if self.generate == Some(true) && is_given(&self.key) {
            return Err(Error::invalid("a key should not be passed if generate is true"));
        }
        if self.generate == Some(true) && is_given(&self.url) {
            return Err(Error::invalid("a url should not be passed if generate is true"));
        }
        let Some(url) = self.url.take().filter(|url| !url.is_empty()) else { return Ok(self) };
        let said = OtpAuth::parse(&url).map_err(|problem| {
            let part = match problem {
                Problem::Url => "url string",
                Problem::Period => "period value in url",
                Problem::Digits => "digits value in url",
            };
            Error::invalid(format!("an error occurred while parsing {part}"))
        })?;
        self.issuer = said.issuer.or(self.issuer);
        self.account_name = Some(said.account_name);
        self.key = said.secret;
        self.period = said.period.map(Seconds).or(self.period);
        self.digits = said.digits.or(self.digits);
        self.algorithm = said.algorithm.or(self.algorithm);
        Ok(self)
    }

    /// A key without secret by this input.
    fn template(&self) -> Result<StoredKey, Error> {
        let digits = match self.digits {
            None | Some(6) => 6,
            Some(8) => 8,
            _ => return Err(Error::invalid("the digits value can only be 6 or 8")),
        };
        let algorithm = match self.algorithm.as_deref() {
            None | Some("SHA1") => Algorithm::Sha1,
            Some("SHA256") => Algorithm::Sha256,
            Some("SHA512") => Algorithm::Sha512,
            _ => return Err(Error::invalid("the algorithm value is not valid")),
        };
        let period = u64::try_from(self.period.map_or(30, |Seconds(period)| period)).unwrap_or(0);
        if period == 0 {
            return Err(Error::invalid("the period value must be greater than zero"));
        }
        let skew = match self.skew {
            Some(0) => 0,
            None | Some(1) => 1,
            _ => return Err(Error::invalid("the skew value must be 0 or 1")),
        };
        self.check_sizes()?;
        let (issuer, account_name) = (self.issuer.clone(), self.account_name.clone());
        Ok(StoredKey {
            key: String::new(),
            issuer: issuer.unwrap_or_default(),
            account_name: account_name.unwrap_or_default(),
            period,
            algorithm,
            digits,
            skew,
        })
    }

    fn check_sizes(&self) -> Result<(), Error> {
        let message = match (self.qr_size.unwrap_or(200), self.key_size.unwrap_or(20)) {
            (..0, _) => "the qr_size value must be greater than or equal to zero".to_owned(),
            (_, ..=0) => "the key_size value must be greater than zero".to_owned(),
            (qr_size, _) if qr_size > MAX_QR_SIZE => {
                format!("the qr_size value must be at most {MAX_QR_SIZE}")
            }
            (_, key_size) if key_size > MAX_KEY_SIZE => {
                format!("the key_size value must be at most {MAX_KEY_SIZE}")
            }
            _ => return Ok(()),
        };
        Err(Error::invalid(message))
    }
}

/// A size that [`KeyInput::check_sizes`] has seen.
fn size(given: Option<i64>, default: usize) -> usize {
    given.and_then(|size| usize::try_from(size).ok()).unwrap_or(default)
}

impl StoredKey {
    /// The key `name`.
    pub(super) async fn load(cx: &Context<'_>, name: &str) -> Result<Option<Self>, Error> {
        Ok(cx.view().get_json(&stored_key(name)).await?)
    }

    /// Writes it as `name`. Codes of the key before it are forgotten.
    fn store(&self, cx: &Context<'_>, name: &str) -> Result<(), Error> {
        cx.view().delete(&used_key(name));
        Ok(cx.view().put_json(&stored_key(name), self)?)
    }

    /// `template` with a new secret of `size` bytes.
    pub(crate) fn generate(template: Self, size: usize) -> Self {
        let mut secret = Zeroizing::new(vec![0; size]);
        rand::rng().fill_bytes(&mut secret);
        Self { key: base32::encode(&secret), ..template }
    }

    /// Tells it from other keys.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.key)
    }

    /// The bytes that both sides know.
    pub(super) fn secret(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(base32::decode(&self.key).unwrap_or_default())
    }
}

impl Algorithm {
    /// As URLs and answers name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }
}

fn stored_key(name: &str) -> String {
    format!("key/{name}")
}

/// Where it is kept which time steps of a key are used up.
pub(super) fn used_key(name: &str) -> String {
    format!("used/{name}")
}
