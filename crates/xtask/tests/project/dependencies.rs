//! What the workspace may pull in. Licences are checked by tools/checks/dependencies.py.

use std::collections::BTreeMap;

use crate::project::{check_none, files, read};

/// The TLS library is the one user of this cryptography.
const CRYPTOGRAPHY: (&str, [&str; 2]) = ("ring", ["rustls", "rustls-webpki"]);

/// Their output is part of the digest of every layer.
const PINNED: [&str; 2] = ["libdeflater", "zstd"];

/// Returns the packages in the lock file with what each depends on, for all platforms.
fn locked() -> BTreeMap<String, Vec<String>> {
    let lock = read("Cargo.lock");
    let packages = lock.split("[[package]]").skip(1);
    packages
        .map(|package| {
            let mut quoted = package.lines().filter_map(|line| {
                let value = line.trim().trim_end_matches(',');
                value.strip_prefix('"')?.strip_suffix('"')
            });
            let name = field(package, "name").unwrap();
            let dependencies = quoted.by_ref().map(|spec| first_word(spec).to_owned());
            (name.to_owned(), dependencies.collect())
        })
        .collect()
}

fn field<'a>(package: &'a str, name: &str) -> Option<&'a str> {
    package.lines().find_map(|line| {
        let (key, value) = line.split_once(" = ")?;
        (key == name).then(|| value.trim_matches('"'))
    })
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// Returns the crates that deny.toml bans.
fn banned() -> Vec<String> {
    let text = read("deny.toml");
    let (_, bans) = text.split_once("\n[bans]\n").unwrap();
    let bans = bans.split("\n[").next().unwrap();
    let entries = bans.split("crate = \"").skip(1);
    entries
        .map(|entry| entry.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn nothing_that_is_banned_is_locked_for_any_platform() {
    let (locked, banned) = (locked(), banned());
    for expected in ["aws-lc-sys", "openssl-sys", "native-tls"] {
        assert!(
            banned.iter().any(|name| name == expected),
            "{expected}: {banned:?}"
        );
    }
    let found: Vec<String> = banned
        .into_iter()
        .filter(|name| locked.contains_key(name))
        .collect();
    check_none(&found);
}

#[test]
fn cryptography_is_there_for_tls_alone() {
    let (name, users) = CRYPTOGRAPHY;
    let depends = |dependencies: &Vec<String>| dependencies.iter().any(|known| known == name);
    let mut found: Vec<String> = locked()
        .into_iter()
        .filter(|(_, dependencies)| depends(dependencies))
        .map(|(user, _)| user)
        .collect();
    found.retain(|user| !users.contains(&user.as_str()));
    check_none(&found);
    assert!(
        depends(&locked()["rustls"]),
        "the lock file is not read as it should be"
    );
}

#[test]
fn everything_comes_from_the_registry_of_crates() {
    let lock = read("Cargo.lock");
    let sources = lock
        .lines()
        .filter_map(|line| line.strip_prefix("source = "));
    let findings: Vec<String> = sources
        .filter(|source| !source.starts_with("\"registry+"))
        .map(str::to_owned)
        .collect();
    check_none(&findings);
}

#[test]
fn versions_are_given_in_the_workspace_alone() {
    let mut findings = Vec::new();
    for path in files("crates", "Cargo.toml") {
        let text = read(&path);
        let sections = text.split("\n[").filter(|section| {
            let name = section.lines().next().unwrap_or_default();
            name.ends_with("dependencies]")
        });
        let lines = sections.flat_map(|section| section.lines().skip(1));
        for line in lines.filter(|line| line.contains(" = ")) {
            if !line.contains("workspace = true") {
                findings.push(format!("{}: {line}", path.display()));
            }
        }
    }
    check_none(&findings);
}

#[test]
fn compressors_are_pinned_exactly() {
    let workspace = read("Cargo.toml");
    let findings: Vec<String> = PINNED
        .iter()
        .filter(|name| {
            let line = workspace
                .lines()
                .find(|line| line.starts_with(&format!("{name} = ")));
            !line.is_some_and(|line| line.contains("\"="))
        })
        .map(|name| format!("{name}: its version has to begin with `=`"))
        .collect();
    check_none(&findings);
}
