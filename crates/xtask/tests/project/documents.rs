//! The documents name only what exists, and the code map names all of it.

use std::path::{Path, PathBuf};

use crate::project::{check_none, directories, files, read, root};

const DIRECTORIES: [&str; 2] = ["docs", "bench"];

fn documents() -> Vec<PathBuf> {
    let top = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap());
    let top = top.map(|entry| PathBuf::from(entry.file_name()));
    top.filter(|name| name.extension().is_some_and(|end| end == "md"))
        .chain(
            DIRECTORIES
                .iter()
                .flat_map(|directory| files(directory, ".md")),
        )
        .collect()
}

/// Returns the targets of links, without those outside of the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

/// Returns the anchors of headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let title = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let mut findings = Vec::new();
    for document in documents() {
        let directory = document.parent().unwrap_or(Path::new(""));
        let text = read(&document);
        for link in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                document.clone()
            } else {
                directory.join(path)
            };
            let exists = root().join(&target).exists();
            let has_anchor = || anchors(&read(&target)).iter().any(|known| known == anchor);
            if !exists || (!anchor.is_empty() && !has_anchor()) {
                findings.push(format!("{}: {link}", document.display()));
            }
        }
    }
    check_none(&findings);
    assert_eq!(anchors("# A `b`: c\ntext\n## D-e\n"), ["a-b-c", "d-e"]);
}

#[test]
fn the_code_map_names_every_part() {
    let map = read("ARCHITECTURE.md");
    let crates = directories("crates");
    let packages = directories("img")
        .into_iter()
        .map(|name| format!("img/{name}"));
    let private = directories("img/private")
        .into_iter()
        .map(|name| format!("{name}/"));
    let findings: Vec<String> = crates
        .into_iter()
        .chain(packages)
        .chain(private)
        .filter(|name| !map.contains(&format!("`{name}")))
        .map(|name| format!("ARCHITECTURE.md: `{name}` is missing"))
        .collect();
    check_none(&findings);
}

/// Names of tests in a document: claims of several words in backquotes.
fn claims(text: &str) -> impl Iterator<Item = &str> {
    let is_claim = |word: &&str| {
        word.matches('_').count() >= 3
            && word.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    };
    text.split('`').skip(1).step_by(2).filter(is_claim)
}

#[test]
fn tests_that_documents_name_exist() {
    let parts = [
        ("crates", ".rs"),
        ("tests", ".bzl"),
        ("tests", ".bazel"),
        ("e2e", ".py"),
    ];
    let sources: String = parts
        .iter()
        .flat_map(|(directory, end)| files(directory, end))
        .map(read)
        .collect();
    let mut findings = Vec::new();
    // The reference is generated, and names attributes and fields as well.
    let is_written = |document: &PathBuf| !document.starts_with("docs/reference");
    for document in documents().into_iter().filter(is_written) {
        for claim in claims(&read(&document)) {
            if !sources.contains(claim) {
                findings.push(format!("{}: `{claim}`", document.display()));
            }
        }
    }
    check_none(&findings);
}
