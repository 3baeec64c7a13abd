//! The page of the command line: what `img --help` and the help of each subcommand print.

use std::fmt::Write as _;
use std::path::Path;

use super::{DocsError, output_of};

const INTRODUCTION: &str = "\
# Command line of `img`

Rules call the subcommands that build; people call `img inspect` and `img registry`. `bazel run` of a push
target calls `img deploy`.

* `@file` stands for the lines of that file, an argument each; a line that is a JSON string stands for that
  string, which may have line breaks. Lines of such a file of `img hash` that start with `#` are comments.
* `img [<command> [<flag>…]] --persistent_worker` is a Bazel worker: the arguments of a request follow
  those it was started with. Requests are JSON, one a line, or protocol buffers, each after its length; the
  first bytes show which, unless `--worker-protocol json|proto` says so. Requests with an ID run beside one
  another, may be cancelled, and may have a sandbox, out of which no path leads. All commands that build
  can be run so. What is no request ends the worker with 1. When the requests end, those that run have
  four seconds to finish.
* `-flag` is read as `--flag`; a dash and one letter is a short flag.
* A command that fails exits with 1 and ends stderr with one line: `img <command>: <what was attempted>:
  <cause>; <what to do>`. Wrong usage exits with 2. Output files are there in full or not at all.
* stdout carries what was asked for, stderr everything else. A build action that succeeds prints nothing.

";

/// Returns the page.
pub(crate) fn page(root: &Path) -> Result<String, DocsError> {
    let program = build(root)?;
    let help = |arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        output_of(root, &program, &arguments)
    };
    let overview = help(&["--help"])?;
    let mut text = format!("{INTRODUCTION}{}", fenced(&overview));
    let mut names = subcommands(&overview)?;
    names.sort_unstable();
    for name in names {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "## img {name}\n\n{}",
            fenced(&help(&[name, "--help"])?)
        );
    }
    Ok(text)
}

/// Builds the program and returns its path.
fn build(root: &Path) -> Result<String, DocsError> {
    // Set by cargo, which runs this.
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = [
        "build",
        "--locked",
        "--package",
        "img",
        "--message-format",
        "json",
    ];
    let messages = output_of(root, &cargo, &arguments.map(str::to_owned))?;
    executable(&messages).ok_or_else(|| DocsError::format("cargo build", "the path of img"))
}

/// Finds the path in cargo's messages, each a JSON object on a line of its own.
fn executable(messages: &str) -> Option<String> {
    let (_, rest) = messages.rsplit_once("\"executable\":\"")?;
    let (path, _) = rest.split_once('"')?;
    Some(path.replace("\\\\", "\\"))
}

fn subcommands(overview: &str) -> Result<Vec<&str>, DocsError> {
    let missing = || DocsError::format("img --help", "a list of commands");
    let (_, list) = overview.split_once("\nCommands:\n").ok_or_else(missing)?;
    let names = list
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    Ok(names.collect())
}

fn fenced(help: &str) -> String {
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    format!("```text\n{}\n```\n\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_that_help_lists() {
        let help = "About\n\nUsage: img\n\nCommands:\n  a-b  Do\n  help  Print\n\nOptions:\n  -h\n";
        assert_eq!(subcommands(help).unwrap(), ["a-b"]);
        assert!(subcommands("nothing").is_err());
    }

    #[test]
    fn the_program_is_the_last_artifact_with_an_executable() {
        let messages = "{\"executable\":null}\n{\"executable\":\"/t/img\",\"fresh\":true}\n{}\n";
        assert_eq!(executable(messages).as_deref(), Some("/t/img"));
    }
}
