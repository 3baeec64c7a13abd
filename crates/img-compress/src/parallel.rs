//! Members compressed on several threads, written in order, hashed on both sides.
//!
//! Every queue is bounded and buffers are used again, so memory depends on the number of jobs and the
//! size of members alone. A stream of a single member is compressed on the caller's thread: a tiny
//! layer starts none.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use img_oci::{Algorithm, Digest, Hasher};
use thiserror::Error;

use crate::buffer::Pool;
use crate::checkpoint::Checkpoint;
use crate::format::{Compression, Format};
use crate::member::MemberEncoder;
use crate::part::{Part, WrittenPart};
use crate::pipeline::{ContentHash, Member, Pipeline, encode};
use crate::store::{MemberKey, MemberStore};
use crate::writer::StreamWriter;

/// More encoder threads than this gain nothing against the serial hash of the content.
const MAX_JOBS: usize = 32;
/// Bytes of content that an encoder holds, and at most as many of compressed members.
const CONTENT_MEMORY: usize = 32 << 20;

/// Why a stream could not be compressed.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The system starts no more threads.
    #[error("cannot start a thread to compress with")]
    StartThread(#[source] io::Error),
    /// The output could not be written.
    #[error("cannot write compressed output")]
    Write(#[source] io::Error),
    /// The library failed.
    #[error("cannot compress")]
    Compress(#[source] io::Error),
    /// A thread ended early; its panic message is on stderr.
    #[error("a compression thread ended early")]
    Thread,
}

/// How a stream is compressed.
#[derive(Clone)]
pub struct EncoderOptions {
    /// Format, level and number of members.
    pub compression: Compression,
    /// Threads that compress; does not show in the output.
    pub jobs: usize,
    /// Bytes of content that members have as a rule, by which memory is bounded.
    pub member_size: usize,
    /// Members of earlier streams.
    pub store: Option<Arc<dyn MemberStore>>,
}

impl fmt::Debug for EncoderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncoderOptions")
            .field("compression", &self.compression)
            .field("jobs", &self.jobs)
            .field("member_size", &self.member_size)
            .field("store", &self.store.is_some())
            .finish()
    }
}

impl EncoderOptions {
    /// Returns options without a store.
    pub fn new(compression: Compression, jobs: usize) -> Self {
        Self {
            compression,
            jobs,
            member_size: compression.format().target_member_size(),
            store: None,
        }
    }
}

/// A finished stream.
#[derive(Debug)]
pub struct Encoded<W> {
    /// Where the stream was written.
    pub output: W,
    /// Digest of the content.
    pub diff_id: Digest,
    /// Digest of the compressed stream.
    pub digest: Digest,
    /// Size of the compressed stream in bytes.
    pub size: u64,
    /// The state at the end of each member that was pushed, if there is a store.
    pub checkpoints: Vec<Checkpoint>,
}

/// Compresses members in parallel and writes them in the order they were pushed.
pub struct ParallelEncoder<W> {
    options: EncoderOptions,
    pool: Pool,
    state: State<W>,
}

enum State<W> {
    /// At most one member so far, no thread started.
    Single(Box<Single<W>>),
    Running(Pipeline<W>),
    /// A thread failed; its error was returned.
    Failed,
}

struct Single<W> {
    hash: ContentHash,
    writer: StreamWriter<W>,
    member: Option<Member>,
}

