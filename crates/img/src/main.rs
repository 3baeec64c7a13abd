//! The `img` program: reads the command line, runs one subcommand, prints what went wrong.
//!
//! Only this crate prints, exits, or chooses defaults from the environment. A failed command exits
//! with 1 and ends stderr with one line: what was attempted, on what, why it failed, what to do.
//! Wrong usage exits with 2.

mod arguments;
mod commands;
mod context;
mod failure;
mod input;
mod launch;
mod member_cache;
mod network;
mod output;
mod printable;
mod progress;
mod render;
mod runfiles;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::commands::Command;
use crate::context::Context;

/// Build, push and inspect OCI images
#[derive(Parser)]
#[command(name = "img", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let context = Context::default();
    let mut command = Cli::command();
    let arguments = match launch::arguments(std::env::args_os().collect())
        .and_then(|launched| arguments::normalize(launched, &command, &context).map_err(Into::into))
    {
        Ok(arguments) => arguments,
        Err(failure) => return failure.report("img"),
    };
    let parsed = command
        .try_get_matches_from_mut(arguments)
        .and_then(|matches| {
            let name = format!("img {}", matches.subcommand_name().unwrap_or_default());
            Ok((name, Cli::from_arg_matches(&matches)?))
        });
    let (name, cli) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version go to stdout with 0, everything else to stderr with 2.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match cli.command.run(&context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&name),
    }
}
