//! What the server tells about its work.

use img_oci::Digest;

use crate::store::StoreError;

/// One answered request.
#[derive(Debug)]
pub struct RequestRecord<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query as they were sent; may hold anything a URI may hold.
    pub target: &'a str,
    /// Status of the response.
    pub status: u16,
    /// Bytes of the response's body that were handed to the connection.
    pub bytes: u64,
}

/// Receives what happens in the server; every method may be called from any thread.
pub trait Observer: Send + Sync + 'static {
    /// Tells whether [`Observer::request`] is to be called at all.
    fn wants_requests(&self) -> bool {
        false
    }

    /// A request was answered, or its client went away while it was.
    fn request(&self, _record: &RequestRecord<'_>) {}

    /// The stored copy of a blob does not hash to its digest; it was moved aside.
    fn corrupt_blob(&self, _digest: &Digest) {}

    /// A request failed for the sake of the storage.
    fn storage_failure(&self, _error: &StoreError) {}
}

/// An observer that ignores everything.
#[derive(Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
