//! Tests of plans, from the text of deploy manifests.

use super::*;
use crate::transfer::transfers;

fn blob(name: &str) -> String {
    let digest = Digest::sha256(name.as_bytes());
    format!(
        r#"{{"mediaType":"m","digest":"{digest}","size":{}}}"#,
        name.len()
    )
}

/// Returns an operation: an index `root` of manifests, each with its layers.
fn index(root: &str, manifests: &[(&str, &[&str])], place: &str, more: &str) -> String {
    let (registry, repository) = place.split_once('/').unwrap();
    let entries: Vec<_> = manifests
        .iter()
        .map(|(manifest, layers)| {
            let layers: Vec<_> = layers.iter().map(|layer| blob(layer)).collect();
            format!(
                r#"{{"descriptor":{},"config":{},"layer_blobs":[{}],"missing_blobs":[]}}"#,
                blob(manifest),
                blob(&format!("{manifest}-config")),
                layers.join(",")
            )
        })
        .collect();
    format!(
        r#"{{"command":"push","root_kind":"index","root":{},"manifests":[{}],"registry":"{registry}","repository":"{repository}"{more}}}"#,
        blob(root),
        entries.join(",")
    )
}

fn plan(operations: &[String], overrides: &Overrides) -> Result<PushPlan, PlanError> {
    let operations = operations.join(",");
    let text = format!(r#"{{"operations":[{operations}],"settings":{{"push_strategy":"eager"}}}}"#);
    PushPlan::new(&DeployManifest::parse(text.as_bytes()).unwrap(), overrides)
}

/// Returns the plan as text: each image, then each transfer.
fn shown(plan: &PushPlan) -> Vec<String> {
    let names = [
        "index",
        "m1",
        "m2",
        "base",
        "app1",
        "app2",
        "m1-config",
        "m2-config",
    ];
    let name = |digest: &Digest| {
        *names
            .iter()
            .find(|name| Digest::sha256(name.as_bytes()) == *digest)
            .unwrap()
    };
    let images = plan.images.iter().map(|image| {
        let tags: Vec<_> = image.tags.iter().map(Tag::as_str).collect();
        format!(
            "{}@{} {}",
            image.place(),
            name(&image.root.digest),
            tags.join(",")
        )
    });
    let needed = plan
        .images
        .iter()
        .flat_map(|image| image.manifests.iter().map(move |m| (image, m)));
    let transfers = transfers(needed);
    let moves = transfers.iter().map(|transfer| {
        let list = |repositories: &[Repository]| {
            repositories
                .iter()
                .map(Repository::as_str)
                .collect::<Vec<_>>()
                .join(",")
        };
        let (to, from) = (list(&transfer.destinations), list(&transfer.mount_from));
        format!(
            "{} -> {}/{to} [{from}]",
            name(&transfer.blob.digest),
            transfer.registry
        )
    });
    images.chain(moves).collect()
}

fn check(operations: &[String], overrides: &Overrides, expected: &[&str]) {
    assert_eq!(shown(&plan(operations, overrides).unwrap()), expected);
}

fn two_platforms(place: &str, more: &str) -> String {
    index(
        "index",
        &[("m1", &["base", "app1"]), ("m2", &["base", "app2"])],
        place,
        more,
    )
}

#[test]
fn a_blob_travels_once_to_each_registry_large_ones_first() {
    check(
        &[two_platforms("r.io/a", r#","tags":["v2","v1","v1"]"#)],
        &Overrides::default(),
        &[
            "r.io/a@index v1,v2",
            "m1-config -> r.io/a []",
            "m2-config -> r.io/a []",
            "base -> r.io/a []",
            "app1 -> r.io/a []",
            "app2 -> r.io/a []",
        ],
    );
    check(
        &[
            index("index", &[("m1", &["base"])], "r.io/a", ""),
            index("index", &[("m2", &["base"])], "r.io/b", ""),
            index("index", &[("m1", &["base"])], "s.io/a", ""),
        ],
        &Overrides::default(),
        &[
            "r.io/a@index ",
            "r.io/b@index ",
            "s.io/a@index ",
            "m1-config -> r.io/a []",
            "m2-config -> r.io/b []",
            "m1-config -> s.io/a []",
            "base -> r.io/a,b []",
            "base -> s.io/a []",
        ],
    );
}

#[test]
fn a_base_in_the_same_registry_is_mounted_from() {
    let origin = r#","original_registries":["r.io"],"original_repository":"library/base""#;
    let operation = |place: &str| index("index", &[("m1", &["base"])], place, origin);
    check(
        &[operation("r.io/a"), operation("s.io/a")],
        &Overrides::default(),
        &[
            "r.io/a@index ",
            "s.io/a@index ",
            "m1-config -> r.io/a [library/base]",
            "m1-config -> s.io/a []",
            "base -> r.io/a [library/base]",
            "base -> s.io/a []",
        ],
    );
}

#[test]
fn overrides_replace_names_and_add_tags() {
    let overrides = Overrides {
        tags: vec!["new".parse().unwrap()],
        registry: Some("localhost:5000".parse().unwrap()),
        repository: Some("other".parse().unwrap()),
    };
    check(
        // What is overridden may be anything.
        &[index("index", &[], "not a registry/x", r#","tags":["v1"]"#)],
        &overrides,
        &["localhost:5000/other@index new,v1"],
    );
}

#[test]
fn what_cannot_be_carried_out_is_refused() {
    let check = |operations: &[String], expected: &str| {
        let error = plan(operations, &Overrides::default()).unwrap_err();
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        let text = format!("{error}{}", cause.unwrap_or_default());
        assert!(text.contains(expected), "{text}");
    };
    let one = |more: &str| index("index", &[("m1", &["base"])], "r.io/a", more);
    check(&[], "no operations");
    check(
        &[one("").replace("push", "load")],
        "operation 0 loads an image",
    );
    check(
        &[one(""), one("").replace("r.io", "r/")],
        "operation 1: registry cannot be used: `r/`",
    );
    check(
        &[one(r#","tags":["-x"]"#)],
        "operation 0: tag cannot be used: `-x` is not a tag",
    );
    check(
        &[one("").replace(r#""repository":"a""#, r#""repository":"A""#)],
        "repository cannot be used",
    );
    check(
        &[one("").replace(r#""root_kind":"index""#, r#""root_kind":"manifest""#)],
        "is a manifest, and not the only one",
    );
    let other = index("m1", &[], "r.io/a", r#","tags":["v1"]"#);
    check(
        &[one(r#","tags":["v1"]"#), other],
        "tag v1 of r.io/a is to be set to two images",
    );
    let resized = one("").replace(r#""size":4}]"#, r#""size":5}]"#);
    check(
        &[one(""), resized],
        "has 4 bytes in one descriptor and 5 in another",
    );
    for strategy in ["lazy", "cas_registry", "bes"] {
        let text = format!(r#"{{"operations":[],"settings":{{"push_strategy":"{strategy}"}}}}"#);
        let manifest = DeployManifest::parse(text.as_bytes()).unwrap();
        let error = PushPlan::new(&manifest, &Overrides::default()).unwrap_err();
        assert!(error.to_string().contains(strategy), "{error}");
    }
}
