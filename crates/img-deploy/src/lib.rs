//! Deploying images: a pure plan, then an executor that has nothing left to decide.
//!
//! [`PushPlan`] says what goes where, [`push`] brings it there: blobs first, then manifests, then
//! indexes, and tags when all else is in place and was looked at. Nothing here prints.

mod overrides;
mod plan;
mod push;
mod report;
mod transfer;

pub use overrides::Overrides;
pub use plan::{PlanError, PushPlan};
pub use push::{PushError, PushFailure, PushOptions, push};
pub use report::{IgnoreProgress, PushObserver, PushReport, PushedImage, Transfer, TransferCounts};
