//! The deploy manifest: what a deploy target pushes and loads, without the bytes.

use std::fmt;
use std::str::FromStr;

use img_oci::{Digest, MediaType, parse_json};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::WireError;

/// All operations of one deploy target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployManifest {
    /// Operations in the order they were declared.
    pub operations: Vec<Operation>,
    /// How blobs get there.
    pub settings: DeploySettings,
}

/// How blobs get there, for each kind of operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploySettings {
    /// Strategy of pushes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_strategy: Option<Strategy>,
    /// Strategy of loads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_strategy: Option<Strategy>,
}

/// How blobs get to their destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// From files on this machine.
    Eager,
    /// Streamed from the remote cache when missing.
    Lazy,
    /// By a registry that shares the remote cache.
    CasRegistry,
    /// By the build event service.
    Bes,
}

/// A text that names no strategy.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{}` is not a strategy: expected {}", .0.escape_debug(), Strategy::ALL.map(Strategy::name).join(", "))]
pub struct ParseStrategyError(String);

impl Strategy {
    /// All strategies.
    pub const ALL: [Self; 4] = [Self::Eager, Self::Lazy, Self::CasRegistry, Self::Bes];

    /// Returns the name by which files, flags and settings know the strategy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Lazy => "lazy",
            Self::CasRegistry => "cas_registry",
            Self::Bes => "bes",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Strategy {
    type Err = ParseStrategyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|strategy| strategy.name() == text)
            .ok_or_else(|| ParseStrategyError(text.to_owned()))
    }
}

/// What an operation does with its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Push to a registry.
    Push,
    /// Load into a container daemon.
    Load,
}

/// What the root of an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RootKind {
    /// A single manifest.
    Manifest,
    /// An index of manifests.
    Index,
}

/// One push or load of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Push or load.
    pub command: Command,
    /// What the root is.
    pub root_kind: RootKind,
    /// Descriptor of the root.
    pub root: BlobDescriptor,
    /// The manifests under the root, in the index's order; the root itself if it is a manifest.
    pub manifests: Vec<ManifestEntry>,
    /// Registries the base came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub original_registries: Vec<String>,
    /// Repository the base came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub original_repository: String,
    /// Tag the base had.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub original_tag: String,
    /// Digest of the base.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub original_digest: String,
    /// Registry to push to (push only).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub registry: String,
    /// Repository to push to (push only).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub repository: String,
    /// Tags to set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Daemon to load into (load only).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub daemon: String,
}

/// A manifest and the blobs under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestEntry {
    /// Descriptor of the manifest.
    pub descriptor: BlobDescriptor,
    /// Descriptor of its config.
    pub config: BlobDescriptor,
    /// Descriptors of its layers, lowest first.
    pub layer_blobs: Vec<BlobDescriptor>,
    /// Hex digests of layers that are not on this machine but in the original registry.
    #[serde(default)]
    pub missing_blobs: Vec<String>,
}

/// The three required fields of a descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlobDescriptor {
    /// Media type of the blob.
    pub media_type: MediaType,
    /// Digest of the blob.
    pub digest: Digest,
    /// Size of the blob in bytes.
    pub size: u64,
}

impl DeployManifest {
    /// Parses a deploy manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(parse_json(bytes)?)
    }

    /// Returns the bytes of the file: compact JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Infallible: every field serialises to a JSON value with string keys.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl From<&img_oci::Descriptor> for BlobDescriptor {
    fn from(descriptor: &img_oci::Descriptor) -> Self {
        Self {
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest.clone(),
            size: descriptor.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_has_one_name_everywhere() {
        for strategy in Strategy::ALL {
            let name = strategy.to_string();
            assert_eq!(serde_json::to_value(strategy).unwrap(), name.as_str());
            assert_eq!(name.parse(), Ok(strategy));
        }
        assert_eq!(
            "Eager".parse::<Strategy>().unwrap_err().to_string(),
            "`Eager` is not a strategy: expected eager, lazy, cas_registry, bes"
        );
    }

    #[test]
    fn a_push_reads_and_writes_the_same_bytes() {
        let d = |name: &str| {
            format!(
                r#"{{"mediaType":"m","digest":"{}","size":1}}"#,
                Digest::sha256(name.as_bytes())
            )
        };
        let text = format!(
            r#"{{"operations":[{{"command":"push","root_kind":"manifest","root":{0},"manifests":[{{"descriptor":{0},"config":{1},"layer_blobs":[{2}],"missing_blobs":[]}}],"registry":"r","repository":"a/b","tags":["v1"]}}],"settings":{{"push_strategy":"eager"}}}}"#,
            d("m"),
            d("c"),
            d("l")
        );
        let manifest = DeployManifest::parse(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(manifest.to_bytes()).unwrap(), text);
        assert!(
            DeployManifest::parse(text.replace("\"registry\"", "\"registri\"").as_bytes()).is_err()
        );
    }
}
