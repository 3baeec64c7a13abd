//! Buffers for the content of members: a fixed number of them, used again and again.
//!
//! What bounds the memory of an encoder is this number. A new buffer for each member would cost more
//! than that: the system hands out its pages zeroed, one fault at a time.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};

/// The content of a member, shared by those who read it; given back when the last of them is done.
pub(crate) type SharedContent = Arc<Content>;

/// The content of a member in a buffer of the pool.
pub(crate) struct Content {
    bytes: Vec<u8>,
    home: Sender<Vec<u8>>,
}

impl Content {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        // Nobody is home once the encoder has gone: then the buffer goes too.
        let _ = self.home.send(std::mem::take(&mut self.bytes));
    }
}

/// The buffers of one encoder.
pub(crate) struct Pool {
    home: Sender<Vec<u8>>,
    free: Receiver<Vec<u8>>,
    /// Buffers that may still be made.
    left: usize,
}

impl Pool {
    /// Returns a pool of up to `buffers` buffers.
    pub(crate) fn new(buffers: usize) -> Self {
        let (home, free) = unbounded();
        Self {
            home,
            free,
            left: buffers,
        }
    }

    /// Returns an empty buffer, waiting for one that is in use if need be.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let used = match self.free.try_recv() {
            Err(_) if self.left > 0 => {
                self.left -= 1;
                return Vec::new();
            }
            Err(_) => self.free.recv().ok(),
            Ok(buffer) => Some(buffer),
        };
        // The pool holds a sender of its own, so there is always one to wait for.
        let mut buffer = used.unwrap_or_default();
        buffer.clear();
        buffer
    }

    /// Shares the content of a buffer that was taken here.
    pub(crate) fn share(&self, bytes: Vec<u8>) -> SharedContent {
        Arc::new(Content {
            bytes,
            home: self.home.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_nobody_reads_it() {
        let mut pool = Pool::new(2);
        let mut first = pool.take();
        first.extend_from_slice(b"first");
        let address = first.as_ptr();
        let second = pool.take();
        let (first, second) = (pool.share(first), pool.share(second));
        let reader = Arc::clone(&first);
        drop((first, second));
        assert_eq!(reader.bytes(), b"first");
        assert!(pool.take().capacity() == 0, "the second one is free");
        drop(reader);
        let again = pool.take();
        assert_eq!((again.as_ptr(), again.len()), (address, 0));
    }
}
