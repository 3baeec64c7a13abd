//! What the OCI distribution-spec v1.1.1 asks of a registry, section by section.

#![allow(clippy::unwrap_used)] // What fails here fails the test.

mod support;

use img_oci::{Algorithm, Digest, media_type};
use support::{Registry, chunked, descriptor, manifest, noise};

/// Larger than what is kept in memory and than a block.
const LARGE: usize = (3 << 20) + 77;

fn get_blob(registry: &Registry, repository: &str, digest: &Digest) -> Vec<u8> {
    let reply = registry.check(
        &format!("GET /v2/{repository}/blobs/{digest}"),
        &[],
        b"",
        "200",
    );
    assert!(reply.is_complete());
    assert_eq!(
        reply.header("docker-content-digest"),
        Some(&*digest.to_string())
    );
    reply.body
}

#[test]
fn the_base_answers() {
    let registry = Registry::start();
    for path in ["/v2", "/v2/"] {
        let reply = registry.check(&format!("GET {path}"), &[], b"", "200");
        assert_eq!(
            reply.header("docker-distribution-api-version"),
            Some("registry/2.0")
        );
    }
    registry.check("GET /", &[], b"", "404");
    registry.check("POST /v2/", &[], b"", "405 UNSUPPORTED");
    registry.check("OPTIONS /v2/", &[], b"", "405 UNSUPPORTED");
    registry.check("BREW /v2/", &[], b"", "405 UNSUPPORTED");
}

#[test]
fn a_blob_can_be_pushed_in_every_way() {
    let registry = Registry::start();
    for (number, size) in [0, 1, 1000, 1 << 20, (1 << 20) + 1, LARGE]
        .into_iter()
        .enumerate()
    {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let bytes = noise(size, number as u64);
            let digest = Digest::of(algorithm, &bytes);
            let way = |name: &str, push: &dyn Fn(&str) -> support::Reply| {
                let repository = format!("{name}/{}{number}", algorithm.name());
                let reply = push(&repository);
                assert_eq!(reply.status, 201, "{name}: {reply:?}");
                let location = format!("/v2/{repository}/blobs/{digest}");
                assert_eq!(reply.header("location"), Some(&*location));
                assert_eq!(get_blob(&registry, &repository, &digest), bytes);
            };
            way("one-request", &|repository| {
                let request = format!("POST /v2/{repository}/blobs/uploads/?digest={digest}");
                registry.send(
                    &request,
                    &["Content-Type: application/octet-stream"],
                    &bytes,
                )
            });
            way("post-then-put", &|repository| {
                let session = registry.open_upload(repository);
                registry.send(&format!("PUT {session}?digest={digest}"), &[], &bytes)
            });
            way("one-patch", &|repository| {
                let session = registry.open_upload(repository);
                let body = chunked(&bytes, 100_000);
                let header = "Transfer-Encoding: chunked";
                registry.check(&format!("PATCH {session}"), &[header], &body, "202");
                registry.send(&format!("PUT {session}?digest={digest}"), &[], b"")
            });
            way("chunks", &|repository| {
                push_in_chunks(&registry, repository, &bytes, &digest, size / 3 + 1)
            });
        }
    }
    assert_eq!(registry.files("uploads"), 0);
    assert_eq!(registry.files("tmp"), 0);
}

fn push_in_chunks(
    registry: &Registry,
    repository: &str,
    bytes: &[u8],
    digest: &Digest,
    size: usize,
) -> support::Reply {
    let session = registry.open_upload(repository);
    let mut start = 0;
    for chunk in bytes.chunks(size) {
        let end = start + chunk.len() - 1;
        let range = format!("Content-Range: {start}-{end}");
        let reply = registry.check(&format!("PATCH {session}"), &[&range], chunk, "202");
        assert_eq!(reply.header("range"), Some(&*format!("0-{end}")));
        assert_eq!(reply.header("location"), Some(&*session));
        let status = registry.check(&format!("GET {session}"), &[], b"", "204");
        assert_eq!(status.header("range"), Some(&*format!("0-{end}")));
        start = end + 1;
    }
    registry.send(&format!("PUT {session}?digest={digest}"), &[], b"")
}

