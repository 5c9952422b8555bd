//! Which lease ends when.

use std::collections::BTreeMap;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Lease ids by the second in which they end.
///
/// A lease that is renewed or revoked stays where it is: who takes it out looks whether it has ended.
#[derive(Default)]
pub(super) struct Queue {
    seconds: Mutex<BTreeMap<i64, Vec<Box<str>>>>,
    earlier: Notify,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds `id`, which ends at `end`.
    pub(super) fn add(&self, id: String, end: Timestamp) {
        // Up: in that second it has surely ended.
        let second = end.as_second() + 1;
        let mut seconds = self.seconds.lock();
        let is_first = seconds.first_key_value().is_none_or(|(first, _)| second < *first);
        seconds.entry(second).or_default().push(id.into_boxed_str());
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// Takes out what has ended by `now`.
    pub(super) fn take_due(&self, now: Timestamp) -> Vec<Box<str>> {
        let mut seconds = self.seconds.lock();
        let later = seconds.split_off(&(now.as_second() + 1));
        std::mem::replace(&mut *seconds, later).into_values().flatten().collect()
    }

    /// The second in which something ends next.
    pub(super) fn next_second(&self) -> Option<i64> {
        self.seconds.lock().first_key_value().map(|(second, _)| *second)
    }

    /// Waits until something is added that ends before all else.
    pub(super) async fn earlier_added(&self) {
        self.earlier.notified().await;
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.seconds.lock().clear();
    }

    /// How many are waited for.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.seconds.lock().values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_taken_once_and_in_order() {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a timestamp");
        let second = |n: i64| Timestamp::from_second(start.as_second() + n).expect("a timestamp");
        let queue = Queue::new();
        queue.add("late".to_owned(), second(10));
        queue.add("early".to_owned(), second(2));
        assert_eq!(queue.take_due(second(2)), Vec::<Box<str>>::new(), "its second is not over yet");
        assert_eq!(queue.take_due(second(3)), ["early".into()]);
        assert_eq!((queue.len(), queue.next_second()), (1, Some(second(11).as_second())));
        assert_eq!(queue.take_due(second(60)), ["late".into()]);
        assert_eq!(queue.len(), 0);
    }
}
