//! What the registered claims of a token must say.

use jiff::Timestamp;
use serde_json::Value;

use super::signed::Claims;
use crate::core::go_json;
use crate::core::go_text::quoted;

/// What a role and the configuration expect. Empty texts and lists expect nothing.
#[derive(Debug)]
pub(super) struct Expectation<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    pub(super) audiences: &'a [String],
    pub(super) leeways: Leeways,
}

/// Leeways in seconds; 0 is the default, a negative one is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leeways {
    pub(super) expiration: i64,
    pub(super) not_before: i64,
    pub(super) clock_skew: i64,
}

/// Leeway of a time that follows from another one.
const DEFAULT_LEEWAY: i64 = 150;
/// Leeway for clocks.
const DEFAULT_SKEW: i64 = 60;

fn leeway(configured: i64, default: i64) -> i64 {
    if configured == 0 { default } else { configured.max(0) }
}

impl Expectation<'_> {
    /// Refuses claims that do not meet it at `now`.
    ///
    /// # Errors
    /// Which claim is wrong.
    pub(super) fn check(&self, claims: &Claims, now: Timestamp) -> Result<(), String> {
        require_clear_names(claims)?;
        // In the order in which the peer finds what is wrong.
        let audiences = audiences(claims)?;
        let times = Times::of(claims)?;
        let issuer = text(claims, "iss")?;
        text(claims, "jti")?;
        let subject = text(claims, "sub")?;
        if !self.issuer.is_empty() && self.issuer != issuer {
            return Err("invalid issuer (iss) claim".to_owned());
        }
        if !self.subject.is_empty() && self.subject != subject {
            return Err("invalid subject (sub) claim".to_owned());
        }
        if !self.audiences.is_empty()
            && !audiences.iter().any(|name| self.audiences.iter().any(|it| it == name))
        {
            let problem = "audience claim does not match any expected audience";
            return Err(format!("invalid audience (aud) claim: {problem}"));
        }
        times.check(self.leeways, now.as_second())
    }
}

/// The times of a token, in seconds; 0 if it does not say.
#[derive(Debug)]
struct Times {
    issued: i64,
    not_before: i64,
    expiry: i64,
}

impl Times {
    fn of(claims: &Claims) -> Result<Self, String> {
        Ok(Self {
            expiry: date(claims, "exp", i64::MIN)?,
            issued: date(claims, "iat", i64::MAX)?,
            not_before: date(claims, "nbf", i64::MAX)?,
        })
    }

    /// A token that says one time at least is given the others.
    fn check(self, leeways: Leeways, now: i64) -> Result<(), String> {
        let Self { issued, not_before, expiry } = self;
        if issued == 0 && not_before == 0 && expiry == 0 {
            let none = "no issued at (iat), not before (nbf), or expiration time (exp) claims in token";
            return Err(none.to_owned());
        }
        let expiry = match expiry {
            0 => issued.max(not_before).saturating_add(leeway(leeways.expiration, DEFAULT_LEEWAY)),
            expiry => expiry,
        };
        let not_before = match (not_before, issued) {
            (0, 0) => expiry.saturating_sub(leeway(leeways.not_before, DEFAULT_LEEWAY)),
            (0, issued) => issued,
            (not_before, _) => not_before,
        };
        let skew = leeway(leeways.clock_skew, DEFAULT_SKEW);
        let (early, late) = (now.saturating_sub(skew), now.saturating_add(skew));
        let problem = if not_before > late {
            "invalid not before (nbf) claim: token not yet valid"
        } else if early >= expiry {
            "invalid expiration time (exp) claim: token is expired"
        } else if issued > late {
            "invalid issued at (iat) claim: token issued in the future"
        } else {
            return Ok(());
        };
        Err(problem.to_owned())
    }
}

/// Refuses a claim that a reader who does not mind capitals could take for a registered one.
fn require_clear_names(claims: &Claims) -> Result<(), String> {
    const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
    for name in claims.keys() {
        let folded = name.to_uppercase();
        let meant = REGISTERED.iter().find(|known| *known != name && known.to_uppercase() == folded);
        if let Some(known) = meant {
            return Err(format!(
                "ambiguous claim: key {} collides with registered claim \"{known}\" under case folding",
                quoted(name)
            ));
        }
    }
    Ok(())
}

fn text<'a>(claims: &'a Claims, name: &str) -> Result<&'a str, String> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(other) => {
            let kind = go_json::kind(&other.to_string());
            Err(format!("json: cannot unmarshal {kind} into Go struct field Claims.{name} of type string"))
        }
    }
}

fn audiences(claims: &Claims) -> Result<Vec<&str>, String> {
    let wrong = || "go-jose/go-jose/jwt: expected string or array value to unmarshal to Audience".to_owned();
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(name)) => Ok(vec![name]),
        Some(Value::Array(names)) => names.iter().map(|name| name.as_str().ok_or_else(wrong)).collect(),
        Some(_) => Err(wrong()),
    }
}

