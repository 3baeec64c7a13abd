//! Reading files ahead of the writer, in order.
//!
//! Reader threads take batches of files in turn, so that cold files are waited for side by side;
//! each thread's queue is bounded, and a large file is opened but not read here.

use std::fs::File;
use std::io::{self, Read};

use crossbeam_channel::{Receiver, bounded};
use img_oci::Hasher;

use crate::path::on_disk;

/// Files up to this size are read whole; larger ones are streamed by the writer.
const SMALL: usize = 128 << 10;
/// Files in one batch.
const BATCH: usize = 16;
/// Threads that read ahead.
const READERS: usize = 4;
/// Batches that wait in each reader's queue.
const QUEUE: usize = 2;
/// Fewer files than this are read without threads.
const FEW: usize = 3 * BATCH;

/// What a reader found at a file's path.
pub(crate) enum Content {
    /// All of a small file, with its SHA-256 hash.
    Small(Vec<u8>, [u8; 32]),
    /// A large file, open at its start, and its size in bytes.
    Large(File, u64),
    /// A directory.
    Directory,
}

/// What came of reading one file.
pub(crate) type Loaded = io::Result<Content>;

/// Calls `consume` with the index and content of each source, in order, until it fails.
pub(crate) fn for_each<E>(
    sources: &[impl AsRef<[u8]> + Sync],
    mut consume: impl FnMut(usize, Loaded) -> Result<(), E>,
) -> Result<(), E> {
    if sources.len() < FEW {
        let mut loaded = sources
            .iter()
            .map(|source| load(source.as_ref()))
            .enumerate();
        return loaded.try_for_each(|(index, content)| consume(index, content));
    }
    std::thread::scope(|scope| {
        let start_reader = |reader: usize| -> Receiver<Vec<Loaded>> {
            let (sender, receiver) = bounded(QUEUE);
            scope.spawn(move || {
                for batch in sources.chunks(BATCH).skip(reader).step_by(READERS) {
                    let loaded = batch.iter().map(|source| load(source.as_ref())).collect();
                    // The writer failed and needs no more.
                    if sender.send(loaded).is_err() {
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

fn load(source: &[u8]) -> Loaded {
    let mut file = File::open(on_disk(source))?;
    let mut content = vec![0; SMALL / 8];
    let mut filled = 0;
    loop {
        match file.read(&mut content[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                return Ok(Content::Directory);
            }
            Err(error) => return Err(error),
        }
        if filled > SMALL {
            return open_large(source);
        }
        if filled == content.len() {
            // One byte more than a small file may have, to see its end.
            content.resize((filled * 2).min(SMALL + 1), 0);
        }
    }
    content.truncate(filled);
    content.shrink_to_fit();
    let hash = Hasher::sha256_raw(&content);
    Ok(Content::Small(content, hash))
}

fn open_large(source: &[u8]) -> Loaded {
    let file = File::open(on_disk(source))?;
    let size = file.metadata()?.len();
    // A hint: the file is as readable without it.
    let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential);
    Ok(Content::Large(file, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_arrive_in_order_whatever_their_size_and_number() {
        let folder = tempfile::tempdir().unwrap();
        for count in [0, 1, 47, 48, 300] {
            let sources: Vec<Vec<u8>> = (0..count)
                .map(|i| {
                    let path = folder.path().join(i.to_string());
                    let size = [0, 10, SMALL, SMALL + 1, SMALL / 8][i % 5];
                    std::fs::write(&path, vec![u8::try_from(i % 251).unwrap(); size]).unwrap();
                    path.into_os_string().into_encoded_bytes()
                })
                .collect();
            let mut seen = 0;
            let result: Result<(), ()> = for_each(&sources, |index, content| {
                assert_eq!(index, seen);
                seen += 1;
                let size = [0, 10, SMALL, SMALL + 1, SMALL / 8][index % 5];
                match content.unwrap() {
                    Content::Small(bytes, hash) => {
                        assert_eq!(bytes, vec![u8::try_from(index % 251).unwrap(); size]);
                        assert_eq!(hash, Hasher::sha256_raw(&bytes));
                    }
                    Content::Large(_, found) => assert_eq!(found, SMALL as u64 + 1),
                    Content::Directory => panic!("no directory was given"),
                }
                Ok(())
            });
            assert_eq!((result, seen), (Ok(()), count));
        }
    }

    #[test]
    fn a_consumer_that_fails_ends_the_reading() {
        let sources = vec![b"/".to_vec(); 1000];
        let result = for_each(&sources, |index, content| {
            assert!(matches!(content, Ok(Content::Directory)));
            if index == 100 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(result, Err("enough"));
    }
}
