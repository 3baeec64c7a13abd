//! Reading zstd frames, each held to what its header says of it.
//!
//! The library does not compare the size in a header with an empty last block, so that a frame without
//! content could claim any.

use std::io::{self, BufRead, Read};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};
use zstd::zstd_safe::get_frame_content_size;

/// The largest zstd window that is allocated: 2^27 bytes, 128 MiB.
const MAX_WINDOW_LOG: u32 = 27;

/// The most bytes that a frame's header has (RFC 8878, section 3.1.1.1, and the magic number).
const MAX_HEADER: usize = 18;

/// Reads the content of all frames; a cut or corrupt one is an error.
pub(crate) struct FrameReader<R> {
    reader: R,
    decoder: Decoder<'static>,
    frame: Frame,
}

/// What was seen of the frame that runs.
#[derive(Default)]
struct Frame {
    header: [u8; MAX_HEADER],
    /// Bytes of the frame so far, of which the first are in `header`.
    read: u64,
    /// Bytes of its content so far.
    content: u64,
}

impl<R: BufRead> FrameReader<R> {
    /// Returns a reader of the content of `reader`.
    pub(crate) fn new(reader: R) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        Ok(Self {
            reader,
            decoder,
            frame: Frame::default(),
        })
    }
}

impl<R: BufRead> Read for FrameReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let bytes = self.reader.fill_buf()?;
            let is_end = bytes.is_empty();
            if is_end && self.frame.read == 0 {
                return Ok(0);
            }
            let mut input = InBuffer::around(bytes);
            let mut output = OutBuffer::around(&mut *buffer);
            let to_come = self.decoder.run(&mut input, &mut output)?;
            let (taken, given) = (input.pos(), output.pos());
            self.frame.note(&bytes[..taken], given);
            self.reader.consume(taken);
            if to_come == 0 {
                std::mem::take(&mut self.frame).check()?;
            }
            if given > 0 {
                return Ok(given);
            }
            if is_end {
                let reason = "the stream ends within a zstd frame";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
            }
        }
    }
}

impl Frame {
    fn note(&mut self, bytes: &[u8], content: usize) {
        let seen = usize::try_from(self.read).unwrap_or(MAX_HEADER);
        for (place, byte) in self.header.iter_mut().skip(seen).zip(bytes) {
            *place = *byte;
        }
        self.read += bytes.len() as u64;
        self.content += content as u64;
    }

    /// Fails if the frame, which has ended, does not hold what its header says.
    fn check(&self) -> io::Result<()> {
        let seen = usize::try_from(self.read).map_or(MAX_HEADER, |read| read.min(MAX_HEADER));
        match get_frame_content_size(&self.header[..seen]) {
            Ok(Some(said)) if said != self.content => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "a zstd frame holds {} bytes, its header says {said}",
                    self.content
                ),
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        FrameReader::new(bytes)?.read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn a_frame_holds_what_its_header_says() {
        // Magic number, a size of two bytes, which is 256 more than it says, and an empty last block.
        let empty = |size: u16| {
            let [low, high] = size.to_le_bytes();
            [0x28, 0xb5, 0x2f, 0xfd, 0x60, low, high, 1, 0, 0]
        };
        for lie in [0, 1, 0x8800] {
            let error = read(&empty(lie)).unwrap_err().to_string();
            let said = u32::from(lie) + 256;
            assert!(
                error.contains(&format!("its header says {said}")),
                "{error}"
            );
        }
        let nothing = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];
        assert_eq!(read(&nothing).unwrap(), b"");
    }

    #[test]
    fn all_frames_are_read_and_skippable_ones_skipped() {
        let frame = |content: &[u8]| zstd::bulk::compress(content, 3).unwrap();
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let large = vec![7; 1 << 20];
        let stream = [
            frame(b"one"),
            skippable.to_vec(),
            frame(&large),
            skippable.to_vec(),
            frame(b""),
        ]
        .concat();
        assert_eq!(read(&stream).unwrap(), [b"one", large.as_slice()].concat());
        for cut in [1, 3, frame(b"one").len() + 5] {
            let error = read(&stream[..cut]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
        assert_eq!(read(b"").unwrap(), b"");
    }
}
