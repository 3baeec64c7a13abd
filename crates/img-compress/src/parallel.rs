//! Members compressed on several threads, written in order, hashed on both sides.
//!
//! ```text
//! push ─┬─► hash of the content (one thread)
//!       └─► encoders (`jobs` threads) ─► output and its hash, in order (one thread)
//! ```
//!
//! Every queue is bounded, so memory depends on the number of jobs and the size of members alone.
//! A stream of a single member is compressed on the caller's thread: a tiny layer starts none.

use std::io::{self, Write};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use img_oci::{Algorithm, Digest, Hasher, HashingWriter};
use thiserror::Error;

use crate::format::{Compression, Format};
use crate::member::MemberEncoder;

/// More encoder threads than this gain nothing against the serial hash of the content.
const MAX_JOBS: usize = 32;

/// Why a stream could not be compressed.
#[derive(Debug, Error)]
pub enum EncodeError {
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
}

/// Compresses members in parallel and writes them in the order they were pushed.
pub struct ParallelEncoder<W> {
    compression: Compression,
    jobs: usize,
    state: State<W>,
}

enum State<W> {
    /// At most one member so far, no thread started.
    Single {
        output: W,
        member: Option<Arc<Vec<u8>>>,
    },
    Running(Pipeline<W>),
    /// A thread failed; its error was returned.
    Failed,
}

impl<W: Write + Send + 'static> ParallelEncoder<W> {
    /// Returns an encoder that writes to `output` and compresses on up to `jobs` threads.
    pub fn new(output: W, compression: Compression, jobs: usize) -> Self {
        let jobs = jobs.clamp(1, MAX_JOBS);
        Self {
            compression,
            jobs,
            state: State::Single {
                output,
                member: None,
            },
        }
    }

    /// Adds a member.
    pub fn push(&mut self, content: Vec<u8>) -> Result<(), EncodeError> {
        let content = Arc::new(content);
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Single {
                output,
                member: None,
            } => {
                self.state = State::Single {
                    output,
                    member: Some(content),
                };
            }
            State::Single {
                output,
                member: Some(first),
            } => {
                let pipeline = Pipeline::start(output, self.compression, self.jobs)?;
                self.state = State::Running(pipeline.push(first)?.push(content)?);
            }
            State::Running(pipeline) => self.state = State::Running(pipeline.push(content)?),
            State::Failed => return Err(EncodeError::Thread),
        }
        Ok(())
    }

    /// Ends the stream and returns its digests; the output is flushed.
    pub fn finish(self) -> Result<Encoded<W>, EncodeError> {
        match self.state {
            State::Single { output, member } => {
                let content = member.unwrap_or_default();
                let mut writer = HashingWriter::new(output, Algorithm::Sha256);
                let diff_id = if self.compression.format() == Format::None {
                    write_all(&mut writer, &content)?;
                    None
                } else {
                    write_all(&mut writer, &encode_one(self.compression, &content)?)?;
                    Some(Digest::sha256(&content))
                };
                finish_output(writer, diff_id)
            }
            State::Running(pipeline) => pipeline.finish(),
            State::Failed => Err(EncodeError::Thread),
        }
    }
}

fn encode_one(compression: Compression, content: &[u8]) -> Result<Vec<u8>, EncodeError> {
    MemberEncoder::new(compression)
        .and_then(|mut encoder| encoder.encode(content))
        .map_err(EncodeError::Compress)
}

/// A compressed member, or the content itself where the format compresses nothing.
enum Member {
    Plain(Arc<Vec<u8>>),
    Encoded(io::Result<Vec<u8>>),
}

/// A member on its way to an encoder, and where the encoder puts the result.
struct Work {
    content: Arc<Vec<u8>>,
    result: Sender<Member>,
}

struct Pipeline<W> {
    /// What compresses; nothing where the format does not.
    encoding: Option<Encoding>,
    /// Results in the order of the stream, each to come.
    in_order: Sender<Receiver<Member>>,
    writer: JoinHandle<Result<HashingWriter<W>, EncodeError>>,
}

/// The threads that compress and hash content.
struct Encoding {
    work: Sender<Work>,
    to_hash: Sender<Arc<Vec<u8>>>,
    encoders: Vec<JoinHandle<()>>,
    hasher: JoinHandle<Digest>,
}

impl Encoding {
    fn start(compression: Compression, jobs: usize) -> Result<Self, EncodeError> {
        let (work, work_received) = bounded::<Work>(jobs);
        let (to_hash, content_received) = bounded::<Arc<Vec<u8>>>(jobs + 2);
        let mut encoders = Vec::with_capacity(jobs);
        for _ in 0..jobs {
            let encoder = MemberEncoder::new(compression).map_err(EncodeError::Compress)?;
            let received = work_received.clone();
            encoders.push(std::thread::spawn(move || {
                encode_members(encoder, &received);
            }));
        }
        let hasher = std::thread::spawn(move || hash_content(&content_received));
        Ok(Self {
            work,
            to_hash,
            encoders,
            hasher,
        })
    }

