//! Reading files ahead of the writer, in order.
//!
//! Reader threads take batches of files in turn, so that cold files are waited for side by side;
//! each thread's queue is bounded, and a large file is opened but not read here.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, bounded};
use img_oci::Sha256Hasher;

use crate::path::on_disk;

/// Files up to this size in bytes are read whole; larger ones are streamed by the writer.
const SMALL: u64 = 128 << 10;
/// Files in one batch.
const BATCH: usize = 16;
/// Threads that read ahead.
const READERS: usize = 4;
/// Batches that wait in each reader's queue.
const QUEUE: usize = 2;
/// Fewer files than this are read without threads.
const FEW: usize = 3 * BATCH;

/// The raw SHA-256 hash of a file's content.
pub(crate) type Hash = [u8; 32];

/// A file to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'s> {
    /// Path on disk.
    pub(crate) file: &'s [u8],
    /// Size it had when the layer was planned.
    pub(crate) size: u64,
    /// Whether its hash is needed.
    pub(crate) hashed: bool,
    /// Whether its content is needed.
    pub(crate) wanted: bool,
}

/// What was read of a file.
pub(crate) enum Content<'c> {
    /// Nothing, as nobody wants it.
    Nothing,
    /// All of a small file.
    Small(Vec<u8>),
    /// A large file, open at its start.
    Large(File),
    /// Content that comes in one go.
    Stream(&'c mut (dyn Read + Send)),
}

/// A file that was read or opened, with its hash if that was asked for.
pub(crate) type Loaded = io::Result<(Content<'static>, Option<Hash>)>;

/// Returns the hashes of files on disk, in order, read side by side.
pub(crate) fn hash_all(sources: &[Source<'_>]) -> Vec<io::Result<Hash>> {
    let hash_one = |source: &Source<'_>| hash_file(&mut File::open(on_disk(source.file))?, source);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if sources.len() < FEW || threads == 1 {
        return sources.iter().map(hash_one).collect();
    }
    let next = AtomicUsize::new(0);
    let mut found: Vec<(usize, Vec<io::Result<Hash>>)> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let batch = next.fetch_add(1, Ordering::Relaxed);
                let start = batch.saturating_mul(BATCH);
                let Some(sources) = sources.get(start..) else {
                    return done;
                };
                if sources.is_empty() {
                    return done;
                }
                let sources = &sources[..sources.len().min(BATCH)];
                done.push((batch, sources.iter().map(hash_one).collect()));
            }
        };
        let threads: Vec<_> = (0..threads.min(READERS))
            .map(|_| scope.spawn(work))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    found.sort_by_key(|(batch, _)| *batch);
    found.into_iter().flat_map(|(_, hashes)| hashes).collect()
}

