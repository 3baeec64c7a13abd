//! A worker as Bazel sees it: requests into a pipe, responses out of another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _, pipe};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use img_worker::{
    Answer, Cancellation, Ending, ServeError, Stopper, WorkRequest, Worker, WorkerOptions,
};

type Run = Box<dyn Fn(WorkRequest, &Cancellation) -> Answer + Send + Sync>;

/// A worker on a thread of its own, and both ends of its pipes.
struct Running {
    requests: PipeWriter,
    responses: BufReader<PipeReader>,
    stopper: Stopper,
    ending: JoinHandle<Result<Ending, ServeError>>,
}

impl Running {
    fn start(threads: usize, run: Run) -> Self {
        let (worker_input, requests) = pipe().unwrap();
        let (responses, worker_output) = pipe().unwrap();
        let worker = Worker::new(WorkerOptions {
            protocol: None,
            threads,
            finish_within: Duration::from_secs(60),
            stop_within: Duration::from_secs(60),
        });
        let stopper = worker.stopper();
        Self {
            requests,
            responses: BufReader::new(responses),
            stopper,
            ending: thread::spawn(move || worker.serve(worker_input, worker_output, run)),
        }
    }

    fn send(&mut self, line: &str) {
        writeln!(self.requests, "{line}").unwrap();
    }

    /// Returns the next response as its ID, and what came of it.
    fn response(&mut self) -> String {
        let mut line = String::new();
        self.responses.read_line(&mut line).unwrap();
        shown(&line)
    }

    /// Closes the requests; returns the responses that are left, sorted, and how the worker ended.
    fn end(self) -> (Vec<String>, Result<Ending, ServeError>) {
        drop(self.requests);
        let lines = self.responses.lines();
        let mut left: Vec<String> = lines.map(|line| shown(&line.unwrap())).collect();
        left.sort();
        (left, self.ending.join().unwrap())
    }
}

fn shown(line: &str) -> String {
    let response: serde_json::Value = serde_json::from_str(line).unwrap();
    let id = &response["requestId"];
    if response["wasCancelled"] == true {
        return format!("{id} cancelled");
    }
    let output = response["output"].as_str().unwrap();
    format!("{id} {} {output}", response["exitCode"])
}

/// A command that does what its first argument says: `echo TEXT`, `fail TEXT`, `panic`, `wait` for a
/// signal of the test, or `until-cancelled`.
struct Commands {
    started: Receiver<i32>,
    go_on: Sender<()>,
}

fn commands() -> (Commands, Run) {
    let (started_sender, started) = channel();
    let (go_on, wait) = channel();
    let (started_sender, wait) = (Mutex::new(started_sender), Mutex::new(wait));
    let run = move |request: WorkRequest, cancellation: &Cancellation| {
        started_sender
            .lock()
            .unwrap()
            .send(request.request_id)
            .unwrap();
        let text = request.arguments.get(1).cloned().unwrap_or_default();
        match request.arguments[0].as_str() {
            "echo" => answer(0, text),
            "fail" => answer(1, text),
            "wait" => {
                wait.lock().unwrap().recv().unwrap();
                let may_commit = cancellation.begin_commit();
                answer(i32::from(!may_commit), String::new())
            }
            "until-cancelled" => {
                while !cancellation.is_cancelled() {
                    thread::yield_now();
                }
                answer(1, "stopped".to_owned())
            }
            other => panic!("no command {other}"),
        }
    };
    (Commands { started, go_on }, Box::new(run))
}

fn answer(exit_code: i32, output: String) -> Answer {
    Answer { exit_code, output }
}

fn request(id: i32, arguments: &[&str]) -> String {
    serde_json::json!({"arguments": arguments, "requestId": id}).to_string()
}

fn cancel(id: i32) -> String {
    serde_json::json!({"requestId": id, "cancel": true}).to_string()
}

#[test]
fn requests_with_an_id_run_beside_one_another() {
    let (commands, run) = commands();
    let mut worker = Running::start(2, run);
    worker.send(&request(1, &["wait"]));
    worker.send(&request(2, &["echo", "two"]));
    assert_eq!(worker.response(), "2 0 two");
    commands.go_on.send(()).unwrap();
    assert_eq!(worker.response(), "1 0 ");
    let (left, ending) = worker.end();
    assert_eq!((left.len(), ending.unwrap()), (0, Ending::EndOfRequests));
}

#[test]
fn what_is_running_when_the_requests_end_is_answered() {
    let (commands, run) = commands();
    let mut worker = Running::start(1, run);
    worker.send(&request(0, &["wait"]));
    worker.send(&request(0, &["echo", "second"]));
    worker.send(&request(5, &["fail", "img layer: no"]));
    assert_eq!(commands.started.recv().unwrap(), 0);
    commands.go_on.send(()).unwrap();
    let (left, ending) = worker.end();
    assert_eq!(left, ["0 0 ", "0 0 second", "5 1 img layer: no"]);
    assert_eq!(ending.unwrap(), Ending::EndOfRequests);
}

