//! One header block: its fields, as Go's `archive/tar` reads them.

use super::ReadErrorKind;
use crate::{BLOCK_SIZE, Timestamp};

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
    pub(super) mtime: Timestamp,
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

const CHECKSUM: std::ops::Range<usize> = 148..156;

impl HeaderBlock {
    pub(super) fn parse(block: &[u8; BLOCK_SIZE]) -> Result<Self, ReadErrorKind> {
        check_sum(block)?;
        let dialect = dialect(block);
        let is_new = dialect != Dialect::V7;
        let text = |range| {
            if is_new {
                c_string(&block[range]).to_vec()
            } else {
                Vec::new()
            }
        };
        let device = |field, range| {
            if is_new {
                unsigned(field, &block[range])
            } else {
                Ok(0)
            }
        };
        let (seconds, nanoseconds) = (signed("mtime", &block[136..148])?, 0);
        Ok(Self {
            type_flag: block[156],
            name: joined(prefix(block, dialect)?, c_string(&block[..100])),
            link: c_string(&block[157..257]).to_vec(),
            mode: unsigned("mode", &block[100..108])?,
            uid: unsigned("uid", &block[108..116])?,
            gid: unsigned("gid", &block[116..124])?,
            size: unsigned("size", &block[124..136])?,
            mtime: Timestamp {
                seconds,
                nanoseconds,
            },
            uname: text(265..297),
            gname: text(297..329),
            device: (device("devmajor", 329..337)?, device("devminor", 337..345)?),
        })
    }
}

fn dialect(block: &[u8; BLOCK_SIZE]) -> Dialect {
    match (&block[257..263], &block[263..265], &block[508..512]) {
        (b"ustar\0", b"00", b"tar\0") => Dialect::Star,
        (b"ustar\0", ..) => Dialect::Ustar,
        (b"ustar ", b" \0", _) => Dialect::Gnu,
        _ => Dialect::V7,
    }
}

/// Returns the prefix of the name.
fn prefix(block: &[u8; BLOCK_SIZE], dialect: Dialect) -> Result<&[u8], ReadErrorKind> {
    match dialect {
        Dialect::V7 => Ok(&[]),
        Dialect::Ustar => Ok(c_string(&block[345..500])),
        Dialect::Star => Ok(c_string(&block[345..476])),
        Dialect::Gnu => {
            // Times stand where others have the prefix. An old version of Go wrote a prefix there.
            signed("atime", &block[345..357])?;
            signed("ctime", &block[357..369])?;
            Ok(&[])
        }
    }
}

fn joined(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    if prefix.is_empty() {
        name.to_vec()
    } else {
        [prefix, b"/", name].concat()
    }
}

/// The sum of all bytes, those of the checksum taken as spaces. Old writers took bytes as signed.
fn check_sum(block: &[u8; BLOCK_SIZE]) -> Result<(), ReadErrorKind> {
    let mut spaced = *block;
    spaced[CHECKSUM].fill(b' ');
    let unsigned_sum: i64 = spaced.iter().map(|byte| i64::from(*byte)).sum();
    let signed_sum: i64 = spaced
        .iter()
        .map(|byte| i64::from(byte.cast_signed()))
        .sum();
    match signed("checksum", &block[CHECKSUM]) {
        Ok(sum) if sum == unsigned_sum || sum == signed_sum => Ok(()),
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

fn unsigned(field: &'static str, bytes: &[u8]) -> Result<u64, ReadErrorKind> {
    u64::try_from(signed(field, bytes)?).map_err(|_| ReadErrorKind::Number {
        field,
        found: shown(bytes),
        expected: "a number that is not negative",
    })
}

/// Returns a number in octal digits, or in base 256 if the first bit is set.
fn signed(field: &'static str, bytes: &[u8]) -> Result<i64, ReadErrorKind> {
    let number = match bytes.first() {
        Some(first) if first & 0x80 != 0 => base_256(bytes),
        _ => octal(bytes),
    };
    number.ok_or_else(|| ReadErrorKind::Number {
        field,
        found: shown(bytes),
        expected: "octal digits, or base 256 below 2^63",
    })
}

fn octal(bytes: &[u8]) -> Option<i64> {
    let is_filler = |byte: &u8| matches!(byte, b' ' | 0);
    let start = bytes.iter().position(|byte| !is_filler(byte));
    let Some(start) = start else {
        return Some(0);
    };
    let end = bytes.iter().rposition(|byte| !is_filler(byte))?;
    bytes[start..=end].iter().try_fold(0i64, |number, byte| {
        let digit = matches!(byte, b'0'..=b'7').then(|| i64::from(byte - b'0'))?;
        number.checked_mul(8)?.checked_add(digit)
    })
}

/// Two's complement, big endian, of all bits but the first.
fn base_256(bytes: &[u8]) -> Option<i64> {
    let (first, rest) = bytes.split_first()?;
    let is_negative = first & 0x40 != 0;
    let start = i64::from(first & 0x3f) - if is_negative { 0x40 } else { 0 };
    rest.iter().try_fold(start, |number, byte| {
        number.checked_mul(256)?.checked_add(i64::from(*byte))
    })
}

fn shown(bytes: &[u8]) -> String {
    format!("`{}`", bytes.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        let check = |bytes: &[u8], expected: Option<i64>| {
            assert_eq!(signed("size", bytes).ok(), expected, "{bytes:?}");
        };
        check(b"0000644\0", Some(0o644));
        check(b"   644 \0", Some(0o644));
        check(b"\0\0\0\0", Some(0));
        check(b"    ", Some(0));
        check(b"77777777777", Some(0o77_777_777_777));
        check(b"64 4", None);
        check(b"64\x004", None);
        check(b"-1", None);
        check(b"0x1f", None);
        check(b"8", None);
        check(b"\x80\0\0\0\0\0\x01\0", Some(256));
        check(b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1));
        check(b"\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2));
        check(b"\xc0\0\0\0", Some(-(0x40 << 24)));
        check(
            b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
            Some(i64::MAX),
        );
        check(b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None);
        check(b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", Some(i64::MIN));
        check(b"\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", None);
    }
}
