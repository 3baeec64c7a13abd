//! What is in an image.

use std::collections::BTreeMap;

use img_oci::{Descriptor, Digest, MediaType, Platform, RuntimeConfig};
use serde::Serialize;

use crate::files::FileTree;

/// An image, verified.
#[derive(Clone, Debug, Serialize)]
pub struct ImageReport {
    /// Media type of the root.
    pub media_type: MediaType,
    /// Digest of the root.
    pub digest: Digest,
    /// Size of the root in bytes.
    pub size: u64,
    /// Annotations of the root.
    pub annotations: BTreeMap<String, String>,
    /// The manifests under the root, in order; the root itself if it is a manifest.
    pub manifests: Vec<ManifestReport>,
}

/// A manifest of an image, verified.
#[derive(Clone, Debug, Serialize)]
pub struct ManifestReport {
    /// Digest of the manifest.
    pub digest: Digest,
    /// Size of the manifest in bytes.
    pub size: u64,
    /// Platform in the config, or in the index where there is no image config.
    pub platform: Option<Platform>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// Descriptor of the config.
    pub config: Descriptor,
    /// How to run a container, if this is a runnable image.
    pub runtime: Option<RuntimeConfig>,
    /// The layers, lowest first.
    pub layers: Vec<LayerReport>,
    /// The files of all layers together, if they were read.
    pub files: Option<FileTree>,
}

/// A layer of a manifest.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// Media type of the blob.
    pub media_type: MediaType,
    /// Digest of the blob.
    pub digest: Digest,
    /// Size of the blob in bytes.
    pub size: u64,
    /// Digest of the content, as the config says.
    pub diff_id: Option<Digest>,
    /// Size of the content in bytes, if it was read.
    pub content_size: Option<u64>,
    /// Entries of the tar, if it was read.
    pub entries: Option<u64>,
}
