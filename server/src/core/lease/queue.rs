//! Which lease ends when.

use std::collections::BTreeSet;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Lease ids by the second in which they end.
///
/// A lease that is renewed or revoked is taken out, or short lives that end early would fill the memory until their
/// time is over. Who takes out what is due looks all the same whether it has ended.
#[derive(Default)]
pub(super) struct Queue {
    ends: Mutex<BTreeSet<(i64, Box<str>)>>,
    earlier: Notify,
}

/// The second in which what ends at `end` has surely ended.
fn second_after(end: Timestamp) -> i64 {
    end.as_second() + 1
}

impl Queue {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds `id`, which ends at `end`.
    pub(super) fn add(&self, id: String, end: Timestamp) {
        let second = second_after(end);
        let mut ends = self.ends.lock();
        let is_first = ends.first().is_none_or(|(first, _)| second < *first);
        ends.insert((second, id.into_boxed_str()));
        if is_first {
            self.earlier.notify_one();
        }
    }

    /// Takes out `id`, which was to end at `end`; no error if it is not there.
    pub(super) fn remove(&self, id: String, end: Timestamp) {
        self.ends.lock().remove(&(second_after(end), id.into_boxed_str()));
    }

    /// Takes out what has ended by `now`.
    pub(super) fn take_due(&self, now: Timestamp) -> Vec<Box<str>> {
        let mut ends = self.ends.lock();
        let later = ends.split_off(&(now.as_second() + 1, Box::default()));
        std::mem::replace(&mut *ends, later).into_iter().map(|(_, id)| id).collect()
    }

    /// The second in which something ends next.
    pub(super) fn next_second(&self) -> Option<i64> {
        self.ends.lock().first().map(|(second, _)| *second)
    }

    /// Waits until something is added that ends before all else.
    pub(super) async fn earlier_added(&self) {
        self.earlier.notified().await;
    }

    /// Forgets all but those that `is_kept`.
    pub(super) fn retain(&self, is_kept: impl Fn(&str) -> bool) {
        self.ends.lock().retain(|(_, id)| is_kept(id));
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.ends.lock().clear();
    }

    /// How many are waited for.
    pub(super) fn len(&self) -> usize {
        self.ends.lock().len()
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

    #[test]
    fn what_ends_before_its_time_leaves_nothing() {
        let end: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a timestamp");
        let queue = Queue::new();
        queue.add("a".to_owned(), end);
        queue.add("b".to_owned(), end);
        queue.remove("a".to_owned(), end);
        queue.remove("c".to_owned(), end);
        assert_eq!(queue.len(), 1);
    }
}
