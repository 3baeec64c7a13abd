//! Runs requests on threads, and answers each once.

use std::any::Any;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::cancellation::Cancellation;
use crate::jobs::{Cancelled, Jobs};
use crate::messages::{WorkRequest, WorkResponse};
use crate::protocol::{Protocol, ReadRequestError, RequestReader, write_response};

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Encoding of requests; shown by their first bytes if none is given.
    pub protocol: Option<Protocol>,
    /// Requests that run at the same time.
    pub threads: usize,
    /// How long requests may still run when no more can come.
    pub finish_within: Duration,
    /// How long cancelled requests may take to stop then.
    pub stop_within: Duration,
}

/// What came of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// 0 if the outputs are there.
    pub exit_code: i32,
    /// What to show the user.
    pub output: String,
}

/// Why a worker ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The requests ended.
    EndOfRequests,
    /// It was stopped, see [`Stopper`].
    Stopped,
}

/// Why a worker cannot go on.
#[derive(Debug, Error)]
pub enum ServeError {
    /// A request could not be read.
    #[error(transparent)]
    Read(#[from] ReadRequestError),
    /// A request came with the ID of one that is not answered yet.
    #[error("cannot run a second work request {id} beside the first, which is not answered yet")]
    DuplicateId {
        /// The ID.
        id: i32,
    },
    /// A response could not be written.
    #[error("cannot write a work response")]
    Write(#[source] io::Error),
    /// A thread could not be started.
    #[error("cannot start a thread of the worker")]
    Thread(#[source] io::Error),
}

/// What the loop of a worker waits for.
enum Event {
    Start(Protocol),
    Request(WorkRequest),
    EndOfRequests,
    ReadFailed(ReadRequestError),
    WriteFailed(io::Error),
    Stop,
}

/// Stops a worker from elsewhere, such as from a signal.
#[derive(Clone)]
pub struct Stopper(Sender<Event>);

impl Stopper {
    /// Cancels all requests; the worker ends as soon as they have stopped.
    pub fn stop(&self) {
        // A worker that is not there any more has ended.
        let _ = self.0.send(Event::Stop);
    }
}

/// Answers requests by calling a function for each.
pub struct Worker {
    options: WorkerOptions,
    events: Receiver<Event>,
    sender: Sender<Event>,
}

/// What the threads share.
struct Shared<W, F> {
    jobs: Mutex<Jobs>,
    /// Notified when a job was added or has ended, and when no more will come.
    changed: Condvar,
    responses: Mutex<W>,
    protocol: Protocol,
    events: Sender<Event>,
    run: F,
}

impl Worker {
    /// Returns a worker that has not started.
    pub fn new(options: WorkerOptions) -> Self {
        let (sender, events) = channel();
        Self {
            options,
            events,
            sender,
        }
    }

    /// Returns what stops the worker.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.sender.clone())
    }

    /// Reads requests, calls `run` for each, and writes the responses, until the requests end or
    /// something is wrong with them; requests that are running then get some time to finish.
    ///
    /// Requests that do not stop in time are still running when this returns: they cannot put outputs
    /// in place any more, and end with the process.
    pub fn serve<R, W, F>(self, requests: R, responses: W, run: F) -> Result<Ending, ServeError>
    where
        R: Read + Send + 'static,
        W: Write + Send + 'static,
        F: Fn(WorkRequest, &Cancellation) -> Answer + Send + Sync + 'static,
    {
        let (sender, protocol) = (self.sender.clone(), self.options.protocol);
        spawn("requests", move || {
            read_requests(requests, protocol, &sender);
        })?;
        let protocol = match self.events.recv() {
            Ok(Event::Start(protocol)) => protocol,
            Ok(Event::ReadFailed(error)) => return Err(error.into()),
            _ => return Ok(Ending::Stopped),
        };
        let shared = Arc::new(Shared {
            jobs: Mutex::default(),
            changed: Condvar::new(),
            responses: Mutex::new(responses),
            protocol,
            events: self.sender.clone(),
            run,
        });
        for _ in 0..self.options.threads.max(1) {
            let shared = Arc::clone(&shared);
            spawn("request", move || shared.work())?;
        }
        let outcome = shared.take_events(&self.events);
        let finish_within = match outcome {
            Ok(Ending::EndOfRequests)
            | Err(ServeError::Read(_) | ServeError::DuplicateId { .. }) => {
                self.options.finish_within
            }
            _ => Duration::ZERO,
        };
        shared.wait_until_empty(finish_within);
        shared.cancel_all();
        shared.wait_until_empty(self.options.stop_within);
        shared.jobs().close();
        shared.changed.notify_all();
        outcome
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), ServeError> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(ServeError::Thread)
}

/// Sends all requests, so that a cancellation is seen however busy the worker is.
fn read_requests(input: impl Read, protocol: Option<Protocol>, events: &Sender<Event>) {
    let read = || -> Result<(), ReadRequestError> {
        let mut reader = RequestReader::new(input, protocol)?;
        // Nobody waits for events once the worker has ended.
        let _ = events.send(Event::Start(reader.protocol()));
        while let Some(request) = reader.next_request()? {
            let _ = events.send(Event::Request(request));
        }
        Ok(())
    };
    let last = read().map_or_else(Event::ReadFailed, |()| Event::EndOfRequests);
    let _ = events.send(last);
}

impl<W, F> Shared<W, F>
where
    W: Write,
    F: Fn(WorkRequest, &Cancellation) -> Answer,
{
    /// Takes what comes until the worker has to end.
    fn take_events(&self, events: &Receiver<Event>) -> Result<Ending, ServeError> {
        loop {
            match events.recv() {
                Ok(Event::Request(request)) if request.cancel => self.cancel(request.request_id),
                Ok(Event::Request(request)) => {
                    let added = self.jobs().add(request);
                    added.map_err(|id| ServeError::DuplicateId { id })?;
                    self.changed.notify_all();
                }
                Ok(Event::ReadFailed(error)) => return Err(error.into()),
                Ok(Event::WriteFailed(error)) => return Err(ServeError::Write(error)),
                Ok(Event::EndOfRequests) => return Ok(Ending::EndOfRequests),
                Ok(Event::Stop) | Err(_) => return Ok(Ending::Stopped),
                Ok(Event::Start(_)) => {}
            }
        }
    }

    /// Runs one request after another until no more will come.
    fn work(&self) {
        while let Some((request, cancellation)) = self.next_job() {
            let id = request.request_id;
            let ran = catch_unwind(AssertUnwindSafe(|| (self.run)(request, &cancellation)));
            let answer = ran.unwrap_or_else(|panic| panicked(panic.as_ref()));
            let was_cancelled = self.jobs().answer(id);
            self.respond(id, answer, was_cancelled);
            // Only now: the worker does not end before its responses are written.
            self.jobs().finish(id);
            self.changed.notify_all();
        }
    }

    fn next_job(&self) -> Option<(WorkRequest, Cancellation)> {
        let mut jobs = self.jobs();
        loop {
            if let Some(job) = jobs.start() {
                return Some(job);
            }
            if jobs.is_closed() {
                return None;
            }
            jobs = self
                .changed
                .wait(jobs)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn cancel(&self, id: i32) {
        let cancelled = self.jobs().cancel(id);
        if cancelled == Cancelled::Waiting {
            self.respond(id, Answer::default(), true);
        }
    }

    fn cancel_all(&self) {
        let waiting = self.jobs().cancel_all();
        for id in waiting {
            self.respond(id, Answer::default(), true);
        }
    }

    /// Waits until all requests are answered, at most for this long.
    fn wait_until_empty(&self, at_most: Duration) {
        let end = Instant::now() + at_most;
        let mut jobs = self.jobs();
        while !jobs.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(jobs, left);
            jobs = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn respond(&self, id: i32, answer: Answer, was_cancelled: bool) {
        let answer = if was_cancelled {
            Answer::default()
        } else {
            answer
        };
        let response = WorkResponse {
            exit_code: answer.exit_code,
            output: answer.output,
            request_id: id,
            was_cancelled,
        };
        let mut responses = self
            .responses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = write_response(&mut *responses, self.protocol, &response) {
            // The worker ends with it.
            let _ = self.events.send(Event::WriteFailed(error));
        }
    }

    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the answer to a request that panicked.
fn panicked(panic: &(dyn Any + Send)) -> Answer {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    Answer {
        exit_code: 1,
        output: format!("the request panicked, which is a bug: {text}\n"),
    }
}
