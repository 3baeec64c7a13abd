//! Platforms: operating system, architecture and variant in Go's spelling.
//!
//! Source: OCI image-spec v1.1.1, image-index.md, "platform".

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a manifest runs on, as it stands in an index entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// CPU architecture as a GOARCH, such as `amd64`.
    pub architecture: String,
    /// Operating system as a GOOS, such as `linux`.
    pub os: String,
    /// Version of the operating system (Windows).
    #[serde(
        rename = "os.version",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
    /// Features of the operating system (Windows).
    #[serde(rename = "os.features", default, skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    /// Variant of the CPU, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// A text that is not `os/architecture[/variant]`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{}` is not a platform: expected os/architecture or os/architecture/variant, such as linux/arm64/v8", .0.escape_debug())]
pub struct ParsePlatformError(pub String);

impl Platform {
    /// Returns a platform; an arm64 without a variant is `v8`, an empty variant is none.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let platform = Self {
            architecture: architecture.to_owned(),
            os: os.to_owned(),
            variant: variant.filter(|v| !v.is_empty()).map(str::to_owned),
            ..Self::default()
        };
        platform.normalized()
    }

    /// Returns the platform with the variant every reader assumes: arm64 means `arm64/v8`.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        if self.variant.as_deref() == Some("") {
            self.variant = None;
        }
        if self.architecture == "arm64" && self.variant.is_none() {
            self.variant = Some("v8".to_owned());
        }
        self
    }
}

impl FromStr for Platform {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            _ if parts.contains(&"") => Err(ParsePlatformError(text.to_owned())),
            [os, architecture] => Ok(Self::new(os, architecture, None)),
            [os, architecture, variant] => Ok(Self::new(os, architecture, Some(variant))),
            _ => Err(ParsePlatformError(text.to_owned())),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_arm64_gains_its_variant() {
        let check = |text: &str, shown: &str| {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), shown);
        };
        check("linux/amd64", "linux/amd64");
        check("linux/arm64", "linux/arm64/v8");
        check("linux/arm/v7", "linux/arm/v7");
    }

    #[test]
    fn malformed_text_is_rejected() {
        for text in [
            "",
            "linux",
            "linux/",
            "/amd64",
            "linux/arm/v7/x",
            "linux//v8",
        ] {
            assert_eq!(
                text.parse::<Platform>(),
                Err(ParsePlatformError(text.to_owned()))
            );
        }
    }
}
