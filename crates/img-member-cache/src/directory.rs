//! Records as files: `<first two hex digits>/<key in hex>`.
//!
//! A file is the format's name (8 bytes), the SHA-256 of the key and the record (32 bytes), and the record: so
//! it is worth something under its own name alone.

use std::ffi::OsStr;
use std::fs::{DirEntry, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use img_compress::MemberKey;
use img_oci::Sha256Hasher;
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

const NAME: &[u8; 8] = b"imgmem2\n";
/// What the names of records begin with until they are whole.
const UNFINISHED: &str = ".imgmem-";

/// The file by which one process at a time trims the directory.
const LOCK: &str = ".imgmem-lock";

const HEADER: usize = NAME.len() + 32;

/// Why a directory cannot hold a cache.
#[derive(Debug, Error)]
#[error("cannot use {} as member cache", path.display())]
pub struct OpenCacheError {
    path: PathBuf,
    source: io::Error,
}

/// Records up to a number of bytes, in files.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    limit: u64,
    /// Bytes written since the directory was trimmed.
    written: AtomicU64,
}

impl Directory {
    pub(crate) fn open(path: &Path, limit: u64) -> Result<Self, OpenCacheError> {
        std::fs::create_dir_all(path).map_err(|source| OpenCacheError {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            limit,
            written: AtomicU64::new(0),
        })
    }

    /// Returns the record, unless it is not there or not what was written.
    pub(crate) fn load(&self, key: &MemberKey) -> Option<Vec<u8>> {
        let mut file = File::open(self.file(key)).ok()?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        let size = usize::try_from(file.metadata().ok()?.len()).ok()?;
        let mut record = Vec::with_capacity(size.saturating_sub(HEADER).min(64 << 20) + 1);
        file.read_to_end(&mut record).ok()?;
        let (name, hash) = header.split_at(NAME.len());
        if name != NAME || hash != hash_of(key, &record) {
            return None;
        }
        // A cache that may only be read is as good, though its records do not stay young.
        let _ = file.set_modified(SystemTime::now());
        Some(record)
    }

    /// Writes the record; a directory that cannot be written keeps nothing.
    pub(crate) fn save(&self, key: &MemberKey, record: &[u8]) {
        if self.write(key, record).is_ok() {
            let size = u64::try_from(record.len() + HEADER).unwrap_or(u64::MAX);
            self.written.fetch_add(size, Ordering::Relaxed);
        }
    }

    /// Removes the record, if it is there.
    pub(crate) fn forget(&self, key: &MemberKey) {
        // What cannot be removed could not be written either.
        let _ = std::fs::remove_file(self.file(key));
    }

    fn write(&self, key: &MemberKey, record: &[u8]) -> io::Result<()> {
        let path = self.file(key);
        let folder = path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(folder)?;
        file.write_all(NAME)?;
        file.write_all(&hash_of(key, record))?;
        file.write_all(record)?;
        file.persist(path)?;
        Ok(())
    }

    /// Removes the records that were not used for longest until the rest fits, if any was written.
    ///
    /// One process does so at a time, others leave it to that one.
    pub(crate) fn trim(&self) {
        if self.written.swap(0, Ordering::Relaxed) == 0 {
            return;
        }
        let Ok(lock) = File::create(self.path.join(LOCK)) else {
            return;
        };
        // Held until it is closed.
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return;
        }
        let mut files = self.files();
        files.sort_unstable();
        let mut size: u64 = files.iter().map(|file| file.size).sum();
        for file in files {
            if size <= self.limit {
                return;
            }
            match std::fs::remove_file(&file.path) {
                Ok(()) => size -= file.size,
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => size -= file.size,
                Err(_) => {}
            }
        }
    }

    /// Returns all records, and what a crash left behind of some. Nothing else is looked at: people may
    /// have put the cache among files of theirs.
    fn files(&self) -> Vec<Kept> {
        let list = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
        let is_folder = |folder: &DirEntry| is_hex(&folder.file_name(), 2);
        list(&self.path)
            .filter(is_folder)
            .flat_map(|folder| list(&folder.path()))
            .filter(|file| is_record(&file.file_name()))
            .filter_map(|file| {
                let metadata = file.metadata().ok()?;
                Some(Kept {
                    used: metadata.modified().ok()?,
                    path: file.path(),
                    size: metadata.len(),
                })
            })
            .collect()
    }

    fn file(&self, key: &MemberKey) -> PathBuf {
        let mut hex = String::with_capacity(64);
        for byte in key {
            hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        self.path.join(&hex[..2]).join(hex)
    }
}

