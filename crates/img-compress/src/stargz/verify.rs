//! Checks a lazily pullable layer against its own table of contents.

use std::collections::HashMap;
use std::io::{self, Read as _};

use img_oci::{Algorithm, Digest, Hasher};
use thiserror::Error;

use super::{CHUNK_SIZE, Footer, ParseFooterError, TOC_NAME, Toc, TocEntry, TocError};
use crate::{Decoder, Format};

/// Largest chunk in bytes that is decompressed.
const LARGEST_CHUNK: u64 = 16 * CHUNK_SIZE;
/// Largest TOC in bytes that is decompressed.
const LARGEST_TOC: u64 = 128 << 20;
/// Most bytes that are decompressed between chunks: headers and padding of entries.
const MOST_SKIPPED: u64 = 1 << 30;

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
/// What the TOC says of an entry beside its content (mode, owner, times) is for those to compare who read
/// the tar.
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
    let mut check = Check {
        blob,
        format,
        end,
        kinds: HashMap::new(),
        file: None,
        member: None,
        skippable: MOST_SKIPPED,
    };
    for entry in &toc.entries {
        if entry.entry_type != "chunk" {
            check.end_of_file()?;
        }
        if let Err(problem) = check.entry(entry) {
            let name = entry.name.clone();
            return Err(VerifyTocError::Entry { name, problem });
        }
    }
    check.end_of_file()?;
    Ok(toc)
}

/// The entries so far.
struct Check<'t> {
    blob: &'t [u8],
    format: Format,
    /// Offset in the blob at which the content ends.
    end: u64,
    /// The type of each entry, by its path.
    kinds: HashMap<&'t str, &'t str>,
    /// The latest file, unless it has ended.
    file: Option<File<'t>>,
    /// The member of the latest chunk.
    member: Option<Member<'t>>,
    /// Bytes between chunks that may still be decompressed.
    skippable: u64,
}

/// A member that has been read in part.
struct Member<'t> {
    offset: u64,
    /// Bytes of its content that were read.
    position: u64,
    decoder: Decoder<&'t [u8]>,
}

/// A file of which chunks are to come.
struct File<'t> {
    entry: &'t TocEntry,
    /// Bytes of its chunks so far.
    next: u64,
    hasher: Hasher,
}

