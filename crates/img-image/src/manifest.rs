//! The manifest of an image, with its config and its descriptor.

use std::collections::BTreeMap;

use img_oci::{Descriptor, Digest, Manifest, MediaType, Platform, RootFs, media_type};
use img_wire::LayerMetadata;
use thiserror::Error;

use crate::base::Base;
use crate::config::{ConfigError, merge};
use crate::fragment::ConfigFragment;
use crate::history::{self, Below};
use crate::settings::ConfigSettings;

/// Annotation with the digest of the base.
///
/// Source: OCI image-spec v1.1.1, annotations.md, "Pre-Defined Annotation Keys".
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// Annotation with the name of the base. Source: as above.
const BASE_NAME: &str = "org.opencontainers.image.base.name";

/// The empty JSON object, and its base64.
const EMPTY_JSON: &[u8] = b"{}";
const EMPTY_JSON_BASE64: &str = "e30=";

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
    /// Reference of the base, if that is to be recorded.
    pub base_name: Option<String>,
    /// The config of what is no image but an artifact; fragment and settings are not used then.
    pub artifact_config: Option<ArtifactConfig>,
    /// Type of the artifact, if the manifest is to be one.
    pub artifact_type: Option<String>,
    /// The manifest or index that this one refers to.
    pub subject: Option<Descriptor>,
}

/// A config that is no image config: copied as it is.
#[derive(Clone, Debug)]
pub struct ArtifactConfig {
    /// What it is.
    pub media_type: MediaType,
    /// Its bytes; nothing for that of the empty JSON object.
    pub bytes: Option<Vec<u8>>,
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
    /// A config of another type than an image's was to be written, and not given.
    #[error("the config is to be `{media_type}`, and there is none")]
    NoConfig {
        /// What it was to be.
        media_type: MediaType,
    },
    /// A config that says nothing of the artifact, which has no type of its own.
    #[error(
        "the config is `{}`, and the artifact has no type",
        media_type::OCI_EMPTY
    )]
    NoArtifactType,
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
            Self::NoConfig { .. } => Some("give it as `config_fragment`"),
            Self::NoArtifactType => Some("set `artifact_type`"),
            Self::Json(_) => None,
        }
    }
}

/// Builds config, manifest and descriptor.
pub fn build_manifest(options: &ManifestOptions) -> Result<BuiltManifest, BuildManifestError> {
    let base = options.base.as_ref();
    let config = match &options.artifact_config {
        Some(config) => artifact_config(config, options.artifact_type.as_deref())?,
        None => image_config(options)?,
    };
    let annotations = annotations(options);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MediaType::from_static(media_type::OCI_MANIFEST)),
        artifact_type: options.artifact_type.clone(),
        config: config.descriptor,
        layers: layers(base, &options.layers),
        subject: options.subject.as_ref().map(Descriptor::bare),
        annotations: annotations.clone(),
        extra: BTreeMap::new(),
    };
    let manifest = serde_json::to_vec(&manifest)?;
    let descriptor = Descriptor {
        annotations,
        platform: config.platform,
        artifact_type: options.artifact_type.clone(),
        ..Descriptor::of(media_type::OCI_MANIFEST, &manifest)
    };
    Ok(BuiltManifest {
        config: config.bytes,
        manifest,
        descriptor,
    })
}

/// A config that was made.
struct Config {
    bytes: Vec<u8>,
    descriptor: Descriptor,
    /// What the image runs on; an artifact runs on nothing.
    platform: Option<Platform>,
}

fn image_config(options: &ManifestOptions) -> Result<Config, BuildManifestError> {
    let base = options.base.as_ref();
    let mut config = merge(
        &options.platform,
        base.map(|base| &base.config),
        &options.fragment,
        &options.settings,
    )?;
    config.rootfs = rootfs(base, &options.layers)?;
    let below = base.map(|base| Below {
        layers: base.manifest.layers.len(),
        entries: base.config.history.len(),
    });
    history::complete(&mut config, below.unwrap_or_default(), &options.layers);
    let bytes = serde_json::to_vec(&config)?;
    Ok(Config {
        descriptor: Descriptor::of(media_type::OCI_CONFIG, &bytes),
        platform: Some(config.platform()),
        bytes,
    })
}

