//! The threads of an encoder.
//!
//! ```text
//! push ─┬─► hash of the content (one thread)
//!       └─► encoders (`jobs` threads) ─► output and its hash, in order (one thread)
//! ```

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use img_oci::Hasher;

use crate::buffer::SharedContent;
use crate::format::{Format, Members};
use crate::member::MemberEncoder;
use crate::parallel::{EncodeError, EncoderOptions};
use crate::part::{EncodedPart, Part, WrittenPart, encode_parts};
use crate::store::{MemberKey, MemberStore};
use crate::writer::StreamWriter;

/// What is to be compressed, and what it is known by.
pub(crate) struct Member {
    pub(crate) content: SharedContent,
    pub(crate) key: Option<MemberKey>,
    /// The members that it becomes, if there are several.
    pub(crate) parts: Vec<Part>,
}

/// Compressed bytes, and what is known of their parts if there are several.
pub(crate) type EncodedBytes = (Vec<u8>, Vec<EncodedPart>);

/// A compressed member, and its content: the buffer is free once the member is written, so their
/// number bounds both.
struct EncodedMember {
    bytes: io::Result<EncodedBytes>,
    _content: Option<SharedContent>,
}

/// A member on its way through an encoder, and where the encoder puts the result.
enum Work {
    Member(Member, Sender<EncodedMember>),
    /// No more members come; asks for the end of a single one.
    Finish(Sender<EncodedMember>),
}

/// What the writer gets, in the order of the stream.
enum Item {
    /// A compressed member, to come.
    Encoded(Receiver<EncodedMember>),
    /// A member as it is.
    Plain(SharedContent),
    /// Bytes that are no member.
    Raw(Vec<u8>),
    /// Asks for the members so far.
    Written(Sender<(Vec<WrittenPart>, u64)>),
}

/// The running threads.
pub(crate) struct Pipeline<W> {
    /// What compresses; nothing where the format does not.
    encoding: Option<Encoding>,
    items: Sender<Item>,
    /// Whether the writer failed.
    has_failed: Arc<AtomicBool>,
    writer: JoinHandle<Result<StreamWriter<W>, EncodeError>>,
}

/// The threads that compress and hash content.
struct Encoding {
    work: Sender<Work>,
    to_hash: Sender<SharedContent>,
    encoders: Vec<JoinHandle<()>>,
    hasher: JoinHandle<ContentHash>,
}

/// The hash of all content, and of what was there at the end of each member if asked for.
#[derive(Clone)]
pub(crate) struct ContentHash {
    pub(crate) hasher: Hasher,
    pub(crate) saved: Option<Vec<Vec<u8>>>,
}

impl ContentHash {
    /// Adds a member.
    pub(crate) fn update(&mut self, member: &[u8]) {
        self.hasher.update(member);
        if let Some(saved) = &mut self.saved {
            saved.extend(self.hasher.save());
        }
    }
}

impl Encoding {
    fn start(options: &EncoderOptions, hash: ContentHash) -> Result<Self, EncodeError> {
        // The parts of one zstd frame come from one encoder.
        let is_serial = options.compression.format() == Format::Zstd
            && options.compression.members() == Members::Single;
        let jobs = if is_serial { 1 } else { options.jobs };
        let (work, work_received) = bounded::<Work>(jobs);
        let (to_hash, content_received) = bounded::<SharedContent>(jobs + 2);
        let mut encoders = Vec::with_capacity(jobs);
        for _ in 0..jobs {
            let encoder = MemberEncoder::new(options.compression).map_err(EncodeError::Compress)?;
            let received = work_received.clone();
            let store = options.store.clone();
            let started = start_thread(move || {
                encode_members(encoder, store.as_deref(), &received);
            });
            match started {
                Ok(encoder) => encoders.push(encoder),
                // How many there are does not show in the output.
                Err(_) if !encoders.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        let hasher = start_thread(move || hash_content(hash, &content_received))?;
        Ok(Self {
            work,
            to_hash,
            encoders,
            hasher,
        })
    }

    /// Tells whether the threads took the member.
    fn push(&self, member: Member, result: Sender<EncodedMember>) -> bool {
        self.to_hash.send(Arc::clone(&member.content)).is_ok()
            && self.work.send(Work::Member(member, result)).is_ok()
    }

    /// Waits for the threads, and returns the hash of all content.
    fn finish(self) -> Result<ContentHash, EncodeError> {
        drop((self.work, self.to_hash));
        for encoder in self.encoders {
            encoder.join().map_err(|_| EncodeError::Thread)?;
        }
        self.hasher.join().map_err(|_| EncodeError::Thread)
    }
}

impl<W: Write + Send + 'static> Pipeline<W> {
    pub(crate) fn start(
        options: &EncoderOptions,
        hash: ContentHash,
        writer: StreamWriter<W>,
    ) -> Result<Self, EncodeError> {
        let (items, received) = bounded::<Item>(options.jobs + 2);
        let encoding = match options.compression.format() {
            Format::None => None,
            Format::Gzip | Format::Zstd => Some(Encoding::start(options, hash)?),
        };
        let has_failed = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&has_failed);
        let writer = start_thread(move || {
            let written = write_items(writer, &received);
            if written.is_err() {
                failed.store(true, Ordering::Release);
                // Buffers come back as what waits is dropped: nobody waits for one in vain.
                received.iter().for_each(drop);
            }
            written
        })?;
        Ok(Self {
            encoding,
            items,
            has_failed,
            writer,
        })
    }

