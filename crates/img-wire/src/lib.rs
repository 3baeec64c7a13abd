//! The files and texts that Starlark and `img` exchange: one type, one page, one golden each.
//!
//! Nothing here opens a file: readers take the bytes, writers return them.

mod config_templates;
mod configuration;
mod deploy_manifest;
mod file_metadata;
mod key_values;
mod launch;
mod layer_metadata;
mod param_file;

pub use config_templates::ConfigTemplates;
pub use configuration::{LoadConfiguration, PushConfiguration};
pub use deploy_manifest::{
    BlobDescriptor, Command, DeployManifest, DeploySettings, ManifestEntry, Operation,
    ParseStrategyError, RootKind, Strategy,
};
pub use file_metadata::{FileMetadata, ParseModeError};
pub use key_values::{ParseKeyValuesError, parse_key_values};
pub use launch::{LAUNCH_SUFFIX, LaunchDescription};
pub use layer_metadata::{ENCODER_ANNOTATION, LayerMetadata};
pub use param_file::{
    AddedFile, EntryType, ParamFileError, SymlinkLine, parse_added_files, parse_symlinks,
};

/// Stands in a list of an attribute for what the base has there: `INHERIT` of `//img:image.bzl`.
pub const INHERIT: &str = "<inherit>";

/// Why a file of the wire is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Not JSON, or not of the expected shape.
    #[error(transparent)]
    Json(#[from] img_oci::ParseJsonError),
    /// A version of the format that this `img` does not know.
    #[error("version {found} of the format, this img reads version {expected}")]
    Version {
        /// The version in the file.
        found: u32,
        /// The version this crate reads.
        expected: u32,
    },
}
