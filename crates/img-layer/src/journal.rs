//! What one build puts into a store, to be taken back if the build fails.
//!
//! Members are known by what their files should hold. That a file holds something else shows at its end,
//! when members of a large one are kept already.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use img_compress::{MemberKey, MemberStore};

/// A store that knows what was saved through it.
pub(crate) struct Journal {
    store: Arc<dyn MemberStore>,
    saved: Mutex<Vec<MemberKey>>,
    /// Whether members are still wanted; held for writing while they are taken back.
    is_open: RwLock<bool>,
}

impl Journal {
    pub(crate) fn new(store: Arc<dyn MemberStore>) -> Self {
        Self {
            store,
            saved: Mutex::default(),
            is_open: RwLock::new(true),
        }
    }

    /// Takes back all that was saved; what threads save after that is not kept.
    pub(crate) fn take_back(&self) {
        let mut is_open = self.is_open.write().unwrap_or_else(PoisonError::into_inner);
        *is_open = false;
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        for key in saved.drain(..) {
            self.store.forget(&key);
        }
    }
}

impl MemberStore for Journal {
    fn load(&self, key: &MemberKey) -> Option<Vec<u8>> {
        self.store.load(key)
    }

    fn save(&self, key: &MemberKey, member: &[u8]) {
        let is_open = self.is_open.read().unwrap_or_else(PoisonError::into_inner);
        if *is_open {
            let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
            saved.push(*key);
            drop(saved);
            self.store.save(key, member);
        }
    }

    fn forget(&self, key: &MemberKey) {
        self.store.forget(key);
    }
}
