//! What must not stand in the sources of some part.

use std::path::{Path, PathBuf};

use crate::project::{check_none, files, read};

/// Returns the lines of Rust code, without what is compiled for tests.
fn shipped_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

/// Returns where one of the patterns stands in the shipped sources of the crates.
fn occurrences(crates: &[String], patterns: &[&str]) -> Vec<String> {
    let sources: Vec<PathBuf> = crates
        .iter()
        .flat_map(|name| files(&format!("crates/{name}/src"), ".rs"))
        .filter(|path| !path.ends_with("tests.rs"))
        .collect();
    assert!(!sources.is_empty());
    let mut findings = Vec::new();
    for path in sources {
        for (number, line) in shipped_lines(&read(&path)) {
            for pattern in patterns.iter().filter(|pattern| line.contains(**pattern)) {
                findings.push(format!("{}:{number}: {pattern}", path.display()));
            }
        }
    }
    findings
}

fn crates_without(names: &[&str]) -> Vec<String> {
    let mut crates = crate::project::directories("crates");
    crates.retain(|name| !names.contains(&name.as_str()));
    crates
}

fn named(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn only_the_program_exits_and_reads_the_environment() {
    let libraries = crates_without(&["img", "img-testkit", "xtask"]);
    check_none(&occurrences(
        &libraries,
        &["env::", "process::exit", "process::abort"],
    ));
}

#[test]
fn building_an_image_knows_no_clock_network_or_process() {
    let pure = [
        "img-oci",
        "img-wire",
        "img-tar",
        "img-compress",
        "img-template",
        "img-layer",
        "img-image",
        "img-layout",
    ];
    let patterns = [
        "SystemTime",
        "Instant",
        "::now(",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
        "std::process",
        "async fn",
    ];
    check_none(&occurrences(&named(&pure), &patterns));
}

#[test]
fn formats_open_no_files() {
    let formats = [
        "img-oci",
        "img-wire",
        "img-tar",
        "img-compress",
        "img-template",
    ];
    check_none(&occurrences(
        &named(&formats),
        &["std::fs", "fs::", "File::open", "File::create"],
    ));
}

/// What may stand in a public .bzl file: a docstring, loads, and `name = _name`.
fn is_re_export(line: &str) -> bool {
    line.split_once(" = ")
        .is_some_and(|(name, value)| value.strip_prefix('_') == Some(name))
}

fn other_statements(text: &str) -> Vec<String> {
    let mut inside = None;
    let mut found = Vec::new();
    for line in text.lines() {
        match inside {
            Some(end) => inside = if line.ends_with(end) { None } else { inside },
            None if line.starts_with("load(") => {
                inside = (!line.ends_with(')')).then_some(")");
            }
            None if line.starts_with("\"\"\"") => {
                inside = (line.len() < 6 || !line.ends_with("\"\"\"")).then_some("\"\"\"");
            }
            None if line.is_empty() || line.starts_with('#') || is_re_export(line) => {}
            None => found.push(line.to_owned()),
        }
    }
    found
}

#[test]
fn public_starlark_files_only_re_export() {
    let mut findings = Vec::new();
    for path in files("img", ".bzl") {
        if path.parent() == Some(Path::new("img")) {
            let found = other_statements(&read(&path));
            findings.extend(
                found
                    .iter()
                    .map(|line| format!("{}: {line}", path.display())),
            );
        }
    }
    check_none(&findings);
    let text = "\"\"\"Doc\nof two lines.\"\"\"\n\nload(\"//a.bzl\", _b = \"b\")\nload(\n    \"//c.bzl\",\n    _d = \"d\",\n)\n\nb = _b\nd = _e\n";
    assert_eq!(other_statements(text), ["d = _e"]);
}

#[test]
fn rules_read_no_files_and_hash_nothing() {
    let mut findings = Vec::new();
    for path in files("img/private", ".bzl") {
        if path.starts_with("img/private/repo") {
            continue;
        }
        for (index, line) in read(&path).lines().enumerate() {
            let calls = [".read(", " hash(", "(hash(", ".execute("];
            for call in calls.iter().filter(|call| line.contains(**call)) {
                findings.push(format!("{}:{}: {call}", path.display(), index + 1));
            }
        }
    }
    check_none(&findings);
}
