//! Content on disk: put there once its digest is known, checked again as it is read.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use img_oci::{Algorithm, Digest};

use super::blocks::Block;
use super::error::{Attempt as _, StoreError, existing};
use super::proof::{FileStamp, GRANULE, Proof, Prover};
use super::{Store, durable};
use crate::limits::SMALL_BLOB;

/// Content that is about to be sent.
pub(crate) enum OpenContent {
    /// All of it, checked.
    Whole(Bytes),
    /// A file, to be read in blocks.
    File(Box<ContentReader>),
}

impl Store {
    /// Gives the file at `path`, which `prover` has seen, its final name.
    pub(super) fn publish(
        &self,
        path: &Path,
        digest: &Digest,
        prover: &Prover,
    ) -> Result<(), StoreError> {
        let target = self.layout.content(digest);
        let change = self.lock_content(digest);
        if self.is_proven(digest, &target) {
            // Another pusher was first; its name may not have reached the disk yet.
            fs::remove_file(path).attempt("remove", path)?;
            return durable::flush_parent(&target);
        }
        // Others need not wait while much is flushed; what they publish meanwhile is the same.
        drop(change);
        let file = File::open(path).attempt("open", path)?;
        file.sync_all().attempt("flush", path)?;
        let _change = self.lock_content(digest);
        durable::publish(path, &target)?;
        let metadata = file.metadata().attempt("look at", &target)?;
        self.remember_proof(digest, FileStamp::from(&metadata), prover);
        Ok(())
    }

    /// Stores content that was hashed to `digest` from memory.
    pub(super) fn publish_bytes(&self, bytes: &[u8], digest: &Digest) -> Result<(), StoreError> {
        let target = self.layout.content(digest);
        let _change = self.lock_content(digest);
        if self.is_proven(digest, &target) {
            return durable::flush_parent(&target);
        }
        self.write(&target, bytes)?;
        let metadata = fs::metadata(&target).attempt("look at", &target)?;
        let prover = prove(digest.algorithm(), bytes);
        self.remember_proof(digest, FileStamp::from(&metadata), &prover);
        Ok(())
    }

    fn remember_proof(&self, digest: &Digest, stamp: FileStamp, prover: &Prover) -> Arc<Proof> {
        let proof = Arc::new(Proof::new(stamp, prover.checksums()));
        self.proofs
            .set(digest.clone(), proof.clone(), proof.weight());
        proof
    }

    /// Returns the proof of a file, if it is the one that was proven.
    fn proof(&self, digest: &Digest, stamp: FileStamp) -> Option<Arc<Proof>> {
        self.proofs
            .find(digest)
            .filter(|proof| proof.stamp == stamp)
    }

    fn is_proven(&self, digest: &Digest, path: &Path) -> bool {
        fs::metadata(path)
            .is_ok_and(|metadata| self.proof(digest, FileStamp::from(&metadata)).is_some())
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
    pub(crate) fn open_content(
        self: &Arc<Self>,
        digest: &Digest,
    ) -> Result<Option<(u64, OpenContent)>, StoreError> {
        let path = self.layout.content(digest);
        let Some(file) = existing(File::open(&path)).attempt("open", &path)? else {
            return Ok(None);
        };
        let metadata = file.metadata().attempt("look at", &path)?;
        let stamp = FileStamp::from(&metadata);
        if stamp.size <= SMALL_BLOB {
            let bytes = self.read_whole(&file, digest)?;
            self.small_contents
                .set(digest.clone(), bytes.clone(), bytes.len() + 128);
            return Ok(Some((stamp.size, OpenContent::Whole(bytes))));
        }
        let check = match self.proof(digest, stamp) {
            Some(proof) => Check::Compare(proof),
            None => Check::Hash(Box::new(Prover::new(digest.algorithm()))),
        };
        let reader = ContentReader {
            store: self.clone(),
            digest: digest.clone(),
            file,
            stamp,
            check,
            position: 0,
            unsent: 0..stamp.size,
        };
        Ok(Some((stamp.size, OpenContent::File(Box::new(reader)))))
    }

    /// Reads the content of a manifest.
    pub(super) fn read_content(&self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        let path = self.layout.content(digest);
        match existing(File::open(&path)).attempt("open", &path)? {
            Some(file) => self.read_whole(&file, digest).map(Some),
            None => Ok(None),
        }
    }

    fn read_whole(&self, mut file: &File, digest: &Digest) -> Result<Bytes, StoreError> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .attempt("read", &self.layout.content(digest))?;
        if Digest::of(digest.algorithm(), &bytes) == *digest {
            Ok(bytes.into())
        } else {
            Err(self.reject(digest, file))
        }
    }

