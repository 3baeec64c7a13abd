//! What a worker remembers from one request to the next, within bounds.

use std::collections::HashMap;
use std::hash::Hash;

/// Values by key. What was not asked for during the last `LIMIT` new values is forgotten.
pub(crate) struct Memory<K, V, const LIMIT: usize> {
    recent: HashMap<K, V>,
    older: HashMap<K, V>,
}

impl<K, V, const LIMIT: usize> Default for Memory<K, V, LIMIT> {
    fn default() -> Self {
        Self {
            recent: HashMap::new(),
            older: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash, V: Clone, const LIMIT: usize> Memory<K, V, LIMIT> {
    /// Returns the value that is remembered.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        if let Some((key, value)) = self.older.remove_entry(key) {
            self.insert(key, value);
        }
        self.recent.get(key).cloned()
    }

    /// Remembers a value.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.recent.len() >= LIMIT {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut memory = Memory::<u32, u32, 10>::default();
        memory.insert(1000, 7);
        for number in 0..100 {
            memory.insert(number, number);
            assert_eq!(memory.get(&1000), Some(7));
            assert!(memory.recent.len() + memory.older.len() <= 20);
        }
        assert_eq!((memory.get(&99), memory.get(&50)), (Some(99), None));
    }
}
