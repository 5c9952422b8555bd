//! Points in time of `expiration`.

use crate::calendar;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// Microseconds since 1970 of an RFC 3339 time or of a decimal number of seconds.
pub(crate) fn parse(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds.saturating_mul(SECOND));
    }
    let (date, time) = text.split_once(['T', 't'])?;
    let (clock, zone) = time.split_at(time.find(['Z', 'z', '+', '-'])?);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let second = calendar::second_of_day(whole)?;
    let seconds = calendar::day(date)? * 86_400 + second - offset(zone)?;
    Some(seconds * SECOND + microseconds(fraction))
}

/// What is beyond microseconds, or no digit, does not count.
fn microseconds(fraction: &str) -> i64 {
    let digits: String =
        fraction.chars().take_while(char::is_ascii_digit).chain("000000".chars()).take(6).collect();
    digits.parse().unwrap_or_default()
}

/// A text that is [read](parse) as `microseconds` since 1970.
pub(crate) fn render(microseconds: i64) -> String {
    let (seconds, fraction) = (microseconds.div_euclid(SECOND), microseconds.rem_euclid(SECOND));
    if fraction == 0 {
        return seconds.to_string();
    }
    let (year, month, day) = calendar::date(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z\"")
}

fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone[1..].split_once(':')?;
    Some(sign * (calendar::digits(hours, 2)? * 3600 + calendar::digits(minutes, 2)? * 60))
}