impl<W: Write + Send + 'static> ParallelEncoder<W> {
    /// Returns an encoder that writes to `output`.
    pub fn new(output: W, options: EncoderOptions) -> Self {
        let save = options.store.is_some();
        let writer = StreamWriter::new(output, options.compression, save);
        Self::start(options, Hasher::new(Algorithm::Sha256), writer)
    }

    /// Returns an encoder that goes on at a checkpoint: the output holds the members before it.
    pub fn resume(output: W, options: EncoderOptions, checkpoint: &Checkpoint) -> Self {
        let writer = StreamWriter::resume(output, options.compression, checkpoint);
        // Checkpoints are parsed with hashers that can be resumed.
        let hasher = Hasher::resume(&checkpoint.content);
        let hasher = hasher.unwrap_or_else(|| Hasher::new(Algorithm::Sha256));
        Self::start(options, hasher, writer)
    }

    fn start(mut options: EncoderOptions, hasher: Hasher, writer: StreamWriter<W>) -> Self {
        let fit = (CONTENT_MEMORY / options.member_size.max(1)).max(2);
        // One member is filled and one written while the others are compressed.
        options.jobs = options.jobs.min(fit - 1).clamp(1, MAX_JOBS);
        let saved = options.store.is_some().then(Vec::new);
        Self {
            pool: Pool::new((options.jobs + 2).min(fit)),
            options,
            state: State::Single(Box::new(Single {
                hash: ContentHash { hasher, saved },
                writer,
                member: None,
            })),
        }
    }

    /// Returns an empty buffer for the content of a member; waits until one is free.
    pub fn buffer(&mut self) -> Vec<u8> {
        self.pool.take()
    }

    /// Adds a member; `key` is what a store knows it by.
    pub fn push(&mut self, content: Vec<u8>, key: Option<MemberKey>) -> Result<(), EncodeError> {
        let content = self.pool.share(content);
        self.push_member(Member {
            content,
            key,
            parts: Vec::new(),
        })
    }

    /// Adds members that one buffer becomes: its parts in order, the last of which ends with it.
    pub fn push_parts(&mut self, content: Vec<u8>, parts: Vec<Part>) -> Result<(), EncodeError> {
        let content = self.pool.share(content);
        self.push_member(Member {
            content,
            key: None,
            parts,
        })
    }

    fn push_member(&mut self, member: Member) -> Result<(), EncodeError> {
        self.step(|state, options| match state {
            State::Single(mut single) if single.member.is_none() => {
                single.member = Some(member);
                Ok(State::Single(single))
            }
            State::Single(single) => Ok(State::Running(single.run(options)?.push(member)?)),
            State::Running(pipeline) => Ok(State::Running(pipeline.push(member)?)),
            State::Failed => Err(EncodeError::Thread),
        })
    }

    /// Adds bytes to the stream that are not part of its content.
    pub fn append_raw(&mut self, bytes: Vec<u8>) -> Result<(), EncodeError> {
        self.step(|state, options| Ok(State::Running(state.run(options)?.append_raw(bytes)?)))
    }

    /// Returns each member and the size of the stream so far, once all of them are written.
    pub fn written(&mut self) -> Result<(Vec<WrittenPart>, u64), EncodeError> {
        let mut written = (Vec::new(), 0);
        self.step(|state, options| {
            let (pipeline, found) = state.run(options)?.written()?;
            written = found;
            Ok(State::Running(pipeline))
        })?;
        Ok(written)
    }

    fn step(
        &mut self,
        step: impl FnOnce(State<W>, &EncoderOptions) -> Result<State<W>, EncodeError>,
    ) -> Result<(), EncodeError> {
        let state = std::mem::replace(&mut self.state, State::Failed);
        self.state = step(state, &self.options)?;
        Ok(())
    }

    /// Ends the stream and returns its digests; the output is flushed.
    pub fn finish(self) -> Result<Encoded<W>, EncodeError> {
        match self.state {
            State::Single(single) => single.finish(&self.options),
            State::Running(pipeline) => {
                let (hash, writer) = pipeline.finish()?;
                finish(hash, writer)
            }
            State::Failed => Err(EncodeError::Thread),
        }
    }
}

impl<W: Write + Send + 'static> State<W> {
    /// Returns the running pipeline, started if need be.
    fn run(self, options: &EncoderOptions) -> Result<Pipeline<W>, EncodeError> {
        match self {
            Self::Single(single) => single.run(options),
            Self::Running(pipeline) => Ok(pipeline),
            Self::Failed => Err(EncodeError::Thread),
        }
    }
}