#[test]
fn a_panic_costs_its_own_request_alone() {
    let (_commands, run) = commands();
    let mut worker = Running::start(2, run);
    let line = |id: i32| {
        let command = if id % 10 == 3 { "boom" } else { "echo" };
        request(id, &[command, "x"])
    };
    (1..=100).for_each(|id| worker.send(&line(id)));
    let (left, ending) = worker.end();
    let failed: Vec<_> = left.iter().filter(|text| text.contains(" 1 ")).collect();
    assert_eq!((left.len(), failed.len()), (100, 10));
    assert_eq!(
        failed[0],
        "13 1 the request panicked, which is a bug: no command boom\n"
    );
    ending.unwrap();
}

#[test]
fn a_running_request_that_is_cancelled_is_answered_once() {
    let (commands, run) = commands();
    let mut worker = Running::start(1, run);
    worker.send(&request(7, &["until-cancelled"]));
    worker.send(&request(8, &["echo", "x"]));
    worker.send(&request(9, &["echo", "y"]));
    assert_eq!(commands.started.recv().unwrap(), 7);
    // All slots are busy, and the one that waits is answered nevertheless.
    worker.send(&cancel(9));
    assert_eq!(worker.response(), "9 cancelled");
    worker.send(&cancel(7));
    worker.send(&cancel(7));
    assert_eq!(worker.response(), "7 cancelled");
    assert_eq!(worker.response(), "8 0 x");
    // Late ones, and one of a request that never was.
    worker.send(&cancel(8));
    worker.send(&cancel(77));
    let (left, ending) = worker.end();
    assert_eq!(left, [""; 0]);
    ending.unwrap();
}

#[test]
fn a_request_that_puts_its_outputs_in_place_is_answered_as_usual() {
    let seen = Arc::new(Mutex::new(None));
    let (go_on, wait) = channel::<()>();
    let (committed, is_committed) = channel();
    let wait = Mutex::new((wait, committed));
    let noted = Arc::clone(&seen);
    let mut worker = Running::start(
        1,
        Box::new(move |_, cancellation| {
            assert!(cancellation.begin_commit());
            let wait = wait.lock().unwrap();
            wait.1.send(()).unwrap();
            wait.0.recv().unwrap();
            *noted.lock().unwrap() = Some(cancellation.is_cancelled());
            Answer::default()
        }),
    );
    worker.send(&request(1, &[]));
    is_committed.recv().unwrap();
    worker.send(&cancel(1));
    // Read after the cancellation, and so answered after it.
    worker.send(&request(2, &[]));
    worker.send(&cancel(2));
    assert_eq!(worker.response(), "2 cancelled");
    go_on.send(()).unwrap();
    assert_eq!(worker.response(), "1 0 ");
    assert_eq!(*seen.lock().unwrap(), Some(false));
}

#[test]
fn an_id_may_be_used_again_after_its_response() {
    let (_commands, run) = commands();
    let mut worker = Running::start(4, run);
    for turn in 0..2000 {
        let text = turn.to_string();
        worker.send(&request(1, &["echo", &text]));
        assert_eq!(worker.response(), format!("1 0 {text}"));
    }
    worker.end().1.unwrap();
}

#[test]
fn the_worker_ends_at_what_is_no_request() {
    let check = |line: &str, expected: &str| {
        let (_commands, run) = commands();
        let mut worker = Running::start(1, run);
        worker.send(&request(3, &["echo", "x"]));
        worker.requests.write_all(line.as_bytes()).unwrap();
        let (left, ending) = worker.end();
        assert_eq!(left, ["3 0 x"]);
        let text = ending.unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    check("nonsense\n", "from JSON");
    check("{\"requestId\":4,\"argum", "the input ends in the middle");
    check("\u{7}\n", "from JSON");
}

#[test]
fn an_id_cannot_be_used_twice_at_a_time() {
    let (commands, run) = commands();
    let mut worker = Running::start(1, run);
    worker.send(&request(3, &["wait"]));
    assert_eq!(commands.started.recv().unwrap(), 3);
    worker.send(&request(3, &["echo"]));
    commands.go_on.send(()).unwrap();
    let (left, ending) = worker.end();
    // Whichever was seen first: the end of the one, or the second.
    match ending {
        Err(error) => assert!(error.to_string().contains("second work request 3")),
        Ok(_) => assert_eq!(left.len(), 2),
    }
}

#[test]
fn a_stopped_worker_cancels_what_runs() {
    let (commands, run) = commands();
    let mut worker = Running::start(1, run);
    worker.send(&request(1, &["until-cancelled"]));
    worker.send(&request(2, &["echo", "x"]));
    assert_eq!(commands.started.recv().unwrap(), 1);
    worker.stopper.stop();
    let ending = worker.ending.join().unwrap().unwrap();
    assert_eq!(ending, Ending::Stopped);
    let mut left: Vec<_> = worker
        .responses
        .lines()
        .map(|line| shown(&line.unwrap()))
        .collect();
    left.sort();
    assert!(left.contains(&"1 cancelled".to_owned()), "{left:?}");
}

#[test]
fn a_large_request_is_taken() {
    let (_commands, run) = commands();
    let mut worker = Running::start(1, run);
    let text = "x".repeat(10 << 20);
    worker.send(&request(1, &["echo", &text]));
    assert_eq!(worker.response().len(), "1 0 ".len() + text.len());
    worker.end().1.unwrap();
}
