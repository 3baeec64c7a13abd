//! Config, manifest and index of an image, from layer metadata and what the user says.
//!
//! Documents are written once, compact, with fields in the order of the specification's Go types
//! and maps sorted by key; their digests are of those bytes. Layer blobs are never read.

mod base;
mod config;
mod fragment;
mod healthcheck;
mod history;
mod index;
mod manifest;
mod platform;
mod port;
mod settings;

pub use base::{Base, ParseBaseError};
pub use config::ConfigError;
pub use fragment::ConfigFragment;
pub use healthcheck::{Healthcheck, HealthcheckError};
pub use index::{BuildIndexError, BuiltIndex, build_index};
pub use manifest::{
    ArtifactConfig, BuildManifestError, BuiltManifest, ManifestOptions, build_manifest,
};
pub use port::{ParsePortError, parse_ports};
pub use settings::{ConfigField, ConfigSettings, ParseFieldError};