impl<W: Write + Send + 'static> Single<W> {
    fn run(self, options: &EncoderOptions) -> Result<Pipeline<W>, EncodeError> {
        let pipeline = Pipeline::start(options, self.hash, self.writer)?;
        match self.member {
            Some(member) => pipeline.push(member),
            None => Ok(pipeline),
        }
    }

    fn finish(mut self, options: &EncoderOptions) -> Result<Encoded<W>, EncodeError> {
        if options.compression.format() == Format::None {
            if let Some(member) = self.member {
                self.writer.write_member(member.content.bytes(), &[])?;
            }
            return finish(None, self.writer);
        }
        let mut encoder = MemberEncoder::new(options.compression).map_err(EncodeError::Compress)?;
        // An empty stream is an empty member.
        let empty = || Member {
            content: Pool::new(1).share(Vec::new()),
            key: None,
            parts: Vec::new(),
        };
        let is_empty = self.writer.is_empty();
        if let Some(member) = self.member.or_else(|| is_empty.then(empty)) {
            let bytes = encode(&mut encoder, options.store.as_deref(), &member);
            self.hash.update(member.content.bytes());
            let (bytes, parts) = bytes.map_err(EncodeError::Compress)?;
            self.writer.write_member(&bytes, &parts)?;
        }
        let end = encoder.finish().map_err(EncodeError::Compress)?;
        self.writer.write_raw(&end)?;
        finish(Some(self.hash), self.writer)
    }
}

