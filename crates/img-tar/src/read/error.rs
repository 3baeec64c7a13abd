//! Why an archive was refused.

use std::io;

use thiserror::Error;

use crate::RecordError;

/// Why an archive cannot be read: what is wrong, with which entry, and where.
#[derive(Debug, Error)]
#[error("at byte {offset} of the archive{}: {kind}", named(.path))]
pub struct ReadError {
    /// Path of the entry as far as it was known; empty between entries.
    pub path: Vec<u8>,
    /// Offset in the uncompressed archive, in bytes.
    pub offset: u64,
    /// What is wrong.
    #[source]
    pub kind: ReadErrorKind,
}

fn named(path: &[u8]) -> String {
    if path.is_empty() {
        return String::new();
    }
    format!(", entry `{}`", crate::shown(path))
}

/// What is wrong with an archive.
#[derive(Debug, Error)]
pub enum ReadErrorKind {
    /// It could not be read.
    #[error("cannot read it: {0}")]
    Io(io::Error),
    /// It ends in the middle of an entry.
    #[error("it ends in the middle of an entry, expected {missing} more bytes")]
    Cut {
        /// Bytes up to where this part of the entry would end.
        missing: u64,
    },
    /// It ends after an extension header.
    #[error("it ends after an extension header, expected the entry that the header is for")]
    ExtensionAtEnd,
    /// A block of zeros stands alone.
    #[error("an entry follows a single block of zeros: some readers end there, others go on")]
    LoneZeroBlock,
    /// Something follows the end.
    #[error(
        "something other than zeros follows the end of the archive: some readers see it, others do not"
    )]
    AfterEnd,
    /// A header whose checksum is not that of its bytes.
    #[error("this is not a tar header: its checksum is {expected}, the bytes sum up to {found}")]
    Checksum {
        /// What the header says.
        expected: String,
        /// What its bytes sum up to.
        found: i64,
    },
    /// Fields behind a magic that readers do not know alike.
    #[error(
        "its magic is {0}, expected that of ustar or GNU tar, or zeros up to the end of the header: \
         readers disagree whether these fields count"
    )]
    Magic(String),
    /// A name prefix that not all readers see.
    #[error(
        "{0} stands where some readers look for the first part of the path, and others for times"
    )]
    Prefix(String),
    /// A number that is none.
    #[error("field `{field}` is {found}, expected {expected}")]
    Number {
        /// Name of the header field or PAX record.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// An entry type that layers have no use for, or that readers disagree about.
    #[error("its type `{}` is refused: {reason}", flag.escape_ascii())]
    Type {
        /// The type flag.
        flag: u8,
        /// Why not.
        reason: &'static str,
    },
    /// A size where there is no content.
    #[error(
        "it is a {what} with a size of {size} bytes, expected 0: readers disagree whether content follows"
    )]
    Size {
        /// What the entry is.
        what: &'static str,
        /// The size it claims.
        size: u64,
    },
    /// A name that is no place inside an image.
    #[error("its {what} `{}` {problem}", crate::shown(found))]
    Name {
        /// `path` or `link target`.
        what: &'static str,
        /// The name.
        found: Vec<u8>,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An extension header that is too large.
    #[error("an extension header of {size} bytes is larger than the {limit} that are read")]
    ExtensionSize {
        /// Bytes that it claims.
        size: u64,
        /// Bytes that are read at most.
        limit: usize,
    },
    /// More extension headers than anybody needs.
    #[error("more than {limit} extension headers come before it")]
    TooManyExtensions {
        /// Extension headers that are read at most.
        limit: usize,
    },
    /// Extension headers that readers disagree about.
    #[error("{0}: readers disagree which of them counts")]
    Extensions(&'static str),
    /// A PAX record that is none.
    #[error("the PAX record at byte {at} of its extension header {problem}")]
    Malformed {
        /// Offset within the body of the extension header.
        at: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A PAX record that changes how the archive is read.
    #[error("PAX record `{}` {reason}", key.escape_debug())]
    Record {
        /// Key of the record.
        key: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// A PAX record that no header that is written here may hold.
    #[error(transparent)]
    Refused(#[from] RecordError),
}

impl ReadError {
    /// Returns what the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match &self.kind {
            ReadErrorKind::Io(_) => None,
            ReadErrorKind::Checksum { .. } | ReadErrorKind::Cut { .. } if self.offset < 512 => {
                Some("expected a tar archive, plain or compressed with gzip or zstd")
            }
            ReadErrorKind::Cut { .. } | ReadErrorKind::ExtensionAtEnd => {
                Some("the archive is incomplete: make or download it again")
            }
            ReadErrorKind::AfterEnd | ReadErrorKind::LoneZeroBlock => {
                Some("archives cannot be joined with `cat`: use `tar --concatenate`")
            }
            ReadErrorKind::Name { .. } => {
                Some("make the archive again, with paths below the root of the image")
            }
            ReadErrorKind::Type { flag: b'S', .. }
            | ReadErrorKind::Prefix(_)
            | ReadErrorKind::Refused(RecordError::Meaning { .. }) => Some(
                "make the archive again, without `--sparse` and `--incremental`, or with `bsdtar --no-read-sparse`",
            ),
            _ => Some("make the archive again with `tar --format=posix`"),
        }
    }
}
