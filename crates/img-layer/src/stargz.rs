//! The table of contents of a lazily pullable layer, collected while its entries are written.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use img_compress::stargz::{
    Footer, LANDMARK_CONTENT, MANIFEST_CHECKSUM_ANNOTATION, MANIFEST_POSITION_ANNOTATION,
    NO_PREFETCH_LANDMARK, TOC_DIGEST_ANNOTATION, TOC_NAME, Toc, TocEntry,
    UNCOMPRESSED_SIZE_ANNOTATION, skippable_frame,
};
use img_compress::{Compression, EncodeError, Format, MemberEncoder, ParallelEncoder, WrittenPart};
use img_oci::Digest;
use img_tar::{
    END_OF_ARCHIVE, Entry, EntryKind, HeaderError, PaxRecords, Timestamp, append_header, padding,
};

use crate::content::Hash;
use crate::error::{StargzError, shown};

/// Prefix of the PAX records of extended attributes.
const XATTR: &str = "SCHILY.xattr.";

/// The table of contents in the making.
#[derive(Default)]
pub(crate) struct StargzIndex {
    entries: Vec<TocEntry>,
    /// For each chunk, its entry and the part that begins with it.
    chunks: Vec<(usize, usize)>,
    /// The entry of the latest file.
    file: usize,
    /// The path of each entry, and whether it is a directory.
    paths: HashMap<String, bool>,
}

/// What stands behind the entries of the tar.
pub(crate) struct Tail {
    /// Entries that are part of the tar: the TOC's where it is one, and the end of the archive.
    pub(crate) content: Vec<u8>,
    /// Bytes behind the tar.
    pub(crate) raw: Vec<u8>,
    pub(crate) annotations: BTreeMap<String, String>,
}

impl StargzIndex {
    /// Adds an entry.
    ///
    /// # Errors
    /// A path or link that is not UTF-8, or a path that another entry has; a directory may be there again.
    pub(crate) fn add(&mut self, entry: &Entry<'_>) -> Result<(), StargzError> {
        let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(StargzError::NotUtf8 {
                path: shown(entry.path),
            }),
        };
        let mut name = text(entry.path)?;
        let is_directory = entry.kind == EntryKind::Directory;
        let before = self.paths.insert(name.clone(), is_directory);
        if before.is_some_and(|was_directory| !(was_directory && is_directory)) {
            return Err(StargzError::Twice {
                path: shown(entry.path),
            });
        }
        if is_directory {
            name.push('/');
        }
        let (dev_major, dev_minor) = device(entry.kind);
        self.file = self.entries.len();
        self.entries.push(TocEntry {
            name,
            entry_type: type_name(entry.kind).to_owned(),
            size: entry.size,
            modtime: modtime(entry.mtime),
            link_name: text(entry.link)?,
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            user_name: entry.uname.to_owned(),
            group_name: entry.gname.to_owned(),
            dev_major,
            dev_minor,
            xattrs: xattrs(entry.pax),
            ..TocEntry::default()
        });
        Ok(())
    }

    /// Adds a chunk of the latest file: `part` begins with `size` bytes of it from `offset`.
    pub(crate) fn add_chunk(&mut self, part: usize, offset: u64, size: u64) {
        let file = &mut self.entries[self.file];
        let is_whole = size == file.size;
        let index = if offset == 0 {
            self.file
        } else {
            let name = file.name.clone();
            self.entries.push(TocEntry {
                name,
                entry_type: "chunk".to_owned(),
                chunk_offset: offset,
                ..TocEntry::default()
            });
            self.entries.len() - 1
        };
        if !is_whole {
            self.entries[index].chunk_size = size;
        }
        self.chunks.push((index, part));
    }

    /// Sets the digest of the latest file, which has several chunks.
    pub(crate) fn set_digest(&mut self, digest: &Digest) {
        self.entries[self.file].digest = digest.to_string();
    }

    /// Returns what comes behind the entries: `parts` are the members so far, `size` their size, and
    /// `content_size` that of the tar so far.
    pub(crate) fn finish(
        mut self,
        compression: Compression,
        parts: &[WrittenPart],
        size: u64,
        content_size: u64,
    ) -> Result<Tail, EncodeError> {
        for (entry, part) in std::mem::take(&mut self.chunks) {
            let end = parts.get(part + 1).map_or(size, |next| next.position);
            let entry = &mut self.entries[entry];
            entry.offset = parts[part].position;
            entry.end_offset = end;
            entry.chunk_digest = parts[part].digest.map(digest).unwrap_or_default();
            if entry.chunk_size == 0 {
                entry.digest.clone_from(&entry.chunk_digest);
            }
        }
        let json = Toc {
            version: 1,
            entries: self.entries,
        }
        .to_json();
        let toc_digest = Digest::sha256(&json).to_string();
        let mut tail = match compression.format() {
            Format::Zstd => zstd_tail(compression, &json, size).map_err(EncodeError::Compress)?,
            Format::Gzip | Format::None => gzip_tail(&json, size),
        };
        let content_size = content_size + u64::try_from(tail.content.len()).unwrap_or(0);
        tail.annotations.extend([
            (TOC_DIGEST_ANNOTATION.to_owned(), toc_digest),
            (
                UNCOMPRESSED_SIZE_ANNOTATION.to_owned(),
                content_size.to_string(),
            ),
        ]);
        Ok(tail)
    }
}

