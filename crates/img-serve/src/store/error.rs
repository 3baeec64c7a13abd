//! Why the storage failed.

use std::io;
use std::path::{Path, PathBuf};

use img_oci::Digest;
use thiserror::Error;

/// Why the storage could not do what a request needs.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted, such as `read`.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The stored bytes do not hash to their digest; they were moved aside.
    #[error("stored copy of blob {digest} is corrupt")]
    Corrupt {
        /// The blob.
        digest: Digest,
    },
    /// The stored file changes while it is read.
    #[error("stored copy of blob {digest} changes while it is read")]
    Changed {
        /// The blob.
        digest: Digest,
    },
    /// A record of the storage does not hold what it should.
    #[error("malformed record {}", path.display())]
    Record {
        /// The record's file.
        path: PathBuf,
    },
    /// A storage operation panicked.
    #[error("a storage operation was abandoned")]
    Abandoned,
}

impl StoreError {
    /// Returns the error of the file system, if that is the cause.
    pub(crate) fn io_error(&self) -> Option<&io::Error> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Adds what was attempted, and on what, to an error of the file system.
pub(crate) trait Attempt<T> {
    /// Names the action and the path of a failure.
    fn attempt(self, action: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, action: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io {
            action,
            path: path.to_owned(),
            source,
        })
    }
}

/// Turns a missing file into `None`.
pub(crate) fn existing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