/// Ends a stream; without a hash of its content, the stream is the content.
fn finish<W: Write>(
    hash: Option<ContentHash>,
    mut writer: StreamWriter<W>,
) -> Result<Encoded<W>, EncodeError> {
    let states = writer.take_saved();
    let (output, digest, size) = writer.finish()?;
    let (diff_id, saved) = match hash {
        Some(hash) => (hash.hasher.finish(), hash.saved.unwrap_or_default()),
        None => (digest.clone(), Vec::new()),
    };
    let checkpoint = |(content, state): (Vec<u8>, crate::writer::WriterState)| Checkpoint {
        written: state.written,
        container: state.container,
        content,
        stream: state.hasher,
    };
    Ok(Encoded {
        output,
        diff_id,
        digest,
        size,
        checkpoints: saved.into_iter().zip(states).map(checkpoint).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Members, PrefixWriter};
    use img_oci::Sha256Hasher;
    use std::collections::HashMap;
    use std::io::Read as _;
    use std::sync::Mutex;

    fn members(count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|i| format!("member {i} ").repeat(1000 * (i % 3)).into_bytes())
            .collect()
    }

    fn encode(format: Format, jobs: usize, members: &[Vec<u8>]) -> Encoded<Vec<u8>> {
        let options = EncoderOptions::new(Compression::new(format, -1).unwrap(), jobs);
        encode_with(options, members)
    }

    fn encode_with(options: EncoderOptions, members: &[Vec<u8>]) -> Encoded<Vec<u8>> {
        let mut encoder = ParallelEncoder::new(Vec::new(), options);
        for member in members {
            let mut buffer = encoder.buffer();
            buffer.extend_from_slice(member);
            encoder.push(buffer, Some(key(member))).unwrap();
        }
        encoder.finish().unwrap()
    }

    #[test]
    fn the_number_of_jobs_does_not_show() {
        for format in [Format::None, Format::Gzip, Format::Zstd] {
            for count in [0, 1, 2, 40] {
                let members = members(count);
                let content = members.concat();
                let one = encode(format, 1, &members);
                assert_eq!(one.diff_id, Digest::sha256(&content));
                assert_eq!(one.digest, Digest::sha256(&one.output));
                assert_eq!(one.size, one.output.len() as u64);
                for jobs in [2, 7, 1000] {
                    assert_eq!(encode(format, jobs, &members).output, one.output);
                }
                let mut read = Vec::new();
                Decoder::new(one.output.as_slice(), format)
                    .unwrap()
                    .read_to_end(&mut read)
                    .unwrap();
                assert_eq!(read, content);
            }
        }
    }

    struct FullDisk(usize);

    impl Write for FullDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_of_the_output_is_returned_whenever_it_happens() {
        for format in [Format::None, Format::Gzip, Format::Zstd] {
            for room in [0, 100, 1000] {
                let compression = Compression::new(format, -1).unwrap();
                let options = EncoderOptions::new(compression, 3);
                let mut encoder = ParallelEncoder::new(FullDisk(room), options);
                // Buffers are waited for, as when a layer is built.
                let pushed: Result<(), EncodeError> =
                    members(200).into_iter().try_for_each(|member| {
                        let mut buffer = encoder.buffer();
                        buffer.extend_from_slice(&member);
                        encoder.push(buffer, None)
                    });
                let result = pushed.and_then(|()| encoder.finish().map(|_| ()));
                assert!(
                    matches!(result, Err(EncodeError::Write(_))),
                    "{format:?} {room} {result:?}"
                );
            }
        }
    }

    fn key(member: &[u8]) -> MemberKey {
        Sha256Hasher::hash(member)
    }

    #[derive(Default)]
    struct Kept(Mutex<HashMap<MemberKey, Vec<u8>>>);

    impl MemberStore for Kept {
        fn forget(&self, key: &MemberKey) {
            self.0.lock().unwrap().remove(key);
        }

        fn load(&self, key: &MemberKey) -> Option<Vec<u8>> {
            self.0.lock().unwrap().get(key).cloned()
        }

        fn save(&self, key: &MemberKey, member: &[u8]) {
            self.0.lock().unwrap().insert(*key, member.to_vec());
        }
    }

    #[test]
    fn a_stream_taken_up_at_any_checkpoint_is_the_same() {
        for (format, way) in [
            (Format::Gzip, Members::Many),
            (Format::Gzip, Members::Single),
            (Format::Zstd, Members::Many),
        ] {
            let members = members(9);
            let kept = Arc::new(Kept::default());
            let compression = Compression::new(format, -1).unwrap().with_members(way);
            let options = EncoderOptions {
                store: Some(Arc::clone(&kept) as Arc<dyn MemberStore>),
                ..EncoderOptions::new(compression, 2)
            };
            let whole = encode_with(options.clone(), &members);
            assert_eq!(whole.checkpoints.len(), members.len());
            let plain = encode_with(EncoderOptions::new(compression, 2), &members);
            assert_eq!(plain.output, whole.output);
            for (index, checkpoint) in whole.checkpoints.iter().enumerate() {
                let (before, after) = members.split_at(index + 1);
                let mut prefix = PrefixWriter::new(Vec::new(), compression);
                for member in before {
                    prefix
                        .write_member(&kept.load(&key(member)).unwrap())
                        .unwrap();
                }
                let mut encoder =
                    ParallelEncoder::resume(prefix.into_output(), options.clone(), checkpoint);
                for member in after {
                    encoder.push(member.clone(), Some(key(member))).unwrap();
                }
                let resumed = encoder.finish().unwrap();
                assert_eq!(
                    (
                        resumed.output,
                        resumed.digest,
                        resumed.diff_id,
                        resumed.size
                    ),
                    (
                        whole.output.clone(),
                        whole.digest.clone(),
                        whole.diff_id.clone(),
                        whole.size
                    ),
                    "{format:?} {way:?} {index}"
                );
            }
        }
    }

    #[test]
    fn raw_bytes_are_in_the_stream_and_not_in_its_content() {
        let options = EncoderOptions::new(Compression::new(Format::Gzip, -1).unwrap(), 2);
        let mut encoder = ParallelEncoder::new(Vec::new(), options);
        encoder.push(b"one".to_vec(), None).unwrap();
        encoder.push(b"two".to_vec(), None).unwrap();
        let (parts, size) = encoder.written().unwrap();
        let whole = b"threefour".to_vec();
        let ends = [Part { end: 5, payload: 3 }, Part { end: 9, payload: 0 }];
        encoder.push_parts(whole, ends.to_vec()).unwrap();
        let (all, _) = encoder.written().unwrap();
        assert_eq!((all.len(), all[2].position), (4, size));
        assert_eq!(all[2].digest, Some(Sha256Hasher::hash(b"thr")));
        assert_eq!(all[3].digest, None);
        encoder.append_raw(b"tail".to_vec()).unwrap();
        let stream = encoder.finish().unwrap();
        assert_eq!(stream.diff_id, Digest::sha256(b"onetwothreefour"));
        assert_eq!(stream.digest, Digest::sha256(&stream.output));
        assert_eq!(parts[0].position, 0);
        for part in all {
            let start = usize::try_from(part.position).unwrap();
            assert_eq!(stream.output[start..start + 2], [0x1f, 0x8b]);
        }
        assert!(stream.output.ends_with(b"tail"));
    }
}
