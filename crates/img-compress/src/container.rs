//! What stands around and between the members of a stream.
//!
//! As a rule nothing does: members are gzip members or zstd frames in a row. A stream of a single
//! gzip member has one header, deflate blocks of each part, and one trailer with the checksum of all.
//! A part is stored with its own checksum and size behind it, from which the trailer is made.
//!
//! Source: RFC 1952, section 2.3.

use crate::format::{Compression, Format, Members};

/// Magic number, deflate, no flags, no time, no extra flags, unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block of fixed codes.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];
/// CRC-32 and size that stand behind the deflate blocks of a part.
const PART_TRAILER: usize = 12;

/// The frame of a stream.
pub(crate) struct Container {
    single_gzip: bool,
    crc: crc32fast::Hasher,
    size: u64,
}

/// Checksum and size of the content so far, where the container needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContainerState {
    pub(crate) crc: u32,
    pub(crate) size: u64,
}

impl Container {
    pub(crate) fn new(compression: Compression) -> Self {
        Self::resume(compression, ContainerState::default())
    }

    pub(crate) fn resume(compression: Compression, state: ContainerState) -> Self {
        Self {
            single_gzip: compression.format() == Format::Gzip
                && compression.members() == Members::Single,
            crc: crc32fast::Hasher::new_with_initial_len(state.crc, state.size),
            size: state.size,
        }
    }

    pub(crate) fn state(&self) -> ContainerState {
        ContainerState {
            crc: self.crc.clone().finalize(),
            size: self.size,
        }
    }

    /// Returns what comes before the first member.
    pub(crate) fn start(&self) -> &'static [u8] {
        if self.single_gzip { &GZIP_HEADER } else { &[] }
    }

    /// Returns the bytes of a member as they stand in the stream, in the order of the stream.
    pub(crate) fn unpack<'m>(&mut self, member: &'m [u8]) -> &'m [u8] {
        let Some((blocks, trailer)) = member
            .split_last_chunk::<PART_TRAILER>()
            .filter(|_| self.single_gzip)
        else {
            return member;
        };
        let (crc, size) = (first::<4>(trailer), first::<8>(&trailer[4..]));
        let (crc, size) = (u32::from_le_bytes(crc), u64::from_le_bytes(size));
        self.crc
            .combine(&crc32fast::Hasher::new_with_initial_len(crc, size));
        self.size = self.size.wrapping_add(size);
        blocks
    }

    /// Returns what comes after the last member.
    pub(crate) fn end(self) -> Vec<u8> {
        if !self.single_gzip {
            return Vec::new();
        }
        let mut end = LAST_BLOCK.to_vec();
        end.extend_from_slice(&self.crc.finalize().to_le_bytes());
        // The size modulo 2^32.
        end.extend_from_slice(&self.size.to_le_bytes()[..4]);
        end
    }
}

/// Appends to deflate blocks what [`Container::unpack`] takes off again.
pub(crate) fn append_part_trailer(member: &mut Vec<u8>, content: &[u8]) {
    let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
    member.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    member.extend_from_slice(&size.to_le_bytes());
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut first = [0; N];
    first.copy_from_slice(&bytes[..N]);
    first
}
