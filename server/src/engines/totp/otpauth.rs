//! `otpauth://` URLs, in which keys travel.

use std::fmt::Write as _;

use super::key::StoredKey;

/// What a URL says of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OtpAuth {
    pub(super) issuer: Option<String>,
    pub(super) account_name: String,
    pub(super) secret: Option<String>,
    pub(super) period: Option<i64>,
    pub(super) digits: Option<i64>,
    pub(super) algorithm: Option<String>,
}

/// The part of a URL that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Url,
    Period,
    Digits,
}

impl OtpAuth {
    /// Reads `otpauth://totp/<issuer>:<account>?secret=…&issuer=…`. Scheme and host are not looked at.
    pub(super) fn parse(url: &str) -> Result<Self, Problem> {
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let label = match place.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => place,
        };
        let label = decode(label.trim_start_matches('/')).ok_or(Problem::Url)?;
        let (issuer, account_name) = match label.split_once(':') {
            Some((issuer, account)) => (Some(issuer.to_owned()), account.to_owned()),
            None => (None, label),
        };
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).and_then(|(_, text)| decode(&text.replace('+', " ")))
        };
        let value = |name: &str| value(name).filter(|text| !text.is_empty());
        let number =
            |name: &str, problem| value(name).map(|text| text.parse().map_err(|_| problem)).transpose();
        Ok(Self {
            issuer: value("issuer").or(issuer),
            account_name,
            secret: value("secret"),
            period: number("period", Problem::Period)?,
            digits: number("digits", Problem::Digits)?,
            algorithm: value("algorithm"),
        })
    }
}

impl StoredKey {
    /// The URL that an authenticator app reads.
    pub(crate) fn url(&self) -> String {
        format!(
            "otpauth://totp/{}:{}?algorithm={}&digits={}&issuer={}&period={}&secret={}",
            encode(&self.issuer, "$&+,/:;=@"),
            encode(&self.account_name, "$&+,/:;=@"),
            self.algorithm.as_str(),
            self.digits,
            encode(&self.issuer, "$:@"),
            self.period,
            self.key,
        )
    }
}

/// `text` with everything percent-encoded but letters, digits, `-_.~` and `plain`.
fn encode(text: &str, plain: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if character.is_ascii_alphanumeric() || "-_.~".contains(character) || plain.contains(character) {
            out.push(character);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// `text` with its percent-encoded bytes; `None` if they are no UTF-8 or not encoded well.
fn decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.as_bytes().split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        bytes.extend(rest);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> (Option<String>, String, Option<String>) {
        let said = OtpAuth::parse(url).expect("a good URL");
        (said.issuer, said.account_name, said.secret)
    }

    #[track_caller]
    fn check(url: &str, issuer: Option<&str>, account: &str, secret: Option<&str>) {
        assert_eq!(parse(url), (issuer.map(str::to_owned), account.to_owned(), secret.map(str::to_owned)));
    }

    #[test]
    fn label_and_query_name_the_key() {
        check("otpauth://totp/Iss%20uer:a%20b?secret=GE", Some("Iss uer"), "a b", Some("GE"));
        check("otpauth://totp/a:b:c?secret=GE&issuer=I+J", Some("I J"), "b:c", Some("GE"));
        check("otpauth://totp/me?digits=8", None, "me", None);
        check("hello", None, "hello", None);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(OtpAuth::parse("%zz"), Err(Problem::Url));
        assert_eq!(OtpAuth::parse("otpauth://totp/a?digits=x"), Err(Problem::Digits));
        assert_eq!(OtpAuth::parse("otpauth://totp/a?period=1m"), Err(Problem::Period));
    }
}
