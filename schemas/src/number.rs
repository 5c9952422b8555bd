//! Exact decimal numbers: a 20-digit identifier is the same after a round trip.

use std::fmt;
use std::str::FromStr;

use bigdecimal::{BigDecimal, ToPrimitive};

/// A decimal number of any size, compared by value (`1.50` equals `1.5`).
#[derive(Clone, PartialEq, PartialOrd, Eq, Ord, Hash)]
pub struct Number(BigDecimal);

/// Longest accepted text; a number with a longer one is an attack, not a value.
const MAX_DIGITS: usize = 512;

impl Number {
    /// The number as `i64` if it is a whole one in that range.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.is_integer().then(|| self.0.to_i64()).flatten()
    }

    /// The number as the nearest `f64`.
    pub fn to_f64(&self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// The decimal, for arithmetic.
    pub fn decimal(&self) -> &BigDecimal {
        &self.0
    }
}

impl From<BigDecimal> for Number {
    fn from(decimal: BigDecimal) -> Self {
        Self(decimal.normalized())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(BigDecimal::from(value).normalized())
    }
}

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plausible = text.len() <= MAX_DIGITS && exponent(text).is_none_or(|e| e.abs() <= 400);
        plausible
            .then(|| BigDecimal::from_str(text).ok())
            .flatten()
            .map(Self::from)
            .ok_or_else(|| format!("`{}` is not a number", text.chars().take(40).collect::<String>()))
    }
}

/// The exponent of `1e400`. A huge one would make a plain rendering of as many digits.
fn exponent(text: &str) -> Option<i64> {
    let (_, exponent) = text.split_once(['e', 'E'])?;
    exponent.parse().ok().or(Some(i64::MAX))
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_plain_string())
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
    fn a_number_that_would_fill_memory_is_refused() {
        assert!("1e999999999".parse::<Number>().is_err());
        assert!("1e-99999999999999999999".parse::<Number>().is_err());
    }
}
