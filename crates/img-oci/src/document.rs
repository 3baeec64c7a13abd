//! Manifests and indexes: parsed strictly, kept beside the bytes they were parsed from.
//!
//! Sources: OCI image-spec v1.1.1, manifest.md and image-index.md; Docker schema 2.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::json::{ParseJsonError, parse_json};
use crate::{Descriptor, MediaType, media_type};

/// The largest manifest or index that is read or accepted, in bytes.
///
/// Source: OCI distribution-spec v1.1.1, "Pushing Manifests" (registries support at least 4 MiB).
pub const MAX_DOCUMENT_SIZE: u64 = 4 << 20;

/// An image manifest. Unknown fields are kept in `extra`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// Media type of the manifest; OCI allows it to be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// Type of the artifact, if the manifest is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Descriptor of the config.
    pub config: Descriptor,
    /// Descriptors of the layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// Descriptor of the manifest this one refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations, sorted by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// An image index. Unknown fields are kept in `extra`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// Media type of the index; OCI allows it to be absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// Type of the artifact, if the index is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Descriptors of the manifests, in order.
    pub manifests: Vec<Descriptor>,
    /// Descriptor of the manifest this one refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations, sorted by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// Either document a tag may point at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "few are alive at a time, and a box would show in every match"
)]
pub enum Document {
    /// A manifest.
    Manifest(Manifest),
    /// An index.
    Index(Index),
}

/// Why bytes are not the manifest or index they were said to be.
#[derive(Debug, Error)]
pub enum ParseDocumentError {
    /// More bytes than any manifest may have.
    #[error("a manifest of {size} bytes exceeds the limit of {MAX_DOCUMENT_SIZE} bytes")]
    TooLarge {
        /// Size of the document in bytes.
        size: u64,
    },
    /// Not JSON, or a field of another type.
    #[error(transparent)]
    Json(#[from] ParseJsonError),
    /// Holds `layers` and `manifests`, so that two readers may see two images.
    #[error("the document holds both `layers` and `manifests`")]
    Ambiguous,
    /// Holds neither `layers` nor `manifests`.
    #[error("the document holds neither `layers` nor `manifests`")]
    Neither,
    /// `schemaVersion` is not 2.
    #[error("schemaVersion is {0}, expected 2")]
    SchemaVersion(u64),
    /// The descriptor or HTTP header and the document name different kinds.
    #[error("expected media type {expected}, found {found}")]
    MediaType {
        /// What the reader was told.
        expected: MediaType,
        /// What the document says or is.
        found: MediaType,
    },
}

impl Document {
    /// Parses a manifest or an index.
    ///
    /// `expected` is the media type by which the document was reached, if one is known: its class
    /// (manifest or index) must be that of the document, as must a `mediaType` in the body.
    pub fn parse(bytes: &[u8], expected: Option<&MediaType>) -> Result<Self, ParseDocumentError> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > MAX_DOCUMENT_SIZE {
            return Err(ParseDocumentError::TooLarge { size });
        }
        let shape: Shape = parse_json(bytes)?;
        match shape.schema_version {
            2 => {}
            other => return Err(ParseDocumentError::SchemaVersion(other)),
        }
        let document = match (shape.layers.is_some(), shape.manifests.is_some()) {
            (true, true) => return Err(ParseDocumentError::Ambiguous),
            (false, false) => return Err(ParseDocumentError::Neither),
            (true, false) => Self::Manifest(parse_json(bytes)?),
            (false, true) => Self::Index(parse_json(bytes)?),
        };
        for said in [expected, document.declared_media_type()]
            .into_iter()
            .flatten()
        {
            document.check_class(said)?;
        }
        Ok(document)
    }

    /// Returns the `mediaType` in the document's body.
    pub fn declared_media_type(&self) -> Option<&MediaType> {
        match self {
            Self::Manifest(manifest) => manifest.media_type.as_ref(),
            Self::Index(index) => index.media_type.as_ref(),
        }
    }

    /// Returns the media type of the document: the declared one, or OCI's.
    pub fn media_type(&self) -> MediaType {
        let implied = match self {
            Self::Manifest(_) => MediaType::from_static(media_type::OCI_MANIFEST),
            Self::Index(_) => MediaType::from_static(media_type::OCI_INDEX),
        };
        self.declared_media_type().cloned().unwrap_or(implied)
    }

    fn check_class(&self, said: &MediaType) -> Result<(), ParseDocumentError> {
        let agrees = match self {
            Self::Manifest(_) => said.is_manifest(),
            Self::Index(_) => said.is_index(),
        };
        if agrees {
            return Ok(());
        }
        let found = match self {
            Self::Manifest(_) => MediaType::from_static(media_type::OCI_MANIFEST),
            Self::Index(_) => MediaType::from_static(media_type::OCI_INDEX),
        };
        Err(ParseDocumentError::MediaType {
            expected: said.clone(),
            found,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: u64,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}"#;

    fn error_of(text: &str, expected: Option<&str>) -> String {
        let expected = expected.map(MediaType::from);
        match Document::parse(text.as_bytes(), expected.as_ref()) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_manifest_keeps_fields_it_does_not_know() {
        let text =
            format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[],"x.y":{{"z":1}}}}"#);
        let Document::Manifest(manifest) = Document::parse(text.as_bytes(), None).unwrap() else {
            panic!("expected a manifest");
        };
        assert_eq!(serde_json::to_string(&manifest).unwrap(), text);
    }

    #[test]
    fn documents_that_could_be_read_two_ways_are_refused() {
        let check = |text: String, expected: Option<&str>, message: &str| {
            let error = error_of(&text, expected);
            assert!(error.contains(message), "{text}: {error}");
        };
        check(
            format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[],"manifests":[]}}"#),
            None,
            "both",
        );
        check(r#"{"schemaVersion":2}"#.into(), None, "neither");
        check(
            r#"{"schemaVersion":1,"manifests":[]}"#.into(),
            None,
            "schemaVersion is 1",
        );
        check(
            r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#.into(),
            None,
            "stands twice",
        );
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        check(
            index.into(),
            Some(media_type::OCI_MANIFEST),
            "expected media type",
        );
        check(
            index.into(),
            Some("Application/vnd.oci.image.index.v1+json; x=y"),
            "accepted",
        );
        check(
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#.into(),
            None,
            "expected media type",
        );
    }

    #[test]
    fn sizes_outside_u64_are_refused() {
        for size in ["-1", "18446744073709551616", "1.5", "\"1\"", "null", "1e3"] {
            let config = CONFIG.replace("\"size\":0", &format!("\"size\":{size}"));
            let text = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#);
            assert_ne!(error_of(&text, None), "accepted", "{size}");
        }
    }

    #[test]
    fn four_mebibytes_are_the_limit() {
        let fill = |size: usize| {
            let text = r#"{"schemaVersion":2,"manifests":[],"x":""#.to_owned();
            let rest = size - text.len() - 2;
            text + &"x".repeat(rest) + "\"}"
        };
        assert_eq!(error_of(&fill(4 << 20), None), "accepted");
        assert!(error_of(&fill((4 << 20) + 1), None).contains("exceeds the limit"));
    }
}
