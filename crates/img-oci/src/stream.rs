//! Readers and writers that know digest and size of what went through them.

use std::io::{self, Read, Write};

use crate::{Algorithm, Digest, Hasher};

/// A reader that hashes and counts what is read.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    seen: Seen,
}

/// A writer that hashes and counts what is written.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    seen: Seen,
}

#[derive(Debug)]
struct Seen {
    hasher: Hasher,
    size: u64,
}

impl Seen {
    fn new(algorithm: Algorithm) -> Self {
        Self {
            hasher: Hasher::new(algorithm),
            size: 0,
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size = self
            .size
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
}

impl<R: Read> HashingReader<R> {
    /// Returns a reader of `inner` through which nothing has gone.
    pub fn new(inner: R, algorithm: Algorithm) -> Self {
        Self {
            inner,
            seen: Seen::new(algorithm),
        }
    }

    /// Reads what is left, and returns digest and size in bytes of the whole.
    ///
    /// # Errors
    /// The inner reader failed.
    pub fn finish(mut self) -> io::Result<(Digest, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((self.seen.hasher.finish(), self.seen.size))
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.seen.add(&buffer[..read]);
        Ok(read)
    }
}

impl<W: Write> HashingWriter<W> {
    /// Returns a writer to `inner` through which nothing has gone.
    pub fn new(inner: W, algorithm: Algorithm) -> Self {
        Self {
            inner,
            seen: Seen::new(algorithm),
        }
    }

    /// Returns a writer that goes on after `size` bytes, which `hasher` has seen.
    pub fn resume(inner: W, hasher: Hasher, size: u64) -> Self {
        Self {
            inner,
            seen: Seen { hasher, size },
        }
    }

    /// Returns the hasher of what was written so far, and its size in bytes.
    pub fn seen(&self) -> (&Hasher, u64) {
        (&self.seen.hasher, self.seen.size)
    }

    /// Flushes, and returns the inner writer, and digest and size in bytes of what was written.
    ///
    /// # Errors
    /// The inner writer failed.
    pub fn finish(mut self) -> io::Result<(W, Digest, u64)> {
        self.inner.flush()?;
        Ok((self.inner, self.seen.hasher.finish(), self.seen.size))
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.seen.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_through_is_hashed_and_counted() {
        let mut writer = HashingWriter::new(Vec::new(), Algorithm::Sha256);
        writer.write_all(b"hello ").unwrap();
        writer.write_all(b"world").unwrap();
        let (bytes, digest, size) = writer.finish().unwrap();
        assert_eq!((bytes.as_slice(), size), (b"hello world".as_slice(), 11));
        let mut reader = HashingReader::new(bytes.as_slice(), Algorithm::Sha256);
        reader.read_exact(&mut [0; 3]).unwrap();
        assert_eq!(reader.finish().unwrap(), (digest, 11));
    }
}