fn hash_of(key: &MemberKey, record: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256Hasher::new();
    hasher.update(key);
    hasher.update(record);
    hasher.finish()
}

/// Tells whether a name is that of a record, or of one that was not written to its end.
fn is_record(name: &OsStr) -> bool {
    is_hex(name, 64) || name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

fn is_hex(name: &OsStr, length: usize) -> bool {
    let bytes = name.as_encoded_bytes();
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    bytes.len() == length && bytes.iter().all(is_digit)
}

/// A file of the cache; the one used longest ago is the least.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    used: SystemTime,
    path: PathBuf,
    size: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(number: u8) -> MemberKey {
        [number; 32]
    }

    #[test]
    fn a_record_is_what_was_written_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Directory::open(&folder.path().join("new/cache"), 1000).unwrap();
        assert_eq!(cache.load(&key(1)), None);
        for record in [b"first".as_slice(), b"", b"second"] {
            cache.save(&key(1), record);
            assert_eq!(cache.load(&key(1)).as_deref(), Some(record));
        }
        let path = cache.file(&key(1));
        let whole = std::fs::read(&path).unwrap();
        for index in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[index] ^= 1;
            for broken in [flipped.as_slice(), &whole[..index]] {
                std::fs::write(&path, broken).unwrap();
                assert_eq!(cache.load(&key(1)), None, "{index}");
            }
        }
        cache.save(&key(1), b"again");
        assert_eq!(cache.load(&key(1)).as_deref(), Some(b"again".as_slice()));
        let other = cache.file(&key(2));
        std::fs::create_dir_all(other.parent().unwrap()).unwrap();
        std::fs::rename(&path, &other).unwrap();
        assert_eq!(cache.load(&key(2)), None);
        cache.save(&key(1), b"again");
        cache.forget(&key(1));
        assert_eq!(cache.load(&key(1)), None);
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let limit = u64::try_from(3 * (HEADER + 100)).unwrap();
        let cache = Directory::open(folder.path(), limit).unwrap();
        let age = |number: u8, seconds| {
            let time = SystemTime::now() - Duration::from_secs(seconds);
            let file = File::options().write(true).open(cache.file(&key(number)));
            file.unwrap().set_modified(time).unwrap();
        };
        for number in 1..=4 {
            cache.save(&key(number), &[number; 100]);
            age(number, 100 - u64::from(number));
        }
        assert!(cache.load(&key(1)).is_some());
        cache.trim();
        let there: Vec<u8> = (1..=4).filter(|n| cache.load(&key(*n)).is_some()).collect();
        assert_eq!(there, [1, 3, 4]);
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let other = |path: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, [1; 1000]).unwrap();
            path
        };
        let theirs = ["thesis", "Documents/thesis", "ab/thesis", "abc/x"].map(other);
        let cache = Directory::open(folder.path(), 0).unwrap();
        let left_behind = other("ab/.imgmem-x");
        cache.save(&key(1), b"record");
        cache.trim();
        assert_eq!(cache.load(&key(1)), None);
        assert!(!left_behind.exists());
        assert!(theirs.iter().all(|path| path.exists()));
    }

    #[test]
    fn one_process_trims_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Directory::open(folder.path(), 0).unwrap();
        cache.save(&key(1), b"record");
        let lock = File::create(folder.path().join(LOCK)).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        cache.trim();
        assert!(cache.load(&key(1)).is_some());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_and_one_that_vanished_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let error = Directory::open(&file.join("cache"), 1).unwrap_err();
        assert!(error.to_string().contains("file/cache"), "{error}");
        let cache = Directory::open(&folder.path().join("cache"), 1000).unwrap();
        std::fs::remove_dir(folder.path().join("cache")).unwrap();
        std::fs::write(folder.path().join("cache"), "in the way").unwrap();
        cache.save(&key(1), b"record");
        assert_eq!(cache.load(&key(1)), None);
        cache.trim();
    }
}
