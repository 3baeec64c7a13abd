//! Bazel's persistent worker protocol.

mod cancellation;

pub use cancellation::Cancellation;
