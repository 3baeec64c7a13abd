//! The `img` program: reads the command line, runs one subcommand, prints what went wrong.
//!
//! Only this crate prints, exits, or chooses defaults from the environment. A failed command exits
//! with 1 and ends stderr with one line: what was attempted, on what, why it failed, what to do.
//! Wrong usage exits with 2.

mod arguments;
mod commands;
mod failure;
mod input;
mod launch;
mod network;
mod output;
mod printable;
mod progress;
mod render;
mod runfiles;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// Build, push and inspect OCI images
#[derive(Parser)]
#[command(name = "img", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = match launch::arguments(std::env::args_os().collect())
        .and_then(|launched| arguments::normalize(launched).map_err(Into::into))
    {
        Ok(arguments) => arguments,
        Err(failure) => return failure.report("img"),
    };
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout with 0, everything else to stderr with 2.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let name = format!("img {}", cli.command.name());
    match cli.command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&name),
    }
}