/// Returns what stands at each of these paths, links followed.
pub(crate) fn probe(files: &[&[u8]]) -> Vec<io::Result<Metadata>> {
    let probe_one = |file: &&[u8]| std::fs::metadata(on_disk(file));
    if files.len() < FEW {
        return files.iter().map(probe_one).collect();
    }
    std::thread::scope(|scope| {
        let chunks = files.chunks(files.len().div_ceil(READERS));
        let threads: Vec<_> = chunks
            .map(|chunk| scope.spawn(move || chunk.iter().map(probe_one).collect::<Vec<_>>()))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

/// Calls `consume` with the index and content of each source, in order, until it fails.
pub(crate) fn for_each<E>(
    sources: &[Source<'_>],
    mut consume: impl FnMut(usize, Loaded) -> Result<(), E>,
) -> Result<(), E> {
    if sources.len() < FEW {
        let mut loaded = sources.iter().map(load).enumerate();
        return loaded.try_for_each(|(index, content)| consume(index, content));
    }
    std::thread::scope(|scope| {
        let start_reader = |reader: usize| -> Receiver<Vec<Loaded>> {
            let (sender, receiver) = bounded(QUEUE);
            scope.spawn(move || {
                for batch in sources.chunks(BATCH).skip(reader).step_by(READERS) {
                    // The writer failed and needs no more.
                    if sender.send(batch.iter().map(load).collect()).is_err() {
                        return;
                    }
                }
            });
            receiver
        };
        let readers: Vec<_> = (0..READERS).map(start_reader).collect();
        let mut index = 0;
        for batch in 0..sources.len().div_ceil(BATCH) {
            let loaded = readers[batch % READERS].recv();
            for content in loaded.unwrap_or_else(|_| vec![Err(io::ErrorKind::BrokenPipe.into())]) {
                consume(index, content)?;
                index += 1;
            }
        }
        Ok(())
    })
}

fn load(source: &Source<'_>) -> Loaded {
    if !source.wanted && !source.hashed {
        return Ok((Content::Nothing, None));
    }
    let mut file = File::open(on_disk(source.file))?;
    if source.size > SMALL {
        // A hint: the file is as readable without it.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential);
        let hash = if source.hashed {
            let hash = hash_file(&mut file, source)?;
            file.rewind()?;
            Some(hash)
        } else {
            None
        };
        return Ok((Content::Large(file), hash));
    }
    let size = usize::try_from(source.size).map_err(io::Error::other)?;
    // One byte more than it should have, to see where it ends.
    let mut content = Vec::with_capacity(size + 1);
    file.take(source.size + 1).read_to_end(&mut content)?;
    let hash = source.hashed.then(|| Sha256Hasher::hash(&content));
    Ok((Content::Small(content), hash))
}

/// Returns the hash of a file that has the size it is known to have.
fn hash_file(file: &mut File, source: &Source<'_>) -> io::Result<Hash> {
    let mut hasher = Sha256Hasher::new();
    let size = io::copy(file, &mut hasher)?;
    if size != source.size {
        return Err(io::Error::other(format!(
            "it changed while it was read: expected {} bytes, found {size}",
            source.size
        )));
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_arrive_in_order_whatever_their_size_and_number() {
        const SIZES: [u64; 5] = [0, 10, SMALL, SMALL + 1, SMALL / 8];
        let folder = tempfile::tempdir().unwrap();
        for count in [0, 1, 47, 48, 300] {
            let bytes = |i: usize| {
                vec![u8::try_from(i % 251).unwrap(); usize::try_from(SIZES[i % 5]).unwrap()]
            };
            let paths: Vec<Vec<u8>> = (0..count)
                .map(|i| {
                    let path = folder.path().join(i.to_string());
                    std::fs::write(&path, bytes(i)).unwrap();
                    path.into_os_string().into_encoded_bytes()
                })
                .collect();
            let files: Vec<&[u8]> = paths.iter().map(Vec::as_slice).collect();
            let sizes: Vec<u64> = probe(&files)
                .into_iter()
                .map(|m| m.unwrap().len())
                .collect();
            let source = |i: usize| Source {
                file: files[i],
                size: sizes[i],
                hashed: i.is_multiple_of(2),
                wanted: true,
            };
            let sources: Vec<_> = (0..count).map(source).collect();
            let hashes: Vec<_> = hash_all(&sources).into_iter().map(Result::unwrap).collect();
            let expected: Vec<_> = (0..count).map(|i| Sha256Hasher::hash(&bytes(i))).collect();
            assert_eq!(hashes, expected);
            let mut seen = 0;
            let result: Result<(), ()> = for_each(&sources, |index, loaded| {
                assert_eq!(index, seen);
                seen += 1;
                let (content, hash) = loaded.unwrap();
                let expected = bytes(index);
                assert_eq!(
                    hash,
                    (index.is_multiple_of(2)).then(|| Sha256Hasher::hash(&expected))
                );
                match content {
                    Content::Nothing | Content::Stream(_) => panic!("{index} was not read"),
                    Content::Small(found) => assert_eq!(found, expected),
                    Content::Large(mut file) => {
                        let mut found = Vec::new();
                        file.read_to_end(&mut found).unwrap();
                        assert_eq!(found, expected);
                    }
                }
                Ok(())
            });
            assert_eq!((result, seen), (Ok(()), count));
        }
    }

    #[test]
    fn a_consumer_that_fails_ends_the_reading() {
        let sources = vec![
            Source {
                file: b"/nowhere",
                size: 1,
                hashed: false,
                wanted: true,
            };
            1000
        ];
        let result = for_each(&sources, |index, loaded| {
            assert!(loaded.is_err());
            if index == 100 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(result, Err("enough"));
    }
}
