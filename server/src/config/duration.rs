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

/// Reads `1h30m`, `1.5h`, `90` (seconds) or `2d`; never a negative one.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let nanoseconds = schemas::duration::nanoseconds(text).ok().filter(|_| !text.is_empty());
    let nanoseconds = nanoseconds.and_then(|nanoseconds| u64::try_from(nanoseconds).ok());
    nanoseconds.map(Duration::from_nanos).ok_or_else(|| DurationError(text.to_owned()))
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
