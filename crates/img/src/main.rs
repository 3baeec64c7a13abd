//! The `img` program: reads the command line, runs one subcommand, prints what went wrong.
//!
//! Only this crate prints, exits, or chooses defaults from the environment. A failed command exits
//! with 1 and ends stderr with one line: what was attempted, on what, why it failed, what to do.
//! Wrong usage exits with 2.
//!
//! With `--persistent_worker` it is a Bazel worker, which runs a command for each request instead.

mod arguments;
mod commands;
mod context;
#[cfg(test)]
mod contract;
mod failure;
mod input;
mod launch;
mod member_cache;
mod memory;
mod network;
mod output;
mod printable;
mod progress;
mod render;
mod runfiles;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::commands::Command;
use crate::context::Context;
use crate::failure::{Failure, Outcome};

/// Build, push and inspect OCI images
#[derive(Parser)]
#[command(name = "img", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = match launch::arguments(std::env::args_os().collect()) {
        Ok(arguments) => arguments,
        Err(failure) => return failure.report("img"),
    };
    if let Some(startup) = worker::startup(&arguments, Cli::command) {
        return worker::run(startup).unwrap_or_else(|failure| failure.report("img"));
    }
    match execute(arguments, &Context::default(), Command::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Unfinished::Usage(error)) => {
            // Help and version go to stdout with 0, everything else to stderr with 2.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
        Err(Unfinished::Failed(name, failure)) => failure.report(&name),
    }
}

/// Why a command line came to nothing.
enum Unfinished {
    /// It was not understood, or asked for help.
    Usage(clap::Error),
    /// The command of this name failed.
    Failed(String, Failure),
}

/// Parses a command line, the program's name first, and runs its command by `run`.
fn execute(
    arguments: Vec<OsString>,
    context: &Context,
    run: impl FnOnce(Command, &Context) -> Outcome,
) -> Result<(), Unfinished> {
    let (name, command) = parse(arguments, context)?;
    run(command, context).map_err(|failure| Unfinished::Failed(name, failure))
}

/// Returns the command of a command line, and the name to report it by.
fn parse(arguments: Vec<OsString>, context: &Context) -> Result<(String, Command), Unfinished> {
    let mut command = Cli::command();
    let arguments = arguments::normalize(arguments, &command, context)
        .map_err(|error| Unfinished::Failed("img".to_owned(), error.into()))?;
    let matches = command.try_get_matches_from_mut(arguments);
    let mut matches = matches.map_err(Unfinished::Usage)?;
    let name = format!("img {}", matches.subcommand_name().unwrap_or_default());
    let cli = Cli::from_arg_matches_mut(&mut matches).map_err(Unfinished::Usage)?;
    Ok((name, cli.command))
}
