//! Reading of compressed streams.

use std::io::Read;

use img_compress::{Compression, Decoder, Format, MemberEncoder, sniff};

/// Bytes of content after which a stream is given up: bombs are for the caller to bound.
const MOST: u64 = 4 << 20;

/// Decodes the stream at once and in pieces, and what it holds once more after it was compressed.
pub fn check(bytes: &[u8], format: Format) {
    let whole = decode(bytes, format, 1 << 16);
    let pieces = decode(bytes, format, 7);
    // libzstd lets a frame that is shorter than it says end in an empty block, if that is read alone.
    if format != Format::Zstd {
        assert_eq!(whole.is_ok(), pieces.is_ok());
    }
    let (Ok(content), Ok(same)) = (whole, pieces) else {
        return;
    };
    assert_eq!(content, same);
    let compression = Compression::new(format, 1).expect("every format has level 1");
    let mut encoder = MemberEncoder::new(compression).expect("there is memory");
    let member = encoder.encode(&content).expect("memory takes everything");
    assert_eq!(sniff(&member), format);
    let again = decode(&member, format, 1 << 16).expect("what was compressed can be read");
    assert_eq!(content, again);
}

fn decode(bytes: &[u8], format: Format, piece: usize) -> std::io::Result<Vec<u8>> {
    let mut decoder = Decoder::new(bytes, format)?.take(MOST);
    let (mut content, mut buffer) = (Vec::new(), vec![0; piece]);
    loop {
        match decoder.read(&mut buffer)? {
            0 => return Ok(content),
            read => content.extend_from_slice(&buffer[..read]),
        }
    }
}
