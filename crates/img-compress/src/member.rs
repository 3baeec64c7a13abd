//! One member: content in, compressed bytes out.

use libdeflater::{CompressionLvl, Compressor};
use zstd::zstd_safe::CParameter;

use crate::format::{Compression, Format};

/// Compresses members one after another; nothing of one shows in the next.
pub struct MemberEncoder(State);

enum State {
    Copy,
    Gzip(Compressor),
    Zstd(Box<zstd::bulk::Compressor<'static>>),
}

impl MemberEncoder {
    /// Returns an encoder for members of this format and level.
    ///
    /// # Errors
    /// The library refused the level or had no memory.
    pub fn new(compression: Compression) -> std::io::Result<Self> {
        let level = compression.library_level();
        Ok(Self(match compression.format() {
            Format::None => State::Copy,
            Format::Gzip => State::Gzip(Compressor::new(
                CompressionLvl::new(level).map_err(|e| std::io::Error::other(format!("{e:?}")))?,
            )),
            Format::Zstd => {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                compressor.set_parameter(CParameter::ChecksumFlag(true))?;
                compressor.set_parameter(CParameter::ContentSizeFlag(true))?;
                State::Zstd(Box::new(compressor))
            }
        }))
    }

    /// Returns the member that holds `content`.
    ///
    /// # Errors
    /// The library had no memory.
    pub fn encode(&mut self, content: &[u8]) -> std::io::Result<Vec<u8>> {
        match &mut self.0 {
            State::Copy => Ok(content.to_vec()),
            State::Gzip(compressor) => {
                let mut member = vec![0; compressor.gzip_compress_bound(content.len())];
                let size = compressor
                    .gzip_compress(content, &mut member)
                    .map_err(|e| std::io::Error::other(e.to_string()))?;
                member.truncate(size);
                Ok(member)
            }
            State::Zstd(compressor) => compressor.compress(content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoder;
    use proptest::prelude::*;
    use std::io::Read as _;

    fn encoder(format: Format, level: i32) -> MemberEncoder {
        MemberEncoder::new(Compression::new(format, level).unwrap()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_used_encoder_gives_the_bytes_of_a_new_one(
            before in proptest::collection::vec(0u8..8, 0..100_000),
            content in proptest::collection::vec(0u8..8, 0..100_000),
        ) {
            let levels = [(Format::Gzip, 0..=9), (Format::Zstd, 1..=4)];
            for (format, level) in levels.into_iter().flat_map(|(f, l)| l.map(move |l| (f, l))) {
                let mut used = encoder(format, level);
                used.encode(&before).unwrap();
                let member = used.encode(&content).unwrap();
                prop_assert_eq!(&member, &encoder(format, level).encode(&content).unwrap());
                let mut read = Vec::new();
                Decoder::new(member.as_slice(), format).unwrap().read_to_end(&mut read).unwrap();
                prop_assert_eq!(&read, &content);
            }
        }
    }
}
