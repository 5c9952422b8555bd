//! How long a token or a lease lives.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemas::duration::render;

use crate::core::error::Error;
use crate::core::limits::TtlLimits;

/// What is asked for, in seconds; 0: nothing in particular.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// By the client.
    pub(crate) increment: u64,
    /// By the engine, if the client asks for nothing.
    pub(crate) ttl: u64,
    /// Periodic: counts in place of the other two, and `max_ttl` only caps each period.
    pub(crate) period: u64,
    /// The engine's limit.
    pub(crate) max_ttl: u64,
    /// A limit even for periodic ones.
    pub(crate) explicit_max_ttl: u64,
}

/// A lifetime from now on, and what the client is told about it.
#[derive(Debug, PartialEq)]
pub(crate) struct Lifetime {
    /// Seconds; never 0.
    pub(crate) seconds: u64,
    /// One for each cap that took effect.
    pub(crate) warnings: Vec<String>,
}

/// Caps what is wanted, for something that began at `start`.
///
/// # Errors
/// If its longest lifetime is over already.
pub(crate) fn lifetime(
    limits: TtlLimits,
    wanted: Wanted,
    start: Timestamp,
    now: Timestamp,
) -> Result<Lifetime, Error> {
    let max = [limits.max.as_secs(), wanted.max_ttl, wanted.explicit_max_ttl];
    let max = max.into_iter().filter(|seconds| *seconds > 0).min().unwrap_or(0);
    let mut warnings = Vec::new();
    let (seconds, limit) = match wanted.period {
        0 => (first_of([wanted.increment, wanted.ttl, limits.default.as_secs()]), max),
        period => (capped("period", "period value", period, max, &mut warnings), wanted.explicit_max_ttl),
    };
    if limit == 0 {
        return Ok(Lifetime { seconds, warnings });
    }
    let passed = now.as_second().saturating_sub(start.as_second()).max(0).unsigned_abs();
    let left = limit.saturating_sub(passed);
    if left == 0 {
        return Err(Error::invalid("past the max TTL, cannot renew"));
    }
    let seconds = capped("TTL", "TTL value", seconds, left, &mut warnings);
    Ok(Lifetime { seconds, warnings })
}

fn first_of(candidates: [u64; 3]) -> u64 {
    candidates.into_iter().find(|seconds| *seconds > 0).unwrap_or(0)
}

fn capped(name: &str, value: &str, seconds: u64, max: u64, warnings: &mut Vec<String>) -> u64 {
    if seconds <= max {
        return seconds;
    }
    let text = |seconds: u64| render(i64::try_from(seconds).unwrap_or(i64::MAX));
    warnings.push(format!(
        "{name} of \"{}\" exceeded the effective max_ttl of \"{}\"; {value} is capped accordingly",
        text(seconds),
        text(max)
    ));
    max
}

/// The last moment: a whole second, so that it is read again as it was stored.
const END_OF_TIME: i64 = 253_402_207_199;

/// The moment `seconds` after `start`; the end of time if that is beyond it.
pub(crate) fn after(start: Timestamp, seconds: u64) -> Timestamp {
    let end = Timestamp::from_second(END_OF_TIME).expect("in the year 9999");
    let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    start.checked_add(seconds).map_or(end, |moment| moment.min(end))
}

/// Seconds from `now` to `end`, to the nearest; 0 if it is over.
pub(crate) fn seconds_between(now: Timestamp, end: Timestamp) -> u64 {
    let left = end.as_millisecond().saturating_sub(now.as_millisecond());
    u64::try_from(left.saturating_add(500) / 1000).unwrap_or(0)
}

/// Seconds of a duration that an auth method gives.
pub(crate) fn whole(duration: Duration) -> u64 {
    duration.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> TtlLimits {
        TtlLimits::SYSTEM
    }

    #[track_caller]
    fn check(wanted: Wanted, passed: u64, seconds: u64, warning: &str) {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a timestamp");
        let answer = lifetime(limits(), wanted, start, after(start, passed)).expect("time is left");
        assert_eq!((answer.seconds, answer.warnings.join("; ").as_str()), (seconds, warning));
    }

    #[test]
    fn the_client_comes_before_the_engine_and_the_engine_before_the_mount() {
        check(Wanted { increment: 60, ttl: 120, ..Wanted::default() }, 0, 60, "");
        check(Wanted { ttl: 120, ..Wanted::default() }, 0, 120, "");
        check(Wanted::default(), 0, 2_764_800, "");
    }

    #[test]
    fn a_cap_is_told() {
        let told =
            "TTL of \"9000h\" exceeded the effective max_ttl of \"768h\"; TTL value is capped accordingly";
        check(Wanted { ttl: 9000 * 3600, ..Wanted::default() }, 0, 2_764_800, told);
        let told = "TTL of \"2h\" exceeded the effective max_ttl of \"30m\"; TTL value is capped accordingly";
        check(Wanted { ttl: 7200, explicit_max_ttl: 3600, ..Wanted::default() }, 1800, 1800, told);
    }

    #[test]
    fn a_period_ends_only_at_the_explicit_maximum() {
        check(Wanted { period: 3600, ..Wanted::default() }, 9_000_000, 3600, "");
        let told = "TTL of \"1h\" exceeded the effective max_ttl of \"30m\"; TTL value is capped accordingly";
        check(Wanted { period: 3600, explicit_max_ttl: 5400, ..Wanted::default() }, 3600, 1800, told);
    }

    #[test]
    fn the_end_of_time_is_read_as_it_was_stored() {
        let start: Timestamp = "2026-01-02T03:04:05.678Z".parse().expect("a timestamp");
        for seconds in [60, 9_223_372_036, 251_634_000_000, 300_000_000_000, u64::MAX] {
            let lease = crate::core::lease::SecretLease {
                expires_at: after(start, seconds),
                ..crate::core::lease::SecretLease::default()
            };
            let stored = serde_json::to_string(&lease).expect("JSON");
            let read: crate::core::lease::SecretLease = serde_json::from_str(&stored).expect("a lease");
            assert_eq!(read.expires_at, lease.expires_at, "{seconds}");
        }
    }

    #[test]
    fn nothing_is_renewed_past_its_maximum() {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a timestamp");
        let wanted = Wanted { explicit_max_ttl: 60, ..Wanted::default() };
        assert!(lifetime(limits(), wanted, start, after(start, 60)).is_err());
    }
}
