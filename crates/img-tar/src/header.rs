//! One entry's header blocks.

use thiserror::Error;

use crate::pax::append_record;
use crate::{BLOCK_SIZE, LARGEST_EXTENSION, PaxRecords, padding, time};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A regular file; its content follows the header.
    Regular,
    /// Another name of a regular file that came before.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A character device.
    CharacterDevice {
        /// Number of its driver.
        major: u32,
        /// Number of the device among those of the driver.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Number of its driver.
        major: u32,
        /// Number of the device among those of the driver.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl EntryKind {
    fn type_flag(self) -> u8 {
        match self {
            Self::Regular => b'0',
            Self::HardLink => b'1',
            Self::Symlink => b'2',
            Self::CharacterDevice { .. } => b'3',
            Self::BlockDevice { .. } => b'4',
            Self::Directory => b'5',
            Self::Fifo => b'6',
        }
    }

    fn device(self) -> (u32, u32) {
        match self {
            Self::CharacterDevice { major, minor } | Self::BlockDevice { major, minor } => {
                (major, minor)
            }
            _ => (0, 0),
        }
    }
}

/// A time of last change, relative to 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// Nanoseconds after those, less than 1 000 000 000.
    pub nanoseconds: u32,
}

/// Everything a header says of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Path without leading slash; that of a directory without the slash at its end.
    pub path: &'a [u8],
    /// What the entry is.
    pub kind: EntryKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner's number.
    pub uid: u64,
    /// Group's number.
    pub gid: u64,
    /// Owner's name.
    pub uname: &'a str,
    /// Group's name.
    pub gname: &'a str,
    /// Time of last change.
    pub mtime: Timestamp,
    /// Bytes of content that follow; 0 unless the entry is a regular file.
    pub size: u64,
    /// Target of a hard link or symlink, else empty.
    pub link: &'a [u8],
    /// Further PAX records, each accepted by [`crate::check_user_record`].
    pub pax: &'a PaxRecords,
}

/// An entry that no archive can hold.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum HeaderError {
    /// The path or link target is empty, or holds a NUL byte.
    #[error("`{}` cannot stand in a tar header: it is empty or holds a NUL byte", crate::shown(.0))]
    Name(Vec<u8>),
    /// A device number has more than 21 bits, for which no format has a record that all readers know.
    #[error("device {0}:{1} cannot stand in a tar header: its numbers have more than 21 bits")]
    Device(u32, u32),
    /// The extended header would be too large.
    #[error(
        "`{}` needs an extended header of {size} bytes, readers take at most {LARGEST_EXTENSION}",
        crate::shown(path)
    )]
    Extension {
        /// Path of the entry.
        path: Vec<u8>,
        /// Bytes that the header would have.
        size: usize,
    },
}

/// Appends the header blocks of `entry`; its content and padding come after.
pub fn append_header(out: &mut Vec<u8>, entry: &Entry<'_>) -> Result<(), HeaderError> {
    let links = matches!(entry.kind, EntryKind::HardLink | EntryKind::Symlink);
    for name in [Some(entry.path), links.then_some(entry.link)]
        .into_iter()
        .flatten()
    {
        if name.is_empty() || name.contains(&0) {
            return Err(HeaderError::Name(name.to_vec()));
        }
    }
    let directory_path;
    let path = if entry.kind == EntryKind::Directory {
        directory_path = [entry.path, b"/"].concat();
        &directory_path
    } else {
        entry.path
    };
    let mut block = Block::new(entry.kind.type_flag(), entry.mode);
    let (major, minor) = entry.kind.device();
    for (field, number) in [(DEVICE_MAJOR, major), (DEVICE_MINOR, minor)] {
        if !block.set_octal(field, u64::from(number)) {
            return Err(HeaderError::Device(major, minor));
        }
    }
    let mut records = Vec::new();
    fill(&mut block, entry, path, &mut records);
    if !records.is_empty() || !entry.pax.is_empty() {
        append_extended_header(out, entry, records)?;
    }
    out.extend_from_slice(&block.finish());
    Ok(())
}

