//! A bounded cache whose readers do not wait for each other.
//!
//! Entries are kept in two generations: when the younger one is full it becomes the older one, and
//! what was still in that is dropped. A value read from disk is put in by way of a [`Ticket`], so
//! that a value that was changed in the meantime does not come back.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A map of limited weight.
pub(crate) struct Cache<K, V> {
    shards: Vec<RwLock<Shard<K, V>>>,
    hasher: RandomState,
    /// Weight of one generation of one shard.
    capacity: usize,
}

struct Shard<K, V> {
    changes: u64,
    weight: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

/// The state of a key before its value was looked up elsewhere.
pub(crate) struct Ticket(u64);

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// Returns an empty cache of about `capacity` units of weight.
    ///
    /// An entry may weigh as much as half of what one of the `shards` holds.
    pub(crate) fn new(capacity: usize, shards: usize) -> Self {
        let shard = || Shard {
            changes: 0,
            weight: 0,
            young: HashMap::new(),
            old: HashMap::new(),
        };
        Self {
            shards: (0..shards).map(|_| RwLock::new(shard())).collect(),
            hasher: RandomState::new(),
            capacity: (capacity / shards / 2).max(1),
        }
    }

    /// Returns the value of `key`.
    pub(crate) fn find(&self, key: &K) -> Option<V> {
        let shard = self.read(key);
        shard.young.get(key).or_else(|| shard.old.get(key)).cloned()
    }

    /// Returns a ticket for [`Cache::fill`]; to be taken before the value is looked up.
    pub(crate) fn ticket(&self, key: &K) -> Ticket {
        Ticket(self.read(key).changes)
    }

    /// Puts in a value that was looked up, unless something changed since the ticket was taken.
    pub(crate) fn fill(&self, ticket: &Ticket, key: K, value: V, weight: usize) {
        let mut shard = self.write(&key);
        if shard.changes == ticket.0 {
            shard.insert(self.capacity, key, value, weight);
        }
    }

    /// Puts in a value that has just become true.
    pub(crate) fn set(&self, key: K, value: V, weight: usize) {
        let mut shard = self.write(&key);
        shard.changes += 1;
        shard.insert(self.capacity, key, value, weight);
    }

    /// Removes a value that has just ceased to be true.
    pub(crate) fn remove(&self, key: &K) {
        let mut shard = self.write(key);
        shard.changes += 1;
        shard.young.remove(key);
        shard.old.remove(key);
    }

    /// Removes all values, where it is not known which have ceased to be true.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.changes += 1;
            shard.weight = 0;
            shard.young.clear();
            shard.old.clear();
        }
    }

    fn read(&self, key: &K) -> RwLockReadGuard<'_, Shard<K, V>> {
        self.shard(key)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &K) -> RwLockWriteGuard<'_, Shard<K, V>> {
        self.shard(key)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    #[allow(clippy::cast_possible_truncation)] // Any bits of the hash will do.
    fn shard(&self, key: &K) -> &RwLock<Shard<K, V>> {
        &self.shards[self.hasher.hash_one(key) as usize % self.shards.len()]
    }
}

impl<K: Eq + Hash, V> Shard<K, V> {
    fn insert(&mut self, capacity: usize, key: K, value: V, weight: usize) {
        if weight > capacity {
            return;
        }
        if self.weight + weight > capacity {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.old.remove(&key);
        if self.young.insert(key, value).is_none() {
            self.weight += weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_changed_during_the_lookup_does_not_come_back() {
        let cache = Cache::new(1 << 20, 4);
        let ticket = cache.ticket(&"key");
        cache.remove(&"key");
        cache.fill(&ticket, "key", 1, 1);
        assert_eq!(cache.find(&"key"), None);
        let ticket = cache.ticket(&"key");
        cache.fill(&ticket, "key", 2, 1);
        assert_eq!(cache.find(&"key"), Some(2));
        let ticket = cache.ticket(&"key");
        cache.clear();
        cache.fill(&ticket, "key", 3, 1);
        assert_eq!(cache.find(&"key"), None);
    }

    #[test]
    fn weight_is_bounded() {
        let cache = Cache::new(640, 32);
        for key in 0..10_000 {
            cache.set(key, key, 1);
        }
        let held = (0..10_000).filter(|key| cache.find(key).is_some()).count();
        assert!((320..=640).contains(&held), "{held}");
        cache.set(1, 1, 11);
        cache.set(2, 2, 1);
        assert_eq!(cache.find(&2), Some(2));
    }
}
