//! The direction of dependencies between crates: only upward in the table of tiers.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;

use serde_json::{Value, json};

use crate::project::{check_none, list, members, metadata_with_dependencies, text};

/// Every crate, in the tier it belongs to. A crate depends on tiers before its own.
const TIERS: [(&str, &[&str]); 8] = [
    ("core", &["img-oci", "img-wire"]),
    ("format", &["img-tar", "img-compress", "img-template"]),
    ("build", &["img-layer", "img-image", "img-layout"]),
    ("port", &["img-store"]),
    ("adapter", &["img-member-cache", "img-registry"]),
    ("service", &["img-deploy", "img-serve", "img-inspect"]),
    ("driver", &["img-worker", "img"]),
    ("dev", &["img-testkit", "xtask"]),
];

/// What depends on a crate of its own tier: the files of the wire are written in the vocabulary, the
/// program is also a worker.
const WITHIN_A_TIER: [(&str, &str); 2] = [("img-wire", "img-oci"), ("img", "img-worker")];

/// Tiers that know no network, async runtime or terminal.
const PURE_TIERS: [&str; 3] = ["core", "format", "build"];

/// What those tiers would know it by.
const IMPURE: [&str; 10] = [
    "tokio",
    "reqwest",
    "hyper",
    "clap",
    "mio",
    "socket2",
    "rustls",
    "ring",
    "indicatif",
    "axum",
];

const DEV: &str = "dev";

fn tier_of(name: &str) -> Option<usize> {
    TIERS.iter().position(|(_, crates)| crates.contains(&name))
}

fn with_tier(name: &str) -> String {
    let tier = tier_of(name).map_or("no tier", |tier| TIERS[tier].0);
    format!("{name} ({tier})")
}

/// Returns a sentence for each dependency between crates of the table that leads the wrong way.
fn wrong_directions(members: &[Value]) -> Vec<String> {
    let mut findings = Vec::new();
    for member in members {
        let name = text(member, "name");
        for dependency in list(&member["dependencies"]) {
            let other = text(&dependency, "name");
            if dependency["path"].is_null() || is_allowed(name, other, &dependency["kind"]) {
                continue;
            }
            let kind = dependency["kind"].as_str().unwrap_or("normal");
            let path = format!("{} -> {}", with_tier(name), with_tier(other));
            findings.push(format!(
                "{path}: a {kind} dependency has to lead to an earlier tier"
            ));
        }
    }
    findings
}

fn is_allowed(name: &str, other: &str, kind: &Value) -> bool {
    let is_for_tests = kind == "dev" && tier_of(other).is_some_and(|tier| TIERS[tier].0 == DEV);
    is_for_tests || tier_of(other) < tier_of(name) || WITHIN_A_TIER.contains(&(name, other))
}

/// Returns a sentence for each crate that the table and the directories do not agree on.
fn wrong_places(members: &[Value]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut missing: Vec<&str> = TIERS
        .iter()
        .flat_map(|(_, crates)| *crates)
        .copied()
        .collect();
    for member in members {
        let name = text(member, "name");
        missing.retain(|known| *known != name);
        if tier_of(name).is_none() {
            findings.push(format!("{name} is in no tier: add it to TIERS"));
        }
        let directory = Path::new(text(member, "manifest_path")).parent().unwrap();
        if !directory.ends_with(Path::new("crates").join(name)) {
            let directory = directory.display();
            findings.push(format!(
                "{name} lies in {directory}, expected crates/{name}"
            ));
        }
    }
    findings.extend(
        missing
            .iter()
            .map(|name| format!("{name} is in TIERS and nowhere else")),
    );
    findings
}