/// A record to be: what did not fit into its field.
type Record = (&'static str, Vec<u8>);

fn fill(block: &mut Block, entry: &Entry<'_>, path: &[u8], records: &mut Vec<Record>) {
    if !block.set_path(path) {
        records.push(("path", path.to_vec()));
    }
    if !block.set_text(LINK, entry.link) {
        records.push(("linkpath", entry.link.to_vec()));
    }
    for (field, key, number) in [
        (UID, "uid", entry.uid),
        (GID, "gid", entry.gid),
        (SIZE, "size", entry.size),
    ] {
        if !block.set_octal(field, number) {
            records.push((key, number.to_string().into_bytes()));
        }
    }
    // One byte less than the field: some readers want the NUL.
    for (field, key, name) in [(UNAME, "uname", entry.uname), (GNAME, "gname", entry.gname)] {
        if name.len() == field.1 || !block.set_text(field, name.as_bytes()) {
            records.push((key, name.as_bytes().to_vec()));
        }
    }
    let seconds = u64::try_from(entry.mtime.seconds).ok();
    let fits = seconds.is_some_and(|seconds| block.set_octal(MTIME, seconds));
    if !fits || entry.mtime.nanoseconds != 0 {
        records.push(("mtime", time::decimal(entry.mtime).into_bytes()));
    }
}

/// Appends the PAX extended header with `records` and the entry's own.
fn append_extended_header(
    out: &mut Vec<u8>,
    entry: &Entry<'_>,
    records: Vec<Record>,
) -> Result<(), HeaderError> {
    let mut all = entry.pax.clone();
    all.extend(
        records
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value)),
    );
    let mut body = Vec::new();
    for (key, value) in &all {
        append_record(&mut body, key, value);
    }
    if body.len() > LARGEST_EXTENSION {
        return Err(HeaderError::Extension {
            path: entry.path.to_vec(),
            size: body.len(),
        });
    }
    let mut block = Block::new(b'x', 0o644);
    let base = entry.path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let mut name = b"PaxHeaders.0/".to_vec();
    name.extend(
        base.iter()
            .map(|b| if b.is_ascii_graphic() { *b } else { b'_' }),
    );
    name.truncate(NAME.1);
    block.set_text(NAME, &name);
    let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
    block.set_octal(UID, 0);
    block.set_octal(GID, 0);
    block.set_octal(SIZE, size);
    block.set_octal(MTIME, 0);
    out.extend_from_slice(&block.finish());
    out.extend_from_slice(&body);
    out.extend_from_slice(padding(size));
    Ok(())
}

/// Offset and length of a field in the header block.
type Field = (usize, usize);

const NAME: Field = (0, 100);
const MODE: Field = (100, 8);
const UID: Field = (108, 8);
const GID: Field = (116, 8);
const SIZE: Field = (124, 12);
const MTIME: Field = (136, 12);
const CHECKSUM: Field = (148, 8);
const TYPE_FLAG: usize = 156;
const LINK: Field = (157, 100);
const MAGIC_AND_VERSION: Field = (257, 8);
const UNAME: Field = (265, 32);
const GNAME: Field = (297, 32);
const DEVICE_MAJOR: Field = (329, 8);
const DEVICE_MINOR: Field = (337, 8);
const PREFIX: Field = (345, 155);

/// A header block in the making.
struct Block([u8; BLOCK_SIZE]);

impl Block {
    fn new(type_flag: u8, mode: u32) -> Self {
        let mut block = Self([0; BLOCK_SIZE]);
        block.0[TYPE_FLAG] = type_flag;
        block.put(MAGIC_AND_VERSION, b"ustar\x0000");
        block.set_octal(MODE, u64::from(mode));
        block.set_octal(DEVICE_MAJOR, 0);
        block.set_octal(DEVICE_MINOR, 0);
        block
    }

    fn put(&mut self, (offset, length): Field, bytes: &[u8]) {
        let length = bytes.len().min(length);
        self.0[offset..offset + length].copy_from_slice(&bytes[..length]);
    }

    /// Puts text into a field; tells whether all of it fits and is ASCII, the only charset of USTAR.
    fn set_text(&mut self, field: Field, text: &[u8]) -> bool {
        let fits = text.len() <= field.1 && text.is_ascii();
        let shown: Vec<u8> = text
            .iter()
            .map(|b| if b.is_ascii() { *b } else { b'_' })
            .collect();
        self.put(field, &shown);
        fits
    }

    /// Puts the path into name and prefix; tells whether the two hold it.
    fn set_path(&mut self, path: &[u8]) -> bool {
        if path.len() <= NAME.1 || !path.is_ascii() {
            return self.set_text(NAME, path);
        }
        match split_path(path) {
            Some((prefix, name)) => self.set_text(PREFIX, prefix) && self.set_text(NAME, name),
            None => self.set_text(NAME, path),
        }
    }

    /// Puts a number into a field; tells whether it fits. A number that does not is written as 0.
    fn set_octal(&mut self, field: Field, number: u64) -> bool {
        let digits = field.1 - 1;
        let bits = u32::try_from(digits * 3).unwrap_or(u32::MAX);
        let fits = number.checked_shr(bits).unwrap_or(0) == 0;
        let mut rest = if fits { number } else { 0 };
        for place in (field.0..field.0 + digits).rev() {
            // Three bits, so it fits a byte.
            self.0[place] = b'0' + u8::try_from(rest & 7).unwrap_or(0);
            rest >>= 3;
        }
        fits
    }

