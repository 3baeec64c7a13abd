//! Why a layer could not be built.

use std::path::PathBuf;

use img_compress::EncodeError;
use img_tar::{HeaderError, ReadError, RecordError};
use img_wire::ParseModeError;
use thiserror::Error;

use crate::stream::EntryError;

/// Why a layer could not be built. Paths in the image are shown lossily as text.
#[derive(Debug, Error)]
pub enum BuildLayerError {
    /// A path that would mean different things to different readers, or leave the image.
    #[error("path `{}` in the image {problem}", path.escape_debug())]
    Path {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two inputs want different things at one path.
    #[error("path `{}` in the image is added twice with different content or metadata: {first} and {second}", path.escape_debug())]
    Conflict {
        /// The path both want.
        path: String,
        /// The input that came first.
        first: String,
        /// The input that came second.
        second: String,
    },
    /// An entry stands below one that is not a directory.
    #[error("path `{}` in the image stands below `{}`, which is {found} and not a directory", path.escape_debug(), parent.escape_debug())]
    Parent {
        /// The entry below.
        path: String,
        /// The entry above.
        parent: String,
        /// What the entry above is.
        found: String,
    },
    /// `file_metadata` for paths that no input has.
    #[error("file metadata is given for paths that are not in the layer: {}", paths.join(", "))]
    UnusedMetadata {
        /// The paths, sorted.
        paths: Vec<String>,
    },
    /// Different `file_metadata` for one path.
    #[error("file metadata is given twice, and differently, for `{}`", path.escape_debug())]
    MetadataTwice {
        /// The path.
        path: String,
    },
    /// A mode that is not octal.
    #[error("cannot use metadata of `{}`", path.escape_debug())]
    Mode {
        /// Path of the entry, or what the metadata is for.
        path: String,
        /// What is wrong with it.
        source: ParseModeError,
    },
    /// An owner that no reader of tars knows.
    #[error("cannot use metadata of `{}`: {field} {problem}", path.escape_debug())]
    Owner {
        /// Path of the entry, or what the metadata is for.
        path: String,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A time that is not RFC 3339.
    #[error("mtime of `{}` is `{}`, expected a time such as 2026-01-31T12:00:00Z", path.escape_debug(), mtime.escape_debug())]
    Mtime {
        /// Path of the entry, or what the metadata is for.
        path: String,
        /// The text given.
        mtime: String,
        /// What the parser said.
        source: jiff::Error,
    },
    /// A PAX record that contradicts the header.
    #[error("cannot use metadata of `{}`", path.escape_debug())]
    Record {
        /// Path of the entry, or what the metadata is for.
        path: String,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A source could not be read.
    #[error("cannot read {} for `{}` in the image", file.display(), path.escape_debug())]
    Read {
        /// File or directory on disk.
        file: PathBuf,
        /// Path in the image.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A source is neither a file nor a directory.
    #[error("{} for `{}` in the image is a device, pipe or socket, expected a file or a directory", file.display(), path.escape_debug())]
    Kind {
        /// File on disk.
        file: PathBuf,
        /// Path in the image.
        path: String,
    },
    /// A source changed while it was read.
    #[error("{} changed while it was read: expected {expected} bytes, found {}", file.display(), if found > expected { "more".to_owned() } else { found.to_string() })]
    Changed {
        /// File on disk.
        file: PathBuf,
        /// Bytes it had at first.
        expected: u64,
        /// Bytes that were read; of one that grew, not all.
        found: u64,
    },
    /// An archive could not be imported.
    #[error("cannot import {}", file.display())]
    Import {
        /// The archive on disk.
        file: PathBuf,
        /// Why not.
        source: ImportError,
    },
    /// A layer that cannot be pulled lazily as it is compressed.
    #[error(transparent)]
    Stargz(#[from] StargzError),
    /// A path that belongs to the format.
    #[error("path `{}` in the image belongs to the format of eStargz", path.escape_debug())]
    Reserved {
        /// The path.
        path: String,
    },
    /// A name that no tar header can hold.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The layer could not be compressed or written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl From<EntryError> for BuildLayerError {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::Stargz(error) => error.into(),
            EntryError::Encode(error) => error.into(),
        }
    }
}

/// Why a layer cannot be pulled lazily.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum StargzError {
    /// Files cannot begin members.
    #[error("a layer that can be pulled lazily is eStargz or zstd:chunked, and this one {0}")]
    Compression(&'static str),
    /// A name is none in JSON.
    #[error(
        "entry `{path}` of the layer: a table of contents holds no names or links that are not UTF-8"
    )]
    NotUtf8 {
        /// Path of the entry.
        path: String,
    },
    /// Two entries have one path, and a table of contents can tell of one.
    #[error("entry `{path}` of the layer is there twice: a table of contents holds each path once")]
    Twice {
        /// Path of the entries.
        path: String,
    },
}

impl StargzError {
    /// Returns what the user can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Compression(_) => {
                "compress by gzip or zstd, in several members, or leave eStargz off"
            }
            Self::NotUtf8 { .. } => "rename the file, or leave eStargz off",
            Self::Twice { .. } => {
                "import the archive into a layer, which keeps the last of them, or leave eStargz off"
            }
        }
    }
}

/// Why an archive could not be read into a layer.
#[derive(Debug, Error)]
pub enum ImportError {
    /// It could not be opened or decompressed.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// It is cut, malformed, or one that readers disagree about.
    #[error(transparent)]
    Archive(#[from] ReadError),
    /// The content of an entry could not be read.
    #[error("entry `{}`", path.escape_debug())]
    Content {
        /// Path of the entry.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A hard link leads to nothing.
    #[error("hard link `{}` leads to `{}`, which {found}", path.escape_debug(), target.escape_debug())]
    LinkTarget {
        /// Path of the link.
        path: String,
        /// Path of its target.
        target: String,
        /// What is wrong with the target.
        found: &'static str,
    },
    /// A path that nobody could unpack.
    #[error("entry `{}` has a path of {length} bytes, expected at most {}", path.escape_debug(), crate::path::LONGEST_PATH)]
    Path {
        /// Start of the path.
        path: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The file is not the one that was read before.
    #[error("it changed while it was read")]
    Changed,
}

impl ImportError {
    /// Returns what the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Archive(error) => error.hint(),
            Self::LinkTarget { .. } => Some(
                "a link to a file of a lower layer cannot be kept: pack the file itself, or leave `optimize` off",
            ),
            Self::Changed => Some("build again when nothing writes to the file"),
            Self::Read(_) | Self::Path { .. } | Self::Content { .. } => None,
        }
    }
}

impl BuildLayerError {
    /// Returns what the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Path { .. } => {
                Some("write the path relative to the image's root, such as app/bin/server")
            }
            Self::Conflict { .. } => Some(
                "remove one of the two, or give each a path of its own in `srcs` and `symlinks`",
            ),
            Self::Parent { .. } => Some("give one of the two another path"),
            Self::UnusedMetadata { .. } => {
                Some("keys of `file_metadata` are full paths of entries: correct or remove these")
            }
            Self::Import { source, .. } => source.hint(),
            Self::Reserved { .. } => Some("give the file another path, or leave eStargz off"),
            Self::Stargz(error) => Some(error.hint()),
            Self::Changed { .. } => Some("build again when nothing writes to the file"),
            _ => None,
        }
    }
}

/// Shows a path in the image; of one that is very long, the start.
pub(crate) fn shown(path: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(path);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}
