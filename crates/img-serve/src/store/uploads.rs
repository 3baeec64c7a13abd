//! Upload sessions: bytes on their way to becoming a blob.
//!
//! Sessions live in memory and their bytes in `uploads/`; both end with the server. A session's id
//! is random and good in its repository only.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use img_oci::{Algorithm, Digest, Repository};
use thiserror::Error;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::Store;
use super::content::prove_file;
use super::error::{Attempt as _, StoreError};
use super::proof::{self, Prover};

/// A session's name: 128 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UploadId(u128);

impl UploadId {
    fn random() -> io::Result<Self> {
        let mut bytes = [0; 16];
        let mut filled = 0;
        while filled < bytes.len() {
            let flags = rustix::rand::GetRandomFlags::empty();
            filled += rustix::rand::getrandom(&mut bytes[filled..], flags)?;
        }
        Ok(Self(u128::from_ne_bytes(bytes)))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for UploadId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 32 || !text.bytes().all(digit) {
            return Err(());
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ())
    }
}

/// An upload session.
pub(crate) struct Upload {
    pub(crate) id: UploadId,
    repository: Repository,
    received: AtomicU64,
    touched: Mutex<Instant>,
    writer: Arc<AsyncMutex<Writer>>,
}

impl Upload {
    /// Returns how many bytes have arrived.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// Returns the right to write, if nobody else has it.
    pub(crate) fn try_write(self: &Arc<Self>) -> Option<Held> {
        self.writer.clone().try_lock_owned().ok().map(Held)
    }

    /// Waits for the right to write.
    pub(crate) async fn write(self: &Arc<Self>) -> Held {
        Held(self.writer.clone().lock_owned().await)
    }

    /// Notes that the client is alive.
    pub(crate) fn touch(&self) {
        *self.touched.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Tells whether it has rested for `expiry` at `now`.
    fn has_rested(&self, expiry: Duration, now: Instant) -> bool {
        let touched = *self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_duration_since(touched) >= expiry
    }
}

/// The right to write to an upload; however it ends, the file is closed until more bytes come, so
/// that waiting sessions hold none open.
pub(crate) struct Held(OwnedMutexGuard<Writer>);

impl Deref for Held {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.0
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Writer {
        &mut self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.file = None;
    }
}

/// The bytes of a session so far; its functions block.
pub(crate) struct Writer {
    path: PathBuf,
    file: Option<File>,
    prover: Prover,
    size: u64,
    /// Set once the session is over, for whoever waited for it.
    over: bool,
    /// Set once the file has its final name; only the link may still be wanting.
    published: bool,
}

/// A state of a [`Writer`] to which it can be taken back.
pub(crate) struct Mark {
    prover: proof::Mark,
    size: u64,
}

/// Why an upload did not become a blob.
#[derive(Debug, Error)]
pub(crate) enum CommitError {
    /// The bytes are others than the client said.
    #[error("the uploaded bytes hash to {actual}, not to {expected}")]
    Digest {
        /// The digest of the request.
        expected: Digest,
        /// The digest of the bytes.
        actual: Digest,
    },
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Writer {
    /// Returns how many bytes are written.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Tells whether the session ended while its writer was waited for.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Appends `chunks`; after a failure the bytes before the failing chunk are still good.
    pub(crate) fn append(&mut self, chunks: &[Bytes]) -> Result<(), StoreError> {
        if self.published && !chunks.is_empty() {
            return Err(StoreError::Abandoned);
        }
        for chunk in chunks {
            let size = self.size;
            self.file()?
                .write_all_at(chunk, size)
                .attempt("write", &self.path)?;
            self.prover.update(chunk);
            self.size += chunk.len() as u64;
        }
        Ok(())
    }

    /// Returns the present state.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            prover: self.prover.mark(),
            size: self.size,
        }
    }

    /// Returns to an earlier state.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.prover.rewind(mark.prover);
        self.size = mark.size;
    }

    fn file(&mut self) -> Result<&File, StoreError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::options()
                .create(self.size == 0)
                .truncate(false)
                .write(true)
                .open(&self.path)
                .attempt("open", &self.path)?,
        };
        Ok(self.file.insert(file))
    }

    /// Makes sure that the bytes are hashed by `algorithm`.
    fn hash_by(&mut self, algorithm: Algorithm) -> Result<(), StoreError> {
        if self.prover.algorithm() != algorithm {
            self.file()?;
            self.prover = prove_file(&self.path, algorithm, self.size)?;
        }
        Ok(())
    }
}

/// All open sessions.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<HashMap<UploadId, Arc<Upload>>>);

