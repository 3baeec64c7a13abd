//! The trait of everything that holds blobs, and how reading from it fails.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use img_oci::{Descriptor, Digest};
use thiserror::Error;

/// The cause of a failure in a system this crate does not know.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The bytes of one blob, in pieces of bounded size.
pub type BlobStream = BoxStream<'static, Result<Bytes, ReadBlobError>>;

/// A blob that is being opened.
pub type OpenBlob<'a> = BoxFuture<'a, Result<BlobStream, ReadBlobError>>;

/// Something that holds blobs.
pub trait BlobSource: Send + Sync {
    /// Opens a blob from its beginning.
    ///
    /// The bytes are not trusted: whoever passes them on reads them through [`crate::verified`].
    fn open<'a>(&'a self, blob: &'a Descriptor) -> OpenBlob<'a>;

    /// Returns where the blob's bytes come from, for messages: a file, or a repository.
    fn place(&self, blob: &Descriptor) -> String;
}

/// Why the bytes of a blob could not be had.
#[derive(Debug, Error)]
pub enum ReadBlobError {
    /// The source does not know the blob.
    #[error("blob {digest} is not in {place}")]
    Missing {
        /// The blob.
        digest: Digest,
        /// Where it was looked for.
        place: String,
    },
    /// The source failed.
    #[error("cannot read blob {digest} from {place}")]
    Read {
        /// The blob.
        digest: Digest,
        /// The file, or the registry and repository.
        place: String,
        /// What the source said.
        source: BoxError,
    },
    /// The source held more or fewer bytes than the descriptor says.
    #[error("blob {digest} from {place}: expected {expected} bytes, found {}", at_least(*.found, *.expected))]
    Size {
        /// The blob.
        digest: Digest,
        /// Where it was read.
        place: String,
        /// Size in the descriptor.
        expected: u64,
        /// Bytes read; the rest of a blob that is too long is not read.
        found: u64,
    },
    /// The source held other bytes.
    #[error("blob {digest} from {place}: the bytes have the digest {found}")]
    Digest {
        /// The blob.
        digest: Digest,
        /// Where it was read.
        place: String,
        /// Digest of the bytes read.
        found: Digest,
    },
}

impl ReadBlobError {
    /// Returns the error of a source that failed on a blob.
    pub fn read(blob: &Descriptor, place: &str, source: impl Into<BoxError>) -> Self {
        Self::Read {
            digest: blob.digest.clone(),
            place: place.to_owned(),
            source: source.into(),
        }
    }
}

fn at_least(found: u64, expected: u64) -> String {
    if found > expected {
        "more".to_owned()
    } else {
        found.to_string()
    }
}
