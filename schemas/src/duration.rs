//! Durations as the server's Go libraries read and write them.

use std::num::ParseIntError;

use crate::calendar;

const SECOND: u64 = 1_000_000_000;

/// What the peers say of a duration that is too long: they count nanoseconds in 64 bits.
pub const OVERFLOW: &str = "multiplication of durations resulted in overflow, one operand may be too large";

/// Units of Go, in nanoseconds. Days are none of them.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3_600 * SECOND),
];

/// The whole seconds of `text`: `90`, `90s`, `1h30m`, `1.5h`, `2d`. Empty text is no time at all.
///
/// # Errors
/// A sentence that names the text.
pub fn seconds(text: &str) -> Result<i64, String> {
    let nanoseconds = nanoseconds(text.trim()).ok();
    let seconds = nanoseconds.and_then(|nanoseconds| i64::try_from(nanoseconds / i128::from(SECOND)).ok());
    seconds.ok_or_else(|| {
        let shown = text.chars().take(40).collect::<String>();
        format!("`{shown}` is not a duration such as `90s`, `1h30m` or `3600`")
    })
}

/// The nanoseconds of `text`: whole seconds, whole days with a `d` behind them, or what Go takes for a duration. Empty
/// text is no time at all.
///
/// # Errors
/// In the words of the server's libraries.
pub fn nanoseconds(text: &str) -> Result<i128, String> {
    let of_seconds = |seconds: i64| i128::from(seconds) * i128::from(SECOND);
    if text.is_empty() {
        return Ok(0);
    }
    if let Ok(seconds) = text.parse() {
        return Ok(of_seconds(seconds));
    }
    match days(text) {
        Some((_, Ok(days))) => Ok(of_seconds(days) * 86_400),
        Some((number, Err(_))) => Err(format!("strconv.ParseInt: parsing {number:?}: invalid syntax")),
        None => go_duration(text).map_err(|problem| problem.in_words(text)),
    }
}

/// Of a text that ends in `d` what stands before it, and the days that it is.
#[must_use]
pub fn days(text: &str) -> Option<(&str, Result<i64, ParseIntError>)> {
    text.strip_suffix('d').map(|number| (number, number.parse()))
}

/// Why a text is no duration of Go's.
enum Problem<'a> {
    Invalid,
    MissingUnit,
    UnknownUnit(&'a str),
}

impl Problem<'_> {
    fn in_words(&self, text: &str) -> String {
        let text = quoted(text);
        match self {
            Problem::Invalid => format!("time: invalid duration {text}"),
            Problem::MissingUnit => format!("time: missing unit in duration {text}"),
            Problem::UnknownUnit(unit) => {
                format!("time: unknown unit {} in duration {text}", quoted(unit))
            }
        }
    }
}

/// Bytes of a text that are shown.
const SHOWN: usize = 100;

/// `text` in double quotes as Go's durations show it: of what is not ASCII each byte. A long one is cut.
fn quoted(text: &str) -> String {
    let shown = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=0x7f => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    let rest = if text.len() > SHOWN { "…" } else { "" };
    format!("\"{}{rest}\"", text.bytes().take(SHOWN).map(shown).collect::<String>())
}

fn go_duration(text: &str) -> Result<i128, Problem<'_>> {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(Problem::Invalid);
    }
    let is_negative = text.starts_with('-');
    let mut total = 0;
    while !rest.is_empty() {
        let (part, others) = go_part(rest)?;
        total += part;
        // Go counts in 64 bits.
        if total > i128::from(i64::MAX) + i128::from(is_negative) {
            return Err(Problem::Invalid);
        }
        rest = others;
    }
    Ok(if is_negative { -total } else { total })
}

/// The largest number before a unit, which only with a sign and as nanoseconds is a duration.
const LARGEST: u64 = 1 << 63;

/// The number and unit that `text` begins with, in nanoseconds, and what comes behind them.
fn go_part(text: &str) -> Result<(i128, &str), Problem<'_>> {
    let (whole, behind) = digits(text);
    let (fraction, behind) = behind.strip_prefix('.').map_or(("", behind), digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(Problem::Invalid);
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| Problem::Invalid)? };
    if whole > LARGEST {
        return Err(Problem::Invalid);
    }
    let end = behind.find(|character: char| character.is_ascii_digit() || character == '.');
    let (name, others) = behind.split_at(end.unwrap_or(behind.len()));
    if name.is_empty() {
        return Err(Problem::MissingUnit);
    }
    let unit = UNITS.iter().find(|(unit, _)| *unit == name).ok_or(Problem::UnknownUnit(name))?.1;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "less than one unit, of which the peer, too, leaves out what is below a nanosecond"
    )]
    let of_fraction = format!("0.{fraction}").parse().map_or(0, |part: f64| (part * unit as f64) as i128);
    Ok((i128::from(whole) * i128::from(unit) + of_fraction, others))
}

