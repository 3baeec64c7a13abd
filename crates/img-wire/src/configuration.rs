//! The configuration file of a push or a load: where to, as the rule resolved it.

use img_oci::parse_json;
use serde::{Deserialize, Serialize};

use crate::WireError;

/// Destination of a push operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushConfiguration {
    /// Registry host and port.
    pub registry: String,
    /// Repository in the registry.
    pub repository: String,
    /// Tags; none pushes by digest only.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// Destination of a load operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadConfiguration {
    /// Names that the image gets; `image:latest` and the like.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The daemon to load into; that of the setting if it is empty.
    #[serde(default)]
    pub daemon: String,
}

impl LoadConfiguration {
    /// Parses a configuration file.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(parse_json(bytes)?)
    }
}

impl PushConfiguration {
    /// Parses a configuration file.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(parse_json(bytes)?)
    }
}
