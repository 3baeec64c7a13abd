//! Which files of a layer are the same: by content and by all of their metadata.
//!
//! Small files come with their hash. A large file is hashed only when another of its size comes.

use std::collections::HashMap;

use crate::attributes::AttributesId;
use crate::entries::{Entries, EntryId, PlannedKind, hash_file};
use crate::error::BuildLayerError;

/// The files written so far, by what makes two of them one.
#[derive(Default)]
pub(crate) struct Written {
    by_hash: HashMap<([u8; 32], AttributesId), EntryId>,
    /// Large files whose hash is not known yet.
    large_by_size: HashMap<u64, Vec<EntryId>>,
}

impl Written {
    /// Returns the file that has this hash and these attributes, or remembers `id` as that file.
    pub(crate) fn first_of(
        &mut self,
        hash: [u8; 32],
        attributes: AttributesId,
        id: EntryId,
    ) -> Option<EntryId> {
        match *self.by_hash.entry((hash, attributes)).or_insert(id) {
            first if first == id => None,
            first => Some(first),
        }
    }

    /// Returns the large file that is the same as `id`, or remembers `id`.
    pub(crate) fn first_of_large(
        &mut self,
        entries: &Entries<'_>,
        id: EntryId,
        size: u64,
    ) -> Result<Option<EntryId>, BuildLayerError> {
        let Some(unhashed) = self.large_by_size.get_mut(&size) else {
            self.large_by_size.insert(size, vec![id]);
            return Ok(None);
        };
        for other in std::mem::take(unhashed) {
            let hash = hash_entry(entries, other)?;
            self.by_hash
                .entry((hash, entries.get(other).attributes))
                .or_insert(other);
        }
        Ok(self.first_of(hash_entry(entries, id)?, entries.get(id).attributes, id))
    }
}

fn hash_entry(entries: &Entries<'_>, id: EntryId) -> Result<[u8; 32], BuildLayerError> {
    let entry = entries.get(id);
    let mut hash = [0; 32];
    if let PlannedKind::File(source) = &entry.kind {
        hash.copy_from_slice(&hash_file(source, &entry.path)?.to_bytes());
    }
    Ok(hash)
}
