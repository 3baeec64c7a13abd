//! The vocabulary of the OCI specifications as types that cannot hold an invalid value: digests,
//! media types, descriptors, platforms, references, and the documents (manifest, index, config).
//!
//! This crate parses and prints; it opens no file, no socket and no clock. A document is always
//! identified by the digest of the bytes it was read from, never by that of a re-serialisation.

mod config;
mod descriptor;
mod digest;
mod document;
mod json;
pub mod media_type;
mod platform;
mod reference;
mod stream;

pub use config::{History, ImageConfig, RootFs, RuntimeConfig};
pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, Hasher, ParseDigestError, Sha256Hasher};
pub use document::{Document, Index, MAX_DOCUMENT_SIZE, Manifest, ParseDocumentError};
pub use json::{ParseJsonError, null_as_default, parse_json};
pub use media_type::MediaType;
pub use platform::{ParsePlatformError, Platform};
pub use reference::{ParseReferenceError, Reference, RegistryHost, Repository, Tag, TagOrDigest};
pub use stream::{HashingReader, HashingWriter};
