//! A layer from files on disk: what stands where, written as a compressed tar with its digests.
//!
//! The bytes of a layer depend on the inputs' paths and content, the metadata given for them, the
//! format and the level. They do not depend on the files' own modes, owners or times, on the order
//! of a directory on disk, or on the number of threads.
//!
//! Order of entries: files in the order of the inputs, each tree's root directory before its files;
//! then hard links, then symlinks. So a reader that makes one pass has seen what a link names. Two
//! files of the same content and metadata are stored once; the second is a hard link to the first.

mod attributes;
mod build;
mod content;
mod cut;
mod entries;
mod error;
mod hashes;
mod import;
mod input;
mod journal;
mod path;
mod plan;
mod prefix;
mod recompress;
mod sink;
mod stargz;
mod stream;
mod trail;
mod write;

pub use build::{BuiltLayer, build_layer};
pub use error::{BuildLayerError, ImportError, StargzError};
pub use input::{Input, InputKind, KeptMembers, KnownHashes, LayerOptions, TreeHandling};
pub use recompress::{RecompressError, recompress};
