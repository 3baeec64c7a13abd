//! Reading tar archives: one reading of each, the same as Go's `archive/tar`, or none.
//!
//! Archives that GNU tar, libarchive, Python and Go would not read alike are refused, by entry and
//! offset: what a scanner saw and what a runtime unpacks must not differ. So are sparse files, whose
//! formats no two writers share, and entries of types that a layer has no use for.
//!
//! Names become paths in one spelling: `./`, doubled slashes and slashes at either end are dropped, as
//! all readers do that unpack below a directory; so an absolute name is one below the root of the
//! image. `..` is refused. Extension headers are read up to 1 MiB each and 16 an entry, and
//! nothing is allocated from a size that an archive claims.
//!
//! Source: POSIX.1-2017, `pax`, "pax Interchange Format" and "ustar Interchange Format"; GNU tar
//! manual, "Basic Tar Format".

mod block;
mod error;
mod extension;
mod member;
mod name;
mod number;
mod records;
mod source;

#[cfg(test)]
mod tests;

use std::io::{self, Read};

pub use error::{ReadError, ReadErrorKind};
pub use member::Member;

use crate::BLOCK_SIZE;
use block::HeaderBlock;
use extension::Extensions;
use source::Source;

/// Reads the entries of an archive in order.
///
/// ```
/// # use img_tar::{ArchiveReader, END_OF_ARCHIVE};
/// # use std::io::Read;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut archive = ArchiveReader::new(END_OF_ARCHIVE.as_slice());
/// while let Some(member) = archive.next_member()? {
///     let mut content = Vec::new();
///     archive.content().read_to_end(&mut content)?;
///     assert_eq!(u64::try_from(content.len())?, member.size);
/// }
/// archive.finish(|_trailer| {})?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ArchiveReader<R> {
    source: Source<R>,
    /// All blocks of the current entry before its content.
    header: Vec<u8>,
    /// The path of the current entry, for errors.
    path: Vec<u8>,
    /// Bytes of content not read yet.
    content_left: u64,
    /// Bytes of padding not read yet.
    padding_left: usize,
    /// The blocks of zeros that ended the archive, once they were seen.
    end: Option<Vec<u8>>,
}

impl<R: Read> ArchiveReader<R> {
    /// Returns a reader of the archive that `reader` gives, uncompressed.
    pub fn new(reader: R) -> Self {
        Self {
            source: Source::new(reader),
            header: Vec::new(),
            path: Vec::new(),
            content_left: 0,
            padding_left: 0,
            end: None,
        }
    }

    /// Returns the next entry; nothing at the end of the archive.
    ///
    /// What was not read of the content before is skipped. An archive may end without the two blocks
    /// of zeros, where an entry might begin.
    ///
    /// # Errors
    /// The archive is cut, malformed, or one that readers disagree about.
    pub fn next_member(&mut self) -> Result<Option<Member>, ReadError> {
        if self.end.is_some() {
            return Ok(None);
        }
        self.skip_content()?;
        self.header.clear();
        self.path.clear();
        let offset = self.source.position();
        let mut extensions = Extensions::default();
        loop {
            let at = self.source.position();
            let Some(block) = self.next_block(offset)? else {
                return self.end_after(at, &extensions).map(|()| None);
            };
            self.header.extend_from_slice(&block);
            let block = self.parse_block(at, &block)?;
            if !extension::is_extension(block.type_flag) {
                return self.finish_member(offset, &block, extensions).map(Some);
            }
            self.path.clone_from(&block.name);
            let (size, padded) = self.extension_body(at, &block)?;
            let added = extensions.add(block.type_flag, size, &self.header[padded..]);
            added.map_err(|kind| self.error(at, kind))?;
        }
    }

    /// Returns all blocks of the current entry before its content, extension headers among them.
    pub fn header_bytes(&self) -> &[u8] {
        &self.header
    }

