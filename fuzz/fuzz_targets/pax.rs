//! Bodies of extension headers before a file. The first byte of the input is their type.

#![no_main]

use img_fuzz::archive::{check, set_checksum};
use img_tar::{BLOCK_SIZE, END_OF_ARCHIVE, padding};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((selector, body)) = bytes.split_first() else {
        return;
    };
    // Mostly records: the other types have no structure.
    let flag = match selector {
        b'L' | b'K' | b'g' => *selector,
        _ => b'x',
    };
    // A link, for which a target counts, or a file.
    let entry = if selector.is_ascii_lowercase() {
        b'0'
    } else {
        b'2'
    };
    let mut archive = header(flag, body.len());
    archive.extend_from_slice(body);
    archive.extend_from_slice(padding(u64::try_from(body.len()).unwrap_or(0)));
    archive.extend(header(entry, 0));
    archive.extend_from_slice(&END_OF_ARCHIVE);
    check(&archive);
});

fn header(flag: u8, size: usize) -> Vec<u8> {
    let mut block = vec![0; BLOCK_SIZE];
    block[..4].copy_from_slice(b"name");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = flag;
    block[157..161].copy_from_slice(b"link");
    block[257..265].copy_from_slice(b"ustar\x0000");
    set_checksum(&mut block);
    block
}
