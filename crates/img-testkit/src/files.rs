//! A small image in files, laid out as a push target has it in its runfiles.

use std::path::{Path, PathBuf};

use img_oci::{Descriptor, Digest};
use tempfile::TempDir;

/// An image of one manifest.
pub struct ImageFiles {
    folder: TempDir,
    /// The manifest.
    pub manifest: Descriptor,
    /// The config.
    pub config: Descriptor,
    /// The layers.
    pub layers: Vec<Descriptor>,
}

impl ImageFiles {
    /// Writes an image with these layers.
    ///
    /// # Panics
    ///
    /// If the files cannot be written.
    pub fn new(layers: &[&[u8]]) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let parts = folder.path().join("0/manifests/0");
        std::fs::create_dir_all(parts.join("layer")).expect("is writable");
        let write = |name: &str, kind: &'static str, bytes: &[u8]| {
            std::fs::write(parts.join(name), bytes).expect("is writable");
            Descriptor::of(kind, bytes)
        };
        let config = write("config.json", img_oci::media_type::OCI_CONFIG, b"{}");
        let layers = layers.iter().enumerate().map(|(number, bytes)| {
            write(
                &format!("layer/{number}"),
                img_oci::media_type::OCI_LAYER_GZIP,
                bytes,
            )
        });
        let layers: Vec<_> = layers.collect();
        let kind = img_oci::media_type::OCI_MANIFEST;
        let document = serde_json::json!({
            "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers,
        });
        let manifest = write("manifest.json", kind, document.to_string().as_bytes());
        Self {
            folder,
            manifest,
            config,
            layers,
        }
    }

    /// Returns the folder in which operation 0 begins.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the file of a layer.
    pub fn layer(&self, number: usize) -> PathBuf {
        self.folder
            .path()
            .join(format!("0/manifests/0/layer/{number}"))
    }

    /// Returns digest and file of the manifest and every blob.
    pub fn paths(&self) -> Vec<(Digest, PathBuf)> {
        let parts = self.folder.path().join("0/manifests/0");
        let mut paths = vec![
            (self.manifest.digest.clone(), parts.join("manifest.json")),
            (self.config.digest.clone(), parts.join("config.json")),
        ];
        let layers = self.layers.iter().enumerate();
        paths.extend(layers.map(|(number, layer)| (layer.digest.clone(), self.layer(number))));
        paths
    }

    /// Returns the deploy manifest of a push of the image, as JSON.
    pub fn deploy_manifest(&self, registry: &str, repository: &str, tags: &[&str]) -> String {
        let bare = |blob: &Descriptor| {
            serde_json::json!({
                "mediaType": blob.media_type, "digest": blob.digest, "size": blob.size,
            })
        };
        serde_json::json!({
            "operations": [{
                "command": "push",
                "root_kind": "manifest",
                "root": bare(&self.manifest),
                "manifests": [{
                    "descriptor": bare(&self.manifest),
                    "config": bare(&self.config),
                    "layer_blobs": self.layers.iter().map(bare).collect::<Vec<_>>(),
                    "missing_blobs": [],
                }],
                "registry": registry,
                "repository": repository,
                "tags": tags,
            }],
            "settings": {"push_strategy": "eager"},
        })
        .to_string()
    }
}
