//! Reading compressed layers: every member, up to the end of the container.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::format::Format;
use crate::frames::FrameReader;

/// Bytes that are read at a time.
const BUFFER: usize = 128 << 10;

/// Returns the format whose magic number `start` begins with; none of them means plain.
pub fn sniff(start: &[u8]) -> Format {
    match start {
        [0x1f, 0x8b, ..] => Format::Gzip,
        // A frame, or a skippable frame before one.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Format::Zstd,
        _ => Format::None,
    }
}

/// Reads the content of a compressed stream; a cut or corrupt one is an error, never a short read.
pub struct Decoder<R: Read>(State<R>);

enum State<R: Read> {
    Copy(R),
    Gzip(Box<MultiGzDecoder<BufReader<R>>>),
    Zstd(Box<FrameReader<BufReader<R>>>),
}

impl<R: Read> Decoder<R> {
    /// Returns a reader of the content of `reader`.
    ///
    /// # Errors
    /// The library had no memory.
    pub fn new(reader: R, format: Format) -> io::Result<Self> {
        Ok(Self(match format {
            Format::None => State::Copy(reader),
            Format::Gzip => State::Gzip(Box::new(MultiGzDecoder::new(buffered(reader)))),
            Format::Zstd => State::Zstd(Box::new(FrameReader::new(buffered(reader))?)),
        }))
    }
}

fn buffered<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER, reader)
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            State::Copy(reader) => reader.read(buffer),
            State::Gzip(reader) => reader.read(buffer),
            State::Zstd(reader) => reader.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Compression, MemberEncoder};

    #[test]
    fn all_members_are_read_and_no_cut_goes_unnoticed() {
        for format in [Format::Gzip, Format::Zstd] {
            let mut encoder = MemberEncoder::new(Compression::new(format, -1).unwrap()).unwrap();
            let stream = [
                encoder.encode(b"hello ").unwrap(),
                encoder.encode(b"world").unwrap(),
            ];
            let boundary = stream[0].len();
            let stream = stream.concat();
            assert_eq!(sniff(&stream), format);
            let read = |bytes: &[u8]| {
                let mut content = Vec::new();
                Decoder::new(bytes, format)?
                    .read_to_end(&mut content)
                    .map(|_| content)
            };
            assert_eq!(read(&stream).unwrap(), b"hello world");
            for cut in 1..stream.len() {
                assert_eq!(
                    read(&stream[..cut]).is_ok(),
                    cut == boundary,
                    "{format:?} {cut}"
                );
            }
        }
    }
}