    /// Tells whether the threads took the content.
    fn push(&self, content: Arc<Vec<u8>>, result: Sender<Member>) -> bool {
        let hashing = self.to_hash.send(Arc::clone(&content)).is_ok();
        hashing && self.work.send(Work { content, result }).is_ok()
    }

    /// Waits for the threads, and returns the digest of all content.
    fn finish(self) -> Result<Digest, EncodeError> {
        drop((self.work, self.to_hash));
        for encoder in self.encoders {
            encoder.join().map_err(|_| EncodeError::Thread)?;
        }
        self.hasher.join().map_err(|_| EncodeError::Thread)
    }
}

impl<W: Write + Send + 'static> Pipeline<W> {
    fn start(output: W, compression: Compression, jobs: usize) -> Result<Self, EncodeError> {
        let (in_order, results) = bounded::<Receiver<Member>>(jobs + 2);
        let encoding = match compression.format() {
            Format::None => None,
            Format::Gzip | Format::Zstd => Some(Encoding::start(compression, jobs)?),
        };
        let writer = std::thread::spawn(move || write_members(output, &results));
        Ok(Self {
            encoding,
            in_order,
            writer,
        })
    }

    fn push(self, content: Arc<Vec<u8>>) -> Result<Self, EncodeError> {
        let (result, received) = bounded(1);
        let queued = match &self.encoding {
            Some(encoding) => encoding.push(content, result),
            None => result.send(Member::Plain(content)).is_ok(),
        };
        if queued && self.in_order.send(received).is_ok() {
            return Ok(self);
        }
        // A thread hung up: its error is the reason.
        match self.finish() {
            Err(error) => Err(error),
            Ok(_) => Err(EncodeError::Thread),
        }
    }

    fn finish(self) -> Result<Encoded<W>, EncodeError> {
        drop(self.in_order);
        let diff_id = self.encoding.map(Encoding::finish).transpose();
        let writer = self.writer.join().map_err(|_| EncodeError::Thread)??;
        finish_output(writer, diff_id?)
    }
}

fn encode_members(mut encoder: MemberEncoder, work: &Receiver<Work>) {
    for Work { content, result } in work {
        // Where nobody waits for the result any more, the writer has failed and says why.
        let _ = result.send(Member::Encoded(encoder.encode(&content)));
    }
}

fn hash_content(content: &Receiver<Arc<Vec<u8>>>) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for member in content {
        hasher.update(&member);
    }
    hasher.finish()
}

fn write_members<W: Write>(
    output: W,
    results: &Receiver<Receiver<Member>>,
) -> Result<HashingWriter<W>, EncodeError> {
    let mut writer = HashingWriter::new(output, Algorithm::Sha256);
    for result in results {
        match result.recv().map_err(|_| EncodeError::Thread)? {
            Member::Plain(content) => write_all(&mut writer, &content)?,
            Member::Encoded(member) => {
                write_all(&mut writer, &member.map_err(EncodeError::Compress)?)?;
            }
        }
    }
    Ok(writer)
}

fn write_all(writer: &mut impl Write, bytes: &[u8]) -> Result<(), EncodeError> {
    writer.write_all(bytes).map_err(EncodeError::Write)
}

/// Ends a stream whose content has this digest; without one, the stream is the content.
fn finish_output<W: Write>(
    writer: HashingWriter<W>,
    diff_id: Option<Digest>,
) -> Result<Encoded<W>, EncodeError> {
    let (output, digest, size) = writer.finish().map_err(EncodeError::Write)?;
    Ok(Encoded {
        output,
        diff_id: diff_id.unwrap_or_else(|| digest.clone()),
        digest,
        size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoder;
    use std::io::Read as _;

    fn members(count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|i| format!("member {i} ").repeat(1000 * (i % 3)).into_bytes())
            .collect()
    }

    fn encode(format: Format, jobs: usize, members: &[Vec<u8>]) -> Encoded<Vec<u8>> {
        let compression = Compression::new(format, -1).unwrap();
        let mut encoder = ParallelEncoder::new(Vec::new(), compression, jobs);
        for member in members {
            encoder.push(member.clone()).unwrap();
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
                let mut encoder = ParallelEncoder::new(FullDisk(room), compression, 3);
                let pushed: Result<(), EncodeError> = members(200)
                    .into_iter()
                    .try_for_each(|member| encoder.push(member));
                let result = pushed.and_then(|()| encoder.finish().map(|_| ()));
                assert!(
                    matches!(result, Err(EncodeError::Write(_))),
                    "{format:?} {room} {result:?}"
                );
            }
        }
    }
}
