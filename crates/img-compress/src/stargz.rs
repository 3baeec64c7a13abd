//! Layers that can be pulled lazily: eStargz with gzip, zstd:chunked with zstd.
//!
//! Both are ordinary layers in which the content of each file begins a member, with a table of contents
//! (TOC) behind them that tells where. In an eStargz the TOC is the last entry of the tar; in a
//! zstd:chunked layer it is a skippable frame, and no part of the tar. The last bytes of the blob, the
//! footer, tell where the TOC is.
//!
//! Source: containerd's stargz-snapshotter, `docs/estargz.md`; containers/storage, `docs/containers-storage-zstd-chunked.md`.

mod footer;
mod toc;
mod verify;

pub use footer::{Footer, GZIP_FOOTER_SIZE, ParseFooterError, ZSTD_FOOTER_SIZE, skippable_frame};
pub use toc::{Toc, TocEntry, TocError};
pub use verify::{VerifyTocError, verify_toc};

/// Name of the TOC's entry in an eStargz.
pub const TOC_NAME: &str = "stargz.index.json";
/// Name of the entry that says that no file is worth fetching ahead.
pub const NO_PREFETCH_LANDMARK: &str = ".no.prefetch.landmark";
/// Name of the entry before which files are worth fetching ahead.
pub const PREFETCH_LANDMARK: &str = ".prefetch.landmark";
/// Content of both landmarks.
pub const LANDMARK_CONTENT: &[u8] = &[0xf];
/// Bytes of a file's content in one member; the last may have fewer.
pub const CHUNK_SIZE: u64 = 4 << 20;

/// Annotation with the digest of the TOC's JSON.
pub const TOC_DIGEST_ANNOTATION: &str = "containerd.io/snapshot/stargz/toc.digest";
/// Annotation with the size of the tar in bytes.
pub const UNCOMPRESSED_SIZE_ANNOTATION: &str = "io.containers.estargz.uncompressed-size";
/// Annotation with the digest of a zstd:chunked TOC as it is stored.
pub const MANIFEST_CHECKSUM_ANNOTATION: &str =
    "io.github.containers.zstd-chunked.manifest-checksum";
/// Annotation with the place of a zstd:chunked TOC: offset, stored size, size, type.
pub const MANIFEST_POSITION_ANNOTATION: &str =
    "io.github.containers.zstd-chunked.manifest-position";

/// Tells whether an entry of this path belongs to the format and not to the user.
pub fn is_reserved(path: &[u8]) -> bool {
    [TOC_NAME, NO_PREFETCH_LANDMARK, PREFETCH_LANDMARK]
        .iter()
        .any(|name| name.as_bytes() == path)
}
