//! The command line before clap sees it: parameter files, and flags in Go's spelling.
//!
//! `@file` stands for the lines of that file; a Bazel label, such as `@@repo//package:target`, does
//! not, and is known by its two slashes. A line that is a string in JSON stands for that string. `-flag` and `-flag=value` are read as `--flag` and
//! `--flag=value` where the subcommand has that flag. The value of a flag is never touched.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use clap::Command;
use thiserror::Error;

use crate::context::Context;

/// A parameter file that could not be read.
#[derive(Debug, Error)]
#[error("cannot read parameter file {}", path.display())]
pub(crate) struct ReadArgumentsError {
    path: std::path::PathBuf,
    source: std::io::Error,
}

/// Returns the arguments with parameter files expanded and long flags written with two dashes.
pub(crate) fn normalize(
    arguments: Vec<OsString>,
    command: &Command,
    context: &Context,
) -> Result<Vec<OsString>, ReadArgumentsError> {
    let mut arguments = arguments.into_iter();
    let program = arguments.next();
    let mut normalizer = Normalizer {
        command,
        context,
        flags: None,
        next: Next::Any,
        done: Vec::new(),
    };
    normalizer.done.extend(program);
    for argument in arguments {
        normalizer.add(argument)?;
    }
    Ok(normalizer.done)
}

/// What the next argument may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Anything.
    Any,
    /// The value of the flag before it.
    Value,
    /// No flag: `--` came before.
    Positional,
}

struct Normalizer<'c> {
    command: &'c Command,
    context: &'c Context,
    /// The subcommand, once it was named.
    flags: Option<&'c Command>,
    next: Next,
    done: Vec<OsString>,
}

impl Normalizer<'_> {
    fn add(&mut self, argument: OsString) -> Result<(), ReadArgumentsError> {
        match (self.next, argument.as_bytes()) {
            (Next::Any, [b'@', path @ ..]) if !path.is_empty() && !is_label(path) => {
                for line in read_lines(self.context, OsStr::from_bytes(path))? {
                    if !self.is_comment(&line) {
                        self.add_one(decode(line));
                    }
                }
            }
            _ => self.add_one(argument),
        }
        Ok(())
    }

    /// Tells whether a line of a parameter file is a comment, which those of `img hash` may have.
    fn is_comment(&self, line: &OsStr) -> bool {
        line.as_bytes().starts_with(b"#")
            && self
                .flags
                .is_some_and(|command| command.get_name() == "hash")
    }

    fn add_one(&mut self, argument: OsString) {
        let argument = match self.next {
            Next::Any => self.with_two_dashes(argument),
            Next::Value => {
                self.next = Next::Any;
                argument
            }
            Next::Positional => argument,
        };
        self.done.push(argument);
    }

    /// Returns the argument as clap reads it, and notes what may follow it.
    fn with_two_dashes(&mut self, argument: OsString) -> OsString {
        let Some(flags) = self.flags else {
            self.flags = argument
                .to_str()
                .and_then(|name| self.command.find_subcommand(name));
            return argument;
        };
        let bytes = argument.as_bytes();
        if bytes == b"--" {
            self.next = Next::Positional;
            return argument;
        }
        let dashes = bytes.iter().take(2).take_while(|b| **b == b'-').count();
        let end = bytes.iter().position(|b| *b == b'=');
        let name = std::str::from_utf8(&bytes[dashes..end.unwrap_or(bytes.len())]);
        let is_named = |flag: &&clap::Arg| match (dashes, name) {
            (0, _) | (_, Err(_)) => false,
            (1, Ok(name)) if name.len() == 1 => flag.get_short() == name.chars().next(),
            (_, Ok(name)) => flag.get_long() == Some(name),
        };
        let Some(flag) = flags.get_arguments().find(is_named) else {
            return argument;
        };
        if end.is_none() && flag.get_action().takes_values() {
            self.next = Next::Value;
        }
        if dashes == 1 && name.is_ok_and(|name| name.len() > 1) {
            let mut long = OsString::from("-");
            long.push(&argument);
            return long;
        }
        argument
    }
}

fn is_label(after_at: &[u8]) -> bool {
    after_at.windows(2).any(|pair| pair == b"//")
}

/// Returns the argument that a line of a parameter file stands for: one with a line break is written
/// as a JSON string.
pub(crate) fn decode(line: OsString) -> OsString {
    if !line.as_bytes().starts_with(b"\"") {
        return line;
    }
    let decoded = serde_json::from_slice::<String>(line.as_bytes());
    decoded.map_or(line, OsString::from)
}

fn read_lines(context: &Context, path: &OsStr) -> Result<Vec<OsString>, ReadArgumentsError> {
    let bytes = context.path(Path::new(path)).and_then(std::fs::read);
    let bytes = bytes.map_err(|source| ReadArgumentsError {
        path: path.into(),
        source,
    })?;
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Ok(text
        .split(|b| *b == b'\n')
        .map(|line| OsString::from_vec(line.to_vec()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, ArgAction};

    fn command() -> Command {
        let layer = Command::new("layer")
            .arg(Arg::new("name").long("name"))
            .arg(Arg::new("tag").long("tag").short('t'))
            .arg(Arg::new("cmd").long("cmd").allow_hyphen_values(true))
            .arg(
                Arg::new("symlink")
                    .long("symlink")
                    .action(ArgAction::SetTrue),
            );
        Command::new("img").subcommand(layer)
    }

    fn check(arguments: &[&str], expected: &[&str]) {
        let arguments = ["img", "layer"]
            .iter()
            .chain(arguments)
            .map(OsString::from)
            .collect();
        let normalized = normalize(arguments, &command(), &Context::default()).unwrap();
        assert_eq!(normalized[2..], *expected);
    }

    #[test]
    fn flags_in_go_spelling_are_long_flags() {
        check(
            &["-name=x", "-name", "y", "-symlink", "-name", "z"],
            &["--name=x", "--name", "y", "--symlink", "--name", "z"],
        );
        check(
            &["-t", "v1", "-", "--name", "-t=v1"],
            &["-t", "v1", "-", "--name", "-t=v1"],
        );
        check(&["-unknown", "--", "-name"], &["-unknown", "--", "-name"]);
    }

    #[test]
    fn values_are_never_touched() {
        check(
            &["--cmd", "-name", "-cmd", "@f"],
            &["--cmd", "-name", "--cmd", "@f"],
        );
        check(
            &["-t", "@f", "--cmd=-name", "--cmd=@f"],
            &["-t", "@f", "--cmd=-name", "--cmd=@f"],
        );
        check(
            &["-name", "@@//a:b", "@@//a:b"],
            &["--name", "@@//a:b", "@@//a:b"],
        );
    }

    #[test]
    fn parameter_files_are_expanded_a_line_an_argument() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines = "-name\nwith space\n\n--cmd\n@x\n\"--name=a\\nb\"\n\"x\n#\n";
        std::fs::write(&file, lines).unwrap();
        let at = format!("@{}", file.path().display());
        check(
            &[&at, "z"],
            &[
                "--name",
                "with space",
                "",
                "--cmd",
                "@x",
                "--name=a\nb",
                "\"x",
                "#",
                "z",
            ],
        );
        let missing = vec!["img".into(), "layer".into(), "@/no/such/file".into()];
        assert!(normalize(missing, &command(), &Context::default()).is_err());
    }
}
