//! The storage: content by digest, and per repository what belongs to it.
//!
//! Every function blocks on the file system unless it says otherwise. What is found is remembered
//! in caches; they hold because one server owns the directory, which a lock file sees to.

mod blobs;
mod blocks;
mod cache;
mod content;
mod durable;
mod error;
mod layout;
mod listings;
mod manifests;
mod proof;
mod uploads;

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use img_oci::{Digest, Repository, Tag};
use rustix::fs::FlockOperation;
use thiserror::Error;

pub(crate) use self::blocks::Block;
pub(crate) use self::content::{ContentReader, OpenContent};
pub use self::error::StoreError;
pub(crate) use self::listings::Page;
pub(crate) use self::manifests::{PutManifestError, StoredManifest};
pub(crate) use self::uploads::{CommitError, Held, Upload, UploadId, Uploads};

use self::blocks::Blocks;
use self::cache::Cache;
use self::error::Attempt as _;
use self::layout::Layout;
use self::proof::Proof;
use crate::limits::Limits;
use crate::observer::Observer;

/// Repositories whose directories are remembered to be there.
const MAX_PREPARED: usize = 10_000;
/// Facts (sizes, tags, stamps) remembered of each kind.
const FACTS: usize = 100_000;
/// Bytes of proofs remembered: 256 GiB of blobs, at least half of which in one.
const PROOFS: usize = 32 << 20;
/// Locks that order the writers; two repositories, or two contents, share one by chance.
const WRITER_LOCKS: usize = 256;

/// Why a directory cannot be used as the root of a storage.
#[derive(Debug, Error)]
pub enum OpenStoreError {
    /// Another server uses it.
    #[error("{} is in use by another server", path.display())]
    InUse {
        /// The root.
        path: PathBuf,
    },
    /// It cannot be set up.
    #[error("cannot open storage {}", path.display())]
    Storage {
        /// The root.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
}

/// Something that belongs to a repository.
pub(crate) type In<T> = (Repository, T);

/// The storage below one root.
pub(crate) struct Store {
    layout: Layout,
    observer: Arc<dyn Observer>,
    writers: Vec<Mutex<()>>,
    content_changes: Vec<Mutex<()>>,
    hasher: RandomState,
    prepared: Mutex<HashSet<Repository>>,
    temporary_names: AtomicU64,
    blob_sizes: Cache<In<Digest>, u64>,
    manifests: Cache<In<Digest>, Arc<StoredManifest>>,
    tags: Cache<In<Tag>, Digest>,
    small_contents: Cache<Digest, Bytes>,
    proofs: Cache<Digest, Arc<Proof>>,
    proving: Mutex<HashSet<Digest>>,
    proven_one: Condvar,
    blocks: Arc<Blocks>,
    /// Holds the lock on the root until the storage is dropped.
    _lock: File,
}

impl Store {
    /// Opens the storage below `root`, creating what is not there and removing what a crash left.
    pub(crate) fn open(
        root: &Path,
        limits: &Limits,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, OpenStoreError> {
        let failed = |source| OpenStoreError::Storage {
            path: root.to_owned(),
            source,
        };
        fs::create_dir_all(root)
            .attempt("create directory", root)
            .map_err(failed)?;
        let canonical = fs::canonicalize(root)
            .attempt("find", root)
            .map_err(failed)?;
        let layout = Layout::new(&canonical);
        let lock = lock(&layout.lock())
            .map_err(failed)?
            .ok_or_else(|| OpenStoreError::InUse {
                path: root.to_owned(),
            })?;
        set_up(&layout).map_err(failed)?;
        let half = limits.cached_bytes / 2;
        Ok(Self {
            layout,
            observer,
            writers: (0..WRITER_LOCKS).map(|_| Mutex::new(())).collect(),
            content_changes: (0..WRITER_LOCKS).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
            prepared: Mutex::default(),
            temporary_names: AtomicU64::new(0),
            blob_sizes: Cache::new(FACTS, 64),
            manifests: Cache::new(half, 4),
            tags: Cache::new(FACTS, 64),
            small_contents: Cache::new(half, 8),
            proofs: Cache::new(PROOFS, 1),
            proving: Mutex::default(),
            proven_one: Condvar::new(),
            blocks: Arc::new(Blocks::new(limits.streamed_bytes)),
            _lock: lock,
        })
    }

    /// Waits for the other writers of the repository and keeps them out.
    fn lock_repository(&self, repository: &Repository) -> MutexGuard<'_, ()> {
        self.lock_one(&self.writers, repository)
    }

