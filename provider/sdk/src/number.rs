//! Numbers as Terraform has them: decimal, exact, of any size.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Exponents beyond this are refused, so that no short text stands for a number of gigabytes.
const MAX_EXPONENT: i64 = 100_000;

/// How many zeros are written out before the `1e400` form is taken.
const MAX_ZEROS: i64 = 1_100;

/// An exact decimal number. Equal values are equal whatever way they were written: `5`, `5.0`, `0.5e1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(Form);

/// Every value has one form: `Integer` if it fits, else `Decimal` without zeros at either end of `digits`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Form {
    Integer(i64),
    Decimal { negative: bool, digits: Box<str>, exponent: i64 },
}

/// Why a text is no number.
#[derive(Debug, PartialEq, Eq)]
pub struct NumberError(String);

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a number", self.0)
    }
}

impl std::error::Error for NumberError {}

impl Number {
    /// The number, if it is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Form::Integer(integer) => Some(integer),
            Form::Decimal { .. } => None,
        }
    }

    /// The nearest floating-point number; infinite if it is beyond all of them.
    pub fn to_f64(&self) -> f64 {
        match self.0 {
            Form::Integer(integer) => integer as f64,
            Form::Decimal { .. } => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// The exact value of a floating-point number; none if it is infinite or no number.
    pub fn from_f64(float: f64) -> Option<Number> {
        // 1074 digits write out every f64 exactly. A shorter text would be another number to Terraform.
        float.is_finite().then(|| format!("{float:.1074}").parse().ok()).flatten()
    }

    /// Sign, position of the first digit before the point, digits: what order goes by.
    fn parts(&self) -> (i8, i64, String) {
        let (negative, digits, exponent) = match &self.0 {
            Form::Integer(integer) => (*integer < 0, integer.unsigned_abs().to_string(), 0),
            Form::Decimal { negative, digits, exponent } => (*negative, digits.to_string(), *exponent),
        };
        let sign = if digits == "0" { 0 } else { 1 - 2 * i8::from(negative) };
        let magnitude = digits.len() as i64 + exponent;
        (sign, magnitude, digits.trim_end_matches('0').to_owned())
    }
}

impl From<i64> for Number {
    fn from(integer: i64) -> Number {
        Number(Form::Integer(integer))
    }
}

impl From<u64> for Number {
    fn from(integer: u64) -> Number {
        match i64::try_from(integer) {
            Ok(integer) => integer.into(),
            Err(_) => canonical(false, &integer.to_string(), 0),
        }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Number, NumberError> {
        if let Ok(integer) = text.parse::<i64>() {
            return Ok(integer.into());
        }
        parse(text).ok_or_else(|| NumberError(text.chars().take(60).collect()))
    }
}

fn parse(text: &str) -> Option<Number> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (decimal && exponent.abs() <= MAX_EXPONENT)
        .then(|| canonical(negative, &digits, exponent - fraction.len() as i64))
}

fn canonical(negative: bool, digits: &str, exponent: i64) -> Number {
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    let exponent = exponent + (digits.len() - short.len()) as i64;
    if short.is_empty() {
        return 0_i64.into();
    }
    let integer = (0..20).contains(&exponent).then(|| integer(negative, short, exponent)).flatten();
    match integer {
        Some(integer) => integer.into(),
        None => Number(Form::Decimal { negative, digits: short.into(), exponent }),
    }
}

fn integer(negative: bool, digits: &str, exponent: i64) -> Option<i64> {
    let sign = if negative { "-" } else { "" };
    format!("{sign}{digits}{}", "0".repeat(usize::try_from(exponent).ok()?)).parse().ok()
}

/// Plain decimal text; `1e400` form only where it would take more than a thousand zeros.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (negative, digits, exponent) = match &self.0 {
            Form::Integer(integer) => return integer.fmt(f),
            Form::Decimal { negative, digits, exponent } => (*negative, digits, *exponent),
        };
        let sign = if negative { "-" } else { "" };
        let point = digits.len() as i64 + exponent;
        if !(-MAX_ZEROS..=MAX_ZEROS).contains(&exponent) {
            write!(f, "{sign}{digits}e{exponent}")
        } else if exponent >= 0 {
            write!(f, "{sign}{digits}{}", "0".repeat(exponent as usize))
        } else if point > 0 {
            let (whole, fraction) = digits.split_at(point as usize);
            write!(f, "{sign}{whole}.{fraction}")
        } else {
            write!(f, "{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        if let (Form::Integer(a), Form::Integer(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        let (a, b) = (self.parts(), other.parts());
        let size = (a.1, &a.2).cmp(&(b.1, &b.2));
        a.0.cmp(&b.0).then(if a.0 < 0 { size.reverse() } else { size })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        text.parse().expect(text)
    }

    #[test]
    fn one_value_has_one_form() {
        for (a, b) in
            [("5", "5.0"), ("0.5e1", "5"), ("-0", "0"), ("1e3", "1000"), ("0.10", ".1"), ("007", "7")]
        {
            assert_eq!(number(a), number(b), "{a} {b}");
        }
    }

    #[test]
    fn numbers_are_written_plainly() {
        for (text, written) in [
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("-0.1", "-0.1"),
            ("1.5e-3", "0.0015"),
            ("12.50", "12.5"),
            ("1e20", "100000000000000000000"),
            ("1e5000", "1e5000"),
            ("9223372036854775808", "9223372036854775808"),
        ] {
            assert_eq!(number(text).to_string(), written);
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1e", "e1", "0x10", "1_000", "NaN", "inf", "1e999999999", "--1", "1.2.3"] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }

    #[test]
    fn floats_keep_their_exact_value() {
        assert_eq!(Number::from_f64(0.5), Some(number("0.5")));
        let tenth = Number::from_f64(0.1).expect("finite");
        assert_eq!(tenth.to_string(), "0.1000000000000000055511151231257827021181583404541015625");
        assert_eq!(Number::from_f64(f64::NAN), None);
    }

    #[test]
    fn order_is_by_value() {
        let sorted = ["-1e30", "-5", "-0.5", "0", "0.05", "0.5", "5", "5.5", "12", "1e19", "1e30"];
        for pair in sorted.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(text in "-?[0-9]{1,40}(\\.[0-9]{1,40})?(e-?[0-9]{1,4})?") {
            let first = number(&text);
            prop_assert_eq!(number(&first.to_string()), first);
        }

        #[test]
        fn floats_round_trip(float in proptest::num::f64::NORMAL) {
            prop_assert_eq!(Number::from_f64(float).expect("finite").to_f64(), float);
        }
    }
}
