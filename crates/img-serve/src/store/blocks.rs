//! Blocks of content on their way to clients: bounded memory, buffers used again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::proof::GRANULE;

/// Bytes read at a time.
const LARGE: usize = 8 * GRANULE;
/// Bytes read at a time once many bytes wait for slow clients.
const SMALL: usize = GRANULE;
/// Large buffers kept for the next block.
const SPARE: usize = 64;

/// Where blocks come from and return to.
pub(super) struct Blocks {
    limit: usize,
    in_flight: AtomicUsize,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Blocks {
    /// Returns a source of blocks that become small once `limit` bytes are in flight.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            in_flight: AtomicUsize::new(0),
            spare: Mutex::default(),
        }
    }

    /// Returns an empty block.
    pub(super) fn take(self: &Arc<Self>) -> Block {
        let plenty = self.in_flight.load(Ordering::Relaxed) < self.limit;
        let capacity = if plenty { LARGE } else { SMALL };
        self.in_flight.fetch_add(capacity, Ordering::Relaxed);
        let spare = if plenty { self.spare().pop() } else { None };
        let buffer = spare.unwrap_or_else(|| vec![0; capacity]);
        Block {
            buffer,
            filled: 0,
            sent: 0..0,
            blocks: self.clone(),
        }
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A block of content that returns its buffer once it was sent.
pub(crate) struct Block {
    buffer: Vec<u8>,
    filled: usize,
    /// The part that is wanted.
    sent: std::ops::Range<usize>,
    blocks: Arc<Blocks>,
}

impl Block {
    /// Returns how many bytes fit.
    pub(super) fn capacity(&self) -> usize {
        self.buffer.len()
    }

    /// Reads as many of `wanted` bytes, which fit, as there are from `offset`.
    pub(super) fn fill(&mut self, file: &File, offset: u64, wanted: usize) -> io::Result<()> {
        self.filled = 0;
        while self.filled < wanted {
            let at = offset + self.filled as u64;
            match file.read_at(&mut self.buffer[self.filled..wanted], at) {
                Ok(0) => break,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads `wanted` bytes if they are all in memory, and tells whether they were.
    pub(super) fn fill_from_memory(&mut self, file: &File, offset: u64, wanted: usize) -> bool {
        // Any failure is met again by the read that may wait.
        self.filled = read_from_memory(file, &mut self.buffer[..wanted], offset).unwrap_or(0);
        self.filled == wanted
    }

    /// Returns all that was read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Restricts what is sent.
    pub(super) fn trim(&mut self, from: u64, to: u64) {
        let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.filled);
        self.sent = within(from)..within(to);
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[self.sent.clone()]
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let capacity = self.buffer.len();
        self.blocks.in_flight.fetch_sub(capacity, Ordering::Relaxed);
        if capacity == LARGE {
            let mut spare = self.blocks.spare();
            if spare.len() < SPARE {
                spare.push(std::mem::take(&mut self.buffer));
            }
        }
    }
}

/// Reads what the page cache has.
#[cfg(target_os = "linux")]
fn read_from_memory(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let buffers = &mut [io::IoSliceMut::new(buffer)];
    Ok(preadv2(file, buffers, offset, ReadWriteFlags::NOWAIT)?)
}

/// Reads nothing: only Linux can tell what is in memory.
#[cfg(not(target_os = "linux"))]
fn read_from_memory(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Ok(0)
}
