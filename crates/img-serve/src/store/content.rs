//! Content on disk: put there once its digest is known, hashed again as it is read.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use img_oci::{Digest, Hasher};

use super::error::{Attempt as _, StoreError, existing};
use super::{Store, durable};
use crate::limits::SMALL_BLOB;

/// Bytes read at a time.
const BLOCK: usize = 256 << 10;
/// Bytes read at a time where many clients are slow.
const SMALL_BLOCK: usize = 32 << 10;
/// Buffers kept for the next block.
const SPARE_BUFFERS: usize = 64;

/// What tells a file from one that was changed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Content that is about to be sent.
pub(crate) enum OpenContent {
    /// All of it, checked.
    Whole(Bytes),
    /// A file, to be read in blocks.
    File(Box<ContentReader>),
}

impl Store {
    /// Gives the file at `path`, which was hashed to `digest`, its final name.
    pub(super) fn publish(&self, path: &Path, digest: &Digest) -> Result<(), StoreError> {
        let target = self.layout.content(digest);
        if self.is_verified(digest, &target) {
            // Another pusher was first; its name may not have reached the disk yet.
            fs::remove_file(path).attempt("remove", path)?;
            return durable::flush_parent(&target);
        }
        let file = File::open(path).attempt("open", path)?;
        file.sync_all().attempt("flush", path)?;
        durable::publish(path, &target)?;
        let metadata = file.metadata().attempt("look at", &target)?;
        self.verified
            .set(digest.clone(), FileStamp::from(&metadata), 1);
        Ok(())
    }

    /// Stores content that was hashed to `digest` from memory.
    pub(super) fn publish_bytes(&self, bytes: &[u8], digest: &Digest) -> Result<(), StoreError> {
        let target = self.layout.content(digest);
        if self.is_verified(digest, &target) {
            return durable::flush_parent(&target);
        }
        self.write(&target, bytes)?;
        let metadata = fs::metadata(&target).attempt("look at", &target)?;
        self.verified
            .set(digest.clone(), FileStamp::from(&metadata), 1);
        Ok(())
    }

    /// Returns the size of stored content.
    pub(super) fn content_size(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let path = self.layout.content(digest);
        let metadata = existing(fs::metadata(&path)).attempt("look at", &path)?;
        Ok(metadata.map(|metadata| metadata.len()))
    }

    /// Returns small content that is in memory; does not block.
    pub(crate) fn content_in_memory(&self, digest: &Digest) -> Option<Bytes> {
        self.small_contents.find(digest)
    }

    /// Opens content so that nothing of it can be sent to its end unchecked.
    ///
    /// With `part`, a piece of a large blob is wanted: the whole is checked first, once for as long
    /// as its file stays the same and the server runs.
    pub(crate) fn open_content(
        self: &Arc<Self>,
        digest: &Digest,
        part: bool,
    ) -> Result<Option<(u64, OpenContent)>, StoreError> {
        let path = self.layout.content(digest);
        let Some(file) = existing(File::open(&path)).attempt("open", &path)? else {
            return Ok(None);
        };
        let metadata = file.metadata().attempt("look at", &path)?;
        let stamp = FileStamp::from(&metadata);
        if stamp.size <= SMALL_BLOB {
            let bytes = self.read_whole(file, stamp, digest)?;
            return Ok(Some((stamp.size, OpenContent::Whole(bytes))));
        }
        let mut reader = ContentReader {
            store: self.clone(),
            digest: digest.clone(),
            hasher: Some(Hasher::new(digest.algorithm())),
            remaining: stamp.size,
            file,
            stamp,
        };
        if part {
            reader.verify_first()?;
        }
        Ok(Some((stamp.size, OpenContent::File(Box::new(reader)))))
    }

    fn read_whole(
        &self,
        file: File,
        stamp: FileStamp,
        digest: &Digest,
    ) -> Result<Bytes, StoreError> {
        let mut bytes = Vec::with_capacity(usize::try_from(stamp.size).unwrap_or(0) + 1);
        file.take(SMALL_BLOB + 1)
            .read_to_end(&mut bytes)
            .attempt("read", &self.layout.content(digest))?;
        if Digest::of(digest.algorithm(), &bytes) != *digest {
            return Err(self.reject(digest));
        }
        let bytes = Bytes::from(bytes);
        self.verified.set(digest.clone(), stamp, 1);
        self.small_contents
            .set(digest.clone(), bytes.clone(), bytes.len() + 128);
        Ok(bytes)
    }

    /// Reads the content of a manifest.
    pub(super) fn read_content(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        let path = self.layout.content(digest);
        let Some(bytes) = existing(fs::read(&path)).attempt("read", &path)? else {
            return Ok(None);
        };
        if Digest::of(digest.algorithm(), &bytes) != *digest {
            return Err(self.reject(digest));
        }
        Ok(Some(bytes.into()))
    }