#[test]
fn the_last_chunk_may_come_with_the_put() {
    let registry = Registry::start();
    let (bytes, session) = (b"hello world", registry.open_upload("a"));
    let digest = Digest::sha256(bytes);
    registry.check(
        &format!("PATCH {session}"),
        &["Content-Range: 0-5"],
        b"hello ",
        "202",
    );
    let put = format!("PUT {session}?digest={digest}");
    registry.check(&put, &["Content-Range: 7-11"], b"world", "416");
    registry.check(&put, &["Content-Range: 6-10"], b"world", "201");
    assert_eq!(get_blob(&registry, "a", &digest), bytes);
    registry.check(&put, &[], b"", "404 BLOB_UPLOAD_UNKNOWN");
}

#[test]
fn an_upload_can_be_cancelled() {
    let registry = Registry::start();
    let session = registry.open_upload("a");
    registry.check(&format!("PATCH {session}"), &[], b"x", "202");
    assert_eq!(registry.files("uploads"), 1);
    registry.check(&format!("DELETE {session}"), &[], b"", "204");
    assert_eq!(registry.files("uploads"), 0);
    for method in ["GET", "PATCH", "DELETE"] {
        registry.check(&format!("{method} {session}"), &[], b"", "404");
    }
}

#[test]
fn a_blob_can_be_mounted_from_where_it_is() {
    let registry = Registry::start();
    let digest = registry.push_blob("a", b"blob");
    let mount = |query: &str, expected: &str| {
        registry.check(
            &format!("POST /v2/b/blobs/uploads/?{query}"),
            &[],
            b"",
            expected,
        )
    };
    assert!(
        mount(&format!("mount={digest}&from=c"), "202")
            .header("location")
            .is_some()
    );
    assert!(
        mount(&format!("mount={digest}"), "202")
            .header("location")
            .is_some()
    );
    registry.check(&format!("HEAD /v2/b/blobs/{digest}"), &[], b"", "404");
    mount(&format!("mount={digest}&from=A"), "400 NAME_INVALID");
    mount("mount=sha256:x&from=a", "400 DIGEST_INVALID");
    let reply = mount(&format!("mount={digest}&from=a"), "201");
    assert_eq!(
        reply.header("location"),
        Some(&*format!("/v2/b/blobs/{digest}"))
    );
    assert_eq!(get_blob(&registry, "b", &digest), b"blob");
    assert_eq!(registry.files("blobs"), 1);
}

#[test]
fn a_blob_can_be_asked_for_and_deleted() {
    let registry = Registry::start();
    let digest = registry.push_blob("a", b"blob");
    let reply = registry.check(&format!("HEAD /v2/a/blobs/{digest}"), &[], b"", "200");
    assert_eq!(reply.header("content-length"), Some("4"));
    assert_eq!(reply.body, b"");
    let tag = format!("If-None-Match: \"{digest}\"");
    registry.check(&format!("GET /v2/a/blobs/{digest}"), &[&tag], b"", "304");
    registry.check(&format!("DELETE /v2/a/blobs/{digest}"), &[], b"", "202");
    for method in ["GET", "HEAD", "DELETE"] {
        registry.check(&format!("{method} /v2/a/blobs/{digest}"), &[], b"", "404");
    }
    registry.push_blob("a", b"blob");
    assert_eq!(get_blob(&registry, "a", &digest), b"blob");
}

#[test]
fn a_part_of_a_blob_can_be_read() {
    let registry = Registry::start();
    for size in [10, LARGE] {
        let bytes = noise(size, 1);
        let digest = registry.push_blob("a", &bytes);
        let path = format!("GET /v2/a/blobs/{digest}");
        let part = |range: &str, start: usize, end: usize| {
            let reply = registry.check(&path, &[&format!("Range: {range}")], b"", "206");
            assert_eq!(reply.body, bytes[start..end], "{range}");
            let shown = format!("bytes {start}-{}/{size}", end - 1);
            assert_eq!(reply.header("content-range"), Some(&*shown));
        };
        part("bytes=0-3", 0, 4);
        part("bytes=4-", 4, size);
        part("bytes=-3", size - 3, size);
        part("bytes=-99999999999999999999", 0, size);
        part(&format!("bytes={}-{}", size / 2, size * 2), size / 2, size);
        part(&format!("bytes={0}-{0}", size - 1), size - 1, size);
        for range in [
            format!("bytes={size}-"),
            "bytes=-0".into(),
            "bytes=999999999999-".into(),
        ] {
            let reply = registry.check(&path, &[&format!("Range: {range}")], b"", "416");
            assert_eq!(
                reply.header("content-range"),
                Some(&*format!("bytes */{size}"))
            );
        }
        for range in ["bytes=3-1", "bytes=0-1,3-4", "items=0-1", "bytes=x"] {
            let reply = registry.check(&path, &[&format!("Range: {range}")], b"", "200");
            assert_eq!(reply.body, bytes, "{range}");
        }
        let mine = format!("If-Range: \"{digest}\"");
        registry.check(&path, &["Range: bytes=0-3", &mine], b"", "206");
        for other in ["If-Range: \"x\"", "If-Range: Sat, 01 Jan 2000 00:00:00 GMT"] {
            registry.check(&path, &["Range: bytes=0-3", other], b"", "200");
        }
    }
}

