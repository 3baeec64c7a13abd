//! Reading of tar archives.

use std::io::Read;

use img_tar::{
    ArchiveReader, BLOCK_SIZE, END_OF_ARCHIVE, HeaderError, Member, ReadError, append_header,
    padding,
};

/// An entry and its content.
type Found = (Member, Vec<u8>);

/// The 16 extension headers and the header of an entry, with their blocks.
const LARGEST_HEADER: usize = 16 * ((1 << 20) + BLOCK_SIZE) + BLOCK_SIZE;

/// Reads the archive; if it is accepted, it has to be the same once it was written and read again.
pub fn check(bytes: &[u8]) {
    let Ok(found) = read(bytes) else { return };
    let Some(written) = write(&found) else { return };
    let again = read(&written).expect("what was written can be read");
    assert_eq!(found.len(), again.len());
    for ((member, content), (member_again, content_again)) in found.iter().zip(&again) {
        let moved = Member {
            offset: member.offset,
            ..member_again.clone()
        };
        assert_eq!(*member, moved);
        assert_eq!(content, content_again);
    }
}

fn read(bytes: &[u8]) -> Result<Vec<Found>, ReadError> {
    let mut archive = ArchiveReader::new(bytes);
    let (mut found, mut copy) = (Vec::new(), Vec::new());
    while let Some(member) = archive
        .next_member()
        .inspect_err(|e| check_error(e, bytes))?
    {
        check_names(&member);
        assert_eq!(member.offset, position(&copy));
        assert!(archive.header_bytes().len() <= LARGEST_HEADER);
        assert_eq!(archive.header_bytes().len() % BLOCK_SIZE, 0);
        copy.extend_from_slice(archive.header_bytes());
        let mut content = Vec::new();
        if archive.content().read_to_end(&mut content).is_err() {
            // Says the same once more as an error of its own.
            return Err(archive.next_member().expect_err("the archive is cut"));
        }
        assert_eq!(position(&content), member.size);
        copy.extend_from_slice(&content);
        copy.extend(archive.read_padding()?);
        found.push((member, content));
    }
    archive
        .finish(|trailer| copy.extend_from_slice(trailer))
        .inspect_err(|error| check_error(error, bytes))?;
    assert_eq!(copy, bytes);
    Ok(found)
}

fn check_error(error: &ReadError, bytes: &[u8]) {
    assert!(error.offset <= position(bytes));
    assert!(!error.to_string().contains(['\0', '\n', '\x1b']));
    let _ = error.hint();
}

/// A path is a place inside the image, in one spelling.
fn check_names(member: &Member) {
    assert!(!member.path.contains(&0));
    if member.path != b"." {
        let mut parts = member.path.split(|byte| *byte == b'/');
        assert!(parts.all(|part| !matches!(part, b"" | b"." | b"..")));
    }
    assert!(member.mode <= 0o7777);
    assert!(i64::try_from(member.size.max(member.uid).max(member.gid)).is_ok());
}

fn write(found: &[Found]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (member, content) in found {
        match append_header(&mut out, &member.entry()) {
            Ok(()) => {}
            // Two of the largest extension headers do not fit into one.
            Err(HeaderError::Extension { .. }) => return None,
            Err(error) => panic!("{error}"),
        }
        out.extend_from_slice(content);
        out.extend_from_slice(padding(member.size));
    }
    out.extend_from_slice(&END_OF_ARCHIVE);
    Some(out)
}


fn position(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("memory is small")
}

/// Sets the checksum of every block that says it is a header, as mutations break it.
pub fn repair(bytes: &[u8]) -> Vec<u8> {
    let mut repaired = bytes.to_vec();
    for block in repaired.chunks_exact_mut(BLOCK_SIZE) {
        if block[257..262] == *b"ustar" {
            set_checksum(block);
        }
    }
    repaired
}

/// Puts the sum of the block's bytes where headers have it.
pub fn set_checksum(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
