//! Blocks of content on their way to clients: bounded memory, buffers used again.

use std::fs::File;
use std::io::{self, Read as _};
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
        let buffer = spare.unwrap_or_else(|| Vec::with_capacity(capacity));
        Block {
            buffer,
            sent: 0..0,
            capacity,
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
    /// The part that is wanted.
    sent: std::ops::Range<usize>,
    capacity: usize,
    blocks: Arc<Blocks>,
}

impl Block {
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Reads `wanted` bytes, which fit, or as many as there are.
    pub(super) fn fill(&mut self, file: &File, wanted: u64) -> io::Result<u64> {
        let read = file.take(wanted).read_to_end(&mut self.buffer)?;
        self.sent = 0..read;
        Ok(read as u64)
    }

    /// Returns all that was read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Restricts what is sent.
    pub(super) fn trim(&mut self, from: u64, to: u64) {
        let within = |at: u64| {
            usize::try_from(at)
                .unwrap_or(usize::MAX)
                .min(self.buffer.len())
        };
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
        self.blocks
            .in_flight
            .fetch_sub(self.capacity, Ordering::Relaxed);
        if self.capacity == LARGE {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            let mut spare = self.blocks.spare();
            if spare.len() < SPARE {
                spare.push(buffer);
            }
        }
    }
}