    /// Moves content that rotted aside, so that it counts as missing and may be pushed again.
    ///
    /// `file` is what was read. Where its name meanwhile stands for another, which was pushed
    /// since, that one stays.
    fn reject(&self, digest: &Digest, file: &File) -> StoreError {
        if self.quarantine(digest, file) {
            self.observer.corrupt_blob(digest);
        }
        StoreError::Corrupt {
            digest: digest.clone(),
        }
    }

    /// Moves `file` aside, and tells whether it was still the stored content.
    fn quarantine(&self, digest: &Digest, file: &File) -> bool {
        let _change = self.lock_content(digest);
        let path = self.layout.content(digest);
        if !is_file_at(file, &path) {
            return false;
        }
        let name = super::layout::file_name(digest);
        // Where it cannot be moved it is refused again the next time.
        let _ = fs::rename(&path, self.layout.quarantine().join(name));
        self.proofs.remove(digest);
        self.small_contents.remove(digest);
        // Which repositories hold the content is not known, so all of them look again.
        self.blob_sizes.clear();
        self.manifests.clear();
        true
    }
}

/// Tells whether `path` is a name of the open `file`; no other can have its inode.
fn is_file_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(named)) => identity(file) == identity(named),
        _ => false,
    }
}

/// Reads content from its file in blocks.
pub(crate) struct ContentReader {
    store: Arc<Store>,
    digest: Digest,
    file: File,
    stamp: FileStamp,
    check: Check,
    /// Offset of the next byte to read; a granule begins there.
    position: u64,
    /// Offsets of the bytes that are still wanted.
    unsent: std::ops::Range<u64>,
}

/// How bytes are checked.
enum Check {
    /// All of them pass the hash; the last are held back until it is right.
    Hash(Box<Prover>),
    /// Granule by granule.
    Compare(Arc<Proof>),
}

/// The right to prove some content; ends even where proving panics.
struct Turn<'a> {
    store: &'a Store,
    digest: Digest,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let proving = self.store.proving.lock();
        proving
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.digest);
        self.store.proven_one.notify_all();
    }
}

impl ContentReader {
    /// Restricts the reader to `length` bytes from `start`.
    ///
    /// Unless it was read before, the whole is hashed first.
    pub(crate) fn select(&mut self, start: u64, length: u64) -> Result<(), StoreError> {
        if matches!(self.check, Check::Hash(_)) {
            self.prove_first()?;
        }
        self.position = start - start % GRANULE as u64;
        self.unsent = start..start + length;
        Ok(())
    }

    /// Returns the number of bytes that are still wanted.
    pub(crate) fn remaining(&self) -> u64 {
        self.unsent.end - self.unsent.start
    }

    /// Reads and checks the next block.
    pub(crate) fn read_block(&mut self) -> Result<Block, StoreError> {
        let mut block = self.store.blocks.take();
        let wanted = self.wanted(&block);
        block
            .fill(&self.file, self.position, wanted)
            .attempt("read", &self.path())?;
        self.accept(block, wanted)
    }

    /// Reads and checks the next block, if that neither waits nor takes long.
    pub(crate) fn read_block_now(&mut self) -> Option<Result<Block, StoreError>> {
        if matches!(self.check, Check::Hash(_)) {
            return None;
        }
        let mut block = self.store.blocks.take();
        let wanted = self.wanted(&block);
        let filled = block.fill_from_memory(&self.file, self.position, wanted);
        filled.then(|| self.accept(block, wanted))
    }

    /// Returns how many bytes to read into the block.
    fn wanted(&self, block: &Block) -> usize {
        let end = self
            .unsent
            .end
            .next_multiple_of(GRANULE as u64)
            .min(self.stamp.size);
        let rest = usize::try_from(end - self.position).unwrap_or(usize::MAX);
        block.capacity().min(rest)
    }

    /// Checks a block that was read, and moves on.
    fn accept(&mut self, mut block: Block, wanted: usize) -> Result<Block, StoreError> {
        if block.bytes().len() < wanted || !self.is_good(block.bytes())? {
            return Err(self.store.reject(&self.digest, &self.file));
        }
        let wanted = wanted as u64;
        let from = self.unsent.start - self.position;
        let to = wanted.min(self.unsent.end - self.position);
        block.trim(from, to);
        self.position += wanted;
        self.unsent.start = self.position.min(self.unsent.end);
        Ok(block)
    }

