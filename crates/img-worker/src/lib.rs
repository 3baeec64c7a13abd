//! Bazel's persistent worker protocol: requests in, responses out, nothing lost between.
//!
//! [`Worker::serve`] reads requests, runs each by a function, and writes exactly one response for
//! each. Requests with an ID run beside one another on a bounded number of threads, those without
//! one after another. A request may be cancelled until its outputs are put in place, which is settled
//! by its [`Cancellation`]. A panic costs the request it happens in, nothing else.
//!
//! What is not a request ends the worker with an error: where the next one starts is not known then.

mod cancellation;
mod jobs;
mod messages;
mod protocol;
mod worker;

pub use cancellation::Cancellation;
pub use messages::{Input, WorkRequest, WorkResponse};
pub use protocol::{MAX_REQUEST, ParseProtocolError, Protocol, ReadRequestError};
pub use worker::{Answer, Ending, ServeError, Stopper, Worker, WorkerOptions};