    fn is_verified(&self, digest: &Digest, path: &Path) -> bool {
        let stamp = fs::metadata(path)
            .ok()
            .map(|metadata| FileStamp::from(&metadata));
        stamp.is_some() && self.verified.find(digest) == stamp
    }

    /// Moves content that rotted aside, so that it counts as missing and may be pushed again.
    pub(crate) fn reject(&self, digest: &Digest) -> StoreError {
        let name = super::layout::file_name(digest);
        // Where it cannot be moved it is refused again the next time.
        let _ = fs::rename(
            self.layout.content(digest),
            self.layout.quarantine().join(name),
        );
        self.verified.remove(digest);
        self.small_contents.remove(digest);
        self.observer.corrupt_blob(digest);
        StoreError::Corrupt {
            digest: digest.clone(),
        }
    }
}

/// Reads content from its file in blocks.
pub(crate) struct ContentReader {
    store: Arc<Store>,
    digest: Digest,
    file: File,
    stamp: FileStamp,
    /// Runs along while the whole is read; absent for a part.
    hasher: Option<Hasher>,
    remaining: u64,
}

impl ContentReader {
    /// Restricts the reader, which was opened for a part, to `length` bytes from `start`.
    pub(crate) fn select(&mut self, start: u64, length: u64) -> Result<(), StoreError> {
        self.file
            .seek(SeekFrom::Start(start))
            .attempt("seek in", &self.path())?;
        self.remaining = length;
        Ok(())
    }

    /// Returns the number of bytes that are still to be read.
    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Reads the next block; the last one is returned only if the whole has the right digest.
    pub(crate) fn read_block(&mut self) -> Result<Block, StoreError> {
        let mut block = self.store.budget.block();
        let wanted = block
            .size
            .min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        (&self.file)
            .take(wanted as u64)
            .read_to_end(&mut block.bytes)
            .attempt("read", &self.path())?;
        if block.bytes.len() < wanted {
            return Err(self.store.reject(&self.digest));
        }
        self.remaining -= wanted as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&block.bytes);
        }
        if self.remaining == 0 {
            self.finish()?;
        }
        Ok(block)
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        let Some(hasher) = self.hasher.take() else {
            return Ok(());
        };
        if hasher.finish() != self.digest {
            return Err(self.store.reject(&self.digest));
        }
        self.store.verified.set(self.digest.clone(), self.stamp, 1);
        Ok(())
    }

    /// Reads the whole, unless that was done before; one reader does it for all that wait.
    fn verify_first(&mut self) -> Result<(), StoreError> {
        let store = self.store.clone();
        let mut verifying = store
            .verifying
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while !verifying.insert(self.digest.clone()) {
            verifying = store
                .verified_one
                .wait(verifying)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(verifying);
        let read = self.read_unless_verified();
        store
            .verifying
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.digest);
        store.verified_one.notify_all();
        read
    }

    fn read_unless_verified(&mut self) -> Result<(), StoreError> {
        if self.store.verified.find(&self.digest) != Some(self.stamp) {
            while self.remaining > 0 {
                self.read_block()?;
            }
        }
        self.hasher = None;
        Ok(())
    }

    fn path(&self) -> std::path::PathBuf {
        self.store.layout.content(&self.digest)
    }
}

/// Bounds the memory of blocks that are on their way to clients, and keeps their buffers.
pub(super) struct StreamBudget {
    limit: usize,
    in_flight: AtomicUsize,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl StreamBudget {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            in_flight: AtomicUsize::new(0),
            spare: Mutex::default(),
        }
    }

    fn block(self: &Arc<Self>) -> Block {
        let plenty = self.in_flight.load(Ordering::Relaxed) < self.limit;
        let size = if plenty { BLOCK } else { SMALL_BLOCK };
        self.in_flight.fetch_add(size, Ordering::Relaxed);
        let spare = if plenty {
            self.spare
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop()
        } else {
            None
        };
        let bytes = spare.unwrap_or_else(|| Vec::with_capacity(size));
        Block {
            bytes,
            size,
            budget: self.clone(),
        }
    }
}

/// A block of content that returns its buffer when it was sent.
pub(crate) struct Block {
    bytes: Vec<u8>,
    size: usize,
    budget: Arc<StreamBudget>,
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.budget
            .in_flight
            .fetch_sub(self.size, Ordering::Relaxed);
        if self.size == BLOCK {
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.clear();
            let mut spare = self
                .budget
                .spare
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if spare.len() < SPARE_BUFFERS {
                spare.push(bytes);
            }
        }
    }
}

/// Hashes the first `size` bytes of a file again, by another algorithm than they were written with.
pub(super) fn hash_file(path: &Path, mut hasher: Hasher, size: u64) -> io::Result<Digest> {
    let mut rest = File::open(path)?.take(size);
    let mut buffer = vec![0; BLOCK];
    loop {
        match rest.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}
