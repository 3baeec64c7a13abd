//! The configuration file of a push: where to, as the rule resolved it.

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

impl PushConfiguration {
    /// Parses a configuration file.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(parse_json(bytes)?)
    }
}
