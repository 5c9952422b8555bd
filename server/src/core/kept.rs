//! What was read and decoded, by id: safe under change, and bounded.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

const SHARDS: usize = 64;
/// Of what a shard may take, the part that one value may; larger ones are read again each time.
const LARGEST: usize = 4;

/// Values by id.
///
/// Who reads a value takes the [epoch](Kept::epoch) of its id before and hands it in with the value. A commit that
/// changes the value raises the epoch: what was read before it is not kept after it.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    hasher: RandomState,
    shards: Box<[Mutex<Shard<T>>]>,
    /// Bytes that the values of a shard may take.
    most: usize,
}

#[derive(Debug)]
struct Shard<T> {
    epoch: u64,
    bytes: usize,
    values: HashMap<Box<str>, (Arc<T>, usize)>,
}

impl<T> Default for Shard<T> {
    fn default() -> Self {
        Self { epoch: 0, bytes: 0, values: HashMap::new() }
    }
}

impl<T> Shard<T> {
    fn remove(&mut self, id: &str) {
        if let Some((_, size)) = self.values.remove(id) {
            self.bytes -= size;
        }
    }

    fn clear(&mut self) {
        self.bytes = 0;
        self.values = HashMap::new();
    }
}

impl<T> Kept<T> {
    /// Keeps values of so many bytes in all; a part of them is dropped when there are more.
    pub(crate) fn new(bytes: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards, most: bytes / SHARDS }
    }

    /// The value of `id`.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<T>> {
        self.shard(id).lock().values.get(id).map(|(value, _)| Arc::clone(value))
    }

    /// What to take before reading `id` from storage.
    pub(crate) fn epoch(&self, id: &str) -> u64 {
        self.shard(id).lock().epoch
    }

    /// Keeps `value`, which takes so many bytes; false if something has changed since `epoch`.
    pub(crate) fn keep(&self, id: &str, value: &Arc<T>, size: usize, epoch: u64) -> bool {
        let mut shard = self.shard(id).lock();
        if shard.epoch != epoch {
            return false;
        }
        if size > self.most / LARGEST {
            return true;
        }
        shard.remove(id);
        if shard.bytes + size > self.most {
            shard.clear();
        }
        shard.bytes += size;
        shard.values.insert(id.into(), (Arc::clone(value), size));
        true
    }

    /// Forgets `id`. Call it after the commit that changes it.
    pub(crate) fn forget(&self, id: &str) {
        let mut shard = self.shard(id).lock();
        shard.epoch += 1;
        shard.remove(id);
    }

    /// Forgets everything, after a commit that may change any.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.epoch += 1;
            shard.clear();
        }
    }

    fn shard(&self, id: &str) -> &Mutex<Shard<T>> {
        let index = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).expect("below 64");
        &self.shards[index]
    }
}

/// Bytes of some texts, about.
pub(crate) fn size_of_texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> usize {
    texts.into_iter().map(|text| size_of::<String>() + text.len()).sum()
}

/// Bytes of a map of texts, about.
pub(crate) fn size_of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> usize {
    pairs.into_iter().map(|(name, value)| 2 * size_of::<String>() + name.len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_read_before_a_change_is_not_kept_after_it() {
        let kept = Kept::new(64 << 10);
        let epoch = kept.epoch("a");
        kept.forget("a");
        assert!(!kept.keep("a", &Arc::new(1), 1, epoch));
        assert!(kept.find("a").is_none());
        assert!(kept.keep("a", &Arc::new(2), 1, kept.epoch("a")));
        assert_eq!(kept.find("a").as_deref(), Some(&2));
        kept.forget("a");
        assert!(kept.find("a").is_none());
        assert!(kept.keep("a", &Arc::new(3), 1, kept.epoch("a")));
        let epoch = kept.epoch("a");
        kept.clear();
        assert!(kept.find("a").is_none() && !kept.keep("a", &Arc::new(3), 1, epoch));
    }

    #[test]
    fn bytes_are_bounded_whatever_there_is() {
        let kept = Kept::new(64 << 10);
        for number in 0..100_000 {
            let id = number.to_string();
            assert!(kept.keep(&id, &Arc::new(()), 60, kept.epoch(&id)));
        }
        // What is large is not kept, and costs nobody a place.
        let epoch = kept.epoch("large");
        assert!(kept.keep("large", &Arc::new(()), 257, epoch));
        assert!(kept.find("large").is_none());
        for shard in &kept.shards {
            let shard = shard.lock();
            assert!(shard.bytes <= 1024 && shard.bytes == 60 * shard.values.len(), "{}", shard.bytes);
        }
    }
}
