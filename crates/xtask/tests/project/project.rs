//! The repository as the tests see it: its files, its crates, and what those depend on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

/// Returns the text of a file, named from the root.
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the files below a directory that end so, named from the root, sorted.
pub(crate) fn files(directory: &str, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root().join(directory), end, &mut found);
    let mut found: Vec<PathBuf> = found
        .iter()
        .map(|path| path.strip_prefix(root()).unwrap().to_owned())
        .collect();
    found.sort();
    found
}

fn collect(directory: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            // What tools leave behind is not part of the project.
            if name != "target" && name != "node_modules" && !name.starts_with("bazel-") {
                collect(&entry.path(), end, found);
            }
        } else if name.ends_with(end) {
            found.push(entry.path());
        }
    }
}

/// Returns the names of the directories in a directory, sorted.
pub(crate) fn directories(directory: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join(directory))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Returns the crates of the workspace, as `cargo metadata` describes packages.
pub(crate) fn members() -> Vec<Value> {
    list(&metadata(&["--no-deps"])["packages"])
}

/// Returns what `cargo metadata` knows of the crates and of all that they pull in on this machine.
pub(crate) fn metadata_with_dependencies() -> Value {
    let version = output_of(&program("RUSTC", "rustc"), &["-vV"]);
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    metadata(&["--filter-platform", host])
}

fn metadata(arguments: &[&str]) -> Value {
    let fixed = ["metadata", "--format-version", "1", "--offline", "--locked"];
    let output = output_of(&program("CARGO", "cargo"), &[&fixed, arguments].concat());
    serde_json::from_str(&output).unwrap()
}

/// Cargo tells the programs that it was called with.
fn program(variable: &str, default: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the elements of an array.
pub(crate) fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Returns the string in a field.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Fails with all findings, each on a line of its own.
#[track_caller]
pub(crate) fn check_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
