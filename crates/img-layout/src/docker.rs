//! What `docker load` reads of an archive: `manifest.json`, beside the files of an OCI layout.
//!
//! Source: Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format"; since
//! Docker 25 such archives are OCI layouts as well, and name images by annotations in `index.json`.

use std::collections::BTreeMap;

use img_oci::{Descriptor, Digest, Manifest, Reference, TagOrDigest};
use serde::Serialize;

/// Annotation with the full name of an image, by which containerd's image store knows it.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Annotation with the tag alone.
///
/// Source: OCI image-spec v1.1.1, annotations.md, "Pre-Defined Annotation Keys".
const REFERENCE_NAME: &str = "org.opencontainers.image.ref.name";

/// A name that an image gets when it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// As the user wrote it, with a tag.
    text: String,
    reference: Reference,
}

impl ImageName {
    /// Returns the name `text` stands for; without a tag, that is `latest`.
    ///
    /// # Errors
    /// The text is no reference, or one by digest.
    pub fn parse(text: &str) -> Result<Self, img_oci::ParseReferenceError> {
        let reference: Reference = text.parse()?;
        let text = match reference.tag {
            Some(_) => text.to_owned(),
            None => format!("{text}:{}", reference.selector()),
        };
        Ok(Self {
            reference: text.parse()?,
            text,
        })
    }

    /// Returns the annotations of a descriptor in `index.json` that has this name.
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let tag = match self.reference.selector() {
            TagOrDigest::Tag(tag) => tag.to_string(),
            TagOrDigest::Digest(digest) => digest.to_string(),
        };
        BTreeMap::from([
            (CONTAINERD_NAME.to_owned(), self.reference.to_string()),
            (REFERENCE_NAME.to_owned(), tag),
        ])
    }
}

/// One image of `manifest.json`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LoadedImage<'a> {
    config: String,
    repo_tags: Option<Vec<&'a str>>,
    layers: Vec<String>,
}

/// Returns `manifest.json` for the runnable images among these, all with the same names.
pub(crate) fn manifest_json(
    manifests: &[Manifest],
    names: &[ImageName],
) -> Result<Vec<u8>, serde_json::Error> {
    let tags = || names.iter().map(|name| name.text.as_str()).collect();
    let images = manifests.iter().filter(|manifest| is_runnable(manifest));
    let images: Vec<_> = images
        .map(|manifest| LoadedImage {
            config: blob_path(&manifest.config.digest),
            repo_tags: (!names.is_empty()).then(tags),
            layers: manifest
                .layers
                .iter()
                .map(|layer| blob_path(&layer.digest))
                .collect(),
        })
        .collect();
    serde_json::to_vec(&images)
}

/// Tells whether a manifest is an image, and no attestation or other artifact.
fn is_runnable(manifest: &Manifest) -> bool {
    let is_layer = |layer: &Descriptor| layer.media_type.is_layer();
    manifest.config.media_type.is_image_config() && manifest.layers.iter().all(is_layer)
}

/// Returns where a blob is in a layout.
pub(crate) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}
