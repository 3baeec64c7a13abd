//! What takes the bytes of a layer: its encoder, or the hash that tells members from one another.

use std::io::{self, Read, Seek, SeekFrom, Write};

use img_compress::{Compression, EncodeError, MemberKey, ParallelEncoder, Part};
use img_oci::{Digest, Sha256Hasher};

use crate::content::{Content, Hash};
use crate::cut::MemberSink;

/// A sink that takes the content of files as well.
pub(crate) trait LayerSink: MemberSink {
    /// Adds `size` bytes of a file's content from `offset`; returns how many there were.
    fn append_content(
        &mut self,
        content: &mut Content<'_>,
        hash: Option<&Hash>,
        offset: u64,
        size: u64,
    ) -> io::Result<u64>;

    /// The file of the latest content has ended; returns its digest if that was asked for.
    ///
    /// # Errors
    /// The content is not what its hash said.
    fn end_content(&mut self) -> io::Result<Option<Digest>>;

    /// Asks for the digest of the content that begins.
    fn hash_content(&mut self) {}
}

/// What is known of a member before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberPlan {
    /// What the member is kept under.
    pub(crate) key: MemberKey,
    /// Tells all members up to and with this one.
    pub(crate) chain: Hash,
    /// Files whose content ends in this member or before.
    pub(crate) files: usize,
}

/// Hashes what members are made of: headers and padding as they are, content by its own hash.
pub(crate) struct KeySink {
    start: Sha256Hasher,
    hasher: Sha256Hasher,
    chain: Hash,
    files: usize,
    pub(crate) members: Vec<MemberPlan>,
}

impl KeySink {
    pub(crate) fn new(compression: Compression) -> Self {
        let start = start(compression);
        Self {
            hasher: start.clone(),
            start,
            chain: Hash::default(),
            files: 0,
            members: Vec::new(),
        }
    }
}

impl MemberSink for KeySink {
    fn append(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.hasher.update(b"=");
        self.hasher.update(&length.to_le_bytes());
        self.hasher.update(bytes);
    }

    fn cut(&mut self) -> Result<(), EncodeError> {
        let key = std::mem::replace(&mut self.hasher, self.start.clone()).finish();
        self.chain = Sha256Hasher::hash(&[self.chain, key].concat());
        self.members.push(MemberPlan {
            key,
            chain: self.chain,
            files: self.files,
        });
        Ok(())
    }
}

impl LayerSink for KeySink {
    fn append_content(
        &mut self,
        _: &mut Content<'_>,
        hash: Option<&Hash>,
        offset: u64,
        size: u64,
    ) -> io::Result<u64> {
        let hash = hash.ok_or_else(|| io::Error::other("content without a hash"))?;
        self.hasher.update(b"#");
        self.hasher.update(hash);
        self.hasher.update(&offset.to_le_bytes());
        self.hasher.update(&size.to_le_bytes());
        Ok(size)
    }

    fn end_content(&mut self) -> io::Result<Option<Digest>> {
        self.files += 1;
        Ok(None)
    }
}

/// What members are kept under.
pub(crate) enum Keys<'m> {
    /// Nothing is kept.
    None,
    /// What is known of all members.
    Planned(&'m [MemberPlan]),
    /// The hash of the whole content of each, on top of this one.
    OfContent(Sha256Hasher),
}

impl Keys<'_> {
    /// Returns keys that are worked out as members are made.
    pub(crate) fn of_content(compression: Compression) -> Self {
        let mut start = start(compression);
        start.update(b"content\n");
        Self::OfContent(start)
    }
}

/// Returns a hasher that has seen what the bytes of a member depend on beside its content.
fn start(compression: Compression) -> Sha256Hasher {
    let mut start = Sha256Hasher::new();
    let level = compression.library_level();
    start.update(format!("member {} level {level}\n", compression.encoder()).as_bytes());
    start
}

fn key(start: &Sha256Hasher, content: &[u8]) -> MemberKey {
    let mut hasher = start.clone();
    hasher.update(content);
    hasher.finish()
}

/// Hands members to the encoder, but for those that are in the output already.
pub(crate) struct EncodeSink<'m, W> {
    encoder: ParallelEncoder<W>,
    buffer: Vec<u8>,
    keys: Keys<'m>,
    /// Members so far.
    index: usize,
    /// Members at the start that the encoder is not to see.
    skip: usize,
    parts: Parts,
    content: ContentCheck,
}

/// The content that runs: its hash, if it is to be verified or its digest was asked for.
#[derive(Default)]
struct ContentCheck {
    hasher: Option<Sha256Hasher>,
    /// What the hash has to be.
    expected: Option<Hash>,
    is_asked_for: bool,
}

/// The parts of the member that runs, where members have parts.
#[derive(Default)]
struct Parts {
    ended: Vec<Part>,
    /// Bytes of payload that the latest part begins with.
    open: Option<usize>,
    /// Parts of all members before this one.
    before: usize,
}