    fn finish(mut self) -> [u8; BLOCK_SIZE] {
        self.put(CHECKSUM, b"        ");
        let sum: u32 = self.0.iter().map(|b| u32::from(*b)).sum();
        self.put(CHECKSUM, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

/// Splits a path over 100 bytes at the last slash that leaves a prefix and a name that fit.
fn split_path(path: &[u8]) -> Option<(&[u8], &[u8])> {
    // A directory's final slash belongs to its name.
    let limit = path.len().min(PREFIX.1 + 1).min(path.len() - 1);
    let at = path[..limit].iter().rposition(|b| *b == b'/')?;
    let (prefix, name) = (&path[..at], &path[at + 1..]);
    (!prefix.is_empty() && !name.is_empty() && name.len() <= NAME.1).then_some((prefix, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    static NO_RECORDS: PaxRecords = PaxRecords::new();

    fn file(path: &[u8]) -> Entry<'_> {
        Entry {
            path,
            kind: EntryKind::Regular,
            mode: 0o755,
            uid: 0,
            gid: 0,
            uname: "",
            gname: "",
            mtime: Timestamp::default(),
            size: 0,
            link: b"",
            pax: &NO_RECORDS,
        }
    }

    fn archive(entry: &Entry<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        append_header(&mut bytes, entry).unwrap();
        bytes
    }

    #[test]
    fn what_fits_is_one_ustar_block() {
        let deep = [vec![b'd'; 155], b"/".to_vec(), vec![b'n'; 100]].concat();
        for path in [b"a".as_slice(), b"a/b.txt", &[b'x'; 100], &deep] {
            assert_eq!(archive(&file(path)).len(), BLOCK_SIZE, "{}", path.len());
        }
    }

    #[test]
    fn what_does_not_fit_gets_an_extended_header() {
        let long = [b'x'; 101];
        let cases = [
            file(&long),
            file("ä".as_bytes()),
            Entry {
                uid: 0o10_000_000,
                ..file(b"a")
            },
            Entry {
                size: 8 << 30,
                ..file(b"a")
            },
            Entry {
                mtime: Timestamp {
                    seconds: -1,
                    nanoseconds: 0,
                },
                ..file(b"a")
            },
            Entry {
                mtime: Timestamp {
                    seconds: 1,
                    nanoseconds: 5,
                },
                ..file(b"a")
            },
            Entry {
                uname: "a-name-of-more-than-thirty-one-characters",
                ..file(b"a")
            },
            Entry {
                kind: EntryKind::Symlink,
                link: &long,
                ..file(b"a")
            },
        ];
        for entry in cases {
            let bytes = archive(&entry);
            assert_eq!(
                (bytes.len(), bytes[TYPE_FLAG]),
                (3 * BLOCK_SIZE, b'x'),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn names_that_nobody_reads_are_refused() {
        let mut out = Vec::new();
        assert!(append_header(&mut out, &file(b"a\0b")).is_err());
        assert!(append_header(&mut out, &file(b"")).is_err());
        let long = vec![b'n'; 1 << 20];
        assert!(append_header(&mut out, &file(&long)).is_err());
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn a_reader_sees_what_was_written(
            path in "[a-zä/]{1,300}", link in "[a-zä/]{1,150}", mode in 0u32..0o7777,
            uid in 0u64..u64::from(u32::MAX), mtime in 0u64..1 << 40, size in 0u64..1 << 40,
        ) {
            let path = format!("p{path}q");
            let entry = Entry {
                kind: EntryKind::Symlink, mode, uid, link: link.as_bytes(),
                mtime: Timestamp { seconds: i64::try_from(mtime).unwrap(), nanoseconds: 0 },
                ..file(path.as_bytes())
            };
            let regular = Entry { size, kind: EntryKind::Regular, link: b"", ..entry };
            for written in [entry, regular] {
                let bytes = archive(&written);
                let mut archive = tar::Archive::new(bytes.as_slice());
                let mut read = archive.entries().unwrap().next().unwrap().unwrap();
                prop_assert_eq!(read.path_bytes().to_vec(), path.as_bytes());
                let link = read.link_name_bytes().unwrap_or_default().to_vec();
                prop_assert_eq!(link, written.link);
                prop_assert_eq!(read.size(), written.size);
                // The fields that PAX overrides are read from its records.
                let records: std::collections::HashMap<String, String> = read
                    .pax_extensions().unwrap().into_iter().flatten()
                    .map(|r| { let r = r.unwrap(); (r.key().unwrap().into(), r.value().unwrap().into()) })
                    .collect();
                let number = |key: &str, field: u64| records.get(key).map_or(field, |v| v.parse().unwrap());
                prop_assert_eq!(number("uid", read.header().uid().unwrap()), uid);
                prop_assert_eq!(number("mtime", read.header().mtime().unwrap()), mtime);
                prop_assert_eq!(read.header().mode().unwrap(), mode);
            }
        }
    }
}