/// The digits that `text` begins with, and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()))
}

/// `seconds` in the shortest usual form: `768h`, `1h30m`, `45s`; zero is `0s`.
pub fn render(seconds: i64) -> String {
    if seconds == 0 {
        return "0s".to_owned();
    }
    let sign = if seconds < 0 { "-" } else { "" };
    let total = seconds.unsigned_abs();
    let parts = [(total / 3600, "h"), (total / 60 % 60, "m"), (total % 60, "s")];
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    format!("{sign}{text}")
}

/// `time`, such as `2026-11-22T01:24:21.309906791Z`, without the fraction of its second. `None` for other text.
pub fn whole_second(time: &str) -> Option<String> {
    instant(time)?;
    let (date, clock) = time.split_at(19);
    let fraction = clock.trim_start_matches(['.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    Some(format!("{date}{fraction}"))
}

/// Whole seconds from one UTC time to a later one. `None` if one of them is no such time.
pub fn between(start: &str, end: &str) -> Option<i64> {
    let (start, end) = (instant(start)?, instant(end)?);
    i64::try_from((end - start).div_euclid(1_000_000_000)).ok()
}

/// Nanoseconds since 1970 of a UTC time in RFC 3339.
fn instant(time: &str) -> Option<i128> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let nanoseconds: i128 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let whole = calendar::day(date)? * 86_400 + calendar::second_of_day(clock)?;
    Some(i128::from(whole) * 1_000_000_000 + nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_hour_is_3600_seconds() {
        for text in ["3600", "3600s", "1h", "60m", "0.5h30m", " 1h ", "1h0m0s"] {
            assert_eq!(seconds(text), Ok(3600), "{text}");
        }
        assert_eq!(seconds(""), Ok(0));
        assert_eq!(seconds("-1m"), Ok(-60));
        assert_eq!(seconds("2d"), Ok(172_800));
    }

    #[test]
    fn parts_of_seconds_are_left_out() {
        assert_eq!(seconds("500ms"), Ok(0));
        assert_eq!(seconds("-1500ms"), Ok(-1));
        assert_eq!(nanoseconds("1.5ms"), Ok(1_500_000));
        assert_eq!(nanoseconds("3μs2µs1us"), Ok(6_000));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["soon", "h", "1x", "-", "1h-", "9999999999999999999h", "1d2h", "1h2d", "1.5d", "d"] {
            let expected = format!("`{text}` is not a duration such as `90s`, `1h30m` or `3600`");
            assert_eq!(seconds(text), Err(expected));
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_the_server() {
        for (text, expected) in [
            ("1d2h", "time: unknown unit \"d\" in duration \"1d2h\""),
            ("1h2d", "strconv.ParseInt: parsing \"1h2\": invalid syntax"),
            ("1.5d", "strconv.ParseInt: parsing \"1.5\": invalid syntax"),
            ("1.2.3s", "time: missing unit in duration \"1.2.3s\""),
            (".s", "time: invalid duration \".s\""),
            ("+-1s", "time: invalid duration \"+-1s\""),
            ("1ü", "time: unknown unit \"\\xc3\\xbc\" in duration \"1\\xc3\\xbc\""),
            ("9223372036854775807ns1ns", "time: invalid duration \"9223372036854775807ns1ns\""),
            ("9223372036854775808", "time: missing unit in duration \"9223372036854775808\""),
            ("9223372036854775809ns", "time: invalid duration \"9223372036854775809ns\""),
            ("2562048h", "time: invalid duration \"2562048h\""),
        ] {
            assert_eq!(nanoseconds(text), Err(expected.to_owned()));
        }
    }

    #[test]
    fn whole_hours_are_shown_as_hours() {
        assert_eq!(render(2_764_800), "768h");
        assert_eq!(render(5400), "1h30m");
        assert_eq!(render(45), "45s");
        assert_eq!(render(0), "0s");
    }

    #[test]
    fn times_are_subtracted_across_leap_days() {
        assert_eq!(between("1970-01-01T00:00:00Z", "2026-11-22T01:24:21.3Z"), Some(1_795_310_661));
        assert_eq!(
            between("2026-11-22T01:24:21.309906791Z", "2036-11-19T01:24:21.309896265Z"),
            Some(315_359_999)
        );
        assert_eq!(between("2024-02-28T00:00:00Z", "2024-03-01T00:00:00Z"), Some(2 * 86_400));
        assert_eq!(between("2100-02-28T00:00:00Z", "2100-03-01T00:00:00Z"), Some(86_400));
        assert_eq!(between("", "2100-03-01T00:00:00Z"), None);
        assert_eq!(whole_second("2026-11-22T01:24:21.309906791Z").as_deref(), Some("2026-11-22T01:24:21Z"));
        assert_eq!(whole_second("yesterday, some time ago"), None);
    }
}
