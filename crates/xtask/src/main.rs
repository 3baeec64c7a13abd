//! Development tasks, run as `cargo xtask <task>`.
//!
//! The tests of this crate hold what no single crate can: who depends on whom, what the documents
//! name, what is public. See `tests/project`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod docs;

use std::process::ExitCode;

use docs::{DocsMode, DocsOptions};

const USAGE: &str = "\
usage: cargo xtask docs [--check] [--bazel PROGRAM] [--output-user-root DIR]

  docs                    renders docs/reference from the code
    --check               writes nothing, fails if a page is stale
    --bazel               Bazel to extract the documentation of rules with; `bazel` by default
    --output-user-root    where that Bazel keeps its outputs";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(options) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match docs::run(&options) {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(report.is_stale()))
        }
        Err(error) => {
            eprintln!("xtask docs: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<DocsOptions> {
    let (task, mut rest) = arguments.split_first()?;
    if task != "docs" {
        return None;
    }
    let mut options = DocsOptions::default();
    while let Some((flag, tail)) = rest.split_first() {
        rest = tail;
        match (flag.as_str(), tail) {
            ("--check", _) => options.mode = DocsMode::Check,
            ("--bazel", [program, tail @ ..]) => {
                options.bazel.clone_from(program);
                rest = tail;
            }
            ("--output-user-root", [directory, tail @ ..]) => {
                options.output_user_root = Some(directory.clone());
                rest = tail;
            }
            _ => return None,
        }
    }
    Some(options)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
