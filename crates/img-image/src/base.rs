//! The image being extended, verified against itself.

use img_oci::{
    Descriptor, Digest, Document, ImageConfig, Manifest, ParseDocumentError, ParseJsonError,
    parse_json,
};
use thiserror::Error;

/// The image being extended.
#[derive(Clone, Debug)]
pub struct Base {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its config.
    pub config: ImageConfig,
    /// Digest of its manifest, if that is to be recorded.
    pub digest: Option<Digest>,
}

/// Why documents are not those of a base.
#[derive(Debug, Error)]
pub enum ParseBaseError {
    /// The manifest cannot be understood.
    #[error("cannot use the manifest of the base")]
    Manifest(#[from] ParseDocumentError),
    /// An index was given for the manifest.
    #[error("the manifest of the base is an index: expected one of its manifests")]
    Index,
    /// The config is not the one that the manifest names.
    #[error("the config of the base has digest {found}, expected {expected} as its manifest says")]
    ConfigDigest {
        /// Digest in the manifest.
        expected: Digest,
        /// Digest of the config given.
        found: Digest,
    },
    /// The config cannot be understood.
    #[error("cannot use the config of the base")]
    Config(#[source] ParseJsonError),
    /// The descriptor cannot be understood.
    #[error("cannot use the descriptor of the base")]
    Descriptor(#[source] ParseJsonError),
    /// The descriptor is of another manifest.
    #[error("the descriptor of the base is of {found}, its manifest has digest {expected}")]
    DescriptorDigest {
        /// Digest of the manifest given.
        expected: Digest,
        /// Digest in the descriptor.
        found: Digest,
    },
}

impl Base {
    /// Parses the documents of a base; with a descriptor, its digest is to be recorded.
    ///
    /// # Errors
    /// A document cannot be understood, or is not the one that another names.
    pub fn parse(
        manifest: &[u8],
        config: &[u8],
        descriptor: Option<&[u8]>,
    ) -> Result<Self, ParseBaseError> {
        let Document::Manifest(parsed) = Document::parse(manifest, None)? else {
            return Err(ParseBaseError::Index);
        };
        let expected = &parsed.config.digest;
        let found = Digest::of(expected.algorithm(), config);
        if found != *expected {
            return Err(ParseBaseError::ConfigDigest {
                expected: expected.clone(),
                found,
            });
        }
        Ok(Self {
            config: parse_json(config).map_err(ParseBaseError::Config)?,
            digest: descriptor
                .map(|bytes| described(bytes, manifest))
                .transpose()?,
            manifest: parsed,
        })
    }
}

/// Returns the digest of a descriptor that is of this manifest.
fn described(descriptor: &[u8], manifest: &[u8]) -> Result<Digest, ParseBaseError> {
    let descriptor: Descriptor = parse_json(descriptor).map_err(ParseBaseError::Descriptor)?;
    let expected = Digest::of(descriptor.digest.algorithm(), manifest);
    if descriptor.digest == expected {
        return Ok(expected);
    }
    Err(ParseBaseError::DescriptorDigest {
        expected,
        found: descriptor.digest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use img_oci::media_type;

    const CONFIG: &[u8] = br#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;

    fn manifest() -> Vec<u8> {
        let config = Descriptor::of(media_type::OCI_CONFIG, CONFIG);
        let config = serde_json::to_string(&config).unwrap();
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#).into_bytes()
    }

    #[test]
    fn documents_that_belong_together_are_a_base() {
        let manifest = manifest();
        let descriptor = Descriptor::of(media_type::OCI_MANIFEST, &manifest);
        let bytes = serde_json::to_vec(&descriptor).unwrap();
        let base = Base::parse(&manifest, CONFIG, Some(&bytes)).unwrap();
        assert_eq!(base.digest, Some(descriptor.digest));
        assert_eq!(base.config.architecture, "amd64");
    }

    #[test]
    fn documents_of_different_images_are_refused() {
        let check = |config: &[u8], descriptor: Option<&[u8]>, message: &str| {
            let error = Base::parse(&manifest(), config, descriptor)
                .unwrap_err()
                .to_string();
            assert!(error.contains(message), "{error}");
        };
        let other = serde_json::to_vec(&Descriptor::of(media_type::OCI_MANIFEST, b"x")).unwrap();
        check(b"{}", None, "as its manifest says");
        check(CONFIG, Some(&other), "the descriptor of the base is of");
        check(CONFIG, Some(b"{}"), "cannot use the descriptor");
        let index = br#"{"schemaVersion":2,"manifests":[]}"#;
        let error = Base::parse(index, CONFIG, None).unwrap_err().to_string();
        assert!(error.contains("is an index"), "{error}");
    }
}
