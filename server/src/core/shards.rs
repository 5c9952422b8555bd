//! A map of which a changed copy shares almost everything with the original.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

const SHARDS: usize = 256;

/// Values by text. A copy costs a few hundred pointers, and a change of the copy one shard of its own.
#[derive(Clone, Debug)]
pub(crate) struct Shards<V> {
    hasher: RandomState,
    shards: Box<[Arc<Shard<V>>]>,
    length: usize,
}

type Shard<V> = HashMap<Box<str>, V>;

impl<V> Default for Shards<V> {
    fn default() -> Self {
        let empty = Arc::new(Shard::new());
        let shards = (0..SHARDS).map(|_| Arc::clone(&empty)).collect();
        Self { hasher: RandomState::new(), shards, length: 0 }
    }
}

impl<V: Clone> Shards<V> {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The value under `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.shards[self.place(key)].get(key)
    }

    /// All values, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter()).map(|(key, value)| (&**key, value))
    }

    /// Adds or replaces the value under `key`.
    pub(crate) fn insert(&mut self, key: &str, value: V) {
        let place = self.place(key);
        let replaced = Arc::make_mut(&mut self.shards[place]).insert(key.into(), value);
        self.length += usize::from(replaced.is_none());
    }

    /// Takes out the value under `key`.
    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        let place = self.place(key);
        let removed = Arc::make_mut(&mut self.shards[place]).remove(key);
        self.length -= usize::from(removed.is_some());
        removed
    }

    fn place(&self, key: &str) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).expect("below 256")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_copy_leaves_the_original_as_it_was() {
        let mut first = Shards::default();
        for number in 0..1000 {
            first.insert(&number.to_string(), number);
        }
        let mut second = first.clone();
        second.insert("7", 70);
        second.insert("new", 1);
        assert_eq!(second.remove("8"), Some(8));
        assert_eq!((first.get("7"), first.get("new"), first.get("8")), (Some(&7), None, Some(&8)));
        assert_eq!((second.get("7"), second.get("new"), second.get("8")), (Some(&70), Some(&1), None));
        assert_eq!((first.len(), second.len(), second.iter().count()), (1000, 1000, 1000));
    }
}
