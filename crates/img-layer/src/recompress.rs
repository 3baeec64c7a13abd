//! A tar that stays as it is, compressed anew.
//!
//! The archive is read as strictly as one that is imported, so that what gets into an image is what
//! everybody sees in it; its bytes are copied, and members are cut at the same places as in a layer
//! that is built from files.

use std::io::{self, Read, Write};

use img_compress::stargz::is_reserved;
use img_compress::{EncodeError, EncoderOptions, ParallelEncoder};
use img_tar::{ArchiveReader, ReadError};
use thiserror::Error;

use crate::build::{BuiltLayer, can_be_kept, check_stargz};
use crate::content::Content;
use crate::cut::Cuts;
use crate::error::{StargzError, shown};
use crate::sink::{EncodeSink, Keys, LayerSink};
use crate::stream::{EntryError, EntryStream};

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
    /// The result cannot be pulled lazily as it is compressed.
    #[error(transparent)]
    Stargz(#[from] StargzError),
    /// The result could not be compressed or written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl From<EntryError> for RecompressError {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::Stargz(error) => error.into(),
            EntryError::Encode(error) => error.into(),
        }
    }
}

impl RecompressError {
    /// Returns what the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Archive(error) => error.hint(),
            Self::Stargz(error) => Some(error.hint()),
            Self::Content { .. } | Self::Encode(_) => None,
        }
    }
}

/// Compresses the archive that `reader` gives, uncompressed; its bytes stay.
///
/// With `stargz` the result is an eStargz or zstd:chunked layer: then the entries keep their bytes, and
/// those of the format are added, or take the place of those that were there.
///
/// # Errors
/// See [`RecompressError`]. What was written to the output by then is not a layer.
pub fn recompress<W: Write + Send + 'static>(
    reader: impl Read + Send,
    mut options: EncoderOptions,
    stargz: bool,
    output: W,
) -> Result<BuiltLayer<W>, RecompressError> {
    let compression = options.compression;
    if stargz {
        check_stargz(compression)?;
    }
    let is_kept = can_be_kept(compression) && !stargz;
    options.store = options.store.filter(|_| is_kept);
    let keys = match options.store {
        Some(_) => Keys::of_content(compression),
        None => Keys::None,
    };
    (_, options.member_size) = Cuts::of(compression.format(), stargz);
    let sink = EncodeSink::new(ParallelEncoder::new(output, options), keys, 0);
    let mut stream = EntryStream::new(sink, compression, stargz);
    stream.write_landmark()?;
    copy_entries(ArchiveReader::new(reader), &mut stream)?;
    let (sink, index) = stream.finish()?;
    Ok(BuiltLayer::finish(sink.into_encoder(), index, compression)?)
}

/// Copies the entries of an archive, but for those of an eStargz that it was.
fn copy_entries<R: Read + Send>(
    mut archive: ArchiveReader<R>,
    stream: &mut EntryStream<impl LayerSink>,
) -> Result<(), RecompressError> {
    let is_lazy = stream.is_lazy();
    while let Some(member) = archive.next_member()? {
        if is_lazy && is_reserved(&member.path) {
            continue;
        }
        stream.begin_entry(&member.entry(), archive.header_bytes())?;
        let mut reader = archive.content();
        let mut content = Content::Stream(&mut reader);
        let written = stream.write_content(member.size, &mut content, None)?;
        let failed = |source| RecompressError::Content {
            path: shown(&member.path),
            source,
        };
        if written.map_err(failed)? != member.size {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        stream.append(&archive.read_padding()?);
    }
    // Behind a table of contents comes the end of the format.
    let mut written = Ok(());
    archive.finish(|trailer| {
        if !is_lazy && written.is_ok() {
            written = stream.append_trailer(trailer);
        }
    })?;
    Ok(written?)
}
