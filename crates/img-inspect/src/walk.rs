//! From a root to everything under it.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use img_compress::Format;
use img_oci::{Descriptor, Digest, Document, ImageConfig, MAX_DOCUMENT_SIZE, Manifest, parse_json};
use img_store::{BlobSource, ReadBlobError};

use crate::error::InspectError;
use crate::files::FileTree;
use crate::layer::{LayerContent, read, unpack, verify};
use crate::report::{ImageReport, LayerReport, ManifestReport};

/// Levels of nested indexes that are followed.
const MAX_DEPTH: usize = 8;
/// Manifests that are read.
const MAX_MANIFESTS: usize = 10_000;

/// Where an image is read from.
pub trait ImageSource: BlobSource {
    /// Returns the bytes of a manifest or index, verified against its descriptor.
    fn document<'a>(
        &'a self,
        descriptor: &'a Descriptor,
    ) -> BoxFuture<'a, Result<Vec<u8>, ReadBlobError>>;
}

/// How much of an image is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Documents only; no layer is read.
    Documents,
    /// Layers, too: each is verified and listed.
    Files,
}

/// Reads and verifies the image whose root has this descriptor and these bytes.
pub async fn inspect(
    source: &dyn ImageSource,
    root: &Descriptor,
    bytes: &[u8],
    depth: Depth,
) -> Result<ImageReport, InspectError> {
    let document = parse(root, bytes)?;
    let annotations = match &document {
        Document::Manifest(manifest) => manifest.annotations.clone(),
        Document::Index(index) => index.annotations.clone(),
    };
    let mut walk = Walk {
        source,
        depth,
        layers: BTreeMap::new(),
        manifests: Vec::new(),
    };
    for (descriptor, manifest) in walk.find_manifests(root, document).await? {
        let report = walk.inspect_manifest(&descriptor, manifest).await?;
        walk.manifests.push(report);
    }
    Ok(ImageReport {
        media_type: root.media_type.clone(),
        digest: root.digest.clone(),
        size: root.size,
        annotations,
        manifests: walk.manifests,
    })
}

fn parse(descriptor: &Descriptor, bytes: &[u8]) -> Result<Document, InspectError> {
    Document::parse(bytes, Some(&descriptor.media_type)).map_err(|source| InspectError::Document {
        digest: descriptor.digest.clone(),
        source,
    })
}

struct Walk<'a> {
    source: &'a dyn ImageSource,
    depth: Depth,
    /// Layers that were read, since manifests share them.
    layers: BTreeMap<Digest, LayerContent>,
    manifests: Vec<ManifestReport>,
}

impl Walk<'_> {
    /// Returns the manifests under a document, in the order in which they stand.
    async fn find_manifests(
        &self,
        root: &Descriptor,
        document: Document,
    ) -> Result<Vec<(Descriptor, Manifest)>, InspectError> {
        let mut found = Vec::new();
        let mut document = Some(document);
        let mut rest = vec![(root.clone(), 0)];
        while let Some((descriptor, level)) = rest.pop() {
            let document = match document.take() {
                Some(root) => root,
                None => parse(&descriptor, &self.source.document(&descriptor).await?)?,
            };
            let index = match document {
                Document::Manifest(manifest) => {
                    found.push((descriptor, manifest));
                    continue;
                }
                Document::Index(index) => index,
            };
            if level == MAX_DEPTH {
                return Err(InspectError::Depth {
                    digest: descriptor.digest,
                    limit: MAX_DEPTH,
                });
            }
            if found.len() + rest.len() + index.manifests.len() > MAX_MANIFESTS {
                return Err(InspectError::Manifests {
                    limit: MAX_MANIFESTS,
                });
            }
            rest.extend(
                index
                    .manifests
                    .into_iter()
                    .rev()
                    .map(|child| (child, level + 1)),
            );
        }
        Ok(found)
    }

    async fn inspect_manifest(
        &mut self,
        descriptor: &Descriptor,
        manifest: Manifest,
    ) -> Result<ManifestReport, InspectError> {
        let config = self.read_config(&manifest).await?;
        let diff_ids = diff_ids(&descriptor.digest, &manifest, config.as_ref())?;
        let mut files = (self.depth == Depth::Files).then(FileTree::default);
        let mut layers = Vec::new();
        for (layer, diff_id) in manifest.layers.iter().zip(diff_ids) {
            layers.push(self.inspect_layer(layer, diff_id, files.as_mut()).await?);
        }
        let platform = config.as_ref().map(ImageConfig::platform);
        Ok(ManifestReport {
            digest: descriptor.digest.clone(),
            size: descriptor.size,
            platform: platform.or_else(|| descriptor.platform.clone()),
            annotations: manifest.annotations,
            config: manifest.config,
            runtime: config.map(|config| config.config),
            layers,
            files,
        })
    }

    /// Reads the config; returns nothing for an artifact, which has none of an image.
    async fn read_config(&self, manifest: &Manifest) -> Result<Option<ImageConfig>, InspectError> {
        let config = &manifest.config;
        if config.size > MAX_DOCUMENT_SIZE {
            let (digest, size) = (config.digest.clone(), config.size);
            return Err(InspectError::LargeConfig {
                digest,
                size,
                limit: MAX_DOCUMENT_SIZE,
            });
        }
        let bytes = read(self.source, config).await?;
        if !config.media_type.is_image_config() {
            return Ok(None);
        }
        parse_json(&bytes)
            .map(Some)
            .map_err(|source| InspectError::Config {
                digest: config.digest.clone(),
                source,
            })
    }

    async fn inspect_layer(
        &mut self,
        layer: &Descriptor,
        diff_id: Option<Digest>,
        files: Option<&mut FileTree>,
    ) -> Result<LayerReport, InspectError> {
        let mut report = LayerReport {
            media_type: layer.media_type.clone(),
            digest: layer.digest.clone(),
            size: layer.size,
            diff_id,
            content_size: None,
            entries: None,
        };
        let Some(files) = files else {
            return Ok(report);
        };
        let Some(format) = Format::of_layer_media_type(&layer.media_type) else {
            verify(self.source, layer).await?;
            return Ok(report);
        };
        if !self.layers.contains_key(&layer.digest) {
            let content = unpack(self.source, layer, format).await?;
            self.layers.insert(layer.digest.clone(), content);
        }
        let content = &self.layers[&layer.digest];
        if let Some(expected) = report.diff_id.as_ref().filter(|id| **id != content.diff_id) {
            return Err(InspectError::DiffId {
                digest: layer.digest.clone(),
                expected: expected.clone(),
                found: content.diff_id.clone(),
            });
        }
        report.content_size = Some(content.size);
        report.entries = Some(u64::try_from(content.entries.len()).unwrap_or(u64::MAX));
        files.apply(&content.entries);
        Ok(report)
    }
}

/// Returns the diff ID of each layer; there are none without an image config.
fn diff_ids(
    digest: &Digest,
    manifest: &Manifest,
    config: Option<&ImageConfig>,
) -> Result<Vec<Option<Digest>>, InspectError> {
    let layers = manifest.layers.len();
    let Some(config) = config else {
        return Ok(vec![None; layers]);
    };
    let diff_ids = &config.rootfs.diff_ids;
    if diff_ids.len() != layers {
        return Err(InspectError::DiffIds {
            config: manifest.config.digest.clone(),
            diff_ids: diff_ids.len(),
            manifest: digest.clone(),
            layers,
        });
    }
    Ok(diff_ids.iter().cloned().map(Some).collect())
}