#[test]
fn ranges_meet_at_every_edge_of_a_granule() {
    let registry = Registry::start();
    let bytes = noise(LARGE, 2);
    let digest = registry.push_blob("a", &bytes);
    let edges = [0, 32 << 10, 256 << 10, 1 << 20, 3 << 20, LARGE];
    let offsets = edges
        .iter()
        .flat_map(|&edge| [edge.saturating_sub(1), edge, edge + 1]);
    let offsets: Vec<usize> = offsets.filter(|&offset| offset < LARGE).collect();
    for &first in &offsets {
        for &last in offsets.iter().filter(|&&last| last >= first) {
            let range = format!("Range: bytes={first}-{last}");
            let request = format!("GET /v2/a/blobs/{digest}");
            let reply = registry.check(&request, &[&range], b"", "206");
            assert!(reply.body == bytes[first..=last], "{range}");
        }
    }
}

#[test]
fn a_manifest_is_served_as_it_was_pushed() {
    let registry = Registry::start();
    registry.push_blob("a", b"c");
    let text = manifest("c", r#" ,  "x":"ü" "#);
    let digest = registry.push_manifest("a", "v1", &text);
    registry.push_manifest("a", &digest.to_string(), &text);
    let long = Digest::of(Algorithm::Sha512, text.as_bytes());
    registry.push_manifest("a", &long.to_string(), &text);
    for reference in ["v1".to_owned(), digest.to_string(), long.to_string()] {
        for (method, body) in [("GET", text.as_bytes()), ("HEAD", b"")] {
            let request = format!("{method} /v2/a/manifests/{reference}");
            let reply = registry.check(&request, &[], b"", "200");
            assert_eq!(reply.body, body);
            assert_eq!(reply.header("content-type"), Some(media_type::OCI_MANIFEST));
            assert_eq!(
                reply.header("content-length"),
                Some(&*text.len().to_string())
            );
            let named = if reference == "v1" {
                digest.to_string()
            } else {
                reference.clone()
            };
            assert_eq!(reply.header("docker-content-digest"), Some(&*named));
        }
    }
    for reference in ["v2", ".INVALID", &Digest::sha256(b"?").to_string()] {
        for method in ["GET", "HEAD", "DELETE"] {
            registry.check(
                &format!("{method} /v2/a/manifests/{reference}"),
                &[],
                b"",
                "404",
            );
        }
        registry.check(
            &format!("GET /v2/b/manifests/{reference}"),
            &[],
            b"",
            "404 MANIFEST_UNKNOWN",
        );
    }
}

#[test]
fn a_manifest_is_refused_for_what_is_wrong_with_it() {
    let registry = Registry::start();
    registry.push_blob("a", b"c");
    let good = manifest("c", "");
    let digest = Digest::sha256(good.as_bytes());
    let check = |reference: &str, kind: &str, text: &str, expected: &str| {
        let header = format!("Content-Type: {kind}");
        let request = format!("PUT /v2/a/manifests/{reference}");
        registry.check(&request, &[&header], text.as_bytes(), expected);
        registry.check(
            &format!("HEAD /v2/a/manifests/{reference}"),
            &[],
            b"",
            "404",
        );
    };
    let (oci, index) = (media_type::OCI_MANIFEST, media_type::OCI_INDEX);
    check("v1", oci, "", "400 MANIFEST_INVALID");
    check("v1", oci, "{}", "400 MANIFEST_INVALID");
    check("v1", oci, "[1]", "400 MANIFEST_INVALID");
    check("v1", index, &good, "400 MANIFEST_INVALID");
    check(
        "v1",
        media_type::DOCKER_MANIFEST,
        &good,
        "400 MANIFEST_INVALID",
    );
    check("v1", "text/plain", &good, "400 MANIFEST_INVALID");
    check("v1", oci, &good[1..], "400 MANIFEST_INVALID");
    check(
        "v1",
        oci,
        &good.replace("\"size\":1", "\"size\":2"),
        "400 SIZE_INVALID",
    );
    check(
        "v1",
        oci,
        &manifest("missing", ""),
        "400 MANIFEST_BLOB_UNKNOWN",
    );
    check(".v1", oci, &good, "400 MANIFEST_INVALID");
    let other = Digest::sha256(b"other");
    check(&other.to_string(), oci, &good, "400 DIGEST_INVALID");
    let child = descriptor(&digest, good.len());
    let list = format!(r#"{{"schemaVersion":2,"mediaType":"{index}","manifests":[{child}]}}"#);
    check("v1", index, &list, "400 MANIFEST_BLOB_UNKNOWN");
    assert_eq!(registry.files("repositories/a/_manifests"), 0);
    registry.push_manifest("a", "v1", &good);
    registry.push_manifest("a", "v2", &list);
    registry.check(
        "PUT /v2/b/manifests/v1",
        &[&format!("Content-Type: {oci}")],
        good.as_bytes(),
        "400 MANIFEST_BLOB_UNKNOWN",
    );
}

#[test]
fn a_layer_that_may_not_be_pushed_may_be_missing() {
    let registry = Registry::start();
    registry.push_blob("a", b"c");
    let foreign = format!(
        r#"{{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":"{}","size":9,"urls":["https://example.com/x"]}}"#,
        Digest::sha256(b"foreign")
    );
    let text = manifest("c", "").replace("\"layers\":[]", &format!("\"layers\":[{foreign}]"));
    registry.push_manifest("a", "v1", &text);
}

#[test]
fn tags_are_listed_in_order_and_in_pages() {
    let registry = Registry::start();
    registry.check("GET /v2/a/tags/list", &[], b"", "404 NAME_UNKNOWN");
    for tag in ["b", "a", "C", "v1.0", "_x"] {
        registry.push_image("a", tag, "c");
    }
    let check = |query: &str, tags: &str, link: Option<&str>| {
        let reply = registry.check(&format!("GET /v2/a/tags/list{query}"), &[], b"", "200");
        assert_eq!(
            reply.text(),
            format!(r#"{{"name":"a","tags":[{tags}]}}"#),
            "{query}"
        );
        assert_eq!(reply.header("link"), link, "{query}");
    };
    check("", r#""_x","a","b","C","v1.0""#, None);
    check(
        "?n=2",
        r#""_x","a""#,
        Some("</v2/a/tags/list?n=2&last=a>; rel=\"next\""),
    );
    check(
        "?n=2&last=a",
        r#""b","C""#,
        Some("</v2/a/tags/list?n=2&last=C>; rel=\"next\""),
    );
    check("?n=2&last=C", r#""v1.0""#, None);
    check("?n=1&last=v1.0", "", None);
    check("?n=0", "", None);
    check("?last=b", r#""C","v1.0""#, None);
    check("?n=99999999999999999999&last=C", r#""v1.0""#, None);
    for bad in ["-1", "x", "", "1.5"] {
        let request = format!("GET /v2/a/tags/list?n={bad}");
        registry.check(&request, &[], b"", "400 PAGINATION_NUMBER_INVALID");
    }
    registry.push_image("z/y", "t", "c");
    let reply = registry.check("GET /v2/_catalog?n=1", &[], b"", "200");
    assert_eq!(reply.text(), r#"{"repositories":["a"]}"#);
    assert_eq!(
        reply.header("link"),
        Some("</v2/_catalog?n=1&last=a>; rel=\"next\"")
    );
    let reply = registry.check("GET /v2/_catalog?n=1&last=a", &[], b"", "200");
    assert_eq!(reply.text(), r#"{"repositories":["z/y"]}"#);
}

#[test]
fn a_tag_moves_and_goes() {
    let registry = Registry::start();
    let first = registry.push_image("a", "v1", "1");
    let second = registry.push_image("a", "v1", "2");
    let reply = registry.check("HEAD /v2/a/manifests/v1", &[], b"", "200");
    assert_eq!(
        reply.header("docker-content-digest"),
        Some(&*second.to_string())
    );
    registry.check(&format!("HEAD /v2/a/manifests/{first}"), &[], b"", "200");
    registry.check("DELETE /v2/a/manifests/v1", &[], b"", "202");
    registry.check("GET /v2/a/manifests/v1", &[], b"", "404 MANIFEST_UNKNOWN");
    registry.check(&format!("HEAD /v2/a/manifests/{second}"), &[], b"", "200");
    registry.push_image("a", "x", "2");
    registry.push_image("a", "y", "2");
    registry.push_image("a", "z", "1");
    registry.check(&format!("DELETE /v2/a/manifests/{second}"), &[], b"", "202");
    let reply = registry.check("GET /v2/a/tags/list", &[], b"", "200");
    assert_eq!(reply.text(), r#"{"name":"a","tags":["z"]}"#);
    registry.check(&format!("DELETE /v2/a/manifests/{second}"), &[], b"", "404");
}

#[test]
fn referrers_are_found_by_their_subject() {
    let registry = Registry::start();
    let list = |subject: &Digest, query: &str| {
        let request = format!("GET /v2/a/referrers/{subject}{query}");
        let reply = registry.check(&request, &[], b"", "200");
        assert_eq!(reply.header("content-type"), Some(media_type::OCI_INDEX));
        reply
    };
    let subject = Digest::sha256(manifest("c", "").as_bytes());
    assert!(list(&subject, "").text().contains("\"manifests\":[]"));
    registry.push_blob("a", b"c");
    // A subject may be pushed after what refers to it.
    let field = format!(
        r#","subject":{}"#,
        descriptor(&subject, manifest("c", "").len())
    );
    let plain = manifest("c", &field);
    let typed = manifest(
        "c",
        &format!(r#"{field},"artifactType":"a/b","annotations":{{"k":"v"}}"#),
    );
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]{field}}}"#,
        media_type::OCI_INDEX
    );
    for text in [&plain, &typed, &index] {
        let digest = Digest::sha256(text.as_bytes());
        let kind = if text == &index {
            media_type::OCI_INDEX
        } else {
            media_type::OCI_MANIFEST
        };
        let header = format!("Content-Type: {kind}");
        let request = format!("PUT /v2/a/manifests/{digest}");
        let reply = registry.check(&request, &[&header], text.as_bytes(), "201");
        assert_eq!(reply.header("oci-subject"), Some(&*subject.to_string()));
    }
    let all = list(&subject, "");
    assert_eq!(all.header("oci-filters-applied"), None);
    for text in [&plain, &typed, &index] {
        assert!(
            all.text()
                .contains(&Digest::sha256(text.as_bytes()).to_string())
        );
    }
    assert!(
        all.text()
            .contains(r#""artifactType":"application/x.test""#)
    );
    let some = list(&subject, "?artifactType=a%2Fb");
    assert_eq!(some.header("oci-filters-applied"), Some("artifactType"));
    let digest = Digest::sha256(typed.as_bytes());
    let size = typed.len();
    assert!(some.text().contains(&format!(
        r#""manifests":[{{"annotations":{{"k":"v"}},"artifactType":"a/b","digest":"{digest}","mediaType":"{}","size":{size}}}]"#,
        media_type::OCI_MANIFEST
    )), "{some:?}");
    registry.check(&format!("DELETE /v2/a/manifests/{digest}"), &[], b"", "202");
    assert!(
        list(&subject, "?artifactType=a%2Fb")
            .text()
            .contains("\"manifests\":[]")
    );
    registry.check(
        "GET /v2/a/referrers/sha256:x",
        &[],
        b"",
        "400 DIGEST_INVALID",
    );
}

#[test]
fn many_referrers_come_in_pages() {
    let registry = Registry::start();
    registry.push_blob("a", b"c");
    let subject = Digest::sha256(b"subject");
    let note = "x".repeat(1 << 20);
    for number in 0..6 {
        let text = manifest(
            "c",
            &format!(
                r#","subject":{},"annotations":{{"{number}":"{note}"}}"#,
                descriptor(&subject, 7)
            ),
        );
        registry.push_manifest("a", &format!("t{number}"), &text);
    }
    let mut path = format!("/v2/a/referrers/{subject}?artifactType=application/x.test");
    let (mut found, mut pages) = (0, 0);
    loop {
        let reply = registry.check(&format!("GET {path}"), &[], b"", "200");
        assert!(reply.body.len() <= 4 << 20);
        found += reply.text().matches("\"digest\"").count();
        pages += 1;
        let Some(link) = reply.header("link") else {
            break;
        };
        path = link.split(['<', '>']).nth(1).unwrap().to_owned();
    }
    assert_eq!((found, pages), (6, 2));
}
