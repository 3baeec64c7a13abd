//! Why a layout could not be written or read.

use std::path::PathBuf;

use img_oci::{Digest, ParseDocumentError};
use thiserror::Error;

/// Why a layout could not be written.
#[derive(Debug, Error)]
pub enum WriteLayoutError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A document could not be understood.
    #[error("cannot use {}", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ParseDocumentError,
    },
    /// The root is not of the kind it was said to be.
    #[error("{} is not {expected}", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// A document names a file that was not given.
    #[error("{} names {what} {digest}, which is not among the files given", document.display())]
    Missing {
        /// The document.
        document: PathBuf,
        /// What is missing.
        what: &'static str,
        /// Digest of what is missing.
        digest: Digest,
    },
    /// A blob's size is not that of its descriptor.
    #[error("{} has {found} bytes, expected {expected} for blob {digest}", path.display())]
    Size {
        /// The blob's file.
        path: PathBuf,
        /// The blob's digest.
        digest: Digest,
        /// Size in the descriptor.
        expected: u64,
        /// Size on disk.
        found: u64,
    },
    /// The layout could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A document could not be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

/// Why a layout could not be read.
#[derive(Debug, Error)]
pub enum ReadLayoutError {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Not a layout.
    #[error("{} is not an OCI image layout: {problem}", path.display())]
    NotALayout {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A document could not be understood.
    #[error("cannot use {}", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ParseDocumentError,
    },
    /// A blob is not what its descriptor says.
    #[error("blob {} is corrupt: expected {expected_size} bytes with digest {expected}, found {found_size} bytes with digest {found}", path.display())]
    Corrupt {
        /// The blob's file.
        path: PathBuf,
        /// Digest in the descriptor.
        expected: Digest,
        /// Size in the descriptor.
        expected_size: u64,
        /// Digest of the file.
        found: Digest,
        /// Size of the file.
        found_size: u64,
    },
}
