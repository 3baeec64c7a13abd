//! One member: content in, compressed bytes out.

use std::io;

use flate2::{Compress, FlushCompress, Status};
use libdeflater::{CompressionLvl, Compressor};
use zstd::stream::raw::{Encoder as ZstdStream, Operation as _, OutBuffer};
use zstd::zstd_safe::{CParameter, InBuffer};

use crate::container::append_part_trailer;
use crate::format::{Compression, Format, Members, ZSTD_WINDOW_LOG};

/// Room that output is given at a time.
const ROOM: usize = 128 << 10;

/// Compresses members one after another; nothing of one shows in the next.
///
/// Of a stream with a single member it makes the parts: those of gzip are independent as well, those
/// of zstd have to come from one encoder, in order, and [`MemberEncoder::finish`] gives the last.
pub struct MemberEncoder {
    state: State,
    /// Room for the result, used again and again.
    scratch: Vec<u8>,
}

enum State {
    Copy,
    Gzip(Compressor),
    GzipPart(flate2::Compression),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
    ZstdPart(Box<ZstdStream<'static>>),
}

impl MemberEncoder {
    /// Returns an encoder for members of this format and level.
    ///
    /// # Errors
    /// The library refused the level or had no memory.
    pub fn new(compression: Compression) -> io::Result<Self> {
        let level = compression.library_level();
        let state = match (compression.format(), compression.members()) {
            (Format::None, _) => State::Copy,
            (Format::Gzip, Members::Many) => State::Gzip(Compressor::new(
                CompressionLvl::new(level).map_err(|e| io::Error::other(format!("{e:?}")))?,
            )),
            (Format::Gzip, Members::Single) => {
                let level = u32::try_from(level).map_err(io::Error::other)?;
                State::GzipPart(flate2::Compression::new(level))
            }
            (Format::Zstd, Members::Many) => {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                for parameter in zstd_parameters(true) {
                    compressor.set_parameter(parameter)?;
                }
                State::Zstd(Box::new(compressor))
            }
            (Format::Zstd, Members::Single) => {
                let mut stream = ZstdStream::new(level)?;
                for parameter in zstd_parameters(false) {
                    stream.set_parameter(parameter)?;
                }
                State::ZstdPart(Box::new(stream))
            }
        };
        Ok(Self {
            state,
            scratch: Vec::new(),
        })
    }

    /// Returns the member that holds `content`, or the next part of a single one.
    ///
    /// # Errors
    /// The library had no memory.
    pub fn encode(&mut self, content: &[u8]) -> io::Result<Vec<u8>> {
        let scratch = &mut self.scratch;
        match &mut self.state {
            State::Copy => return Ok(content.to_vec()),
            State::Gzip(compressor) => {
                let bound = compressor.gzip_compress_bound(content.len());
                if scratch.len() < bound {
                    scratch.resize(bound, 0);
                }
                let size = compressor
                    .gzip_compress(content, scratch)
                    .map_err(|e| io::Error::other(e.to_string()))?;
                return Ok(scratch[..size].to_vec());
            }
            State::GzipPart(level) => {
                scratch.clear();
                deflate_part(*level, content, scratch)?;
                append_part_trailer(scratch, content);
            }
            State::Zstd(compressor) => {
                scratch.clear();
                scratch.reserve(zstd::zstd_safe::compress_bound(content.len()));
                compressor.compress_to_buffer(content, scratch)?;
            }
            State::ZstdPart(stream) => {
                scratch.clear();
                let mut input = InBuffer::around(content);
                while input.pos() < content.len() {
                    append(scratch, |output| stream.run(&mut input, output))?;
                }
            }
        }
        Ok(scratch.clone())
    }

