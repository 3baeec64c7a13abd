//! Where blobs are read from: the port between use cases and the systems that hold bytes.
//!
//! A [`BlobSource`] opens blobs as streams; [`verified`] lets nothing past that is not the blob
//! that was asked for. Nothing here knows a network.

mod files;
mod source;
mod verify;

pub use files::FileSource;
pub use source::{BlobSource, BlobStream, BoxError, OpenBlob, ReadBlobError};
pub use verify::verified;
