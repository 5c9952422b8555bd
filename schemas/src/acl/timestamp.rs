//! Points in time of `expiration`.

use crate::calendar;

/// Seconds since 1970 of an RFC 3339 time or of a decimal number of seconds.
pub(crate) fn parse(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds);
    }
    let (date, time) = text.split_once(['T', 't'])?;
    let (clock, zone) = time.split_at(time.find(['Z', 'z', '+', '-'])?);
    let second = calendar::second_of_day(clock.split_once('.').map_or(clock, |(whole, _)| whole))?;
    Some(calendar::day(date)? * 86_400 + second - offset(zone)?)
}

fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone[1..].split_once(':')?;
    Some(sign * (calendar::digits(hours, 2)? * 3600 + calendar::digits(minutes, 2)? * 60))
}
