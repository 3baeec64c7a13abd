//! Why an image is not what it says.

use img_oci::{Digest, ParseDocumentError, ParseJsonError};
use img_store::ReadBlobError;
use thiserror::Error;

/// Why an image could not be read, or is not what it says.
#[derive(Debug, Error)]
pub enum InspectError {
    /// A blob could not be read, or its bytes are others.
    #[error(transparent)]
    Blob(#[from] ReadBlobError),
    /// A document could not be understood.
    #[error("cannot use manifest {digest}")]
    Document {
        /// Digest of the document.
        digest: Digest,
        /// What is wrong with it.
        source: ParseDocumentError,
    },
    /// A config could not be understood.
    #[error("cannot use config {digest}")]
    Config {
        /// Digest of the config.
        digest: Digest,
        /// What is wrong with it.
        source: ParseJsonError,
    },
    /// A config is larger than any is expected to be.
    #[error("config {digest} has {size} bytes, expected at most {limit}")]
    LargeConfig {
        /// Digest of the config.
        digest: Digest,
        /// Size in its descriptor.
        size: u64,
        /// The largest that is read.
        limit: u64,
    },
    /// An index stands below too many others.
    #[error("index {digest} is nested deeper than {limit} levels")]
    Depth {
        /// Digest of the index.
        digest: Digest,
        /// Levels that are followed.
        limit: usize,
    },
    /// More manifests than an image is expected to have.
    #[error("the image has more than {limit} manifests")]
    Manifests {
        /// Manifests that are read.
        limit: usize,
    },
    /// The config does not describe the manifest's layers.
    #[error("config {config} has {diff_ids} diff IDs, manifest {manifest} has {layers} layers")]
    DiffIds {
        /// Digest of the config.
        config: Digest,
        /// Number of diff IDs in it.
        diff_ids: usize,
        /// Digest of the manifest.
        manifest: Digest,
        /// Number of layers in it.
        layers: usize,
    },
    /// A layer's content is not that of its diff ID.
    #[error("layer {digest} has diff ID {found}, expected {expected} as the config says")]
    DiffId {
        /// Digest of the layer.
        digest: Digest,
        /// Diff ID in the config.
        expected: Digest,
        /// Digest of the layer's content.
        found: Digest,
    },
    /// A layer could not be unpacked.
    #[error("cannot unpack layer {digest}")]
    Unpack {
        /// Digest of the layer.
        digest: Digest,
        /// Why not.
        source: std::io::Error,
    },
}