/// Returns a config as it is; the empty JSON object stands in its descriptor as well.
///
/// Source: OCI image-spec v1.1.1, manifest.md, "Guidance for an Empty Descriptor" and "Guidelines for
/// Artifact Usage".
fn artifact_config(
    config: &ArtifactConfig,
    artifact_type: Option<&str>,
) -> Result<Config, BuildManifestError> {
    let is_empty = config.media_type.as_str() == media_type::OCI_EMPTY;
    if is_empty && artifact_type.is_none() {
        return Err(BuildManifestError::NoArtifactType);
    }
    let bytes = match &config.bytes {
        Some(bytes) => bytes.clone(),
        None if is_empty => EMPTY_JSON.to_vec(),
        None => {
            let media_type = config.media_type.clone();
            return Err(BuildManifestError::NoConfig { media_type });
        }
    };
    let mut descriptor = Descriptor::of(config.media_type.clone(), &bytes);
    if is_empty && bytes == EMPTY_JSON {
        descriptor.data = Some(EMPTY_JSON_BASE64.to_owned());
    }
    Ok(Config {
        bytes,
        descriptor,
        platform: None,
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
        media_type::DOCKER_FOREIGN_LAYER => media_type::OCI_FOREIGN_LAYER_GZIP,
        _ => return layer,
    };
    layer.media_type = MediaType::from_static(oci);
    layer
}

/// The user's annotations, and the base's name and digest unless the user says otherwise.
fn annotations(options: &ManifestOptions) -> BTreeMap<String, String> {
    let mut annotations = options.annotations.clone();
    let Some(base) = &options.base else {
        return annotations;
    };
    let digest = base.digest.as_ref().map(Digest::to_string);
    for (key, value) in [
        (BASE_DIGEST, digest),
        (BASE_NAME, options.base_name.clone()),
    ] {
        if let Some(value) = value {
            annotations.entry(key.to_owned()).or_insert(value);
        }
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
                r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}},"history":[{{"created_by":"a"}}]}}"#
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
        let history: Vec<_> = config.history.iter().map(|h| &h.created_by).collect();
        assert_eq!(history, [&Some("x".to_owned()), &Some("b".to_owned())]);

        base.config.history.clear();
        options.base = Some(base.clone());
        options.base_name = Some("registry.example/base:v1".to_owned());
        let built = build_manifest(&options).unwrap();
        let config: img_oci::ImageConfig = img_oci::parse_json(&built.config).unwrap();
        assert_eq!(config.history.len(), 2);
        assert!(config.history[0].comment.is_some());
        assert_eq!(
            built.descriptor.annotations[BASE_NAME],
            "registry.example/base:v1"
        );

        base.config.rootfs.diff_ids.clear();
        options.base = Some(base);
        let error = build_manifest(&options).unwrap_err().to_string();
        assert!(
            error.contains("has 0 diff IDs, its manifest has 1 layers"),
            "{error}"
        );
    }

    #[test]
    fn a_config_of_another_type_is_copied() {
        let artifact = |media_type: &str, bytes: Option<&[u8]>, artifact_type: Option<&str>| {
            build_manifest(&ManifestOptions {
                layers: vec![layer("a", "text/plain")],
                artifact_config: Some(ArtifactConfig {
                    media_type: media_type.into(),
                    bytes: bytes.map(<[u8]>::to_vec),
                }),
                artifact_type: artifact_type.map(str::to_owned),
                subject: Some(Descriptor {
                    annotations: BTreeMap::from([("k".into(), "v".into())]),
                    ..Descriptor::of(media_type::OCI_MANIFEST, b"{}")
                }),
                ..ManifestOptions::default()
            })
        };
        let empty = artifact(media_type::OCI_EMPTY, None, Some("text/x")).unwrap();
        let subject = Digest::sha256(b"{}");
        assert_eq!(
            text(&empty.manifest),
            format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"text/x","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{subject}","size":2,"data":"e30="}},"layers":[{{"mediaType":"text/plain","digest":"{}","size":7}}],"subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{subject}","size":2}}}}"#,
                Digest::sha256(b"a.gz")
            )
        );
        assert_eq!(
            (empty.config.as_slice(), empty.descriptor.platform),
            (EMPTY_JSON, None)
        );
        assert_eq!(empty.descriptor.artifact_type.as_deref(), Some("text/x"));
        let given = artifact("text/x", Some(b"{ \"a\": 1}\n"), None).unwrap();
        assert_eq!(given.config, b"{ \"a\": 1}\n");
        let error = artifact("text/x", None, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the config is to be `text/x`, and there is none"
        );
        let error = artifact(media_type::OCI_EMPTY, None, None).unwrap_err();
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("artifact_type"))
        );
    }
}
