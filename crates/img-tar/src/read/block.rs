//! One header block: its fields, as Go's `archive/tar` and all other readers find them.

use super::ReadErrorKind;
use super::name::refused;
use super::number::{octal, shown, signed, unsigned};
use crate::BLOCK_SIZE;

/// The fields of a header block.
#[derive(Debug)]
pub(super) struct HeaderBlock {
    pub(super) type_flag: u8,
    /// Prefix, slash and name.
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) mode: u64,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    pub(super) mtime: i64,
    pub(super) uname: Vec<u8>,
    pub(super) gname: Vec<u8>,
    pub(super) device: (u64, u64),
}

/// Which fields stand behind the link name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// None.
    V7,
    /// Names, device numbers, 155 bytes of prefix.
    Ustar,
    /// Names, device numbers, 131 bytes of prefix, times.
    Star,
    /// Names, device numbers, times; no prefix.
    Gnu,
}

type Block = [u8; BLOCK_SIZE];
const CHECKSUM: std::ops::Range<usize> = 148..156;

impl HeaderBlock {
    pub(super) fn parse(block: &Block) -> Result<Self, ReadErrorKind> {
        check_sum(block)?;
        // Names are empty in a block without magic, as checked there.
        let dialect = dialect(block)?;
        let prefix = prefix(block, dialect)?;
        let device = (
            device("devmajor", &block[329..337])?,
            device("devminor", &block[337..345])?,
        );
        if dialect == Dialect::V7 && device != (0, 0) {
            return Err(ReadErrorKind::Magic(shown(&block[257..265])));
        }
        Ok(Self {
            type_flag: block[156],
            name: joined(prefix, c_string(&block[..100])),
            link: c_string(&block[157..257]).to_vec(),
            mode: unsigned("mode", &block[100..108])?,
            uid: unsigned("uid", &block[108..116])?,
            gid: unsigned("gid", &block[116..124])?,
            size: unsigned("size", &block[124..136])?,
            mtime: signed("mtime", &block[136..148])?,
            uname: c_string(&block[265..297]).to_vec(),
            gname: c_string(&block[297..329]).to_vec(),
            device,
        })
    }
}

/// Returns the dialect as Go sees it.
///
/// Without one of the known magics only the fields of V7 count, but Python reads the others, and
/// libarchive takes any version of `ustar` for USTAR.
fn dialect(block: &Block) -> Result<Dialect, ReadErrorKind> {
    match (&block[257..263], &block[263..265], &block[508..512]) {
        (b"ustar\0", _, b"tar\0") => Ok(Dialect::Star),
        (b"ustar\0", ..) => Ok(Dialect::Ustar),
        (b"ustar ", b" \0", _) => Ok(Dialect::Gnu),
        // GNU tar writes device numbers all the same: 0 in octal.
        _ if [&block[257..329], &block[345..]].concat() == [0; 72 + 167] => Ok(Dialect::V7),
        _ => Err(ReadErrorKind::Magic(shown(&block[257..265]))),
    }
}

/// Returns the prefix of the name.
///
/// Python reads a prefix in all dialects, and all readers but Go and star 155 bytes of it in that of
/// star. So times of access are refused where they could be one.
fn prefix(block: &Block, dialect: Dialect) -> Result<&[u8], ReadErrorKind> {
    let prefix = c_string(&block[345..500]);
    let longest = match dialect {
        Dialect::Ustar => 155,
        Dialect::Star => 131,
        // Long names are no entries: nobody looks for their prefix.
        Dialect::Gnu if matches!(block[156], b'L' | b'K') => return Ok(&[]),
        Dialect::Gnu | Dialect::V7 => 0,
    };
    if prefix.len() > longest {
        return Err(ReadErrorKind::Prefix(shown(prefix)));
    }
    if !prefix.is_empty() && block[0] == 0 && block[156] == 0 {
        // The slash between them makes a directory of it, but not to Python.
        return Err(refused("path", prefix, "is a prefix without a name"));
    }
    Ok(prefix)
}

/// Returns a device number, which some writers leave blank where there is no device.
fn device(field: &'static str, bytes: &[u8]) -> Result<u64, ReadErrorKind> {
    if bytes.iter().all(|byte| matches!(byte, b' ' | 0)) {
        return Ok(0);
    }
    unsigned(field, bytes)
}

fn joined(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    if prefix.is_empty() {
        name.to_vec()
    } else {
        [prefix, b"/", name].concat()
    }
}

/// The sum of all bytes, those of the checksum taken as spaces. Old writers took bytes as signed.
fn check_sum(block: &Block) -> Result<(), ReadErrorKind> {
    let mut spaced = *block;
    spaced[CHECKSUM].fill(b' ');
    let unsigned_sum: i64 = spaced.iter().map(|byte| i64::from(*byte)).sum();
    let signed_sum: i64 = spaced
        .iter()
        .map(|byte| i64::from(byte.cast_signed()))
        .sum();
    match octal(&block[CHECKSUM]) {
        Some(sum) if sum == unsigned_sum || sum == signed_sum => Ok(()),
        _ => Err(ReadErrorKind::Checksum {
            expected: shown(&block[CHECKSUM]),
            found: unsigned_sum,
        }),
    }
}

/// Returns the bytes before the first NUL.
pub(super) fn c_string(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0);
    &field[..end.unwrap_or(field.len())]
}
