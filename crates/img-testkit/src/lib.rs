//! Peers for tests: real servers on loopback ports, and fakes for faults that real ones will not
//! produce. Nothing that is shipped depends on this crate.

mod distribution;
mod fake;
mod files;

pub use distribution::DistributionServer;
pub use fake::{Access, Action, FakeRegistry, Fault, Seen};
pub use files::ImageFiles;
