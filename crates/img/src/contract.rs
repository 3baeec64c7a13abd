//! The contract with the rules: `img` understands every command line that they emit.
//!
//! The golden files are those that tests/contract holds the rules to. A command line there is a line that says
//! where it comes from, and then its arguments, indented, as they stand in a parameter file; `|` stands
//! for NUL.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::Unfinished;
use crate::arguments::decode;
use crate::context::Context;

const GOLDEN_FILES: &str = "testdata/contract";
/// Where the flags of command lines stand in the rules.
const RULES: [&str; 3] = [
    "img/private/actions",
    "img/private/attrs",
    "img/private/lib",
];

/// A command line as rules emit it, without the program.
struct CommandLine {
    origin: String,
    lines: Vec<String>,
}

fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let entries = std::fs::read_dir(root.join(directory)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .collect();
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn command_lines() -> Vec<CommandLine> {
    let mut found: Vec<CommandLine> = Vec::new();
    for file in files(GOLDEN_FILES, "txt") {
        for line in read(&file).lines().filter(|line| !line.is_empty()) {
            match (line.strip_prefix("  "), found.last_mut()) {
                (Some(argument), Some(last)) => last.lines.push(argument.replace('|', "\0")),
                _ => found.push(CommandLine {
                    origin: line.to_owned(),
                    lines: Vec::new(),
                }),
            }
        }
    }
    assert!(found.len() > 20, "only {} command lines", found.len());
    found
}

/// Returns what is not understood about a command line.
fn refusal(arguments: impl IntoIterator<Item = OsString>) -> Option<String> {
    let program = std::iter::once(OsString::from("img"));
    match crate::parse(program.chain(arguments).collect(), &Context::default()) {
        Ok(_) => None,
        Err(Unfinished::Usage(error)) => Some(error.to_string()),
        Err(Unfinished::Failed(name, failure)) => Some(format!("{name}: {failure}")),
    }
}

/// Tells of every command line that is not understood when `transported` in some way.
fn check(transport: impl Fn(&CommandLine) -> Option<String>) {
    let refused: Vec<String> = command_lines()
        .iter()
        .filter_map(|line| Some(format!("{}: {}", line.origin, transport(line)?)))
        .collect();
    assert!(refused.is_empty(), "\n{}", refused.join("\n"));
}

#[test]
fn what_rules_emit_is_understood_as_arguments() {
    check(|line| refusal(line.lines.iter().map(|line| decode(line.into()))));
}

#[test]
fn what_rules_emit_is_understood_from_a_parameter_file() {
    check(|line| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all((line.lines.join("\n") + "\n").as_bytes())
            .unwrap();
        let mut argument = OsString::from("@");
        argument.push(file.path());
        refusal([argument])
    });
}

#[test]
fn what_no_rule_emits_is_refused() {
    let mut line = command_lines().swap_remove(0);
    line.lines.insert(1, "--no-such-flag".to_owned());
    let refusal = refusal(line.lines.iter().map(OsString::from));
    assert!(refusal.is_some_and(|text| text.contains("--no-such-flag")));
}

/// Returns the flags that stand in a text between quotation marks, up to their values.
fn quoted_flags(text: &str) -> impl Iterator<Item = &str> {
    text.split('"')
        .filter(|part| part.starts_with("--"))
        .map(flag_of)
        .filter(|flag| flag.len() > 2)
}

fn flag_of(argument: &str) -> &str {
    let ends = |c: char| c != '-' && !c.is_ascii_lowercase();
    argument.find(ends).map_or(argument, |end| &argument[..end])
}

#[test]
fn every_flag_of_the_rules_has_a_command_line() {
    let emitted = command_lines();
    let emitted: BTreeSet<&str> = emitted
        .iter()
        .flat_map(|line| &line.lines)
        .map(|line| flag_of(line.trim_start_matches('"')))
        .collect();
    for file in RULES.iter().flat_map(|directory| files(directory, "bzl")) {
        for flag in quoted_flags(&read(&file)) {
            assert!(
                emitted.contains(flag),
                "{}: give `{flag}` a target in tests/contract/BUILD.bazel",
                file.display()
            );
        }
    }
}