/// Whole seconds; fractions do not count. `beyond` is for a time that the clock of the peer, which counts from the
/// year 1, does not reach: one that makes the token worthless, as nobody can tell what was meant.
fn date(claims: &Claims, name: &str, beyond: i64) -> Result<i64, String> {
    const SINCE_YEAR_1: f64 = 62_135_596_800.0;
    #[expect(clippy::cast_precision_loss, reason = "where exactly it ends is no matter")]
    const LATEST: f64 = i64::MAX as f64 - SINCE_YEAR_1;
    match claims.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => match value.as_f64() {
            Some(seconds) if seconds > LATEST => Ok(beyond),
            #[expect(clippy::cast_possible_truncation, reason = "bounded, and fractions do not count")]
            Some(seconds) => Ok(seconds as i64),
            None => Err("go-jose/go-jose/jwt: expected number value to unmarshal NumericDate".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_000_000;

    #[track_caller]
    fn check_with(leeways: Leeways, times: Value, problem: &str) {
        let Value::Object(claims) = times else { panic!("claims are an object") };
        let expected = Expectation { issuer: "", subject: "", audiences: &[], leeways };
        let now = Timestamp::from_second(NOW).expect("a moment");
        let result = expected.check(&claims, now);
        assert_eq!(result.err().unwrap_or_default(), problem, "{claims:?}");
    }

    #[track_caller]
    fn check(times: Value, problem: &str) {
        check_with(Leeways::default(), times, problem);
    }

    const EARLY: &str = "invalid not before (nbf) claim: token not yet valid";
    const EXPIRED: &str = "invalid expiration time (exp) claim: token is expired";
    const FUTURE: &str = "invalid issued at (iat) claim: token issued in the future";
    const NONE: &str = "no issued at (iat), not before (nbf), or expiration time (exp) claims in token";
    const NO_DATE: &str = "go-jose/go-jose/jwt: expected number value to unmarshal NumericDate";

    #[test]
    fn a_token_is_good_from_its_start_to_its_end_and_a_minute_around() {
        check(json!({"iat": NOW, "exp": NOW + 600}), "");
        check(json!({"iat": NOW - 600, "exp": NOW - 50}), "");
        check(json!({"iat": NOW - 600, "exp": NOW - 70}), EXPIRED);
        check(json!({"iat": NOW + 50, "exp": NOW + 600}), "");
        check(json!({"iat": NOW + 70, "exp": NOW + 600}), EARLY);
        check(json!({"nbf": NOW, "iat": NOW + 70, "exp": NOW + 600}), FUTURE);
        check(json!({"nbf": NOW + 70, "exp": NOW + 600}), EARLY);
    }

    #[test]
    fn times_that_are_not_said_follow_from_the_others() {
        check(json!({"iat": NOW - 200}), "");
        check(json!({"iat": NOW - 220}), EXPIRED);
        check(json!({"exp": NOW + 100}), "");
        check(json!({"exp": NOW + 600}), EARLY);
        check(json!({}), NONE);
        check(json!({"iat": 0, "exp": 0}), NONE);
    }

    #[test]
    fn leeways_can_be_set_and_switched_off() {
        let none = Leeways { expiration: -1, not_before: -1, clock_skew: -1 };
        check_with(none, json!({"iat": NOW}), EXPIRED);
        check_with(none, json!({"iat": NOW - 9, "exp": NOW - 1}), EXPIRED);
        check_with(none, json!({"iat": NOW + 3, "exp": NOW + 9}), EARLY);
        let wide = Leeways { expiration: 3600, not_before: 500, clock_skew: 100 };
        check_with(wide, json!({"iat": NOW - 3500}), "");
        check_with(wide, json!({"exp": NOW + 590}), "");
        check_with(wide, json!({"iat": NOW - 600, "exp": NOW - 110}), EXPIRED);
    }

    #[test]
    fn a_time_is_a_number() {
        check(json!({"iat": NOW, "exp": "soon"}), NO_DATE);
        check(json!({"iat": NOW, "exp": true}), NO_DATE);
        for far in [json!(9_999_999_999_999_i64), json!(1_i64 << 53), json!(1_i64 << 62), json!(1e18)] {
            check(json!({"iat": NOW, "exp": far}), "");
            check(json!({"iat": far, "exp": far}), EARLY);
            check(json!({"nbf": far, "exp": far}), EARLY);
            check(json!({"nbf": NOW, "iat": far, "exp": far}), FUTURE);
            check(json!({"exp": far}), EARLY);
        }
        check(json!({"iat": -1e18, "exp": NOW + 600}), "");
        check(json!({"iat": -1e18}), EXPIRED);
    }

    #[test]
    fn a_time_that_no_clock_reaches_is_the_worse_one() {
        for beyond in [json!(i64::MAX), json!(u64::MAX), json!(1e300)] {
            check(json!({"iat": NOW, "exp": beyond}), EXPIRED);
            check(json!({"iat": beyond, "exp": NOW + 600}), EARLY);
            check(json!({"nbf": beyond, "exp": NOW + 600}), EARLY);
            check(json!({"nbf": NOW, "iat": beyond}), FUTURE);
        }
        check(json!({"iat": NOW, "exp": -1e300}), EXPIRED);
    }

    #[test]
    fn fractions_and_null_are_no_matter() {
        check(json!({"iat": NOW, "exp": 1_000_600.5}), "");
        check(json!({"iat": NOW, "exp": null}), "");
    }
}
