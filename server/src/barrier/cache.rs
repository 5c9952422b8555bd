//! Decrypted values that were read, bounded in memory.
//!
//! A value is found here as of the last commit that is [finished](super::order::CommitOrder::finish): commits are
//! settled here in their order, before anybody can begin a transaction that has to see them. Who reads a value from
//! the storage hands it in with the epoch that its shard had before; a commit to the shard in between raises the
//! epoch, so that what was read before a commit is not kept after it. Sealing raises all epochs, so that nothing is
//! kept after it either. Values wipe themselves when the last one who holds them lets go.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use bytes::Bytes;
use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::storage::{Batch, Write};

const SHARDS: usize = 64;
/// Bytes of keys and values in one generation of a shard: 16 MiB in all shards and both generations.
const GENERATION_BYTES: usize = 128 * 1024;
/// What an entry costs besides the bytes of key and value.
const ENTRY_BYTES: usize = 128;
/// Larger values are read from the storage each time.
const LARGEST: usize = 16 * 1024;

/// State of a shard before a value was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// Values by storage key; that a key is not there is kept as well.
pub(super) struct ValueCache {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

/// Two generations: when the young one is full it becomes the old one, and what was not asked for since is dropped.
#[derive(Default)]
struct Shard {
    epoch: u64,
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    entries: HashMap<Box<str>, Option<Bytes>>,
    bytes: usize,
}

/// A copy of `value` that is wiped when its last holder drops it.
pub(super) fn wiped_after_use(value: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(value))
}

impl ValueCache {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// What is under `key`, or the epoch to read it at.
    pub(super) fn find(&self, key: &str) -> Result<Option<Bytes>, Epoch> {
        let mut shard = self.shard(key).lock();
        match shard.find(key) {
            Some(value) => Ok(value),
            None => Err(Epoch(shard.epoch)),
        }
    }

    /// Keeps what was read, unless its shard has changed since `epoch`.
    pub(super) fn keep(&self, key: &str, value: Option<&Bytes>, epoch: Epoch) {
        if value.is_some_and(|value| value.len() > LARGEST) {
            return;
        }
        let mut shard = self.shard(key).lock();
        if shard.epoch == epoch.0 {
            shard.insert(key.into(), value.cloned());
        }
    }

    /// Takes over a commit: what is known of its keys is what they hold from now on. `is_done`: it has succeeded;
    /// else nobody can tell, and the storage has to be asked.
    pub(super) fn settle(&self, batch: &Batch, is_done: bool) {
        for (key, write) in batch.iter() {
            let mut shard = self.shard(key).lock();
            shard.epoch += 1;
            match write {
                _ if !shard.remove(key) || !is_done => {}
                Write::Delete => shard.insert(key.into(), None),
                Write::Put(value) if value.len() <= LARGEST => {
                    shard.insert(key.into(), Some(wiped_after_use(value.to_vec())));
                }
                Write::Put(_) => {}
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let epoch = shard.epoch + 1;
            *shard = Shard { epoch, ..Shard::default() };
        }
    }

    fn shard(&self, key: &str) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash % SHARDS as u64).expect("below 64");
        &self.shards[index]
    }
}

impl Shard {
    fn find(&mut self, key: &str) -> Option<Option<Bytes>> {
        if let Some(value) = self.young.entries.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.take(key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    fn insert(&mut self, key: Box<str>, value: Option<Bytes>) {
        if self.young.bytes >= GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.take(&key);
        self.young.take(&key);
        self.young.bytes += cost(&key, value.as_ref());
        self.young.entries.insert(key, value);
    }

    /// Whether it was there.
    fn remove(&mut self, key: &str) -> bool {
        self.young.take(key).or_else(|| self.old.take(key)).is_some()
    }
}

impl Generation {
    fn take(&mut self, key: &str) -> Option<(Box<str>, Option<Bytes>)> {
        let (key, value) = self.entries.remove_entry(key)?;
        self.bytes -= cost(&key, value.as_ref());
        Some((key, value))
    }
}

fn cost(key: &str, value: Option<&Bytes>) -> usize {
    ENTRY_BYTES + key.len() + value.map_or(0, Bytes::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(key: &str, value: Option<&'static str>) -> Batch {
        let mut batch = Batch::new();
        match value {
            Some(value) => batch.put(key, value),
            None => batch.delete(key),
        }
        batch
    }

    /// Keeps `value` as if it had just been read.
    fn read(cache: &ValueCache, key: &str, value: Option<&'static str>) {
        let epoch = cache.find(key).expect_err("not there yet");
        cache.keep(key, value.map(Bytes::from).as_ref(), epoch);
    }

    #[track_caller]
    fn check(cache: &ValueCache, key: &str, expected: Option<Option<&'static str>>) {
        assert_eq!(cache.find(key).ok(), expected.map(|value| value.map(Bytes::from)));
    }

    #[test]
    fn what_was_read_is_found_and_so_is_what_is_not_there() {
        let cache = ValueCache::new();
        read(&cache, "a", Some("1"));
        read(&cache, "b", None);
        check(&cache, "a", Some(Some("1")));
        check(&cache, "b", Some(None));
        check(&cache, "c", None);
    }

    #[test]
    fn a_commit_replaces_what_is_known_and_brings_in_nothing_else() {
        let cache = ValueCache::new();
        read(&cache, "a", Some("1"));
        read(&cache, "b", None);
        cache.settle(&batch("a", Some("2")), true);
        cache.settle(&batch("b", Some("3")), true);
        cache.settle(&batch("c", Some("4")), true);
        check(&cache, "a", Some(Some("2")));
        check(&cache, "b", Some(Some("3")));
        check(&cache, "c", None);
        cache.settle(&batch("a", None), true);
        check(&cache, "a", Some(None));
    }

    #[test]
    fn after_a_commit_that_failed_the_storage_is_asked() {
        let cache = ValueCache::new();
        read(&cache, "a", Some("1"));
        cache.settle(&batch("a", Some("2")), false);
        check(&cache, "a", None);
    }

    #[test]
    fn what_was_read_before_a_commit_or_a_seal_is_not_kept_after_it() {
        let cache = ValueCache::new();
        let epoch = cache.find("a").expect_err("not there yet");
        cache.settle(&batch("a", Some("2")), true);
        cache.keep("a", Some(&Bytes::from("1")), epoch);
        check(&cache, "a", None);
        let epoch = cache.find("a").expect_err("not there yet");
        cache.clear();
        cache.keep("a", Some(&Bytes::from("2")), epoch);
        check(&cache, "a", None);
    }

    #[test]
    fn memory_is_bounded_and_what_is_asked_for_stays() {
        let cache = ValueCache::new();
        read(&cache, "hot", Some("1"));
        for number in 0..200_000 {
            read(&cache, &number.to_string(), Some("value"));
            check(&cache, "hot", Some(Some("1")));
        }
        let bytes: usize = cache
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock();
                shard.young.bytes + shard.old.bytes
            })
            .sum();
        assert!(bytes <= 2 * SHARDS * (GENERATION_BYTES + LARGEST), "{bytes}");
        check(&cache, "0", None);
    }

    #[test]
    fn a_large_value_is_not_kept() {
        let cache = ValueCache::new();
        let epoch = cache.find("a").expect_err("not there yet");
        cache.keep("a", Some(&Bytes::from(vec![0; LARGEST + 1])), epoch);
        check(&cache, "a", None);
    }
}
