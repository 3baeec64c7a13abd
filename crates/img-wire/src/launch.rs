//! The launch description: what makes an `img` symlinked as a rule's executable do that rule's job.

use std::collections::BTreeMap;

use img_oci::parse_json;
use serde::{Deserialize, Serialize};

use crate::WireError;

/// Added to the path of the executable to name its launch description.
pub const LAUNCH_SUFFIX: &str = ".launch.json";

/// Arguments and environment of an executable target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchDescription {
    /// Version of this format.
    pub version: u32,
    /// Arguments that go before those of the user.
    pub args: Vec<String>,
    /// Environment variables to set where the environment has none.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl LaunchDescription {
    /// The version this crate reads.
    pub const VERSION: u32 = 1;

    /// Parses a launch description.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let description: Self = parse_json(bytes)?;
        match description.version {
            Self::VERSION => Ok(description),
            found => Err(WireError::Version {
                found,
                expected: Self::VERSION,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_refused() {
        let parse = |text: &str| LaunchDescription::parse(text.as_bytes());
        assert_eq!(
            parse(r#"{"version":1,"args":["deploy"]}"#).unwrap().args,
            ["deploy"]
        );
        let error = parse(r#"{"version":2,"args":[]}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "version 2 of the format, this img reads version 1"
        );
    }
}
