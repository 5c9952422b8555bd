//! Decoded tokens, safe under revocation.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

use super::TokenEntry;
use super::ancestry::Ancestry;

const SHARDS: usize = 64;
/// Tokens that a shard keeps; when there are more it begins anew. 16,384 in all shards, which is some 16 MiB.
const SHARD_CAPACITY: usize = 256;

/// Tokens by their stored name.
///
/// Who reads a token takes the shard's [epoch](TokenCache::epoch) before and hands it in with the entry. A commit
/// that changes a token of the shard raises the epoch, so that an entry read before the commit is not kept after it.
pub(super) struct TokenCache {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    ancestry: Ancestry,
}

#[derive(Default)]
struct Shard {
    epoch: u64,
    entries: HashMap<String, Arc<TokenEntry>>,
}

impl TokenCache {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards, ancestry: Ancestry::default() }
    }

    /// What is known of the tokens above others.
    pub(super) fn ancestry(&self) -> &Ancestry {
        &self.ancestry
    }

    /// The entry under `id`.
    pub(super) fn find(&self, id: &str) -> Option<Arc<TokenEntry>> {
        self.shard(id).lock().entries.get(id).cloned()
    }

    /// What to take before reading `id` from storage.
    pub(super) fn epoch(&self, id: &str) -> u64 {
        self.shard(id).lock().epoch
    }

    /// Keeps `entry`, unless its shard has changed since `epoch`.
    pub(super) fn keep(&self, entry: &Arc<TokenEntry>, epoch: u64) {
        let mut shard = self.shard(&entry.id).lock();
        if shard.epoch != epoch {
            return;
        }
        if shard.entries.len() >= SHARD_CAPACITY {
            shard.entries.clear();
        }
        shard.entries.insert(entry.id.clone(), Arc::clone(entry));
    }

    /// Forgets `id`. Call it after the commit that changes it.
    pub(super) fn forget(&self, id: &str) {
        let mut shard = self.shard(id).lock();
        shard.epoch += 1;
        shard.entries.remove(id);
        drop(shard);
        // After the entry is gone: whoever finds the new epoch must not find the old entry.
        self.ancestry.forget(id);
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.epoch += 1;
            shard.entries.clear();
        }
        self.ancestry.clear();
    }

    fn shard(&self, id: &str) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(id);
        let index = usize::try_from(hash % SHARDS as u64).expect("below 64");
        &self.shards[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> Arc<TokenEntry> {
        Arc::new(TokenEntry { id: id.to_owned(), ..TokenEntry::default() })
    }

    #[test]
    fn an_entry_read_before_a_change_is_not_kept_after_it() {
        let cache = TokenCache::new();
        let epoch = cache.epoch("a");
        cache.forget("a");
        cache.keep(&entry("a"), epoch);
        assert!(cache.find("a").is_none());
        cache.keep(&entry("a"), cache.epoch("a"));
        assert!(cache.find("a").is_some());
        cache.forget("a");
        assert!(cache.find("a").is_none());
    }
}