    fn is_good(&mut self, bytes: &[u8]) -> Result<bool, StoreError> {
        let prover = match &mut self.check {
            Check::Compare(proof) => return Ok(proof.holds(self.position, bytes)),
            Check::Hash(prover) => prover,
        };
        prover.update(bytes);
        if self.position + (bytes.len() as u64) < self.stamp.size {
            return Ok(true);
        }
        if prover.digest() != self.digest {
            return Ok(false);
        }
        // A file that changed while it was read is another than the one that was opened.
        let path = self.store.layout.content(&self.digest);
        let metadata = self.file.metadata().attempt("look at", &path)?;
        if FileStamp::from(&metadata) == self.stamp {
            let proof = self.store.remember_proof(&self.digest, self.stamp, prover);
            self.check = Check::Compare(proof);
        }
        Ok(true)
    }

    /// Hashes the whole, unless that was done; one reader does it for all that wait.
    fn prove_first(&mut self) -> Result<(), StoreError> {
        let store = self.store.clone();
        let mut proving = store.proving.lock().unwrap_or_else(PoisonError::into_inner);
        while !proving.insert(self.digest.clone()) {
            proving = store
                .proven_one
                .wait(proving)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(proving);
        let digest = self.digest.clone();
        let _turn = Turn {
            store: &store,
            digest,
        };
        self.prove_unless_proven()
    }

    fn prove_unless_proven(&mut self) -> Result<(), StoreError> {
        if let Some(proof) = self.store.proof(&self.digest, self.stamp) {
            self.check = Check::Compare(proof);
        }
        while matches!(self.check, Check::Hash(_)) {
            if self.remaining() == 0 {
                return Err(StoreError::Changed {
                    digest: self.digest.clone(),
                });
            }
            self.read_block()?;
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.store.layout.content(&self.digest)
    }
}

fn prove(algorithm: Algorithm, bytes: &[u8]) -> Prover {
    let mut prover = Prover::new(algorithm);
    prover.update(bytes);
    prover
}

/// Hashes the first `size` bytes of a file by another algorithm than they were written with.
pub(super) fn prove_file(
    path: &Path,
    algorithm: Algorithm,
    size: u64,
) -> Result<Prover, StoreError> {
    let mut prover = Prover::new(algorithm);
    let mut rest = File::open(path).attempt("open", path)?.take(size);
    let mut buffer = vec![0; GRANULE * 8];
    loop {
        match rest.read(&mut buffer).attempt("read", path)? {
            0 => return Ok(prover),
            read => prover.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::observer::{Observer, Silent};

    fn store(root: &Path, observer: impl Observer + 'static) -> Arc<Store> {
        Arc::new(Store::open(root, &Limits::default(), Arc::new(observer)).unwrap())
    }

    /// Stores content of several blocks, the last byte of which rots.
    fn put_rotten(store: &Store) -> (Vec<u8>, Digest) {
        let bytes = vec![7; 3 << 20];
        let digest = Digest::sha256(&bytes);
        store.publish_bytes(&bytes, &digest).unwrap();
        let mut rotten = bytes.clone();
        rotten[bytes.len() - 1] ^= 1;
        fs::write(store.layout.content(&digest), rotten).unwrap();
        (bytes, digest)
    }

    fn open(store: &Arc<Store>, digest: &Digest) -> ContentReader {
        match store.open_content(digest).unwrap() {
            Some((_, OpenContent::File(reader))) => *reader,
            _ => panic!("{digest} is not a file"),
        }
    }

    fn read(mut reader: ContentReader) -> Result<(), StoreError> {
        while reader.remaining() > 0 {
            reader.read_block()?;
        }
        Ok(())
    }

    #[test]
    fn content_that_was_pushed_again_stays_where_an_earlier_reader_finds_rot() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), Silent);
        let (bytes, digest) = put_rotten(&store);
        let (first, second) = (open(&store, &digest), open(&store, &digest));
        read(first).unwrap_err();
        assert_eq!(store.content_size(&digest).unwrap(), None);
        store.publish_bytes(&bytes, &digest).unwrap();
        read(second).unwrap_err();
        assert_eq!(store.content_size(&digest).unwrap(), Some(3 << 20));
        read(open(&store, &digest)).unwrap();
    }

    struct Panics;

    impl Observer for Panics {
        fn corrupt_blob(&self, digest: &Digest) {
            panic!("{digest} rotted");
        }
    }

    #[test]
    fn a_panic_while_content_is_proven_leaves_others_their_turn() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path(), Panics);
        let (bytes, digest) = put_rotten(&store);
        let mut reader = open(&store, &digest);
        let select = std::panic::AssertUnwindSafe(|| reader.select(0, 1));
        std::panic::catch_unwind(select).unwrap_err();
        assert!(store.proving.lock().unwrap().is_empty());
        store.publish_bytes(&bytes, &digest).unwrap();
        open(&store, &digest).select(0, 1).unwrap();
    }
}