    /// Returns a reader of what is left of the current entry's content.
    pub fn content(&mut self) -> ContentReader<'_, R> {
        ContentReader(self)
    }

    /// Reads what stands between the current entry's content and the next block.
    ///
    /// # Errors
    /// The archive is cut, or the content was not read to its end.
    pub fn read_padding(&mut self) -> Result<Vec<u8>, ReadError> {
        self.skip_content_only()?;
        let mut padding = vec![0; self.padding_left];
        self.fill(&mut padding)?;
        self.padding_left = 0;
        Ok(padding)
    }

    /// Reads the rest, which has to be zeros, and hands it to `trailer`, with the blocks that ended
    /// the archive.
    ///
    /// # Errors
    /// Something follows the end of the archive: readers would disagree whether it belongs to it.
    pub fn finish(mut self, mut trailer: impl FnMut(&[u8])) -> Result<(), ReadError> {
        while self.end.is_none() {
            // Entries that nobody asked for.
            self.next_member()?;
        }
        trailer(&self.end.take().unwrap_or_default());
        let mut buffer = [0; 16 * BLOCK_SIZE];
        loop {
            let at = self.source.position();
            let read = self
                .source
                .read(&mut buffer)
                .map_err(|error| self.io(error))?;
            if read == 0 {
                return Ok(());
            }
            if let Some(index) = buffer[..read].iter().position(|byte| *byte != 0) {
                let index = u64::try_from(index).unwrap_or(0);
                return Err(self.error(at + index, ReadErrorKind::AfterEnd));
            }
            trailer(&buffer[..read]);
        }
    }

    fn parse_block(&mut self, at: u64, block: &[u8; BLOCK_SIZE]) -> Result<HeaderBlock, ReadError> {
        HeaderBlock::parse(block).map_err(|kind| {
            self.path = match kind {
                // What this block says is not its name.
                ReadErrorKind::Checksum { .. } => Vec::new(),
                _ => block::c_string(&block[..100]).to_vec(),
            };
            self.error(at, kind)
        })
    }

    /// Returns the next block, or nothing at the end of the archive, which is noted.
    fn next_block(&mut self, offset: u64) -> Result<Option<[u8; BLOCK_SIZE]>, ReadError> {
        let mut block = [0; BLOCK_SIZE];
        match self.source.read_block(&mut block) {
            Ok(0) => {
                self.end = Some(Vec::new());
                return Ok(None);
            }
            Ok(BLOCK_SIZE) => {}
            Ok(read) => return Err(self.cut(offset, BLOCK_SIZE - read)),
            Err(error) => return Err(self.io(error)),
        }
        if block != [0; BLOCK_SIZE] {
            return Ok(Some(block));
        }
        let at = self.source.position();
        let mut end = block.to_vec();
        match self.source.read_block(&mut block) {
            Ok(0) => {}
            Ok(BLOCK_SIZE) if block == [0; BLOCK_SIZE] => end.extend_from_slice(&block),
            Ok(BLOCK_SIZE) => return Err(self.error(at, ReadErrorKind::LoneZeroBlock)),
            Ok(read) => return Err(self.cut(offset, BLOCK_SIZE - read)),
            Err(error) => return Err(self.io(error)),
        }
        self.end = Some(end);
        Ok(None)
    }

    /// Notes the global extension headers before the end: an archive of nothing may have one.
    fn end_after(&mut self, at: u64, extensions: &Extensions) -> Result<(), ReadError> {
        if !extensions.is_empty() {
            return Err(self.error(at, ReadErrorKind::ExtensionAtEnd));
        }
        let mut end = std::mem::take(&mut self.header);
        end.extend(self.end.take().unwrap_or_default());
        self.end = Some(end);
        self.path.clear();
        Ok(())
    }

    /// Reads the body of an extension header with its padding, which is noted with the header; returns
    /// its size and where it begins there.
    fn extension_body(
        &mut self,
        at: u64,
        block: &HeaderBlock,
    ) -> Result<(usize, usize), ReadError> {
        let size = extension::body_size(block).map_err(|kind| self.error(at, kind))?;
        let start = self.header.len();
        self.fill_header(size.next_multiple_of(BLOCK_SIZE))?;
        Ok((size, start))
    }

    /// Reads that many bytes to the header, which grows as they come.
    fn fill_header(&mut self, bytes: usize) -> Result<(), ReadError> {
        let limit = u64::try_from(bytes).unwrap_or(u64::MAX);
        let mut limited = (&mut self.source).take(limit);
        match limited.read_to_end(&mut self.header) {
            Ok(read) if read == bytes => Ok(()),
            Ok(read) => Err(self.cut(self.source.position(), bytes - read)),
            Err(error) => Err(self.io(error)),
        }
    }

    fn finish_member(
        &mut self,
        offset: u64,
        block: &HeaderBlock,
        extensions: Extensions,
    ) -> Result<Member, ReadError> {
        self.path = extensions.name_of(block);
        let member = member::resolve(offset, block, extensions);
        let member = member.map_err(|kind| self.error(offset, kind))?;
        self.path.clone_from(&member.path);
        self.content_left = member.size;
        self.padding_left = crate::padding(member.size).len();
        Ok(member)
    }

    fn skip_content(&mut self) -> Result<(), ReadError> {
        self.skip_content_only()?;
        let mut padding = [0; BLOCK_SIZE];
        let padding = &mut padding[..std::mem::take(&mut self.padding_left)];
        self.fill(padding)
    }

    fn skip_content_only(&mut self) -> Result<(), ReadError> {
        if self.content_left > 0 {
            io::copy(&mut self.content(), &mut io::sink()).map_err(|error| self.io(error))?;
        }
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        match self.source.read_block(bytes) {
            Ok(read) if read == bytes.len() => Ok(()),
            Ok(read) => Err(self.cut(self.source.position(), bytes.len() - read)),
            Err(error) => Err(self.io(error)),
        }
    }

    fn cut(&self, offset: u64, missing: usize) -> ReadError {
        let missing = u64::try_from(missing).unwrap_or(u64::MAX);
        self.error(offset, ReadErrorKind::Cut { missing })
    }

    fn error(&self, offset: u64, kind: ReadErrorKind) -> ReadError {
        ReadError {
            path: self.path.clone(),
            offset,
            kind,
        }
    }

    /// Returns the error of the source, or that which the content reader made of a cut.
    fn io(&self, error: io::Error) -> ReadError {
        match error.downcast::<ReadError>() {
            Ok(cut) => cut,
            Err(error) => self.error(self.source.position(), ReadErrorKind::Io(error)),
        }
    }
}

/// Reads the content of one entry.
#[derive(Debug)]
pub struct ContentReader<'a, R>(&'a mut ArchiveReader<R>);

impl<R: Read> Read for ContentReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let archive = &mut *self.0;
        let room = usize::try_from(archive.content_left).unwrap_or(usize::MAX);
        let room = room.min(buffer.len());
        if room == 0 {
            return Ok(0);
        }
        let read = archive.source.read(&mut buffer[..room])?;
        if read == 0 {
            let missing = archive.content_left;
            let at = archive.source.position();
            return Err(io::Error::other(
                archive.error(at, ReadErrorKind::Cut { missing }),
            ));
        }
        archive.content_left -= u64::try_from(read).unwrap_or(0);
        Ok(read)
    }
}
