//! Clients that people use.

#![allow(clippy::unwrap_used)] // What fails here fails the test.

mod support;

use std::path::Path;
use std::process::Command;

use img_oci::Digest;
use support::{Registry, descriptor, manifest};

/// Writes an OCI layout of two images behind an index, and returns the digest of the index.
fn write_layout(path: &Path) -> Digest {
    let blobs = path.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let write = |text: &str| {
        let digest = Digest::sha256(text.as_bytes());
        std::fs::write(blobs.join(digest.hex()), text).unwrap();
        digest
    };
    let mut entries = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let config = format!(
            r#"{{"architecture":"{architecture}","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#
        );
        write(&config);
        let text = manifest(&config, "").replace(
            "application/x.test",
            "application/vnd.oci.image.config.v1+json",
        );
        let platform = format!(r#","platform":{{"architecture":"{architecture}","os":"linux"}}}}"#);
        entries.push(descriptor(&write(&text), text.len()).replace('}', &platform));
    }
    let index = |entries: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{entries}]}}"#
        )
    };
    let text = index(&entries.join(","));
    let digest = write(&text);
    let root = descriptor(&digest, text.len()).replace("image.manifest", "image.index");
    std::fs::write(path.join("index.json"), index(&root)).unwrap();
    std::fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    digest
}

#[test]
fn skopeo_copies_an_index_in_and_out() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        println!("skipped: skopeo is not installed");
        return;
    }
    let registry = Registry::start();
    let directory = tempfile::tempdir().unwrap();
    let digest = write_layout(&directory.path().join("in"));
    let remote = format!("docker://{}/acme/app:v1", registry.address);
    let copy = |from: &str, to: &str| {
        let output = Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--all", "--preserve-digests"])
            .args([
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
                from,
                to,
            ])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    copy(
        &format!("oci:{}", directory.path().join("in").display()),
        &remote,
    );
    let reply = registry.check("HEAD /v2/acme/app/manifests/v1", &[], b"", "200");
    assert_eq!(
        reply.header("docker-content-digest"),
        Some(&*digest.to_string())
    );
    let back = directory.path().join("out");
    copy(&remote, &format!("oci:{}", back.display()));
    let bytes = std::fs::read(back.join("blobs/sha256").join(digest.hex())).unwrap();
    assert_eq!(Digest::sha256(&bytes), digest);
}
