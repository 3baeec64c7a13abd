//! Layer metadata: what an action says of the layer it wrote, so that no other has to read it.

use std::collections::BTreeMap;

use img_oci::{Descriptor, Digest, MediaType, parse_json};
use serde::{Deserialize, Serialize};

use crate::WireError;

/// The metadata JSON of one layer, two-space indented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerMetadata {
    /// Label of the target that made the layer, or the layer's digest.
    #[serde(default)]
    pub name: String,
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
    /// Media type of the blob.
    #[serde(rename = "mediaType")]
    pub media_type: MediaType,
    /// Digest of the blob as stored.
    pub digest: Digest,
    /// Size of the blob in bytes.
    pub size: u64,
    /// Annotations for the layer's descriptor, sorted by key.
    #[serde(default, deserialize_with = "img_oci::null_as_default")]
    pub annotations: BTreeMap<String, String>,
    /// Name and version of the encoder that made the blob: the same content, level and encoder give
    /// the same bytes. Absent if the blob was not made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
}

/// Annotation of a layer with the name and version of its encoder.
pub const ENCODER_ANNOTATION: &str = "dev.rules-img.layer.encoder";

impl LayerMetadata {
    /// Parses a metadata file.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(parse_json(bytes)?)
    }

    /// Returns the bytes of the metadata file: two-space indented, with a final newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Infallible: every field serialises to a JSON value with string keys.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Returns the bytes of the metadata file in one line.
    pub fn to_compact_bytes(&self) -> Vec<u8> {
        // Infallible, as above.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns the descriptor of the layer as it stands in a manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            annotations: self.annotations.clone(),
            ..Descriptor::new(self.media_type.clone(), self.digest.clone(), self.size)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_written_as_the_contract_says() {
        let metadata = LayerMetadata {
            name: "@@//app:layer".to_owned(),
            diff_id: Digest::sha256(b"a"),
            media_type: img_oci::media_type::OCI_LAYER_GZIP.into(),
            digest: Digest::sha256(b"b"),
            size: 42,
            annotations: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
            encoder: Some("gzip/1".to_owned()),
        };
        let text = String::from_utf8(metadata.to_bytes()).unwrap();
        let expected = r#"{
  "name": "@@//app:layer",
  "diff_id": "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
  "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
  "digest": "sha256:3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
  "size": 42,
  "annotations": {
    "k": "v"
  },
  "encoder": "gzip/1"
}
"#;
        assert_eq!(text, expected);
        assert_eq!(LayerMetadata::parse(text.as_bytes()).unwrap(), metadata);
    }

    #[test]
    fn null_annotations_are_none_and_unknown_fields_are_refused() {
        let digest = Digest::sha256(b"");
        let with = |more: &str| {
            let text = format!(
                r#"{{"name":"","diff_id":"{digest}","mediaType":"m","digest":"{digest}","size":0,"annotations":null{more}}}"#
            );
            LayerMetadata::parse(text.as_bytes())
        };
        assert!(with("").unwrap().annotations.is_empty());
        assert!(with(r#","x":1"#).is_err());
    }
}
