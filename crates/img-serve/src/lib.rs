//! An OCI distribution server that keeps its repositories in a directory.
//!
//! It speaks the OCI distribution-spec v1.1.1 over HTTP/1.1 and promises: a blob or manifest is
//! visible only after its digest was checked, an acknowledged write survives a crash, bytes that
//! rotted on disk are never served to a clean end, and no request makes the server hang or grow.
//!
//! There is no TLS and no authentication: it is meant for loopback, or for a place behind a proxy
//! that has both. The library never prints; what happens is told to an [`Observer`].

mod api;
mod connection;
mod framing;
mod limits;
mod observer;
mod server;
mod store;

pub use limits::Limits;
pub use observer::{Observer, RequestRecord, Silent};
pub use server::{ServeError, Server};
pub use store::{OpenStoreError, StoreError};