impl Parts {
    /// Ends the part that runs at `end`, if it has any bytes.
    fn end_at(&mut self, end: usize) {
        let start = self.ended.last().map_or(0, |part| part.end);
        if end > start {
            let payload = self.open.take().unwrap_or(0);
            self.ended.push(Part { end, payload });
        }
    }
}

impl<'m, W: Write + Send + 'static> EncodeSink<'m, W> {
    pub(crate) fn new(mut encoder: ParallelEncoder<W>, keys: Keys<'m>, skip: usize) -> Self {
        Self {
            buffer: encoder.buffer(),
            encoder,
            keys,
            index: 0,
            skip,
            parts: Parts::default(),
            content: ContentCheck::default(),
        }
    }

    pub(crate) fn into_encoder(self) -> ParallelEncoder<W> {
        self.encoder
    }

    fn is_skipping(&self) -> bool {
        self.index < self.skip
    }
}

impl<W: Write + Send + 'static> MemberSink for EncodeSink<'_, W> {
    fn append(&mut self, bytes: &[u8]) {
        if !self.is_skipping() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    fn cut(&mut self) -> Result<(), EncodeError> {
        let index = self.index;
        self.index += 1;
        if index < self.skip {
            return Ok(());
        }
        let key = match &self.keys {
            Keys::None => None,
            Keys::Planned(members) => members.get(index).map(|member| member.key),
            Keys::OfContent(start) => Some(key(start, &self.buffer)),
        };
        let buffer = std::mem::take(&mut self.buffer);
        if self.parts.ended.is_empty() && self.parts.open.is_none() {
            self.parts.before += 1;
            self.encoder.push(buffer, key)?;
        } else {
            self.parts.end_at(buffer.len());
            let parts = std::mem::take(&mut self.parts.ended);
            self.parts.before += parts.len();
            self.encoder.push_parts(buffer, parts)?;
        }
        self.buffer = self.encoder.buffer();
        Ok(())
    }

    fn begin_part(&mut self, payload: usize) -> usize {
        self.parts.end_at(self.buffer.len());
        self.parts.open = Some(payload);
        self.parts.before + self.parts.ended.len()
    }
}

impl<W: Write + Send + 'static> LayerSink for EncodeSink<'_, W> {
    fn append_content(
        &mut self,
        content: &mut Content<'_>,
        hash: Option<&Hash>,
        offset: u64,
        size: u64,
    ) -> io::Result<u64> {
        if offset == 0 && hash.is_some() && !matches!(content, Content::Nothing) {
            self.content.expected = hash.copied();
            self.content.hasher.get_or_insert_default();
        }
        let start = self.buffer.len();
        let read = self.read_content(content, offset, size);
        if let Some(hasher) = &mut self.content.hasher {
            hasher.update(&self.buffer[start..]);
        }
        read
    }

    fn end_content(&mut self) -> io::Result<Option<Digest>> {
        let check = std::mem::take(&mut self.content);
        let found = check.hasher.map(Sha256Hasher::finish);
        match (found, check.expected) {
            (Some(found), Some(expected)) if found != expected => Err(io::Error::other(
                "its content changed while the layer was built",
            )),
            _ => Ok(found
                .filter(|_| check.is_asked_for)
                .map(Digest::from_sha256)),
        }
    }

    fn hash_content(&mut self) {
        self.content.is_asked_for = true;
        self.content.hasher = Some(Sha256Hasher::new());
    }
}

impl<W: Write + Send + 'static> EncodeSink<'_, W> {
    /// Reads content that is in the output already, as far as it is there to be read: what comes
    /// behind it may have to be verified.
    fn skip_content(&mut self, content: &mut Content<'_>, size: u64) -> io::Result<u64> {
        let mut nobody = io::sink();
        let sink: &mut dyn Write = match &mut self.content.hasher {
            Some(hasher) => hasher,
            None => &mut nobody,
        };
        match content {
            Content::Nothing => Ok(size),
            Content::Small(bytes) => sink.write_all(bytes).map(|()| size),
            Content::Large(file) => io::copy(&mut file.take(size), sink),
            Content::Stream(reader) => io::copy(&mut reader.take(size), sink),
        }
    }

    fn read_content(
        &mut self,
        content: &mut Content<'_>,
        offset: u64,
        size: u64,
    ) -> io::Result<u64> {
        if self.is_skipping() {
            return self.skip_content(content, size);
        }
        match content {
            Content::Nothing => Err(io::Error::other("content that was not read")),
            Content::Small(bytes) => {
                self.buffer.extend_from_slice(bytes);
                Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Content::Large(file) => {
                if file.stream_position()? != offset {
                    file.seek(SeekFrom::Start(offset))?;
                }
                read_into(&mut self.buffer, file.take(size))
            }
            Content::Stream(reader) => read_into(&mut self.buffer, reader.take(size)),
        }
    }
}

fn read_into(buffer: &mut Vec<u8>, mut content: impl Read) -> io::Result<u64> {
    let read = content.read_to_end(buffer)?;
    Ok(u64::try_from(read).unwrap_or(u64::MAX))
}
