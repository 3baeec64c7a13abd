//! Which blobs a layout holds: decided from documents before anything is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use img_oci::{Descriptor, Digest, Document, Index, Manifest, MediaType, media_type};

use crate::LAYOUT_FILE;
use crate::docker::{ImageName, manifest_json};
use crate::error::WriteLayoutError;

/// The files of a build that make an image.
#[derive(Clone, Debug)]
pub enum ImageFiles {
    /// An image of one manifest.
    Manifest(ManifestFiles),
    /// An image of an index and its manifests, in the index's order.
    Index {
        /// The index.
        index: PathBuf,
        /// The manifests and their configs.
        manifests: Vec<ManifestFiles>,
    },
}

/// A manifest and its config.
#[derive(Clone, Debug)]
pub struct ManifestFiles {
    /// The manifest.
    pub manifest: PathBuf,
    /// The config.
    pub config: PathBuf,
}

/// A layer's blob and what its metadata says of it.
#[derive(Clone, Debug)]
pub struct LayerFile {
    /// Digest of the blob.
    pub digest: Digest,
    /// The blob.
    pub blob: PathBuf,
}

/// What else decides on a layout.
#[derive(Clone, Debug, Default)]
pub struct LayoutOptions {
    /// Whether layers may be missing.
    pub allow_missing_blobs: bool,
    /// The names by which Docker is to load the image; nothing leaves out what Docker reads.
    pub docker_names: Option<Vec<ImageName>>,
}

/// What a layout holds.
#[derive(Clone, Debug)]
pub struct LayoutPlan {
    /// The files at the top of the layout, by name.
    pub documents: Vec<(&'static str, Vec<u8>)>,
    /// Its blobs, sorted by digest.
    pub blobs: Vec<LayoutBlob>,
}

/// One blob of a layout.
#[derive(Clone, Debug)]
pub struct LayoutBlob {
    /// Digest of the blob.
    pub digest: Digest,
    /// Size of the blob in bytes.
    pub size: u64,
    /// The file with the blob's bytes.
    pub file: PathBuf,
}

/// Returns what the layout of an image holds.
///
/// # Errors
/// Files that are missing, of another size than they should be, or no documents.
pub fn plan_layout(
    image: &ImageFiles,
    layers: &[LayerFile],
    options: &LayoutOptions,
) -> Result<LayoutPlan, WriteLayoutError> {
    let names = options.docker_names.as_deref().unwrap_or_default();
    let mut blobs = Blobs {
        layers: layers
            .iter()
            .map(|layer| (&layer.digest, layer.blob.as_path()))
            .collect(),
        found: BTreeMap::new(),
        manifests: Vec::new(),
        options,
    };
    let index = match image {
        ImageFiles::Manifest(files) => {
            let (bytes, manifest) = blobs.add_manifest(files, None)?;
            wrapper_index(&bytes, &manifest, names)?
        }
        ImageFiles::Index { index, manifests } => {
            let bytes = read(index)?;
            let document = parse_index(index, &bytes)?;
            blobs.add_children(index, &document, manifests)?;
            bytes
        }
    };
    let mut documents = vec![("oci-layout", LAYOUT_FILE.to_vec()), ("index.json", index)];
    if options.docker_names.is_some() {
        documents.push(("manifest.json", manifest_json(&blobs.manifests, names)?));
    }
    Ok(LayoutPlan {
        documents,
        blobs: blobs.found.into_values().collect(),
    })
}

struct Blobs<'a> {
    layers: BTreeMap<&'a Digest, &'a Path>,
    found: BTreeMap<Digest, LayoutBlob>,
    /// The manifests so far, in the order of the index.
    manifests: Vec<Manifest>,
    options: &'a LayoutOptions,
}

