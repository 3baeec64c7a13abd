//! OCI image layouts: written from the files of a build, read and verified.
//!
//! Source: OCI image-spec v1.1.1, image-layout.md.

mod docker;
mod error;
mod image;
mod read;
mod write;

pub use docker::ImageName;
pub use error::{ReadLayoutError, WriteLayoutError};
pub use image::{
    ImageFiles, LayerFile, LayoutBlob, LayoutOptions, LayoutPlan, ManifestFiles, plan_layout,
};
pub use read::LayoutReader;
pub use write::{BlobLinking, write_directory, write_tar};

/// Content of the file `oci-layout`.
pub(crate) const LAYOUT_FILE: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
