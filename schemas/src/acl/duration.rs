//! Durations: Go's text form, whole seconds, days.

const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)];

/// Nanoseconds of `90`, `"90s"`, `"1h30m"`, `"2d"`; the error is in OpenBao's words.
pub(crate) fn nanoseconds(text: &str) -> Result<i128, String> {
    if text.is_empty() {
        return Ok(0);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(i128::from(seconds) * 1_000_000_000);
    }
    if let Some(Ok(days)) = text.strip_suffix('d').map(str::parse::<i64>) {
        return Ok(i128::from(days) * 86_400 * 1_000_000_000);
    }
    go_duration(text)
}

fn go_duration(text: &str) -> Result<i128, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let value: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = &rest[..end];
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| scale);
        total += value * scale.ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?;
        rest = &rest[end..];
    }
    // Longer than Go's 64-bit nanoseconds is an error there; a float saturates, so test before the cast.
    if total > i64::MAX as f64 {
        return Err(invalid());
    }
    let total = total.round() as i128;
    Ok(if negative { -total } else { total })
}
