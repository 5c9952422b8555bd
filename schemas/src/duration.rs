//! Durations as the server's Go libraries read and write them.

use crate::calendar;

/// The whole seconds of `text`: `90`, `90s`, `1h30m`, `1.5h`, `2d`. Empty text is no time at all.
///
/// # Errors
/// A sentence that names the text.
pub fn seconds(text: &str) -> Result<i64, String> {
    length(text).map(whole)
}

/// As [`seconds`], but what is something and less than a second is one: for a limit, of which none may be made by
/// leaving out its fraction.
///
/// # Errors
/// A sentence that names the text.
pub fn seconds_at_least(text: &str) -> Result<i64, String> {
    let length = length(text)?;
    Ok(if length > 0.0 && length < 1.0 { 1 } else { whole(length) })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "bounded in `length`; fractions of a second do not count"
)]
fn whole(length: f64) -> i64 {
    length as i64
}

/// Seconds.
fn length(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let (sign, magnitude) = match trimmed.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, trimmed),
    };
    let total = if trimmed.is_empty() { Some(0.0) } else { parse(magnitude) };
    total.filter(|total| *total < 9.2e18).map(|total| sign * total).ok_or_else(|| {
        format!(
            "`{}` is not a duration such as `90s`, `1h30m` or `3600`",
            text.chars().take(40).collect::<String>()
        )
    })
}

fn parse(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<u64>() {
        #[expect(clippy::cast_precision_loss, reason = "no duration has 2^53 seconds")]
        return Some(seconds as f64);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        total += number.parse::<f64>().ok()? * unit_seconds(unit)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    })
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
    fn what_is_less_than_a_second_is_one_where_it_must_be_something() {
        for (text, at_least) in [("500ms", 1), ("1ns", 1), ("0.5s", 1), ("1500ms", 1), ("0ms", 0), ("", 0)] {
            assert_eq!(seconds_at_least(text), Ok(at_least), "{text}");
        }
        assert_eq!(seconds("500ms"), Ok(0));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["soon", "1", "h", "1x", "-", "1h-", "9999999999999999999h"] {
            assert_eq!(seconds(text).is_err(), text != "1", "{text}");
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
