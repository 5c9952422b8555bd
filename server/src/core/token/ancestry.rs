//! How long what is above a token lives.
//!
//! A token is good for nothing without all tokens above it. Asking each of them at every request costs the depth of
//! the tree, and anybody who may make tokens can make deep ones. What was found is kept until one of the tokens that
//! it rests on changes.

use std::collections::HashMap;

use jiff::Timestamp;
use parking_lot::Mutex;

/// Tokens that are known; when there are more, what is known is found anew. Some 8 MiB.
const CAPACITY: usize = 64 * 1024;

/// Which tokens live, with all that is above them.
#[derive(Default)]
pub(super) struct Ancestry {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Raised by every change of a token.
    epoch: u64,
    /// By stored name: the first end of the token and those above it; [`Timestamp::MAX`] if none ends.
    ends: HashMap<String, Timestamp>,
}

impl Ancestry {
    /// When the line that begins with the token `id` ends, if that is known.
    pub(super) fn end_of(&self, id: &str) -> Option<Timestamp> {
        self.known.lock().ends.get(id).copied()
    }

    /// What to take before tokens are read.
    pub(super) fn epoch(&self) -> u64 {
        self.known.lock().epoch
    }

    /// Keeps `line`: tokens and their own ends, the lowest first, above which `above` is the first end. Does not if any
    /// token has changed since `epoch`, nor if there is no room: then everything is forgotten, and with it what `above`
    /// rests on, so that a later change would not reach `line`.
    pub(super) fn keep(&self, line: Vec<(String, Timestamp)>, above: Timestamp, epoch: u64) {
        let mut known = self.known.lock();
        if known.epoch != epoch {
            return;
        }
        if known.ends.len() + line.len() > CAPACITY {
            known.ends.clear();
            return;
        }
        let mut first = above;
        for (id, end) in line.into_iter().rev() {
            first = first.min(end);
            known.ends.insert(id, first);
        }
    }

    /// Forgets what rests on the token `id`. Call it after the commit that changes it.
    pub(super) fn forget(&self, id: &str) {
        let mut known = self.known.lock();
        known.epoch += 1;
        if known.ends.contains_key(id) {
            known.ends.clear();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        let mut known = self.known.lock();
        known.epoch += 1;
        known.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Timestamp = Timestamp::MAX;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn line(ends: &[(&str, Timestamp)]) -> Vec<(String, Timestamp)> {
        ends.iter().map(|(id, end)| ((*id).to_owned(), *end)).collect()
    }

    #[test]
    fn a_line_ends_with_the_first_of_its_tokens() {
        let ancestry = Ancestry::default();
        ancestry.keep(line(&[("c", NEVER), ("b", at(20)), ("a", NEVER)]), at(30), ancestry.epoch());
        assert_eq!(ancestry.end_of("a"), Some(at(30)));
        assert_eq!(ancestry.end_of("b"), Some(at(20)));
        assert_eq!(ancestry.end_of("c"), Some(at(20)));
        assert_eq!(ancestry.end_of("d"), None);
    }

    #[test]
    fn a_change_of_a_token_ends_what_rests_on_it() {
        let ancestry = Ancestry::default();
        ancestry.keep(line(&[("b", NEVER), ("a", NEVER)]), NEVER, ancestry.epoch());
        ancestry.forget("another");
        assert_eq!(ancestry.end_of("b"), Some(NEVER));
        ancestry.forget("a");
        assert_eq!(ancestry.end_of("b"), None);
    }

    #[test]
    fn nothing_rests_on_what_was_forgotten_for_want_of_room() {
        let ancestry = Ancestry::default();
        let many = (0..CAPACITY).map(|number| (format!("{number}"), NEVER)).collect();
        ancestry.keep(many, NEVER, ancestry.epoch());
        let above = ancestry.end_of("0").expect("known");
        ancestry.keep(line(&[("below", NEVER)]), above, ancestry.epoch());
        assert_eq!((ancestry.end_of("0"), ancestry.end_of("below")), (None, None));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let ancestry = Ancestry::default();
        let epoch = ancestry.epoch();
        ancestry.forget("a");
        ancestry.keep(line(&[("b", NEVER), ("a", NEVER)]), NEVER, epoch);
        assert_eq!(ancestry.end_of("b"), None);
    }
}
