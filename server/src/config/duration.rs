//! Durations as Go writes them.

use std::fmt;
use std::time::Duration;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DurationError(String);

impl fmt::Display for DurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` is no duration", self.0)
    }
}

impl std::error::Error for DurationError {}

/// Units of Go, and the days that the peers add. The longer name first where one begins another.
const UNITS: [(&str, f64); 9] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("μs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86400.0),
];

/// Reads `1h30m`, `1.5h`, `90` (seconds) or `2d`; never a negative one.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let error = || DurationError(text.to_owned());
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(error());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
        let (number, after) = rest.split_at(digits);
        let (unit, seconds) = UNITS.iter().find(|(unit, _)| after.starts_with(unit)).ok_or_else(error)?;
        let part = part(number, *seconds).ok_or_else(error)?;
        total = total.checked_add(part).ok_or_else(error)?;
        rest = &after[unit.len()..];
    }
    Ok(total)
}

fn part(number: &str, unit_seconds: f64) -> Option<Duration> {
    // Whole numbers of seconds stay exact.
    if let (Ok(whole), true) = (number.parse::<u32>(), unit_seconds >= 1.0) {
        return Some(Duration::from_secs(u64::from(whole) * (unit_seconds as u64)));
    }
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * unit_seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let cases = [
            ("0", 0),
            ("90", 90_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("2d", 172_800_000),
            ("250ms", 250),
            ("1m0.5s", 60_500),
            ("+3s", 3_000),
            (".5s", 500),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "abc", "1x", "h", "-1s", "1h ", "1.2.3s", "s1", "+", "99999999999999999999h", "-5"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
