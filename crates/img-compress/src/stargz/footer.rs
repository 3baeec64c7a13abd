//! The last bytes of a lazily pullable layer.
//!
//! eStargz: an empty gzip member of 51 bytes with an extra field `SG` of 22 bytes: the offset of the
//! TOC's member in 16 hex digits, and `STARGZ`.
//!
//! zstd:chunked: a skippable frame of 48 bytes: magic number and size, then offset, stored size, size and
//! type of the TOC (little endian, 8 bytes each; the type is 1), and `GnUlInUx`.

use thiserror::Error;

/// Size of an eStargz footer in bytes.
pub const GZIP_FOOTER_SIZE: usize = 51;
/// Size of a zstd:chunked footer in bytes, its frame included.
pub const ZSTD_FOOTER_SIZE: usize = 48;

const SKIPPABLE_MAGIC: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];
const ZSTD_MAGIC: &[u8; 8] = b"GnUlInUx";
const ZSTD_TOC_TYPE: u64 = 1;
/// gzip with an extra field: magic number, deflate, flag, no time, unknown system, 26 bytes of extra
/// field, subfield SG of 22 bytes.
const GZIP_START: [u8; 16] = [
    0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, b'S', b'G', 22, 0,
];
/// An empty stored block, the CRC-32 and size of nothing.
const GZIP_END: [u8; 13] = [1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];

/// Where the TOC is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Footer {
    /// In the tar: the offset of the member that its entry begins.
    Gzip {
        /// Offset in the blob, in bytes.
        offset: u64,
    },
    /// In a skippable frame.
    Zstd {
        /// Offset of the frame's content in the blob, in bytes.
        offset: u64,
        /// Size of the compressed TOC in bytes.
        stored_size: u64,
        /// Size of the TOC in bytes.
        size: u64,
    },
}

/// Bytes that are no footer.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the blob does not end in the footer of an eStargz or zstd:chunked layer")]
pub struct ParseFooterError;

impl Footer {
    /// Returns the bytes of the footer.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Gzip { offset } => {
                let mut bytes = GZIP_START.to_vec();
                bytes.extend_from_slice(format!("{offset:016x}STARGZ").as_bytes());
                bytes.extend_from_slice(&GZIP_END);
                bytes
            }
            Self::Zstd {
                offset,
                stored_size,
                size,
            } => {
                let mut content = Vec::new();
                for number in [offset, stored_size, size, ZSTD_TOC_TYPE] {
                    content.extend_from_slice(&number.to_le_bytes());
                }
                content.extend_from_slice(ZSTD_MAGIC);
                skippable_frame(&content)
            }
        }
    }

    /// Parses the end of a blob.
    ///
    /// # Errors
    /// There is no footer.
    pub fn parse(end: &[u8]) -> Result<Self, ParseFooterError> {
        let zstd = end.last_chunk().and_then(parse_zstd);
        let gzip = || end.last_chunk().and_then(parse_gzip);
        zstd.or_else(gzip).ok_or(ParseFooterError)
    }
}

fn parse_gzip(footer: &[u8; GZIP_FOOTER_SIZE]) -> Option<Footer> {
    let rest = footer.strip_prefix(&GZIP_START)?;
    let (field, end) = rest.split_first_chunk::<22>()?;
    let digits = field.strip_suffix(b"STARGZ")?;
    let is_hex = digits
        .iter()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
    let offset = u64::from_str_radix(digits, 16).ok()?;
    (end == GZIP_END).then_some(Footer::Gzip { offset })
}

fn parse_zstd(footer: &[u8; ZSTD_FOOTER_SIZE]) -> Option<Footer> {
    let (frame, content) = footer.split_first_chunk::<8>()?;
    let numbers = content.strip_suffix(ZSTD_MAGIC)?;
    let mut numbers = numbers.chunks_exact(8).map(|bytes| {
        let mut number = [0; 8];
        number.copy_from_slice(bytes);
        u64::from_le_bytes(number)
    });
    let (offset, stored_size) = (numbers.next()?, numbers.next()?);
    let (size, toc_type) = (numbers.next()?, numbers.next()?);
    let is_frame = frame == &[SKIPPABLE_MAGIC, 40u32.to_le_bytes()].concat()[..];
    (is_frame && toc_type == ZSTD_TOC_TYPE).then_some(Footer::Zstd {
        offset,
        stored_size,
        size,
    })
}

/// Returns a zstd frame that decoders skip (RFC 8878, section 3.1.2).
pub fn skippable_frame(content: &[u8]) -> Vec<u8> {
    let mut frame = SKIPPABLE_MAGIC.to_vec();
    // A TOC of 4 GiB would be that of tens of millions of files.
    let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
    frame.extend_from_slice(&size.to_le_bytes());
    frame.extend_from_slice(content);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Format};
    use std::io::Read as _;

    #[test]
    fn footers_are_empty_members_that_tell_where_the_toc_is() {
        let zstd = Footer::Zstd {
            offset: 1 << 40,
            stored_size: 7,
            size: 99,
        };
        for (footer, format, size) in [
            (
                Footer::Gzip {
                    offset: 0x1234_5678_9abc,
                },
                Format::Gzip,
                GZIP_FOOTER_SIZE,
            ),
            (zstd, Format::Zstd, ZSTD_FOOTER_SIZE),
        ] {
            let bytes = footer.to_bytes();
            assert_eq!(bytes.len(), size);
            let magic: &[u8] = match format {
                Format::Zstd => b"GnUlInUx",
                _ => b"STARGZ\x01\0\0\xff\xff\0\0\0\0\0\0\0\0",
            };
            assert!(bytes.ends_with(magic));
            assert_eq!(
                Footer::parse(&[b"blob".to_vec(), bytes.clone()].concat()),
                Ok(footer)
            );
            let mut content = Vec::new();
            Decoder::new(bytes.as_slice(), format)
                .unwrap()
                .read_to_end(&mut content)
                .unwrap();
            assert!(content.is_empty());
            assert_eq!(Footer::parse(&bytes[1..]), Err(ParseFooterError));
            for index in 0..bytes.len() {
                // Another bit, and another case of a letter.
                for bit in [0x80, 0x20] {
                    let mut changed = bytes.clone();
                    changed[index] ^= bit;
                    assert_ne!(Footer::parse(&changed), Ok(footer), "{index}");
                }
            }
        }
    }
}
