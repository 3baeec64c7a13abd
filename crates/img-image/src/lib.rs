//! Config, manifest and index of an image, from layer metadata and what the user says.
//!
//! Documents are written once, compact, with fields in the order of the specification's Go types
//! and maps sorted by key; their digests are of those bytes. Layer blobs are never read.

mod base;
mod config;
mod fragment;
mod index;
mod manifest;
mod platform;

pub use base::{Base, ParseBaseError};
pub use config::{ConfigError, ConfigSettings};
pub use fragment::ConfigFragment;
pub use index::{BuildIndexError, BuiltIndex, build_index};
pub use manifest::{BuildManifestError, BuiltManifest, ManifestOptions, build_manifest};
