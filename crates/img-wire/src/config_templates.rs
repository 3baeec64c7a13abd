//! The expanded templates of an image: texts that held `{{ … }}`, or stood beside one that did.

use std::collections::BTreeMap;

use img_oci::parse_json;
use serde::{Deserialize, Serialize};

use crate::WireError;

/// What templates came to; an absent key was not expanded, and the flags hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigTemplates {
    /// Environment variables of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// Labels of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations of a manifest or an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

impl ConfigTemplates {
    /// Parses a file of expanded templates.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(parse_json(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_expanded_is_absent() {
        let templates = ConfigTemplates::parse(br#"{"env":{"A":"1"},"labels":{}}"#).unwrap();
        assert_eq!(
            templates.env,
            Some(BTreeMap::from([("A".into(), "1".into())]))
        );
        assert_eq!(templates.labels, Some(BTreeMap::new()));
        assert_eq!(templates.annotations, None);
        assert!(ConfigTemplates::parse(br#"{"tags":[]}"#).is_err());
    }
}
