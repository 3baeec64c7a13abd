//! The manifest of an image, with its config and its descriptor.

use std::collections::BTreeMap;

use img_oci::{Descriptor, Digest, Manifest, MediaType, Platform, RootFs, media_type};
use img_wire::LayerMetadata;
use thiserror::Error;

use crate::base::Base;
use crate::config::{ConfigError, ConfigSettings, merge};
use crate::fragment::ConfigFragment;

/// Annotation with the digest of the base.
///
/// Source: OCI image-spec v1.1.1, annotations.md, "Pre-Defined Annotation Keys".
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// What an image is made of.
#[derive(Clone, Debug, Default)]
pub struct ManifestOptions {
    /// Platform of the image.
    pub platform: Platform,
    /// The image being extended.
    pub base: Option<Base>,
    /// Layers on top of the base's, lowest first.
    pub layers: Vec<LayerMetadata>,
    /// The user's part of the config.
    pub fragment: ConfigFragment,
    /// What the rule's attributes set in the config.
    pub settings: ConfigSettings,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

/// The documents of an image.
#[derive(Clone, Debug)]
pub struct BuiltManifest {
    /// The config's bytes.
    pub config: Vec<u8>,
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The manifest's descriptor, with platform and annotations.
    pub descriptor: Descriptor,
}

/// Why there is no manifest.
#[derive(Debug, Error)]
pub enum BuildManifestError {
    /// The config's parts contradict one another.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The base's config does not describe the layers of its manifest.
    #[error(
        "config {config} of the base has {diff_ids} diff IDs, its manifest has {layers} layers"
    )]
    BaseLayers {
        /// Digest of the base's config.
        config: Digest,
        /// Number of diff IDs in it.
        diff_ids: usize,
        /// Number of layers in the manifest.
        layers: usize,
    },
    /// A document could not be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

impl BuildManifestError {
    /// Returns what the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config(error) => error.hint(),
            Self::BaseLayers { .. } => Some("the base is damaged: pull or build it again"),
            Self::Json(_) => None,
        }
    }
}

/// Builds config, manifest and descriptor.
pub fn build_manifest(options: &ManifestOptions) -> Result<BuiltManifest, BuildManifestError> {
    let base = options.base.as_ref();
    let mut config = merge(
        &options.platform,
        base.map(|base| &base.config),
        &options.fragment,
        &options.settings,
    )?;
    config.rootfs = rootfs(base, &options.layers)?;
    let platform = config.platform();
    let config = serde_json::to_vec(&config)?;
    let annotations = annotations(base, &options.annotations);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MediaType::from_static(media_type::OCI_MANIFEST)),
        artifact_type: None,
        config: Descriptor::of(media_type::OCI_CONFIG, &config),
        layers: layers(base, &options.layers),
        subject: None,
        annotations: annotations.clone(),
        extra: BTreeMap::new(),
    };
    let manifest = serde_json::to_vec(&manifest)?;
    let descriptor = Descriptor {
        annotations,
        platform: Some(platform),
        ..Descriptor::of(media_type::OCI_MANIFEST, &manifest)
    };
    Ok(BuiltManifest {
        config,
        manifest,
        descriptor,
    })
}

fn rootfs(base: Option<&Base>, layers: &[LayerMetadata]) -> Result<RootFs, BuildManifestError> {
    let mut rootfs = RootFs::default();
    if let Some(base) = base {
        rootfs.diff_ids.clone_from(&base.config.rootfs.diff_ids);
        if rootfs.diff_ids.len() != base.manifest.layers.len() {
            return Err(BuildManifestError::BaseLayers {
                config: base.manifest.config.digest.clone(),
                diff_ids: rootfs.diff_ids.len(),
                layers: base.manifest.layers.len(),
            });
        }
    }
    rootfs
        .diff_ids
        .extend(layers.iter().map(|layer| layer.diff_id.clone()));
    Ok(rootfs)
}

fn layers(base: Option<&Base>, layers: &[LayerMetadata]) -> Vec<Descriptor> {
    let below = base
        .into_iter()
        .flat_map(|base| &base.manifest.layers)
        .cloned()
        .map(as_oci);
    below
        .chain(layers.iter().map(LayerMetadata::descriptor))
        .collect()
}

