//! How often something was done, and how long it took.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SHARDS: usize = 16;
/// Of so many short things one is timed, and stands for all: to read the clock takes longer than to count.
const SAMPLED: u32 = 16;

/// Counts without a lock: each thread has a shard, so that two that count at the same time do not wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    shards: [Shard; SHARDS],
}

/// In a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

/// What was counted so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) count: u64,
    /// All that was done, one after the other.
    pub(crate) took: Duration,
}

thread_local! {
    static PLACE: Cell<Option<usize>> = const { Cell::new(None) };
    static BEGUN: Cell<u32> = const { Cell::new(0) };
}

/// The shard of this thread.
fn place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    PLACE.get().unwrap_or_else(|| {
        let place = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
        PLACE.set(Some(place));
        place
    })
}

impl Latency {
    /// Counts something that took so long.
    pub(crate) fn record(&self, took: Duration) {
        let shard = &self.shards[place()];
        shard.count.fetch_add(1, Ordering::Relaxed);
        shard.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// When something short begins, if it is one of those that are timed.
    pub(crate) fn begin() -> Option<Instant> {
        let begun = BEGUN.get();
        BEGUN.set(begun.wrapping_add(1));
        begun.is_multiple_of(SAMPLED).then(Instant::now)
    }

    /// Counts something that has [begun](Self::begin).
    pub(crate) fn end(&self, begin: Option<Instant>) {
        self.record(begin.map_or(Duration::ZERO, |begin| begin.elapsed() * SAMPLED));
    }

    /// What was counted so far.
    pub(crate) fn counted(&self) -> Counted {
        let sum = |of: fn(&Shard) -> &AtomicU64| {
            self.shards.iter().map(|shard| of(shard).load(Ordering::Relaxed)).fold(0, u64::wrapping_add)
        };
        let took = Duration::from_nanos(sum(|shard| &shard.nanoseconds));
        Counted { count: sum(|shard| &shard.count), took }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_is_counted_always_and_timed_now_and_then() {
        let latency = Latency::default();
        let begun: Vec<_> = (0..2 * SAMPLED).map(|_| Latency::begin()).collect();
        assert_eq!(begun.iter().flatten().count(), 2);
        std::thread::sleep(Duration::from_millis(2));
        begun.into_iter().for_each(|begin| latency.end(begin));
        let Counted { count, took } = latency.counted();
        assert_eq!(count, 2 * u64::from(SAMPLED));
        assert!(took >= Duration::from_millis(2) * 2 * SAMPLED, "{took:?}");
    }

    #[test]
    fn what_all_threads_do_is_counted() {
        let latency = Latency::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| (0..1000).for_each(|_| latency.record(Duration::from_nanos(3))));
            }
        });
        let expected = Counted { count: 32_000, took: Duration::from_nanos(96_000) };
        assert_eq!(latency.counted(), expected);
    }
}
