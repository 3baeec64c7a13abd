//! Records in memory; the one that was not used for longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use img_compress::MemberKey;

/// Bytes that a record takes beside its own.
const OVERHEAD: u64 = 200;

/// Records up to a number of bytes.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: u64,
    size: u64,
    records: HashMap<MemberKey, (u64, Arc<[u8]>)>,
    /// Keys by the time of their latest use.
    by_use: BTreeMap<u64, MemberKey>,
    /// Uses so far.
    uses: u64,
}

impl Memory {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            size: 0,
            records: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
        }
    }

    pub(crate) fn load(&mut self, key: &MemberKey) -> Option<Arc<[u8]>> {
        let (used, record) = self.records.get_mut(key)?;
        self.by_use.remove(used);
        self.uses += 1;
        *used = self.uses;
        self.by_use.insert(self.uses, *key);
        Some(Arc::clone(record))
    }

    pub(crate) fn save(&mut self, key: &MemberKey, record: &[u8]) {
        self.remove(key);
        if size(record) > self.limit {
            return;
        }
        self.size += size(record);
        self.uses += 1;
        self.records.insert(*key, (self.uses, record.into()));
        self.by_use.insert(self.uses, *key);
        while self.size > self.limit {
            let Some((_, oldest)) = self.by_use.first_key_value() else {
                return;
            };
            let oldest = *oldest;
            self.remove(&oldest);
        }
    }

    pub(crate) fn remove(&mut self, key: &MemberKey) {
        if let Some((used, record)) = self.records.remove(key) {
            self.by_use.remove(&used);
            self.size -= size(&record);
        }
    }
}

fn size(record: &[u8]) -> u64 {
    u64::try_from(record.len())
        .unwrap_or(u64::MAX)
        .saturating_add(OVERHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut memory = Memory::new(3 * (OVERHEAD + 10));
        for key in 1..=3 {
            memory.save(&[key; 32], &[key; 10]);
        }
        assert!(memory.load(&[1; 32]).is_some());
        memory.save(&[4; 32], &[4; 10]);
        let there = |memory: &mut Memory| -> Vec<u8> {
            (1..=4)
                .filter(|key| memory.load(&[*key; 32]).is_some())
                .collect()
        };
        assert_eq!(there(&mut memory), [1, 3, 4]);
        memory.save(&[3; 32], &[0; 5]);
        assert_eq!(memory.load(&[3; 32]).as_deref(), Some([0; 5].as_slice()));
        memory.save(&[5; 32], &[5; 10_000]);
        assert_eq!(
            there(&mut memory),
            [1, 3, 4],
            "what never fits drives nothing out"
        );
        assert_eq!(memory.size, 3 * OVERHEAD + 25);
    }
}