/// Spells a Docker layer's media type as OCI does, since the manifest is OCI's.
fn as_oci(mut layer: Descriptor) -> Descriptor {
    let oci = match layer.media_type.essence().as_str() {
        media_type::DOCKER_LAYER => media_type::OCI_LAYER,
        media_type::DOCKER_LAYER_GZIP => media_type::OCI_LAYER_GZIP,
        media_type::DOCKER_LAYER_ZSTD => media_type::OCI_LAYER_ZSTD,
        _ => return layer,
    };
    layer.media_type = MediaType::from_static(oci);
    layer
}

/// The user's annotations, and the base's digest unless the user says otherwise.
fn annotations(base: Option<&Base>, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut annotations = given.clone();
    if let Some(digest) = base.and_then(|base| base.digest.as_ref()) {
        annotations
            .entry(BASE_DIGEST.to_owned())
            .or_insert_with(|| digest.to_string());
    }
    annotations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, format: &str) -> LayerMetadata {
        LayerMetadata {
            name: name.to_owned(),
            diff_id: Digest::sha256(name.as_bytes()),
            media_type: format.into(),
            digest: Digest::sha256(format!("{name}.gz").as_bytes()),
            size: 7,
            annotations: BTreeMap::new(),
            encoder: None,
        }
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn documents_are_compact_and_in_the_order_of_the_specification() {
        let options = ManifestOptions {
            platform: Platform::new("linux", "amd64", None),
            layers: vec![layer("a", media_type::OCI_LAYER_GZIP)],
            annotations: BTreeMap::from([("k".into(), "v".into())]),
            ..ManifestOptions::default()
        };
        let built = build_manifest(&options).unwrap();
        let (diff_id, digest) = (Digest::sha256(b"a"), Digest::sha256(b"a.gz"));
        assert_eq!(
            text(&built.config),
            format!(
                r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
            )
        );
        let config = Digest::sha256(&built.config);
        assert_eq!(
            text(&built.manifest),
            format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{digest}","size":7}}],"annotations":{{"k":"v"}}}}"#,
                built.config.len()
            )
        );
        assert_eq!(
            serde_json::to_string(&built.descriptor).unwrap(),
            format!(
                r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"annotations":{{"k":"v"}},"platform":{{"architecture":"amd64","os":"linux"}}}}"#,
                Digest::sha256(&built.manifest),
                built.manifest.len()
            )
        );
    }

    #[test]
    fn a_base_gives_its_layers_and_history() {
        let below = build_manifest(&ManifestOptions {
            platform: Platform::new("linux", "amd64", None),
            layers: vec![layer("a", media_type::DOCKER_LAYER_GZIP)],
            fragment: ConfigFragment::parse(br#"{"history":[{"created_by":"x"}]}"#).unwrap(),
            ..ManifestOptions::default()
        })
        .unwrap();
        let mut base = Base {
            manifest: img_oci::parse_json(&below.manifest).unwrap(),
            config: img_oci::parse_json(&below.config).unwrap(),
            digest: Some(below.descriptor.digest.clone()),
        };
        let mut options = ManifestOptions {
            platform: Platform::new("linux", "amd64", None),
            base: Some(base.clone()),
            layers: vec![layer("b", media_type::OCI_LAYER_ZSTD)],
            ..ManifestOptions::default()
        };
        let built = build_manifest(&options).unwrap();
        let manifest: Manifest = img_oci::parse_json(&built.manifest).unwrap();
        let types: Vec<_> = manifest
            .layers
            .iter()
            .map(|l| l.media_type.as_str())
            .collect();
        assert_eq!(
            types,
            [media_type::OCI_LAYER_GZIP, media_type::OCI_LAYER_ZSTD]
        );
        assert_eq!(
            manifest.annotations[BASE_DIGEST],
            below.descriptor.digest.to_string()
        );
        let config: img_oci::ImageConfig = img_oci::parse_json(&built.config).unwrap();
        assert_eq!(
            config.rootfs.diff_ids,
            [Digest::sha256(b"a"), Digest::sha256(b"b")]
        );
        assert_eq!(config.history.len(), 1);

        base.config.rootfs.diff_ids.clear();
        options.base = Some(base);
        let error = build_manifest(&options).unwrap_err().to_string();
        assert!(
            error.contains("has 0 diff IDs, its manifest has 1 layers"),
            "{error}"
        );
    }
}
