//! The tar of a layer on its way to a sink: its entries, and the table of contents where there is one.

use std::io;

use img_compress::stargz::{CHUNK_SIZE, LANDMARK_CONTENT};
use img_compress::{Compression, EncodeError, Format};
use img_tar::{END_OF_ARCHIVE, Entry, append_header, padding};
use thiserror::Error;

use crate::content::{Content, Hash};
use crate::cut::{Cuts, MemberStream};
use crate::error::StargzError;
use crate::sink::LayerSink;
use crate::stargz::{StargzIndex, landmark};

/// Why an entry could not be added.
#[derive(Debug, Error)]
pub(crate) enum EntryError {
    #[error(transparent)]
    Stargz(#[from] StargzError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Entries that are cut into members, and listed if the layer can be pulled lazily.
pub(crate) struct EntryStream<S> {
    members: MemberStream<S>,
    /// The table of contents, if the layer has one.
    index: Option<StargzIndex>,
    format: Format,
}

impl<S: LayerSink> EntryStream<S> {
    /// Returns a stream without entries; with `stargz` there is to be a table of contents.
    pub(crate) fn new(sink: S, compression: Compression, stargz: bool) -> Self {
        let format = compression.format();
        let (cuts, _) = Cuts::of(format, stargz);
        Self {
            members: MemberStream::new(sink, cuts),
            index: stargz.then(StargzIndex::default),
            format,
        }
    }

    /// Tells whether there is to be a table of contents.
    pub(crate) fn is_lazy(&self) -> bool {
        self.index.is_some()
    }

    /// Writes the entry that a lazily pullable layer begins with; nothing for others.
    pub(crate) fn write_landmark(&mut self) -> Result<(), EntryError> {
        if !self.is_lazy() {
            return Ok(());
        }
        let entry = landmark();
        let mut header = Vec::new();
        // The name is not empty and holds no NUL.
        let written = append_header(&mut header, &entry);
        debug_assert!(written.is_ok(), "{written:?}");
        self.begin_entry(&entry, &header)?;
        let mut content = Content::Small(LANDMARK_CONTENT.to_vec());
        self.write_content(entry.size, &mut content, None)?
            .map_err(EncodeError::Compress)?;
        self.append(padding(entry.size));
        Ok(())
    }

    /// Begins an entry with its header blocks.
    pub(crate) fn begin_entry(
        &mut self,
        entry: &Entry<'_>,
        header: &[u8],
    ) -> Result<(), EntryError> {
        self.members
            .begin_entry(entry.path, header.len(), entry.size)?;
        self.members.append(header);
        if let Some(index) = &mut self.index {
            index.add(entry)?;
        }
        Ok(())
    }

    /// Writes content piece by piece; returns how many bytes there were up to `size`.
    pub(crate) fn write_content(
        &mut self,
        size: u64,
        content: &mut Content<'_>,
        hash: Option<&Hash>,
    ) -> Result<io::Result<u64>, EncodeError> {
        if self.is_lazy() && size > CHUNK_SIZE {
            self.members.sink().hash_content();
        }
        let mut offset = 0;
        while offset < size {
            let piece = self.members.until_cut(offset, size);
            let part = self.members.begin_part(piece);
            if let (Some(index), Some(part)) = (&mut self.index, part) {
                index.add_chunk(part, offset, piece);
            }
            let sink = self.members.sink();
            let read = match sink.append_content(content, hash, offset, piece) {
                Ok(read) => read,
                Err(error) => return Ok(Err(error)),
            };
            offset += read;
            if read != piece {
                return Ok(Ok(offset));
            }
            self.members.advance(piece, offset, size)?;
        }
        let digest = match self.members.sink().end_content() {
            Ok(digest) => digest,
            Err(error) => return Ok(Err(error)),
        };
        if let (Some(index), Some(digest)) = (&mut self.index, digest) {
            index.set_digest(&digest);
        }
        Ok(Ok(offset))
    }

    /// Notes a file whose content is not written, as it is the same as that of one before.
    pub(crate) fn skip_content(&mut self) -> io::Result<()> {
        self.members.sink().end_content().map(|_| ())
    }

    /// Adds bytes that are no content: padding, or the end of the archive.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.members.append(bytes);
    }

    /// Adds bytes behind the last entry, of which there may be any number.
    pub(crate) fn append_trailer(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.members.append(bytes);
        self.members.cut_if_large()
    }

    /// Ends the stream; returns the table of contents and the size of the tar so far, if there is one.
    ///
    /// Where it is an entry of the tar itself, the end of the archive comes after it.
    pub(crate) fn finish(mut self) -> Result<(S, Option<(StargzIndex, u64)>), EncodeError> {
        if self.is_lazy() && self.format == Format::Zstd {
            self.append(&END_OF_ARCHIVE);
        }
        let size = self.members.size();
        let index = self.index.map(|index| (index, size));
        Ok((self.members.finish()?, index))
    }
}