impl<'t> Check<'t> {
    fn entry(&mut self, entry: &'t TocEntry) -> Result<(), String> {
        if entry.entry_type == "chunk" {
            return self.chunk(entry);
        }
        let kind = entry.entry_type.as_str();
        if !["dir", "reg", "symlink", "hardlink", "char", "block", "fifo"].contains(&kind) {
            return Err(format!("its type `{}` is none", kind.escape_debug()));
        }
        let path = entry.name.trim_end_matches('/');
        if path == TOC_NAME {
            return Err("the name is reserved".to_owned());
        }
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            return Err("it is outside the image".to_owned());
        }
        if kind == "hardlink" {
            let target = self.kinds.get(entry.link_name.trim_end_matches('/'));
            if !matches!(target, Some(&("reg" | "hardlink"))) {
                let target = entry.link_name.escape_debug();
                return Err(format!(
                    "it is a hard link to `{target}`, no file before it"
                ));
            }
        }
        let before = self.kinds.insert(path, kind);
        if before.is_some_and(|before| (before, kind) != ("dir", "dir")) {
            return Err("it is listed twice".to_owned());
        }
        if kind == "reg" {
            self.file = Some(File {
                entry,
                next: 0,
                hasher: Hasher::new(Algorithm::Sha256),
            });
            if entry.size > 0 {
                self.chunk(entry)?;
            }
        }
        Ok(())
    }

    /// Checks one chunk of the latest file.
    fn chunk(&mut self, entry: &TocEntry) -> Result<(), String> {
        let file = self.file.take();
        let file = file.filter(|file| file.entry.name == entry.name);
        let mut file = file.ok_or("it is a chunk of another file than the one before it")?;
        if entry.chunk_offset != file.next {
            let (found, expected) = (entry.chunk_offset, file.next);
            return Err(format!("its chunk is at {found}, expected {expected}"));
        }
        let left = file.entry.size - file.next;
        let size = match entry.chunk_size {
            0 => left,
            size => size,
        };
        if size == 0 || size > left || size > LARGEST_CHUNK {
            return Err(format!(
                "its chunk has {size} bytes, of a file with {left} left"
            ));
        }
        if entry.offset >= self.end || entry.inner_offset > LARGEST_CHUNK {
            let (offset, end) = (entry.offset, self.end);
            return Err(format!("its offset is {offset}, the content ends at {end}"));
        }
        let last = self.member.as_ref();
        let last = last.map_or((0, 0), |member| (member.offset, member.position));
        if (entry.offset, entry.inner_offset) < last {
            let offset = entry.offset;
            return Err(format!("it begins at {offset}, within the one before"));
        }
        let content = self
            .read(entry, size)
            .map_err(|error| format!("cannot decompress its chunk: {error}"))?;
        let found = Digest::sha256(&content).to_string();
        if found != entry.chunk_digest {
            let expected = entry.chunk_digest.escape_debug();
            return Err(format!("its chunk has digest {found}, expected {expected}"));
        }
        file.hasher.update(&content);
        file.next += size;
        self.file = Some(file);
        Ok(())
    }

    /// Reads `size` bytes where the entry says; goes on in the member that was read last, if it is that.
    fn read(&mut self, entry: &TocEntry, size: u64) -> io::Result<Vec<u8>> {
        let latest = self.member.take();
        let mut member = match latest.filter(|latest| latest.offset == entry.offset) {
            Some(member) => member,
            None => Member {
                offset: entry.offset,
                position: 0,
                decoder: Decoder::new(
                    content_from(self.blob, entry.offset, self.end)?,
                    self.format,
                )?,
            },
        };
        let skipped = entry.inner_offset - member.position;
        self.skippable = self
            .skippable
            .checked_sub(skipped)
            .ok_or_else(|| io::Error::other("there is too much between chunks"))?;
        io::copy(&mut (&mut member.decoder).take(skipped), &mut io::sink())?;
        let mut content = Vec::new();
        (&mut member.decoder).take(size).read_to_end(&mut content)?;
        if u64::try_from(content.len()).unwrap_or(u64::MAX) < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        member.position = entry.inner_offset + size;
        self.member = Some(member);
        Ok(content)
    }

    /// Checks the latest file, all chunks of which were there.
    fn end_of_file(&mut self) -> Result<(), VerifyTocError> {
        let Some(File {
            entry,
            next,
            hasher,
        }) = self.file.take()
        else {
            return Ok(());
        };
        let digest = hasher.finish().to_string();
        let problem = if next != entry.size {
            format!("it has {next} bytes, expected {}", entry.size)
        } else if !entry.digest.is_empty() && digest != entry.digest {
            let expected = entry.digest.escape_debug();
            format!("it has digest {digest}, expected {expected}")
        } else {
            return Ok(());
        };
        let name = entry.name.clone();
        Err(VerifyTocError::Entry { name, problem })
    }
}

