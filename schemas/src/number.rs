//! Exact decimal numbers: a 20-digit identifier is the same after a round trip.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::IntErrorKind;
use std::str::FromStr;

use bigdecimal::{BigDecimal, ToPrimitive};

/// A decimal number of any size, compared by value (`1.50` equals `1.5`).
#[derive(Clone)]
pub struct Number {
    decimal: BigDecimal,
    /// The text that it was read from, where its plain form is another one.
    text: Option<Box<str>>,
}

/// Longest accepted text; a number with a longer one is an attack, not a value.
const MAX_DIGITS: usize = 512;

impl Number {
    /// The number as `i64` if it is a whole one in that range.
    pub fn as_i64(&self) -> Option<i64> {
        self.decimal.is_integer().then(|| self.decimal.to_i64()).flatten()
    }

    /// The number as the nearest `f64`.
    pub fn to_f64(&self) -> f64 {
        self.decimal.to_f64().unwrap_or(f64::NAN)
    }

    /// The decimal, for arithmetic.
    pub fn decimal(&self) -> &BigDecimal {
        &self.decimal
    }

    /// The number as it was written: `1e3`, where its plain form is `1000`.
    pub fn written(&self) -> Cow<'_, str> {
        match &self.text {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.to_string()),
        }
    }
}

/// The integer that `text` is as Go reads one without a given base: `12`, `-0x1f`, `0b11`, `0o17`, `017`, `1_000`.
///
/// # Errors
/// Why it is none, in the words of Go.
pub fn based_integer(text: &str) -> Result<i64, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    };
    let (base, digits, is_prefixed) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..], true),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..], true),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..], true),
        [b'0', _, ..] => (8, &digits[1..], true),
        _ => (10, digits, false),
    };
    // An underscore stands between two digits, or behind what tells the base.
    let has_stray =
        digits.ends_with('_') || digits.contains("__") || (!is_prefixed && digits.starts_with('_'));
    if has_stray || digits.starts_with(['+', '-']) {
        return Err(SYNTAX);
    }
    let digits = digits.replace('_', "");
    i64::from_str_radix(&format!("{sign}{digits}"), base).map_err(|error| match error.kind() {
        IntErrorKind::NegOverflow | IntErrorKind::PosOverflow => "value out of range",
        _ => SYNTAX,
    })
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.decimal == other.decimal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.decimal.cmp(&other.decimal)
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.decimal.hash(state);
    }
}

impl From<BigDecimal> for Number {
    fn from(decimal: BigDecimal) -> Self {
        Self { decimal: decimal.normalized(), text: None }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::from(BigDecimal::from(value))
    }
}

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plausible = text.len() <= MAX_DIGITS && exponent(text).is_none_or(|e| e.abs() <= 400);
        let number = plausible.then(|| BigDecimal::from_str(text).ok()).flatten().map(Self::from);
        let number = number
            .ok_or_else(|| format!("`{}` is not a number", text.chars().take(40).collect::<String>()))?;
        let is_plain = number.to_string() == text;
        Ok(Self { text: (!is_plain).then(|| text.into()), ..number })
    }
}

/// The exponent of `1e400`. A huge one would make a plain rendering of as many digits.
fn exponent(text: &str) -> Option<i64> {
    let (_, exponent) = text.split_once(['e', 'E'])?;
    exponent.parse().ok().or(Some(i64::MAX))
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.decimal.to_plain_string())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, plain: &str) {
        assert_eq!(input.parse::<Number>().expect("a number").to_string(), plain);
    }

    #[test]
    fn digits_survive() {
        check("12345678901234567890123", "12345678901234567890123");
        check("0.1", "0.1");
        check("1e3", "1000");
        check("1.50", "1.5");
        check("-0", "0");
    }

    #[test]
    fn how_it_was_written_is_known_and_makes_no_difference() {
        let number = |text: &str| text.parse::<Number>().expect("a number");
        assert_eq!(number("1e3"), number("1000"));
        assert_eq!((number("1e3").written(), number("1.50").written()), ("1e3".into(), "1.50".into()));
        assert_eq!(number("1000").written(), "1000");
    }

    #[test]
    fn a_number_that_would_fill_memory_is_refused() {
        assert!("1e999999999".parse::<Number>().is_err());
        assert!("1e-99999999999999999999".parse::<Number>().is_err());
    }
}