    /// Adds a member.
    pub(crate) fn push(self, member: Member) -> Result<Self, EncodeError> {
        let item = match &self.encoding {
            None => Some(Item::Plain(member.content)),
            Some(encoding) => {
                let (result, received) = bounded(1);
                let is_taken = encoding.push(member, result);
                is_taken.then_some(Item::Encoded(received))
            }
        };
        self.send(item)
    }

    /// Adds bytes that are no member.
    pub(crate) fn append_raw(self, bytes: Vec<u8>) -> Result<Self, EncodeError> {
        self.send(Some(Item::Raw(bytes)))
    }

    /// Returns each member of the stream and its size so far, once all of them are written.
    pub(crate) fn written(self) -> Result<(Self, (Vec<WrittenPart>, u64)), EncodeError> {
        let (asked, answer) = bounded(1);
        let pipeline = self.send(Some(Item::Written(asked)))?;
        match answer.recv() {
            Ok(written) => Ok((pipeline, written)),
            Err(_) => Err(pipeline.reason()),
        }
    }

    fn send(self, item: Option<Item>) -> Result<Self, EncodeError> {
        let is_wanted = !self.has_failed.load(Ordering::Acquire);
        let is_sent = is_wanted && item.is_some_and(|item| self.items.send(item).is_ok());
        if is_sent {
            Ok(self)
        } else {
            Err(self.reason())
        }
    }

    /// Returns why a thread hung up.
    fn reason(self) -> EncodeError {
        self.finish().err().unwrap_or(EncodeError::Thread)
    }

    /// Waits for all threads; returns the hash of the content, unless the stream is the content.
    pub(crate) fn finish(self) -> Result<(Option<ContentHash>, StreamWriter<W>), EncodeError> {
        if let Some(encoding) = &self.encoding {
            let (result, received) = bounded(1);
            if encoding.work.send(Work::Finish(result)).is_ok() {
                // Where the writer hung up, it says why below.
                let _ = self.items.send(Item::Encoded(received));
            }
        }
        drop(self.items);
        let hash = self.encoding.map(Encoding::finish).transpose();
        let writer = self.writer.join().map_err(|_| EncodeError::Thread)??;
        Ok((hash?, writer))
    }
}

fn start_thread<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, EncodeError> {
    std::thread::Builder::new()
        .spawn(run)
        .map_err(EncodeError::StartThread)
}

fn encode_members(
    mut encoder: MemberEncoder,
    store: Option<&dyn MemberStore>,
    work: &Receiver<Work>,
) {
    for work in work {
        // Where nobody waits for the result any more, the writer has failed and says why.
        let _ = match work {
            Work::Member(member, result) => result.send(EncodedMember {
                bytes: encode(&mut encoder, store, &member),
                _content: Some(member.content),
            }),
            Work::Finish(result) => result.send(EncodedMember {
                bytes: encoder.finish().map(|bytes| (bytes, Vec::new())),
                _content: None,
            }),
        };
    }
}

/// Returns the compressed member: the one in store, or a new one that is put there.
pub(crate) fn encode(
    encoder: &mut MemberEncoder,
    store: Option<&dyn MemberStore>,
    member: &Member,
) -> io::Result<EncodedBytes> {
    if !member.parts.is_empty() {
        return encode_parts(encoder, member.content.bytes(), &member.parts);
    }
    encode_whole(encoder, store, member).map(|bytes| (bytes, Vec::new()))
}

fn encode_whole(
    encoder: &mut MemberEncoder,
    store: Option<&dyn MemberStore>,
    member: &Member,
) -> io::Result<Vec<u8>> {
    let Some((store, key)) = store.zip(member.key) else {
        return encoder.encode(member.content.bytes());
    };
    if let Some(stored) = store.load(&key) {
        return Ok(stored);
    }
    let bytes = encoder.encode(member.content.bytes())?;
    store.save(&key, &bytes);
    Ok(bytes)
}

fn hash_content(mut hash: ContentHash, content: &Receiver<SharedContent>) -> ContentHash {
    for member in content {
        hash.update(member.bytes());
    }
    hash
}

fn write_items<W: Write>(
    mut writer: StreamWriter<W>,
    items: &Receiver<Item>,
) -> Result<StreamWriter<W>, EncodeError> {
    for item in items {
        match item {
            Item::Plain(content) => writer.write_member(content.bytes(), &[])?,
            Item::Encoded(member) => {
                let member = member.recv().map_err(|_| EncodeError::Thread)?;
                let (bytes, parts) = member.bytes.map_err(EncodeError::Compress)?;
                writer.write_member(&bytes, &parts)?;
            }
            Item::Raw(bytes) => writer.write_raw(&bytes)?,
            Item::Written(asked) => {
                // Who asked has gone: nobody needs the answer.
                let _ = asked.send(writer.written());
            }
        }
    }
    Ok(writer)
}