    /// Waits for whoever publishes the content or moves it aside, and keeps them out.
    ///
    /// The lock of a repository is never waited for under this one.
    fn lock_content(&self, digest: &Digest) -> MutexGuard<'_, ()> {
        self.lock_one(&self.content_changes, digest)
    }

    #[allow(clippy::cast_possible_truncation)] // Any bits of the hash will do.
    fn lock_one<'a>(&self, locks: &'a [Mutex<()>], key: impl Hash) -> MutexGuard<'a, ()> {
        let lock = self.hasher.hash_one(key) as usize % locks.len();
        locks[lock].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that the repository's directories are there to stay.
    fn prepare_repository(&self, repository: &Repository) -> Result<(), StoreError> {
        let prepared = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if prepared().contains(repository) {
            return Ok(());
        }
        let mut path = self.layout.repositories();
        for component in repository.as_str().split('/') {
            path.push(component);
            durable::create_directory(&path)?;
        }
        durable::create_directory(&self.layout.blob_links(repository))?;
        durable::create_directory(&self.layout.manifest_links(repository))?;
        durable::create_directory(&self.layout.tags(repository))?;
        durable::create_directory(&self.layout.all_referrers(repository))?;
        let mut prepared = prepared();
        if prepared.len() >= MAX_PREPARED {
            prepared.clear();
        }
        prepared.insert(repository.clone());
        Ok(())
    }

    /// Tells whether anything was ever pushed to the repository.
    pub(crate) fn has_repository(&self, repository: &Repository) -> Result<bool, StoreError> {
        let path = self.layout.tags(repository);
        path.try_exists().attempt("look for", &path)
    }

    fn temporary(&self) -> PathBuf {
        let number = self.temporary_names.fetch_add(1, Ordering::Relaxed);
        self.layout.temporary().join(number.to_string())
    }

    /// Writes a small file that is whole whenever it is there.
    fn write(&self, target: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        durable::write(&self.temporary(), target, bytes)
    }
}

/// Takes the lock, or returns `None` where another process holds it.
fn lock(path: &Path) -> Result<Option<File>, StoreError> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .attempt("create lock file", path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(std::io::Error::from(error)).attempt("lock", path),
    }
}

fn set_up(layout: &Layout) -> Result<(), StoreError> {
    durable::flush_parent(layout.root())?;
    durable::create_directory(&layout.repositories())?;
    durable::create_directory(&layout.quarantine())?;
    for directory in [layout.uploads(), layout.temporary()] {
        durable::create_directory(&directory)?;
        durable::clear_directory(&directory)?;
    }
    set_up_contents(layout)
}

/// Creates the directories of content; the last one is there only if all the others are.
fn set_up_contents(layout: &Layout) -> Result<(), StoreError> {
    let algorithms = ["sha256", "sha512"];
    let last = layout.contents().join(algorithms[1]).join("ff");
    if last.is_dir() {
        return Ok(());
    }
    durable::create_directory(&layout.contents())?;
    for algorithm in algorithms {
        let path = layout.contents().join(algorithm);
        durable::create_directory(&path)?;
        for prefix in 0..=255_u8 {
            let path = path.join(format!("{prefix:02x}"));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                result => result.attempt("create directory", &path)?,
            }
        }
        durable::flush_parent(&path.join("00"))?;
    }
    Ok(())
}