impl Uploads {
    fn sessions(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<Upload>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session, unless there are `limit` of them.
    pub(crate) fn open(
        &self,
        store: &Store,
        repository: Repository,
        algorithm: Algorithm,
        limit: usize,
    ) -> Result<Option<Arc<Upload>>, StoreError> {
        let directory = store.layout.uploads();
        let id = UploadId::random().attempt("name an upload in", &directory)?;
        let writer = Writer {
            path: directory.join(id.to_string()),
            file: None,
            prover: Prover::new(algorithm),
            size: 0,
            over: false,
            published: false,
        };
        let upload = Arc::new(Upload {
            id,
            repository,
            received: AtomicU64::new(0),
            touched: Mutex::new(Instant::now()),
            writer: Arc::new(AsyncMutex::new(writer)),
        });
        let mut sessions = self.sessions();
        if sessions.len() >= limit {
            return Ok(None);
        }
        sessions.insert(id, upload.clone());
        Ok(Some(upload))
    }

    /// Finds a session of the repository.
    pub(crate) fn find(&self, repository: &Repository, id: UploadId) -> Option<Arc<Upload>> {
        let upload = self.sessions().get(&id).cloned()?;
        (upload.repository == *repository).then_some(upload)
    }

    /// Records what has arrived.
    pub(crate) fn record(upload: &Upload, writer: &Writer) {
        upload.received.store(writer.size, Ordering::Release);
        upload.touch();
    }

    /// Ends a session and removes its bytes.
    pub(crate) fn close(&self, upload: &Upload, writer: &mut Writer) {
        self.sessions().remove(&upload.id);
        writer.over = true;
        writer.file = None;
        // Absent where nothing arrived or where it became a blob; the next start removes the rest.
        let _ = fs::remove_file(&writer.path);
    }

    /// Ends the sessions that have rested for `expiry` at `now`; those in use are left alone.
    pub(crate) fn expire(&self, expiry: Duration, now: Instant) {
        for upload in self.rested(expiry, now) {
            self.close_rested(&upload, expiry, now);
        }
    }

    fn rested(&self, expiry: Duration, now: Instant) -> Vec<Arc<Upload>> {
        let sessions = self.sessions();
        let rested = sessions
            .values()
            .filter(|upload| upload.has_rested(expiry, now));
        rested.cloned().collect()
    }

    /// Ends a session unless somebody writes, or has written since it was found to rest.
    fn close_rested(&self, upload: &Arc<Upload>, expiry: Duration, now: Instant) {
        if let Some(mut writer) = upload.try_write()
            && upload.has_rested(expiry, now)
        {
            self.close(upload, &mut writer);
        }
    }
}

impl Store {
    /// Makes the bytes of a session a blob of the repository.
    pub(crate) fn commit(
        &self,
        writer: &mut Writer,
        repository: &Repository,
        expected: &Digest,
    ) -> Result<(), CommitError> {
        writer.hash_by(expected.algorithm())?;
        let actual = writer.prover.digest();
        if actual != *expected {
            return Err(CommitError::Digest {
                expected: expected.clone(),
                actual,
            });
        }
        let size = writer.size;
        if !writer.published {
            // Bytes that were taken back, or half written, may stand behind the last good one.
            writer.file()?.set_len(size).attempt("cut", &writer.path)?;
            writer.file = None;
            self.publish(&writer.path, expected, &writer.prover)?;
            writer.published = true;
        }
        let _writer = self.lock_repository(repository);
        if !self.link_blob(repository, expected)? {
            // A reader found that the storage did not keep what it was given.
            let digest = expected.clone();
            return Err(StoreError::Corrupt { digest }.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::observer::Silent;

    /// Opens a session and writes a byte.
    fn open(store: &Store, uploads: &Uploads) -> Arc<Upload> {
        let name: Repository = "a".parse().unwrap();
        let upload = uploads.open(store, name, Algorithm::Sha256, 9);
        let upload = upload.unwrap().unwrap();
        let mut writer = upload.try_write().unwrap();
        writer.append(&[Bytes::from_static(b"x")]).unwrap();
        drop(writer);
        upload
    }

    #[test]
    fn an_upload_that_was_gone_on_with_while_the_rest_expired_stays() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), &Limits::default(), Arc::new(Silent)).unwrap();
        let uploads = Uploads::default();
        let upload = open(&store, &uploads);
        let expiry = Duration::from_secs(60);
        let now = Instant::now() + expiry;
        assert_eq!(uploads.rested(expiry, now).len(), 1);
        *upload.touched.lock().unwrap() = now;
        uploads.close_rested(&upload, expiry, now);
        assert!(uploads.find(&upload.repository, upload.id).is_some());
        uploads.close_rested(&upload, expiry, now + expiry);
        assert!(uploads.find(&upload.repository, upload.id).is_none());
    }

    #[test]
    fn an_upload_that_cannot_be_written_holds_no_file_open() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), &Limits::default(), Arc::new(Silent)).unwrap();
        let upload = open(&store, &Uploads::default());
        let mut writer = upload.try_write().unwrap();
        // No file is as large as that.
        writer.size = i64::MAX as u64;
        writer.append(&[Bytes::from_static(b"x")]).unwrap_err();
        drop(writer);
        assert!(upload.try_write().unwrap().file.is_none());
    }

    #[test]
    fn uploads_that_rest_for_too_long_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), &Limits::default(), Arc::new(Silent)).unwrap();
        let uploads = Uploads::default();
        let name: Repository = "a".parse().unwrap();
        let (rests, works) = (open(&store, &uploads), open(&store, &uploads));
        let files = || fs::read_dir(store.layout.uploads()).unwrap().count();
        let expiry = Duration::from_secs(60);
        let writer = works.try_write();
        uploads.expire(expiry, Instant::now());
        assert_eq!(files(), 2);
        uploads.expire(expiry, Instant::now() + expiry);
        assert!(uploads.find(&name, rests.id).is_none());
        assert!(uploads.find(&name, works.id).is_some());
        assert_eq!(files(), 1);
        drop(writer);
        uploads.expire(expiry, Instant::now() + expiry);
        assert_eq!(files(), 0);
    }
}