/// Returns the landmark's entry: the first of the tar. No file is fetched ahead.
pub(crate) fn landmark() -> Entry<'static> {
    reserved(NO_PREFETCH_LANDMARK, LANDMARK_CONTENT.len())
}

fn reserved(name: &'static str, size: usize) -> Entry<'static> {
    static NO_RECORDS: PaxRecords = PaxRecords::new();
    Entry {
        path: name.as_bytes(),
        kind: EntryKind::Regular,
        mode: 0o644,
        uid: 0,
        gid: 0,
        uname: "",
        gname: "",
        mtime: Timestamp::default(),
        size: u64::try_from(size).unwrap_or(u64::MAX),
        link: b"",
        pax: &NO_RECORDS,
    }
}

fn gzip_tail(json: &[u8], offset: u64) -> Tail {
    let mut content = Vec::new();
    // The name is not empty and holds no NUL.
    let written: Result<(), HeaderError> =
        append_header(&mut content, &reserved(TOC_NAME, json.len()));
    debug_assert!(written.is_ok(), "{written:?}");
    content.extend_from_slice(json);
    content.extend_from_slice(padding(u64::try_from(json.len()).unwrap_or(0)));
    content.extend_from_slice(&END_OF_ARCHIVE);
    Tail {
        content,
        raw: Footer::Gzip { offset }.to_bytes(),
        annotations: BTreeMap::new(),
    }
}

fn zstd_tail(compression: Compression, json: &[u8], end: u64) -> io::Result<Tail> {
    let stored = MemberEncoder::new(compression)?.encode(json)?;
    let number = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    // Behind the magic number and size of the frame.
    let (offset, stored_size, size) = (end + 8, number(stored.len()), number(json.len()));
    let footer = Footer::Zstd {
        offset,
        stored_size,
        size,
    };
    let position = format!("{offset}:{stored_size}:{size}:1");
    Ok(Tail {
        content: Vec::new(),
        raw: [skippable_frame(&stored), footer.to_bytes()].concat(),
        annotations: BTreeMap::from([
            (
                MANIFEST_CHECKSUM_ANNOTATION.to_owned(),
                Digest::sha256(&stored).to_string(),
            ),
            (MANIFEST_POSITION_ANNOTATION.to_owned(), position),
        ]),
    })
}

/// Writes what comes behind the entries.
pub(crate) fn write_tail<W: Write + Send + 'static>(
    index: StargzIndex,
    compression: Compression,
    content_size: u64,
    encoder: &mut ParallelEncoder<W>,
) -> Result<BTreeMap<String, String>, EncodeError> {
    let (parts, size) = encoder.written()?;
    let tail = index.finish(compression, &parts, size, content_size)?;
    if !tail.content.is_empty() {
        encoder.push(tail.content, None)?;
    }
    encoder.append_raw(tail.raw)?;
    Ok(tail.annotations)
}

fn digest(hash: Hash) -> String {
    Digest::from_sha256(hash).to_string()
}

fn type_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Regular => "reg",
        EntryKind::HardLink => "hardlink",
        EntryKind::Symlink => "symlink",
        EntryKind::Directory => "dir",
        EntryKind::CharacterDevice { .. } => "char",
        EntryKind::BlockDevice { .. } => "block",
        EntryKind::Fifo => "fifo",
    }
}

fn device(kind: EntryKind) -> (u32, u32) {
    match kind {
        EntryKind::CharacterDevice { major, minor } | EntryKind::BlockDevice { major, minor } => {
            (major, minor)
        }
        _ => (0, 0),
    }
}

/// Returns the time as RFC 3339, in whole seconds; nothing for one outside the years that this can tell.
///
/// Readers take nothing for the year 1, so the beginning of 1970 is told as well.
fn modtime(time: Timestamp) -> String {
    jiff::Timestamp::from_second(time.seconds).map_or(String::new(), |time| time.to_string())
}

fn xattrs(pax: &PaxRecords) -> BTreeMap<String, Vec<u8>> {
    let xattrs = pax.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix(XATTR)?;
        Some((name.to_owned(), value.clone()))
    });
    xattrs.collect()
}
