//! Effective identities of those who ask often, safe under change.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Entity;

const SHARDS: usize = 64;
/// Entities that a shard keeps; when there are more it begins anew.
const SHARD_CAPACITY: usize = 512;

/// Entities by id, with all that follows from their groups.
///
/// Who reads an entity takes the [epoch](EntityCache::epoch) before and hands it in with the entity. A commit that
/// changes the entity, or a group, raises the epoch: what was read before it is not kept, and must not be used.
#[derive(Debug)]
pub(crate) struct EntityCache {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Debug, Default)]
struct Shard {
    epoch: u64,
    entities: HashMap<String, Arc<Entity>>,
}

impl Default for EntityCache {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl EntityCache {
    /// The entity that tokens name by `id`.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Entity>> {
        self.shard(id).lock().entities.get(id).cloned()
    }

    /// What to take before reading `id` from storage.
    pub(crate) fn epoch(&self, id: &str) -> u64 {
        self.shard(id).lock().epoch
    }

    /// Keeps `entity` under `id`; false if something has changed since `epoch`: it has to be read again.
    pub(crate) fn keep(&self, id: &str, entity: &Arc<Entity>, epoch: u64) -> bool {
        let mut shard = self.shard(id).lock();
        if shard.epoch != epoch {
            return false;
        }
        if shard.entities.len() >= SHARD_CAPACITY {
            shard.entities.clear();
        }
        shard.entities.insert(id.to_owned(), Arc::clone(entity));
        true
    }

    /// Forgets `id`. Call it after the commit that changes it.
    pub(crate) fn forget(&self, id: &str) {
        let mut shard = self.shard(id).lock();
        shard.epoch += 1;
        shard.entities.remove(id);
    }

    /// Forgets everything, after the commit that changes a group.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.epoch += 1;
            shard.entities = HashMap::new();
        }
    }

    fn shard(&self, id: &str) -> &Mutex<Shard> {
        let index = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).expect("below 64");
        &self.shards[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let cache = EntityCache::default();
        let entity = Arc::new(Entity::default());
        let epoch = cache.epoch("a");
        cache.forget("a");
        assert!(!cache.keep("a", &entity, epoch));
        assert!(cache.keep("a", &entity, cache.epoch("a")));
        cache.clear();
        assert!(cache.find("a").is_none());
        assert!(!cache.keep("a", &entity, epoch + 1));
    }
}