/// Returns the part of a blob between two offsets.
fn content_from(blob: &[u8], start: u64, end: u64) -> io::Result<&[u8]> {
    let place = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let content = place.and_then(|(start, end)| blob.get(start..end));
    content.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stargz::skippable_frame;
    use crate::{Compression, MemberEncoder};

    const CONTENT: [&[u8]; 3] = [b"first", b"second chunk", b"other"];

    fn encoder() -> MemberEncoder {
        MemberEncoder::new(Compression::new(Format::Zstd, 1).unwrap()).unwrap()
    }

    fn entry(name: &str, kind: &str) -> TocEntry {
        TocEntry {
            name: name.to_owned(),
            entry_type: kind.to_owned(),
            ..TocEntry::default()
        }
    }

    /// A file of two chunks, one of one chunk, a hard link and a directory; then `change` has its way.
    fn blob(change: impl FnOnce(&mut Toc)) -> Vec<u8> {
        let mut blob = Vec::new();
        let chunks = CONTENT.map(|content| {
            let offset = blob.len() as u64;
            blob.extend(encoder().encode(content).unwrap());
            TocEntry {
                offset,
                chunk_digest: Digest::sha256(content).to_string(),
                ..TocEntry::default()
            }
        });
        let [first, second, other] = chunks;
        let mut toc = Toc {
            version: 1,
            entries: vec![
                entry("d/", "dir"),
                TocEntry {
                    size: 17,
                    chunk_size: 5,
                    digest: Digest::sha256(&CONTENT[..2].concat()).to_string(),
                    offset: first.offset,
                    chunk_digest: first.chunk_digest,
                    ..entry("d/f", "reg")
                },
                TocEntry {
                    chunk_offset: 5,
                    chunk_size: 12,
                    offset: second.offset,
                    chunk_digest: second.chunk_digest,
                    ..entry("d/f", "chunk")
                },
                TocEntry {
                    size: 5,
                    digest: other.chunk_digest.clone(),
                    offset: other.offset,
                    chunk_digest: other.chunk_digest,
                    ..entry("g", "reg")
                },
                TocEntry {
                    link_name: "g".to_owned(),
                    ..entry("h", "hardlink")
                },
            ],
        };
        change(&mut toc);
        let json = toc.to_json();
        let stored = encoder().encode(&json).unwrap();
        let footer = Footer::Zstd {
            offset: blob.len() as u64 + 8,
            stored_size: stored.len() as u64,
            size: json.len() as u64,
        };
        blob.extend(skippable_frame(&stored));
        blob.extend(footer.to_bytes());
        blob
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Vec<TocEntry>), says: &str) {
        let blob = blob(|toc| change(&mut toc.entries));
        let error = verify_toc(&blob, None).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn a_true_table_of_contents_holds() {
        assert_eq!(verify_toc(&blob(|_| {}), None).unwrap().entries.len(), 5);
        // Several files may share a member.
        let shared = blob(|toc| {
            toc.entries[1].chunk_size = 2;
            toc.entries[1].chunk_digest = Digest::sha256(b"fi").to_string();
            let rest = TocEntry {
                chunk_offset: 2,
                chunk_size: 3,
                inner_offset: 2,
                chunk_digest: Digest::sha256(b"rst").to_string(),
                ..entry("d/f", "chunk")
            };
            toc.entries.insert(2, rest);
        });
        assert_eq!(verify_toc(&shared, None).unwrap().entries.len(), 6);
    }

    #[test]
    fn a_table_of_contents_that_lies_is_refused() {
        check(|toc| toc[3].offset = 1 << 40, "the content ends at");
        check(|toc| toc[3].offset += 1, "cannot decompress");
        check(|toc| toc[3].offset = toc[2].offset, "within the one before");
        check(|toc| toc[3].inner_offset = 1, "cannot decompress");
        check(|toc| toc[3].inner_offset = u64::MAX, "the content ends at");
        check(|toc| toc[2].chunk_offset = 4, "expected 5");
        check(|toc| toc[2].chunk_size = 13, "a file with 12 left");
        check(|toc| toc[1].size = 4, "a file with 4 left");
        check(|toc| toc[1].size = u64::MAX, "it has 17 bytes");
        check(|toc| toc[3].size = 1 << 40, "its chunk has 1099511627776");
        check(|toc| toc[3].chunk_digest.clear(), "its chunk has digest");
        check(|toc| toc[1].digest = toc[3].digest.clone(), "it has digest");
        check(|toc| drop(toc.remove(2)), "it has 5 bytes, expected 17");
        check(|toc| toc.swap(2, 3), "it has 5 bytes, expected 17");
        check(
            |toc| toc[2].name = "g".to_owned(),
            "a chunk of another file",
        );
        check(|toc| toc[4].name = "g".to_owned(), "listed twice");
        check(|toc| toc[4].link_name = "d".to_owned(), "no file before it");
        check(|toc| toc[4].name = TOC_NAME.to_owned(), "reserved");
        check(
            |toc| toc[4].name = "d/../../x".to_owned(),
            "outside the image",
        );
        check(|toc| toc[4].name = "/x".to_owned(), "outside the image");
        check(|toc| toc[4].entry_type = "door".to_owned(), "is none");
    }

    #[test]
    fn a_footer_that_lies_is_refused() {
        let blob = blob(|_| {});
        let end = blob.len() as u64;
        for (offset, stored_size, size) in [
            (end, 1, 1),
            (u64::MAX, 1, 1),
            (0, u64::MAX, u64::MAX),
            (0, end, 1 << 30),
            (8, 1, 1),
        ] {
            let footer = Footer::Zstd {
                offset,
                stored_size,
                size,
            };
            let start = blob.len() - footer.to_bytes().len();
            let changed = [&blob[..start], &footer.to_bytes()].concat();
            assert!(verify_toc(&changed, None).is_err(), "{footer:?}");
            let gzip = Footer::Gzip { offset }.to_bytes();
            assert!(verify_toc(&[&blob[..start], &gzip].concat(), None).is_err());
        }
    }
}
