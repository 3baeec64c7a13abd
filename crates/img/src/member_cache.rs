//! The caches of compressed members that this process uses, each opened once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use img_member_cache::{MemberCache, OpenCacheError};

/// Caches by place and size in MiB: the requests that a worker gets share them.
static CACHES: Mutex<BTreeMap<(String, u64), Arc<MemberCache>>> = Mutex::new(BTreeMap::new());

/// Returns the cache of `mebibytes` at a place: `memory` or the path of a directory.
pub(crate) fn open(place: &str, mebibytes: u64) -> Result<Arc<MemberCache>, OpenCacheError> {
    let mut caches = CACHES.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (place.to_owned(), mebibytes);
    if let Some(cache) = caches.get(&key) {
        return Ok(Arc::clone(cache));
    }
    let limit = mebibytes.saturating_mul(1 << 20);
    let cache = Arc::new(match place {
        "memory" => MemberCache::in_memory(limit),
        directory => MemberCache::in_directory(Path::new(directory), limit)?,
    });
    caches.insert(key, Arc::clone(&cache));
    Ok(cache)
}
