//! The config fragment: a part of an image config in a JSON file of the user's.

use std::collections::BTreeMap;

use img_oci::{History, ParseJsonError, RuntimeConfig, parse_json};
use serde::Deserialize;
use serde_json::Value;

/// A part of an image config; an absent field keeps what it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ConfigFragment {
    /// CPU architecture; must be that of the image.
    pub architecture: Option<String>,
    /// Operating system; must be that of the image.
    pub os: Option<String>,
    /// Version of the operating system.
    #[serde(rename = "os.version")]
    pub os_version: Option<String>,
    /// Features of the operating system.
    #[serde(rename = "os.features")]
    pub os_features: Vec<String>,
    /// Variant of the CPU; must be that of the image.
    pub variant: Option<String>,
    /// When the image was made.
    pub created: Option<String>,
    /// Who made the image.
    pub author: Option<String>,
    /// How to run a container.
    pub config: RuntimeConfig,
    /// History entries to add.
    pub history: Vec<History>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl ConfigFragment {
    /// Parses a config fragment.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseJsonError> {
        let mut fragment: Self = parse_json(bytes)?;
        // The layers alone decide on these.
        fragment.extra.remove("rootfs");
        Ok(fragment)
    }
}
