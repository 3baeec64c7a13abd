//! Tar archives, written and read.
//!
//! Writing: the header blocks of an entry, its padding, and the end of the archive. A header is USTAR
//! where every field fits, else USTAR with a PAX extended header before it; GNU extensions are never
//! written. The same entry gives the same bytes everywhere. No state is held between entries, and
//! neither order nor content is decided here.
//!
//! Reading: [`ArchiveReader`], which refuses what readers disagree about.
//!
//! Source: POSIX.1-2017, `pax`, "pax Interchange Format" and "ustar Interchange Format".

mod header;
mod pax;
mod read;
mod time;

pub use header::{Entry, EntryKind, HeaderError, Timestamp, append_header};
pub use pax::{PaxRecords, RecordError, check_user_record};
pub use read::{ArchiveReader, ContentReader, Member, ReadError, ReadErrorKind};

/// Size of a tar block in bytes.
pub const BLOCK_SIZE: usize = 512;

/// Largest body of an extension header that is read or written, in bytes; the same as Go's.
const LARGEST_EXTENSION: usize = 1 << 20;

/// The end of an archive: two blocks of zeros.
pub const END_OF_ARCHIVE: [u8; 2 * BLOCK_SIZE] = [0; 2 * BLOCK_SIZE];

/// Returns a name as text for messages, escaped; of one that is very long, the start.
pub fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(name);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

/// Returns the zeros that follow `size` bytes of content up to the end of the block.
pub fn padding(size: u64) -> &'static [u8] {
    const BLOCK: u64 = BLOCK_SIZE as u64;
    static ZEROS: [u8; BLOCK_SIZE] = [0; BLOCK_SIZE];
    let missing = (BLOCK - size % BLOCK) % BLOCK;
    // Less than a block, so it fits any usize.
    &ZEROS[..usize::try_from(missing).unwrap_or(0)]
}
