//! A tar that stays as it is, compressed anew.
//!
//! The archive is read as strictly as one that is imported, so that what gets into an image is what
//! everybody sees in it; its bytes are copied, and members are cut at the same places as in a layer
//! that is built from files.

use std::io::{self, Read, Write};

use img_compress::{EncodeError, Encoded, EncoderOptions, ParallelEncoder};
use img_tar::{ArchiveReader, Member, ReadError};
use thiserror::Error;

use crate::build::can_be_kept;
use crate::content::Content;
use crate::cut::MemberStream;
use crate::error::shown;
use crate::sink::{EncodeSink, Keys, LayerSink as _};

/// Why an archive could not be compressed anew.
#[derive(Debug, Error)]
pub enum RecompressError {
    /// It is cut, malformed, or one that readers disagree about.
    #[error(transparent)]
    Archive(#[from] ReadError),
    /// The content of an entry could not be read.
    #[error("entry `{}`", path.escape_debug())]
    Content {
        /// Path of the entry.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The result could not be compressed or written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl RecompressError {
    /// Returns what the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Archive(error) => error.hint(),
            Self::Content { .. } | Self::Encode(_) => None,
        }
    }
}

/// Compresses the archive that `reader` gives, uncompressed; its bytes stay.
///
/// # Errors
/// See [`RecompressError`]. What was written to the output by then is not a layer.
pub fn recompress<W: Write + Send + 'static>(
    reader: impl Read + Send,
    mut options: EncoderOptions,
    output: W,
) -> Result<Encoded<W>, RecompressError> {
    let compression = options.compression;
    options.store = options.store.filter(|_| can_be_kept(compression));
    let keys = match options.store {
        Some(_) => Keys::of_content(compression),
        None => Keys::None,
    };
    let encoder = ParallelEncoder::new(output, options);
    let target = compression.format().target_member_size();
    let mut stream = MemberStream::new(EncodeSink::new(encoder, keys, 0), target);
    let mut archive = ArchiveReader::new(reader);
    while let Some(member) = archive.next_member()? {
        let header = archive.header_bytes();
        stream.begin_entry(&member.path, header.len(), member.size)?;
        stream.append(header);
        copy_content(&mut archive, &member, &mut stream)?;
        stream.append(&archive.read_padding()?);
    }
    archive.finish(|trailer| stream.append(trailer))?;
    Ok(stream.finish()?.into_encoder().finish()?)
}

fn copy_content<R: Read + Send, W: Write + Send + 'static>(
    archive: &mut ArchiveReader<R>,
    member: &Member,
    stream: &mut MemberStream<EncodeSink<'_, W>>,
) -> Result<(), RecompressError> {
    let mut reader = archive.content();
    let mut content = Content::Stream(&mut reader);
    let mut offset = 0;
    while offset < member.size {
        let piece = stream.until_cut(offset, member.size);
        let read = stream
            .sink()
            .append_content(&mut content, None, offset, piece);
        offset += read.map_err(|source| RecompressError::Content {
            path: shown(&member.path),
            source,
        })?;
        stream.advance(piece, offset, member.size)?;
    }
    Ok(())
}
