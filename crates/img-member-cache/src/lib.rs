//! Compressed members of layers, kept from one build to the next.
//!
//! In memory, for a process that builds many layers, and in a directory that many processes may share.
//! Both are bounded: what was not used for longest goes first. A record in the directory is written
//! under a temporary name and renamed, carries its own SHA-256, and is a miss if it does not match;
//! so a crash, a full disk or a flipped bit costs a member's compression and nothing else.

mod directory;
mod memory;

use std::path::Path;
use std::sync::Mutex;

use img_compress::{MemberKey, MemberStore};

pub use directory::OpenCacheError;

use directory::Directory;
use memory::Memory;

/// Keeps compressed members.
#[derive(Debug)]
pub struct MemberCache {
    memory: Option<Mutex<Memory>>,
    directory: Option<Directory>,
}

impl MemberCache {
    /// Returns a cache of up to `limit` bytes that lives as long as the process.
    pub fn in_memory(limit: u64) -> Self {
        Self {
            memory: Some(Mutex::new(Memory::new(limit))),
            directory: None,
        }
    }

    /// Returns a cache of up to `limit` bytes in a directory, which is created if need be.
    ///
    /// # Errors
    /// The directory cannot be created.
    pub fn in_directory(directory: &Path, limit: u64) -> Result<Self, OpenCacheError> {
        Ok(Self {
            memory: None,
            directory: Some(Directory::open(directory, limit)?),
        })
    }

    /// Removes what is over the limit from the directory; to be called once in a while, after a build.
    ///
    /// It looks at the directory only if something was written to it.
    pub fn trim(&self) {
        if let Some(directory) = &self.directory {
            directory.trim();
        }
    }
}

impl MemberStore for MemberCache {
    fn load(&self, key: &MemberKey) -> Option<Vec<u8>> {
        let memory = self.memory.as_ref().and_then(|memory| memory.lock().ok());
        if let Some(record) = memory.and_then(|mut memory| memory.load(key)) {
            return Some(record.to_vec());
        }
        self.directory.as_ref()?.load(key)
    }

    fn save(&self, key: &MemberKey, member: &[u8]) {
        if let Some(mut memory) = self.memory.as_ref().and_then(|memory| memory.lock().ok()) {
            memory.save(key, member);
        }
        if let Some(directory) = &self.directory {
            directory.save(key, member);
        }
    }

    fn forget(&self, key: &MemberKey) {
        if let Some(mut memory) = self.memory.as_ref().and_then(|memory| memory.lock().ok()) {
            memory.remove(key);
        }
        if let Some(directory) = &self.directory {
            directory.forget(key);
        }
    }
}
