//! The bounds that keep a hostile or broken client from taking the server down.

use std::time::Duration;

/// Bounds of a server. [`Limits::default`] is what is documented and tested.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections served at the same time; more of them wait in the listen queue.
    pub connections: usize,
    /// Upload sessions open at the same time; more of them are refused with 429.
    pub upload_sessions: usize,
    /// How long an upload session may rest before it is removed.
    pub upload_expiry: Duration,
    /// How long a request's head may take to arrive.
    pub head_timeout: Duration,
    /// How long a connection may rest between two requests.
    pub idle_timeout: Duration,
    /// How long a request's body may bring nothing.
    pub body_timeout: Duration,
    /// How long a client may take nothing of a response.
    pub write_timeout: Duration,
    /// How long requests may still run after the server was told to stop.
    pub drain_timeout: Duration,
    /// The largest blob that is accepted, in bytes.
    pub blob_size: u64,
    /// Bytes of manifests and small blobs kept in memory.
    pub cached_bytes: usize,
    /// Bytes of blobs on their way to clients beyond which blocks become small.
    pub streamed_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            upload_sessions: 10_000,
            upload_expiry: Duration::from_secs(60 * 60),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            blob_size: 1 << 40,
            cached_bytes: 64 << 20,
            streamed_bytes: 64 << 20,
        }
    }
}

impl Limits {
    /// Returns the limits of a process that may have `files` files open.
    ///
    /// What is being served needs a file beside its connection, and connections that are refused
    /// for want of files would starve those that are being served.
    #[must_use]
    pub fn within_files(mut self, files: u64) -> Self {
        let connections = files.saturating_sub(RESERVED_FILES) / FILES_OF_CONNECTION;
        let connections = usize::try_from(connections).unwrap_or(usize::MAX);
        self.connections = self.connections.min(connections).max(1);
        self
    }
}

/// Files of a connection: its socket, and the content that is sent or received.
const FILES_OF_CONNECTION: u64 = 2;
/// Files that connections leave to the rest: standard streams, the runtime, directories to flush.
const RESERVED_FILES: u64 = 64;

/// The largest head of a request, in bytes.
pub(crate) const MAX_HEAD_SIZE: usize = 64 << 10;
/// Header lines of a request.
pub(crate) const MAX_HEADERS: usize = 100;
/// Entries of one page of a listing.
pub(crate) const MAX_PAGE: usize = 10_000;
/// Bytes of one page of referrers, as the distribution-spec limits a manifest.
pub(crate) const MAX_REFERRERS_SIZE: usize = 4 << 20;
/// Blobs up to this size are read whole, checked before the first byte is sent, and kept in memory.
pub(crate) const SMALL_BLOB: u64 = 1 << 20;
/// Bytes of a refused request's body that are read and dropped so that the client sees the answer.
pub(crate) const DRAINED_BYTES: u64 = 16 << 20;
/// How long a refused request's body is read.
pub(crate) const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: u64, connections: usize) {
        assert_eq!(
            Limits::default().within_files(files).connections,
            connections
        );
    }

    #[test]
    fn connections_leave_files_to_the_rest() {
        check(0, 1);
        check(64, 1);
        check(256, 96);
        check(1024, 480);
        check(20_000, 8192);
        check(u64::MAX, 8192);
    }
}
