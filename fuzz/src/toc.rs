//! Reading of tables of contents.

use img_compress::stargz::{Footer, Toc, skippable_frame, verify_toc};
use img_compress::{Compression, Format, MemberEncoder};

/// Checks the input as a blob, as the JSON of a table of contents, and as one of a blob that holds little.
pub fn check(bytes: &[u8]) {
    if let Ok(footer) = Footer::parse(bytes) {
        assert!(bytes.ends_with(&footer.to_bytes()));
    }
    if let Ok(toc) = verify_toc(bytes, None) {
        check_entries(&toc);
    }
    if let Ok(toc) = Toc::parse(bytes) {
        let again = Toc::parse(&toc.to_json()).expect("what was written can be read");
        assert_eq!(toc, again);
    }
    if let Ok(toc) = verify_toc(&blob(bytes), None) {
        check_entries(&toc);
    }
}

/// No entry that was accepted is outside the image, and every file begins with its first byte.
fn check_entries(toc: &Toc) {
    for entry in &toc.entries {
        assert!(!entry.name.starts_with('/'));
        assert!(entry.name.split('/').all(|part| part != ".."));
        assert!(entry.entry_type != "reg" || entry.chunk_offset == 0);
    }
}

/// Two members of content, and the input as the table of contents.
fn blob(json: &[u8]) -> Vec<u8> {
    let compression = Compression::new(Format::Zstd, 1).expect("every format has level 1");
    let mut encoder = MemberEncoder::new(compression).expect("there is memory");
    let mut encode = |content: &[u8]| encoder.encode(content).expect("memory takes everything");
    let mut blob = [encode(b"first"), encode(b"second")].concat();
    let stored = encode(json);
    let number = |size: usize| u64::try_from(size).expect("sizes are small");
    let footer = Footer::Zstd {
        offset: number(blob.len()) + 8,
        stored_size: number(stored.len()),
        size: number(json.len()),
    };
    blob.extend(skippable_frame(&stored));
    blob.extend(footer.to_bytes());
    blob
}
