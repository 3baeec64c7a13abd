//! An image seen whole: documents, layers and files, every byte verified.
//!
//! Reads an image from wherever it is and returns what is in it. A digest, size or diff ID that is
//! wrong is an error, never a line of the report. Prints nothing.

mod error;
mod files;
mod layer;
mod report;
mod walk;

pub use error::InspectError;
pub use files::{FileEntry, FileKind, FileTree};
pub use report::{ImageReport, LayerReport, ManifestReport};
pub use walk::{Depth, ImageSource, inspect};
