//! A tar that stays as it is, compressed anew.
//!
//! The archive is read as strictly as one that is imported, so that what gets into an image is what
//! everybody sees in it; its bytes are copied, and members are cut at the same places as in a layer
//! that is built from files.

use std::io::{self, Read, Write};

use img_compress::stargz::{CHUNK_SIZE, LANDMARK_CONTENT, NO_PREFETCH_LANDMARK, is_reserved};
use img_compress::{Compression, EncodeError, EncoderOptions, Format, ParallelEncoder};
use img_tar::{ArchiveReader, END_OF_ARCHIVE, Entry, Member, ReadError, append_header, padding};
use thiserror::Error;

use crate::build::{BuiltLayer, can_be_kept, check_stargz};
use crate::content::Content;
use crate::cut::{Cuts, MemberStream};
use crate::error::{StargzError, shown};
use crate::sink::{EncodeSink, Keys, LayerSink as _};
use crate::stargz::{StargzIndex, landmark};

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
    let cuts = if stargz {
        Cuts::AtFiles
    } else {
        Cuts::ByContent(compression.format().target_member_size())
    };
    let sink = EncodeSink::new(ParallelEncoder::new(output, options), keys, 0);
    let mut copy = Copy {
        stream: MemberStream::new(sink, cuts),
        index: stargz.then(StargzIndex::default),
    };
    copy.landmark()?;
    copy.entries(ArchiveReader::new(reader), compression)?;
    let size = copy.stream.size();
    let encoder = copy.stream.finish()?.into_encoder();
    let index = copy.index.map(|index| (index, size));
    Ok(BuiltLayer::finish(encoder, index, compression)?)
}

/// An archive on its way.
struct Copy<'m, W> {
    stream: MemberStream<EncodeSink<'m, W>>,
    /// The table of contents, if there is to be one.
    index: Option<StargzIndex>,
}

impl<W: Write + Send + 'static> Copy<'_, W> {
    fn landmark(&mut self) -> Result<(), RecompressError> {
        let Some(index) = &mut self.index else {
            return Ok(());
        };
        let mut header = Vec::new();
        let entry = landmark();
        index.add(&entry)?;
        // The name is not empty and holds no NUL.
        let written = append_header(&mut header, &entry);
        debug_assert!(written.is_ok(), "{written:?}");
        self.stream.append(&header);
        let mut content = LANDMARK_CONTENT;
        self.content(entry.size, &mut content, NO_PREFETCH_LANDMARK.as_bytes())?;
        self.stream.append(padding(entry.size));
        Ok(())
    }

    fn entries<R: Read + Send>(
        &mut self,
        mut archive: ArchiveReader<R>,
        compression: Compression,
    ) -> Result<(), RecompressError> {
        while let Some(member) = archive.next_member()? {
            // Those of an eStargz that it was.
            if self.index.is_some() && is_reserved(&member.path) {
                continue;
            }
            let header = archive.header_bytes();
            self.stream
                .begin_entry(&member.path, header.len(), member.size)?;
            self.stream.append(header);
            if let Some(index) = &mut self.index {
                index.add(&entry(&member))?;
            }
            self.content(member.size, &mut archive.content(), &member.path)?;
            self.stream.append(&archive.read_padding()?);
        }
        let has_end = self.index.is_none();
        archive.finish(|trailer| {
            if has_end {
                self.stream.append(trailer);
            }
        })?;
        // Where the table of contents is an entry, the end comes after it.
        if !has_end && compression.format() == Format::Zstd {
            self.stream.append(&END_OF_ARCHIVE);
        }
        Ok(())
    }

    fn content(
        &mut self,
        size: u64,
        reader: &mut (dyn Read + Send),
        path: &[u8],
    ) -> Result<(), RecompressError> {
        if self.index.is_some() && size > CHUNK_SIZE {
            self.stream.sink().hash_content();
        }
        let mut content = Content::Stream(reader);
        let mut offset = 0;
        while offset < size {
            let piece = self.stream.until_cut(offset, size);
            let part = self.stream.begin_part(piece);
            if let (Some(index), Some(part)) = (&mut self.index, part) {
                index.add_chunk(part, offset, piece);
            }
            let sink = self.stream.sink();
            let read = sink.append_content(&mut content, None, offset, piece);
            offset += read.map_err(|source| RecompressError::Content {
                path: shown(path),
                source,
            })?;
            self.stream.advance(piece, offset, size)?;
        }
        let digest = self.stream.sink().end_content();
        if let (Some(index), Some(digest)) = (&mut self.index, digest) {
            index.set_digest(&digest);
        }
        Ok(())
    }
}

/// Returns what the header of an entry says.
fn entry(member: &Member) -> Entry<'_> {
    Entry {
        path: &member.path,
        kind: member.kind,
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        uname: &member.uname,
        gname: &member.gname,
        mtime: member.mtime,
        size: member.size,
        link: &member.link,
        pax: &member.pax,
    }
}
