//! Counts the requests of each address.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use jiff::Timestamp;

use super::record::QuotaRecord;

/// From this many addresses on, those whose interval is over are forgotten.
const CROWD: usize = 4096;
const MICROS: i64 = 1_000_000;

/// A limit at work. Addresses share nothing but a part of the map, so that they do not wait for each other.
#[derive(Debug)]
pub(super) struct Limiter {
    record: QuotaRecord,
    clients: DashMap<IpAddr, Window>,
    /// Addresses at which to look for those that can be forgotten.
    crowd: AtomicUsize,
}

/// One interval of an address, in microseconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: i64,
    left: u64,
    blocked_until: i64,
}

/// What a limit says to a request. Times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is one of those that are free.
    Allowed(Count),
    /// It is one too many.
    Refused {
        /// Where the interval stands.
        count: Count,
        /// When to come again.
        retry_after: u64,
    },
    /// Its address is blocked.
    Blocked {
        /// When to come again.
        retry_after: u64,
    },
}

/// Where the interval of an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// Requests of an interval.
    pub(crate) limit: u64,
    /// Of them not yet made.
    pub(crate) left: u64,
    /// Seconds until the next interval.
    pub(crate) reset: u64,
}

impl Limiter {
    pub(super) fn new(record: QuotaRecord) -> Self {
        Self { record, clients: DashMap::new(), crowd: AtomicUsize::new(CROWD) }
    }

    pub(super) fn record(&self) -> &QuotaRecord {
        &self.record
    }

    /// Counts a request of `client`.
    pub(super) fn take(&self, client: IpAddr, now: Timestamp) -> Verdict {
        let now = now.as_microsecond();
        let verdict = self.count(client, now);
        self.forget_old(now);
        verdict
    }

    fn count(&self, client: IpAddr, now: i64) -> Verdict {
        let (limit, interval) = (self.limit(), self.interval());
        let mut window =
            self.clients.entry(client).or_insert(Window { start: now, left: limit, blocked_until: 0 });
        if now < window.blocked_until {
            return Verdict::Blocked { retry_after: seconds(window.blocked_until - now) };
        }
        let passed = (now - window.start) / interval;
        if now < window.start {
            // The clock was set back: the window would last until it is there again.
            *window = Window { start: now, left: limit, blocked_until: 0 };
        } else if passed > 0 {
            *window = Window { start: window.start + passed * interval, left: limit, blocked_until: 0 };
        }
        let reset = seconds(window.start + interval - now);
        let Some(left) = window.left.checked_sub(1) else {
            let block = i64::try_from(self.record.block_interval).unwrap_or(i64::MAX / MICROS) * MICROS;
            let count = Count { limit, left: 0, reset };
            window.blocked_until = now.saturating_add(block);
            return Verdict::Refused {
                count,
                retry_after: if block > 0 { seconds(block - 1) } else { reset },
            };
        };
        window.left = left;
        Verdict::Allowed(Count { limit, left, reset })
    }

    /// Requests of an interval: the rate, rounded. One at least, or nobody could ever take the limit away.
    fn limit(&self) -> u64 {
        // Rates beyond 64 bits are no limit; negative ones and NaN are not stored.
        format!("{:.0}", self.record.rate.round().max(1.0)).parse().unwrap_or(u64::MAX)
    }

    fn interval(&self) -> i64 {
        i64::try_from(self.record.interval.max(1)).unwrap_or(i64::MAX).saturating_mul(MICROS)
    }

    fn forget_old(&self, now: i64) {
        let crowd = self.crowd.load(Ordering::Relaxed);
        if self.clients.len() < crowd {
            return;
        }
        let interval = self.interval();
        self.clients.retain(|_, window| now < window.blocked_until || now - window.start < interval);
        self.crowd.store(CROWD.max(self.clients.len() * 2), Ordering::Relaxed);
    }
}

/// Whole seconds of `micros`.
fn seconds(micros: i64) -> u64 {
    u64::try_from(micros / MICROS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn limiter(rate: f64, interval: u64, block_interval: u64) -> Limiter {
        Limiter::new(QuotaRecord {
            name: "q".to_owned(),
            namespace: String::new(),
            mount: String::new(),
            suffix: String::new(),
            role: String::new(),
            rate,
            interval,
            block_interval,
            inheritable: true,
        })
    }

    /// Requests at `moments` (milliseconds) of one address: which are let through.
    #[track_caller]
    fn check(limiter: &Limiter, moments: &[i64], expected: &[bool]) {
        let client = IpAddr::from(Ipv4Addr::LOCALHOST);
        let at = |moment| Timestamp::from_millisecond(1_000_000 + moment).expect("a moment");
        let allowed: Vec<bool> = moments
            .iter()
            .map(|moment| matches!(limiter.take(client, at(*moment)), Verdict::Allowed(_)))
            .collect();
        assert_eq!(allowed, expected);
    }

    #[test]
    fn an_interval_has_so_many_requests_and_no_more() {
        check(
            &limiter(2.0, 1, 0),
            &[0, 10, 20, 999, 1000, 1010, 1020],
            &[true, true, false, false, true, true, false],
        );
        check(&limiter(0.4, 1, 0), &[0, 10, 1000], &[true, false, true]);
        // A clock that is set back begins a new interval.
        check(&limiter(1.0, 1, 0), &[0, -500_000, -499_900], &[true, true, false]);
        check(&limiter(1.5, 1, 0), &[0, 0, 0], &[true, true, false]);
    }

    #[test]
    fn who_was_too_fast_is_blocked_for_a_while() {
        check(&limiter(1.0, 1, 5), &[0, 500, 1500, 5499, 5500], &[true, false, false, false, true]);
    }

    #[test]
    fn addresses_whose_interval_is_over_are_forgotten() {
        let limiter = limiter(1.0, 1, 0);
        for number in 0..10_000 {
            let client = IpAddr::from(Ipv4Addr::from_bits(number));
            let now = Timestamp::from_millisecond(i64::from(number)).expect("a moment");
            limiter.take(client, now);
        }
        assert!(limiter.clients.len() < CROWD * 2, "{} are left", limiter.clients.len());
    }
}