/// Returns the shortest path from a crate to each that it must not pull in.
fn impure_paths(metadata: &Value, from: &str) -> Vec<String> {
    let names: HashMap<&str, &str> = array(&metadata["packages"])
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let nodes: HashMap<&str, &Value> = array(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| (text(node, "id"), node))
        .collect();
    let start = *nodes.keys().find(|id| names[*id] == from).unwrap();
    let mut came_from: BTreeMap<&str, Option<&str>> = BTreeMap::from([(start, None)]);
    let mut queue = VecDeque::from([start]);
    let mut found = Vec::new();
    while let Some(id) = queue.pop_front() {
        if IMPURE.contains(&names[id]) {
            found.push(path_to(id, &came_from, &names));
            continue;
        }
        for dependency in array(&nodes[id]["deps"]).iter().filter(|d| is_built(d)) {
            let next = text(dependency, "pkg");
            if !came_from.contains_key(next) {
                came_from.insert(next, Some(id));
                queue.push_back(next);
            }
        }
    }
    found
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Dependencies for tests alone do not count.
fn is_built(dependency: &Value) -> bool {
    array(&dependency["dep_kinds"])
        .iter()
        .any(|kind| kind["kind"] != "dev")
}

fn path_to(
    end: &str,
    came_from: &BTreeMap<&str, Option<&str>>,
    names: &HashMap<&str, &str>,
) -> String {
    let mut path = vec![names[end]];
    let mut at = came_from[end];
    while let Some(id) = at {
        path.insert(0, names[id]);
        at = came_from[id];
    }
    path.join(" -> ")
}

#[test]
fn crates_depend_on_earlier_tiers_alone() {
    check_none(&wrong_directions(&members()));
}

#[test]
fn every_crate_has_a_tier_and_a_directory_of_its_name() {
    check_none(&wrong_places(&members()));
}

#[test]
fn building_an_image_knows_no_network_runtime_or_terminal() {
    let metadata = metadata_with_dependencies();
    let pure = TIERS.iter().filter(|(tier, _)| PURE_TIERS.contains(tier));
    let findings: Vec<String> = pure
        .flat_map(|(_, crates)| *crates)
        .flat_map(|name| impure_paths(&metadata, name))
        .collect();
    check_none(&findings);
}

#[test]
fn a_path_to_a_runtime_is_shown_whole() {
    let metadata = metadata_with_dependencies();
    let paths = impure_paths(&metadata, "img-serve");
    assert!(
        paths.contains(&"img-serve -> tokio".to_owned()),
        "{paths:?}"
    );
    let paths = impure_paths(&metadata, "img-deploy");
    assert!(
        paths.contains(&"img-deploy -> img-registry -> reqwest".to_owned()),
        "{paths:?}"
    );
}

#[test]
fn a_wrong_direction_is_named() {
    let check = |name: &str, other: &str, kind: Value, expected: Option<&str>| {
        let dependency = json!({"name": other, "kind": kind, "path": "/p"});
        let member = json!({"name": name, "dependencies": [dependency]});
        let found = wrong_directions(&[member]);
        assert_eq!(found.first().map(String::as_str), expected);
    };
    check("img-layer", "img-tar", Value::Null, None);
    check("img-wire", "img-oci", Value::Null, None);
    check("img-tar", "img-testkit", json!("dev"), None);
    check(
        "img-oci",
        "img-wire",
        Value::Null,
        Some(
            "img-oci (core) -> img-wire (core): a normal dependency has to lead to an earlier tier",
        ),
    );
    check(
        "img-tar",
        "img-layer",
        json!("dev"),
        Some(
            "img-tar (format) -> img-layer (build): a dev dependency has to lead to an earlier tier",
        ),
    );
    check(
        "img",
        "img-testkit",
        Value::Null,
        Some(
            "img (driver) -> img-testkit (dev): a normal dependency has to lead to an earlier tier",
        ),
    );
}

#[test]
fn a_crate_in_a_wrong_place_is_named() {
    let check = |name: &str, directory: &str, expected: &str| {
        let member = json!({"name": name, "manifest_path": format!("{directory}/Cargo.toml")});
        let found = wrong_places(&[member]);
        assert!(found.contains(&expected.to_owned()), "{found:?}");
    };
    check(
        "img-new",
        "/r/crates/img-new",
        "img-new is in no tier: add it to TIERS",
    );
    check(
        "img-tar",
        "/r/crates/tar",
        "img-tar lies in /r/crates/tar, expected crates/img-tar",
    );
    check(
        "img-oci",
        "/r/crates/img-oci",
        "img-tar is in TIERS and nowhere else",
    );
}
