//! The program as Bazel's persistent worker: `img [<subcommand> [<flag>…]] --persistent_worker`.
//!
//! The arguments of each request follow those that the worker was started with. Nothing but responses
//! goes to the stdout that Bazel reads: everything else that is printed goes to stderr, which is
//! Bazel's log of the worker.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Command as CliCommand;
use img_worker::{
    Answer, Cancellation, Ending, ParseProtocolError, Protocol, ServeError, Stopper, WorkRequest,
    Worker, WorkerOptions,
};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::Unfinished;
use crate::arguments;
use crate::commands::Command;
use crate::context::Context;
use crate::failure::{Failure, Outcome};

const WORKER_FLAG: &str = "--persistent_worker";
const PROTOCOL_FLAG: &str = "--worker-protocol";

/// When no more requests can come, those that run have this long to finish…
const FINISH_WITHIN: Duration = Duration::from_secs(4);

/// … and then, cancelled, this long to take away what they have written.
const STOP_WITHIN: Duration = Duration::from_millis(800);

/// The exit code of what SIGTERM ended.
const TERMINATED: u8 = 128 + 15;

/// Why there is no worker.
#[derive(Debug, Error)]
enum WorkerError {
    #[error("cannot use {PROTOCOL_FLAG}")]
    Protocol(#[source] ParseProtocolError),
    #[error("cannot keep stdout for work responses")]
    Stdout(#[source] io::Error),
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
    #[error("the worker ends")]
    Serve(#[source] ServeError),
    #[error("a worker builds, and does not print or push")]
    NoBuild,
}

/// What a worker is started with.
pub(crate) struct Startup {
    /// The program, and the arguments that those of each request follow.
    arguments: Vec<OsString>,
    protocol: Option<OsString>,
}

/// Returns what the worker is started with, if the program is to be one.
pub(crate) fn startup(
    arguments: &[OsString],
    command: impl FnOnce() -> CliCommand,
) -> Option<Startup> {
    let at = arguments
        .iter()
        .position(|argument| argument == WORKER_FLAG)?;
    if at > 0 && takes_any_value(&arguments[at - 1], &command()) {
        return None;
    }
    let mut startup = Startup {
        arguments: Vec::new(),
        protocol: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let value = argument
            .to_str()
            .and_then(|text| text.strip_prefix(PROTOCOL_FLAG));
        match value {
            Some("") => startup.protocol = rest.next().cloned(),
            Some(value) if value.starts_with('=') => {
                startup.protocol = Some(value[1..].to_owned().into());
            }
            _ if argument == WORKER_FLAG => {}
            _ => startup.arguments.push(argument.clone()),
        }
    }
    Some(startup)
}

/// Tells whether an argument is a flag of some subcommand whose value may look like a flag.
fn takes_any_value(argument: &OsString, command: &CliCommand) -> bool {
    let name = argument
        .to_str()
        .unwrap_or_default()
        .trim_start_matches('-');
    command
        .get_subcommands()
        .flat_map(CliCommand::get_arguments)
        .any(|flag| flag.is_allow_hyphen_values_set() && flag.get_long() == Some(name))
}

/// Answers requests until there are no more.
pub(crate) fn run(startup: Startup) -> Result<ExitCode, Failure> {
    let protocol = startup.protocol.map(|text| {
        let protocol = text.to_string_lossy().parse::<Protocol>();
        protocol.map_err(WorkerError::Protocol)
    });
    let worker = Worker::new(WorkerOptions {
        protocol: protocol.transpose()?,
        threads: std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2)),
        finish_within: FINISH_WITHIN,
        stop_within: STOP_WITHIN,
    });
    stop_on_signals(worker.stopper()).map_err(WorkerError::Signals)?;
    let responses = take_stdout().map_err(WorkerError::Stdout)?;
    let arguments = startup.arguments;
    let ending = worker.serve(io::stdin(), responses, move |request, cancellation| {
        answer(&arguments, request, cancellation)
    });
    match ending.map_err(WorkerError::Serve)? {
        Ending::EndOfRequests => Ok(ExitCode::SUCCESS),
        Ending::Stopped => Ok(ExitCode::from(TERMINATED)),
    }
}

/// Returns stdout; what is printed to it from now on goes to stderr.
fn take_stdout() -> io::Result<std::fs::File> {
    let responses = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(responses.into())
}

fn stop_on_signals(stopper: Stopper) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let mut terminate = {
        let _entered = runtime.enter();
        signal(SignalKind::terminate())?
    };
    let wait = move || {
        runtime.block_on(terminate.recv());
        stopper.stop();
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    thread.spawn(wait).map(drop)
}

/// Runs the command of a request.
fn answer(startup: &[OsString], mut request: WorkRequest, cancellation: &Cancellation) -> Answer {
    let context = Context::of_request(&mut request, cancellation);
    let mut command_line = startup.to_vec();
    let lines = request.arguments.into_iter().map(OsString::from);
    command_line.extend(lines.map(arguments::decode));
    let (exit_code, output) = match crate::execute(command_line, &context, build) {
        Ok(()) => (0, String::new()),
        Err(Unfinished::Usage(error)) => (error.exit_code(), error.render().to_string()),
        Err(Unfinished::Failed(name, failure)) => {
            (1, context.without_root(&format!("{name}: {failure}\n")))
        }
    };
    Answer { exit_code, output }
}

fn build(command: Command, context: &Context) -> Outcome {
    if command.builds() {
        return command.run(context);
    }
    Err(WorkerError::NoBuild.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn a_worker_is_asked_for_by_a_flag_of_its_own() {
        let check = |line: &str, expected: Option<(&str, Option<&str>)>| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let found = startup(&arguments, crate::Cli::command);
            let found = found.map(|startup| {
                let protocol = startup.protocol.map(|text| text.into_string().unwrap());
                (startup.arguments.join(" ".as_ref()), protocol)
            });
            let expected = expected.map(|(arguments, protocol)| {
                (OsString::from(arguments), protocol.map(str::to_owned))
            });
            assert_eq!(found, expected, "{line}");
        };
        check("img layer --persistent_worker", Some(("img layer", None)));
        check("img --persistent_worker", Some(("img", None)));
        check(
            "img hash --persistent_worker --cheat-mode --worker-protocol proto",
            Some(("img hash --cheat-mode", Some("proto"))),
        );
        check(
            "img hash --worker-protocol=json --persistent_worker",
            Some(("img hash", Some("json"))),
        );
        check("img layer x", None);
        check("img manifest --cmd --persistent_worker", None);
        check("img manifest -cmd --persistent_worker", None);
        check("img manifest --cmd=--persistent_worker", None);
    }
}
