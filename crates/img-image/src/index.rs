//! The index of an image for several platforms.

use std::collections::BTreeMap;

use img_oci::{Descriptor, ParseJsonError, media_type, parse_json};
use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

/// An index and its descriptor.
#[derive(Clone, Debug)]
pub struct BuiltIndex {
    /// The index's bytes.
    pub index: Vec<u8>,
    /// The index's descriptor.
    pub descriptor: Descriptor,
}

/// Why there is no index.
#[derive(Debug, Error)]
pub enum BuildIndexError {
    /// A descriptor file is not a descriptor.
    #[error("manifest descriptor {position} is not usable")]
    Descriptor {
        /// Its place in the index, from 0.
        position: usize,
        /// What is wrong with it.
        source: ParseJsonError,
    },
    /// A descriptor is neither of a manifest nor of an index.
    #[error("manifest descriptor {position} is of `{media_type}`, expected a manifest or an index")]
    MediaType {
        /// Its place in the index, from 0.
        position: usize,
        /// What it is of.
        media_type: String,
    },
    /// The index could not be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

/// Builds an index of the manifests whose descriptor files have these bytes, copied as they are.
///
/// `subject` is what the index refers to, if it is about another image.
pub fn build_index(
    descriptors: &[Vec<u8>],
    subject: Option<&Descriptor>,
    annotations: &BTreeMap<String, String>,
) -> Result<BuiltIndex, BuildIndexError> {
    let manifests = descriptors.iter().enumerate();
    let manifests = manifests.map(|(position, bytes)| check_descriptor(position, bytes));
    let document = IndexDocument {
        schema_version: 2,
        media_type: media_type::OCI_INDEX,
        manifests: manifests.collect::<Result<_, _>>()?,
        subject: subject.map(Descriptor::bare),
        annotations,
    };
    let index = serde_json::to_vec(&document)?;
    let descriptor = Descriptor {
        annotations: annotations.clone(),
        ..Descriptor::of(media_type::OCI_INDEX, &index)
    };
    Ok(BuiltIndex { index, descriptor })
}

/// Written once: holds descriptors as they stand in their files, fields unknown to us included.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexDocument<'a> {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

fn check_descriptor(position: usize, bytes: &[u8]) -> Result<&RawValue, BuildIndexError> {
    let malformed = |source| BuildIndexError::Descriptor { position, source };
    let descriptor: Descriptor = parse_json(bytes).map_err(malformed)?;
    if !descriptor.media_type.is_manifest() && !descriptor.media_type.is_index() {
        let media_type = descriptor.media_type.to_string();
        return Err(BuildIndexError::MediaType {
            position,
            media_type,
        });
    }
    serde_json::from_slice(bytes).map_err(|error| malformed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn descriptors_are_copied_as_they_are() {
        let descriptor = format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{DIGEST}","size":0,"platform":{{"architecture":"arm","os":"linux","os.version":"1","variant":"v7"}},"unknown":1}}"#
        );
        let annotations = BTreeMap::from([("b".to_owned(), "1".to_owned())]);
        let built = build_index(
            &[descriptor.clone().into(), descriptor.clone().into()],
            None,
            &annotations,
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(built.index).unwrap(),
            format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{descriptor},{descriptor}],"annotations":{{"b":"1"}}}}"#
            )
        );
    }

    #[test]
    fn other_files_are_refused_by_their_place() {
        let check = |text: String, message: &str| {
            let error = build_index(&[text.into()], None, &BTreeMap::new())
                .unwrap_err()
                .to_string();
            assert!(error.contains(message), "{error}");
        };
        check("{}".into(), "descriptor 0 is not usable");
        check(
            format!(r#"{{"mediaType":"text/plain","digest":"{DIGEST}","size":0}}"#),
            "is of `text/plain`, expected a manifest",
        );
    }
}
