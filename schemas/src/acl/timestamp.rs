//! Points in time of `expiration`.

use crate::calendar;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// Microseconds since 1970 of an RFC 3339 time or of a decimal number of seconds.
pub(crate) fn parse(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds.saturating_mul(SECOND));
    }
    let (seconds, nanoseconds) = since_epoch(text)?;
    Some(seconds * SECOND + i64::from(nanoseconds / 1000))
}

/// Whole seconds since 1970 and the nanoseconds after them of an RFC 3339 time, in the forms that Go reads: an hour may be
/// one digit, and a comma may stand before the fraction.
#[must_use]
pub fn since_epoch(text: &str) -> Option<(i64, u32)> {
    let (date, time) = text.split_once('T')?;
    let (clock, zone) = time.split_at(time.find(['Z', '+', '-'])?);
    let (whole, nanoseconds) = match clock.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, nanoseconds(fraction)?),
        None => (clock, 0),
    };
    let padded = format!("{whole:0>8}");
    let is_whole = matches!(whole.len(), 7 | 8);
    let second = calendar::second_of_day(&padded).filter(|_| is_whole)?;
    Some((calendar::day(date)? * 86_400 + second - offset(zone)?, nanoseconds))
}

/// What is beyond nanoseconds does not count.
fn nanoseconds(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<9.9}").parse().ok()
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
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes) = (calendar::digits(hours, 2)?, calendar::digits(minutes, 2)?);
    (hours <= 24 && minutes <= 60).then_some(sign * (hours * 3600 + minutes * 60))
}
