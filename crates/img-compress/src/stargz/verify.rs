//! Checks a lazily pullable layer against its own table of contents.

use std::collections::HashMap;
use std::io::Read as _;

use img_oci::Digest;
use thiserror::Error;

use super::{CHUNK_SIZE, Footer, ParseFooterError, TOC_NAME, Toc, TocEntry, TocError};
use crate::{Decoder, Format};

/// Largest chunk in bytes that is decompressed.
const LARGEST_CHUNK: u64 = 16 * CHUNK_SIZE;
/// Largest TOC in bytes that is decompressed.
const LARGEST_TOC: u64 = 256 << 20;

/// Why a layer is not what its table of contents says.
#[derive(Debug, Error)]
pub enum VerifyTocError {
    /// There is no footer.
    #[error(transparent)]
    Footer(#[from] ParseFooterError),
    /// The TOC cannot be read where the footer says.
    #[error("cannot read the TOC at byte {offset} of the blob")]
    Place {
        /// Offset in the blob.
        offset: u64,
        /// Why not.
        source: std::io::Error,
    },
    /// The TOC cannot be parsed.
    #[error(transparent)]
    Toc(#[from] TocError),
    /// The TOC has another digest than its annotation says.
    #[error("the TOC's digest is {found}, expected {expected}")]
    Digest {
        /// What the annotation says.
        expected: Digest,
        /// What the TOC has.
        found: Digest,
    },
    /// An entry is not what the TOC says.
    #[error("entry `{}` of the TOC: {problem}", name.escape_debug())]
    Entry {
        /// Path of the entry.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// Checks every chunk of `blob`, and that the TOC has `digest` if one is expected; returns the TOC.
///
/// # Errors
/// See [`VerifyTocError`].
pub fn verify_toc(blob: &[u8], digest: Option<&Digest>) -> Result<Toc, VerifyTocError> {
    let footer = Footer::parse(blob)?;
    let (json, format, end) = read_toc(blob, footer)?;
    if let Some(expected) = digest {
        let found = Digest::sha256(&json);
        if found != *expected {
            let expected = expected.clone();
            return Err(VerifyTocError::Digest { expected, found });
        }
    }
    let toc = Toc::parse(&json)?;
    let mut files: HashMap<&str, Chunks<'_>> = HashMap::new();
    let mut last = 0;
    for entry in &toc.entries {
        let failed = |problem: String| VerifyTocError::Entry {
            name: entry.name.clone(),
            problem,
        };
        if entry.name == TOC_NAME {
            return Err(failed("the name is reserved".to_owned()));
        }
        let is_content = match entry.entry_type.as_str() {
            "reg" => {
                let file = Chunks {
                    file: entry,
                    next: 0,
                };
                let is_new = files.insert(&entry.name, file).is_none();
                is_new
                    .then_some(entry.size > 0)
                    .ok_or_else(|| failed("it is listed twice".to_owned()))?
            }
            "chunk" => true,
            "dir" | "symlink" | "hardlink" | "char" | "block" | "fifo" => false,
            other => {
                return Err(failed(format!(
                    "its type `{}` is none",
                    other.escape_debug()
                )));
            }
        };
        if !is_content {
            continue;
        }
        if entry.offset < last || (entry.offset == last && entry.inner_offset == 0) {
            return Err(failed(format!(
                "it begins at {}, within the one before",
                entry.offset
            )));
        }
        last = entry.offset;
        let file = files.get_mut(entry.name.as_str());
        let file = file.ok_or_else(|| failed("it is a chunk of no file".to_owned()))?;
        let content = chunk(blob, format, end, entry, file).map_err(failed)?;
        file.next += content;
    }
    for (name, chunks) in files {
        if chunks.next != chunks.file.size {
            let problem = format!(
                "it has {} bytes, expected {}",
                chunks.next, chunks.file.size
            );
            let name = name.to_owned();
            return Err(VerifyTocError::Entry { name, problem });
        }
    }
    Ok(toc)
}

/// The chunks of a file so far.
struct Chunks<'t> {
    file: &'t TocEntry,
    /// Bytes of them.
    next: u64,
}

/// Checks one chunk and returns its size.
fn chunk(
    blob: &[u8],
    format: Format,
    end: u64,
    entry: &TocEntry,
    file: &Chunks<'_>,
) -> Result<u64, String> {
    if entry.chunk_offset != file.next {
        return Err(format!(
            "its chunk is at {}, expected {}",
            entry.chunk_offset, file.next
        ));
    }
    let left = file.file.size.saturating_sub(file.next);
    let size = if entry.chunk_size == 0 {
        left
    } else {
        entry.chunk_size
    };
    if size > left || size > LARGEST_CHUNK {
        return Err(format!(
            "its chunk has {size} bytes, of a file with {left} left"
        ));
    }
    if entry.offset >= end || entry.inner_offset > LARGEST_CHUNK {
        return Err(format!("its offset {} is behind the content", entry.offset));
    }
    let start = usize::try_from(entry.offset).map_err(|error| error.to_string())?;
    let read = |error: std::io::Error| format!("cannot decompress its chunk: {error}");
    let mut content = Vec::new();
    let mut decoder = Decoder::new(&blob[start..], format).map_err(read)?;
    std::io::copy(
        &mut (&mut decoder).take(entry.inner_offset),
        &mut std::io::sink(),
    )
    .map_err(read)?;
    decoder.take(size).read_to_end(&mut content).map_err(read)?;
    let found = Digest::sha256(&content).to_string();
    if found != entry.chunk_digest {
        return Err(format!(
            "its chunk has digest {found}, expected {}",
            entry.chunk_digest
        ));
    }
    u64::try_from(content.len()).map_err(|error| error.to_string())
}

/// Returns the TOC's JSON, the format of the blob, and the offset at which its content ends.
fn read_toc(blob: &[u8], footer: Footer) -> Result<(Vec<u8>, Format, u64), VerifyTocError> {
    let (offset, format) = match footer {
        Footer::Gzip { offset } => (offset, Format::Gzip),
        Footer::Zstd { offset, .. } => (offset, Format::Zstd),
    };
    let failed = |source| VerifyTocError::Place { offset, source };
    let cut = || failed(std::io::ErrorKind::UnexpectedEof.into());
    let start = usize::try_from(offset).map_err(|_| cut())?;
    let rest = blob.get(start..).ok_or_else(cut)?;
    let (rest, skip, size) = match footer {
        Footer::Gzip { .. } => (rest, 512, LARGEST_TOC),
        Footer::Zstd {
            stored_size, size, ..
        } => {
            let stored = usize::try_from(stored_size).map_err(|_| cut())?;
            (
                rest.get(..stored).ok_or_else(cut)?,
                0,
                size.min(LARGEST_TOC),
            )
        }
    };
    let mut json = Vec::new();
    let mut decoder = Decoder::new(rest, format).map_err(failed)?;
    let mut header = Vec::new();
    (&mut decoder)
        .take(skip)
        .read_to_end(&mut header)
        .map_err(failed)?;
    decoder.take(size).read_to_end(&mut json).map_err(failed)?;
    if format == Format::Gzip {
        let size = toc_size(&header)
            .filter(|size| *size <= json.len())
            .ok_or_else(cut)?;
        json.truncate(size);
    }
    Ok((json, format, offset))
}

/// Returns the size that the header block of the TOC's entry says.
fn toc_size(header: &[u8]) -> Option<usize> {
    let name = header.get(..100)?.split(|byte| *byte == 0).next()?;
    let digits = std::str::from_utf8(header.get(124..135)?).ok()?;
    (name == TOC_NAME.as_bytes()).then_some(())?;
    usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8).ok()
}
