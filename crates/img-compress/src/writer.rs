//! Writes members in order, counts and hashes what is written.

use std::io::{self, Write};

use img_oci::{Algorithm, Digest, Hasher, HashingWriter};

use crate::checkpoint::Checkpoint;
use crate::container::{Container, ContainerState};
use crate::format::Compression;
use crate::parallel::EncodeError;
use crate::part::{EncodedPart, WrittenPart};

/// The stream on its way to the output.
pub(crate) struct StreamWriter<W> {
    output: HashingWriter<W>,
    container: Container,
    /// Each member so far.
    parts: Vec<WrittenPart>,
    /// The state at the end of each member, if asked for.
    saved: Option<Vec<WriterState>>,
}

/// The state of a writer at the end of a member.
pub(crate) struct WriterState {
    pub(crate) written: u64,
    pub(crate) container: ContainerState,
    pub(crate) hasher: Vec<u8>,
}

impl<W: Write> StreamWriter<W> {
    /// Starts a stream.
    pub(crate) fn new(output: W, compression: Compression, save: bool) -> Self {
        Self {
            output: HashingWriter::new(output, Algorithm::Sha256),
            container: Container::new(compression),
            parts: Vec::new(),
            saved: save.then(Vec::new),
        }
    }

    /// Goes on behind the members that a checkpoint stands at the end of, which are in the output.
    pub(crate) fn resume(output: W, compression: Compression, checkpoint: &Checkpoint) -> Self {
        // Checkpoints are parsed with hashers that can be resumed.
        let hasher = Hasher::resume(&checkpoint.stream);
        let hasher = hasher.unwrap_or_else(|| Hasher::new(Algorithm::Sha256));
        Self {
            output: HashingWriter::resume(output, hasher, checkpoint.written),
            container: Container::resume(compression, checkpoint.container),
            parts: Vec::new(),
            saved: Some(Vec::new()),
        }
    }

    /// Writes a member, or several: then `parts` are theirs.
    pub(crate) fn write_member(
        &mut self,
        member: &[u8],
        parts: &[EncodedPart],
    ) -> Result<(), EncodeError> {
        self.start()?;
        let blocks = self.container.unpack(member);
        self.note(parts);
        write_all(&mut self.output, blocks)?;
        if let Some(saved) = &mut self.saved {
            let (hasher, written) = self.output.seen();
            saved.push(WriterState {
                written,
                container: self.container.state(),
                hasher: hasher.save().unwrap_or_default(),
            });
        }
        Ok(())
    }

    pub(crate) fn write_raw(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.start()?;
        write_all(&mut self.output, bytes)
    }

    /// Tells whether nothing was written yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.output.seen().1 == 0
    }

    /// Returns each member, and the size of the stream so far.
    pub(crate) fn written(&self) -> (Vec<WrittenPart>, u64) {
        (self.parts.clone(), self.output.seen().1)
    }

    /// Notes where the parts of the next member begin.
    fn note(&mut self, parts: &[EncodedPart]) {
        let mut position = self.output.seen().1;
        if parts.is_empty() {
            let digest = None;
            self.parts.push(WrittenPart { position, digest });
        }
        for part in parts {
            let digest = part.digest;
            self.parts.push(WrittenPart { position, digest });
            position += u64::try_from(part.size).unwrap_or(u64::MAX);
        }
    }

    pub(crate) fn take_saved(&mut self) -> Vec<WriterState> {
        self.saved.take().unwrap_or_default()
    }

    /// Ends the stream; returns the output, flushed, and digest and size of the stream.
    pub(crate) fn finish(mut self) -> Result<(W, Digest, u64), EncodeError> {
        self.start()?;
        write_all(&mut self.output, &self.container.end())?;
        self.output.finish().map_err(EncodeError::Write)
    }

    fn start(&mut self) -> Result<(), EncodeError> {
        if self.is_empty() {
            write_all(&mut self.output, self.container.start())?;
        }
        Ok(())
    }
}

fn write_all(writer: &mut impl Write, bytes: &[u8]) -> Result<(), EncodeError> {
    writer.write_all(bytes).map_err(EncodeError::Write)
}

/// Writes members that are known from before, without hashing them.
pub struct PrefixWriter<W> {
    output: W,
    container: Container,
    is_empty: bool,
}

impl<W: Write> PrefixWriter<W> {
    /// Starts a stream.
    pub fn new(output: W, compression: Compression) -> Self {
        Self {
            output,
            container: Container::new(compression),
            is_empty: true,
        }
    }

    /// Writes a member as it came from a [`crate::MemberStore`].
    ///
    /// # Errors
    /// The output failed.
    pub fn write_member(&mut self, member: &[u8]) -> io::Result<()> {
        if self.is_empty {
            self.is_empty = false;
            self.output.write_all(self.container.start())?;
        }
        let blocks = self.container.unpack(member);
        self.output.write_all(blocks)
    }

    /// Returns the output.
    pub fn into_output(self) -> W {
        self.output
    }
}
