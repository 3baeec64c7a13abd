//! Media types of manifests, indexes, configs and layers, and what each stands for.
//!
//! Sources: OCI image-spec v1.1.1, media-types.md; Docker image manifest version 2, schema 2.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// OCI empty JSON, the two bytes `{}`.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// OCI layer, a plain tar.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// OCI layer, gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// OCI layer, zstd.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// OCI layer that is not to be distributed, gzip.
pub const OCI_FOREIGN_LAYER_GZIP: &str =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
/// Docker schema 2 manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker schema 2 manifest list.
pub const DOCKER_MANIFEST_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker image config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker layer, a plain tar.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// Docker layer, gzip.
pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Docker layer, zstd.
pub const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";

/// Docker layer that is not to be distributed, gzip.
pub const DOCKER_FOREIGN_LAYER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

/// A media type as a document spells it; compared without parameters and case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// Returns the media type with this spelling.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Returns the media type as it is spelled.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the type without parameters, in lower case.
    pub fn essence(&self) -> String {
        let essence = self.0.split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    }

    /// Tells whether this is a manifest, OCI or Docker.
    pub fn is_manifest(&self) -> bool {
        matches!(self.essence().as_str(), OCI_MANIFEST | DOCKER_MANIFEST)
    }

    /// Tells whether this is an index, OCI or Docker.
    pub fn is_index(&self) -> bool {
        matches!(self.essence().as_str(), OCI_INDEX | DOCKER_MANIFEST_LIST)
    }

    /// Tells whether this is a layer: a tar, compressed or not.
    pub fn is_layer(&self) -> bool {
        let essence = self.essence();
        [
            OCI_LAYER,
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            DOCKER_LAYER,
            "application/vnd.docker.image.rootfs.foreign.diff.tar",
        ]
        .iter()
        .any(|prefix| essence.starts_with(prefix))
    }

    /// Tells whether this is the config of a runnable image, OCI or Docker.
    pub fn is_image_config(&self) -> bool {
        matches!(self.essence().as_str(), OCI_CONFIG | DOCKER_CONFIG)
    }
}

impl From<&str> for MediaType {
    fn from(text: &str) -> Self {
        Self(Cow::Owned(text.to_owned()))
    }
}

impl From<String> for MediaType {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl std::fmt::Display for MediaType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_change_the_class() {
        let text = "Application/vnd.OCI.image.index.v1+json; charset=utf-8";
        assert!(MediaType::from(text).is_index());
        assert!(!MediaType::from(text).is_manifest());
        assert!(MediaType::from_static(DOCKER_MANIFEST).is_manifest());
    }
}