impl Blobs<'_> {
    fn add_children(
        &mut self,
        path: &Path,
        index: &Index,
        files: &[ManifestFiles],
    ) -> Result<(), WriteLayoutError> {
        let mut given = BTreeMap::new();
        for files in files {
            given.insert(Digest::sha256(&read(&files.manifest)?), files);
        }
        for descriptor in &index.manifests {
            let files = given
                .get(&descriptor.digest)
                .ok_or_else(|| WriteLayoutError::Missing {
                    document: path.to_owned(),
                    what: "manifest",
                    digest: descriptor.digest.clone(),
                })?;
            self.add_manifest(files, Some(&descriptor.media_type))?;
        }
        Ok(())
    }

    fn add_manifest(
        &mut self,
        files: &ManifestFiles,
        expected: Option<&MediaType>,
    ) -> Result<(Vec<u8>, Manifest), WriteLayoutError> {
        let bytes = read(&files.manifest)?;
        let manifest = parse_manifest(&files.manifest, &bytes, expected)?;
        self.add(
            &Descriptor::of(manifest_type(&manifest), &bytes),
            &files.manifest,
        )?;
        let config = read(&files.config)?;
        if Digest::of(manifest.config.digest.algorithm(), &config) != manifest.config.digest {
            return Err(missing(&files.manifest, "config", &manifest.config));
        }
        self.add(&manifest.config, &files.config)?;
        for layer in &manifest.layers {
            match self.layers.get(&layer.digest).copied() {
                Some(blob) => self.add(layer, blob)?,
                None if self.options.allow_missing_blobs => {}
                None => return Err(missing(&files.manifest, "layer", layer)),
            }
        }
        self.manifests.push(manifest.clone());
        Ok((bytes, manifest))
    }

    fn add(&mut self, descriptor: &Descriptor, file: &Path) -> Result<(), WriteLayoutError> {
        let metadata = std::fs::metadata(file).map_err(|source| WriteLayoutError::Read {
            path: file.to_owned(),
            source,
        })?;
        if metadata.len() != descriptor.size {
            return Err(WriteLayoutError::Size {
                path: file.to_owned(),
                digest: descriptor.digest.clone(),
                expected: descriptor.size,
                found: metadata.len(),
            });
        }
        let digest = descriptor.digest.clone();
        let blob = LayoutBlob {
            digest: digest.clone(),
            size: descriptor.size,
            file: file.to_owned(),
        };
        self.found.insert(digest, blob);
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, WriteLayoutError> {
    std::fs::read(path).map_err(|source| WriteLayoutError::Read {
        path: path.to_owned(),
        source,
    })
}

fn missing(document: &Path, what: &'static str, blob: &Descriptor) -> WriteLayoutError {
    WriteLayoutError::Missing {
        document: document.to_owned(),
        what,
        digest: blob.digest.clone(),
    }
}

fn parse(
    path: &Path,
    bytes: &[u8],
    expected: Option<&MediaType>,
) -> Result<Document, WriteLayoutError> {
    Document::parse(bytes, expected).map_err(|source| WriteLayoutError::Document {
        path: path.to_owned(),
        source,
    })
}

fn parse_manifest(
    path: &Path,
    bytes: &[u8],
    expected: Option<&MediaType>,
) -> Result<Manifest, WriteLayoutError> {
    match parse(path, bytes, expected)? {
        Document::Manifest(manifest) => Ok(manifest),
        Document::Index(_) => Err(WriteLayoutError::Kind {
            path: path.to_owned(),
            expected: "a manifest",
        }),
    }
}

fn parse_index(path: &Path, bytes: &[u8]) -> Result<Index, WriteLayoutError> {
    match parse(path, bytes, None)? {
        Document::Index(index) => Ok(index),
        Document::Manifest(_) => Err(WriteLayoutError::Kind {
            path: path.to_owned(),
            expected: "an index",
        }),
    }
}

fn manifest_type(manifest: &Manifest) -> MediaType {
    let implied = || MediaType::from_static(media_type::OCI_MANIFEST);
    manifest.media_type.clone().unwrap_or_else(implied)
}

/// The `index.json` of a single manifest: no platform, and the manifest's annotations; once for each name.
fn wrapper_index(
    bytes: &[u8],
    manifest: &Manifest,
    names: &[ImageName],
) -> Result<Vec<u8>, WriteLayoutError> {
    let descriptor = |name: Option<&ImageName>| {
        let mut annotations = manifest.annotations.clone();
        annotations.extend(name.map(ImageName::annotations).unwrap_or_default());
        Descriptor {
            annotations,
            ..Descriptor::of(manifest_type(manifest), bytes)
        }
    };
    let manifests = if names.is_empty() {
        vec![descriptor(None)]
    } else {
        names.iter().map(|name| descriptor(Some(name))).collect()
    };
    let index = Index {
        schema_version: 2,
        media_type: Some(MediaType::from_static(media_type::OCI_INDEX)),
        artifact_type: None,
        manifests,
        subject: None,
        annotations: BTreeMap::new(),
        extra: BTreeMap::new(),
    };
    Ok(serde_json::to_vec(&index)?)
}