    /// Returns the end of a single member; empty for every other stream.
    ///
    /// # Errors
    /// The library had no memory.
    pub fn finish(&mut self) -> io::Result<Vec<u8>> {
        self.scratch.clear();
        if let State::ZstdPart(stream) = &mut self.state {
            while append(&mut self.scratch, |output| stream.finish(output, true))? != 0 {}
        }
        Ok(self.scratch.clone())
    }
}

fn zstd_parameters(size_is_known: bool) -> [CParameter; 3] {
    [
        CParameter::ChecksumFlag(true),
        CParameter::ContentSizeFlag(size_is_known),
        CParameter::WindowLog(ZSTD_WINDOW_LOG),
    ]
}

/// Appends deflate blocks that end at a byte, none of them marked as the last.
///
/// Stored blocks are as long as there is room, so the room has to be the same every time.
fn deflate_part(
    level: flate2::Compression,
    content: &[u8],
    output: &mut Vec<u8>,
) -> io::Result<()> {
    // A new one for each part: a reset one has been seen to remember.
    let mut deflate = Compress::new(level, false);
    loop {
        let (read, written) = (deflate.total_in(), deflate.total_out());
        let start = output.len();
        output.resize(start + ROOM, 0);
        // Bounded by the length of the content.
        let rest = &content[usize::try_from(read).map_err(io::Error::other)?..];
        let status = deflate
            .compress(rest, &mut output[start..], FlushCompress::Sync)
            .map_err(io::Error::other)?;
        let written = usize::try_from(deflate.total_out() - written).map_err(io::Error::other)?;
        output.truncate(start + written);
        let is_read = deflate.total_in() == u64::try_from(content.len()).unwrap_or(u64::MAX);
        // All is flushed once there was room to spare.
        if status == Status::BufError || (is_read && written < ROOM) {
            return Ok(());
        }
    }
}

/// Appends what `step` writes into the room it is given.
fn append<T>(
    output: &mut Vec<u8>,
    step: impl FnOnce(&mut OutBuffer<'_, [u8]>) -> io::Result<T>,
) -> io::Result<T> {
    let start = output.len();
    output.resize(start + ROOM, 0);
    let mut room = OutBuffer::around(&mut output[start..]);
    let result = step(&mut room);
    let written = room.pos();
    output.truncate(start + written);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoder;
    use crate::container::Container;
    use proptest::prelude::*;
    use std::io::Read as _;

    fn compression(format: Format, level: i32) -> Compression {
        Compression::new(format, level).unwrap()
    }

    fn encoder(format: Format, level: i32) -> MemberEncoder {
        MemberEncoder::new(compression(format, level)).unwrap()
    }

    fn decoded(stream: &[u8], format: Format) -> Vec<u8> {
        let mut content = Vec::new();
        let mut decoder = Decoder::new(stream, format).unwrap();
        decoder.read_to_end(&mut content).unwrap();
        content
    }

    const LEVELS: [(Format, std::ops::RangeInclusive<i32>); 2] =
        [(Format::Gzip, 0..=9), (Format::Zstd, 1..=4)];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn a_used_encoder_gives_the_bytes_of_a_new_one(
            before in proptest::collection::vec(0u8..8, 0..100_000),
            content in proptest::collection::vec(0u8..8, 0..100_000),
        ) {
            for (format, level) in LEVELS.into_iter().flat_map(|(f, l)| l.map(move |l| (f, l))) {
                let mut used = encoder(format, level);
                used.encode(&before).unwrap();
                let member = used.encode(&content).unwrap();
                prop_assert_eq!(&member, &encoder(format, level).encode(&content).unwrap());
                prop_assert_eq!(&decoded(&member, format), &content);
            }
        }

        #[test]
        fn parts_make_one_member(
            parts in proptest::collection::vec(proptest::collection::vec(0u8..9, 0..300_000), 0..4),
        ) {
            for (format, level) in [(Format::Gzip, 0), (Format::Gzip, 1), (Format::Gzip, 6), (Format::Zstd, 2)] {
                let single = compression(format, level).with_members(Members::Single);
                let mut encoder = MemberEncoder::new(single).unwrap();
                let mut other = MemberEncoder::new(single).unwrap();
                if format == Format::Gzip {
                    // What an encoder has made before does not show.
                    other.encode(&vec![7; 900_000]).unwrap();
                }
                let mut container = Container::new(single);
                let mut stream = container.start().to_vec();
                for part in &parts {
                    let member = encoder.encode(part).unwrap();
                    prop_assert_eq!(&member, &other.encode(part).unwrap());
                    stream.extend_from_slice(container.unpack(&member));
                }
                stream.extend(encoder.finish().unwrap());
                stream.extend(container.end());
                prop_assert_eq!(decoded(&stream, format), parts.concat());
                if format == Format::Gzip {
                    let mut first = Vec::new();
                    flate2::read::GzDecoder::new(stream.as_slice()).read_to_end(&mut first).unwrap();
                    prop_assert_eq!(first, parts.concat(), "one member holds all");
                }
            }
        }
    }
}
