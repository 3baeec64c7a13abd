//! Clients that are broken, or mean it.

#![allow(clippy::unwrap_used)] // What fails here fails the test.

mod support;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use img_oci::{Digest, media_type};
use img_serve::Limits;
use support::{Registry, Reply, chunked, encode, manifest, noise};

fn impatient() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(200),
        body_timeout: Duration::from_millis(200),
        write_timeout: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// Sends half of a request, waits until the server has it, and hangs up.
fn hang_up(registry: &Registry, session: &str, sent: &[u8], rest: usize) {
    let length = format!("Content-Length: {}", sent.len() + rest);
    let mut stream = registry.connect();
    stream
        .write_all(&encode(&format!("PATCH {session}"), &[&length], sent))
        .unwrap();
    drop(stream);
    let received = |registry: &Registry| {
        let reply = registry.send(&format!("GET {session}"), &[], b"");
        reply.header("range") == Some(&*format!("0-{}", sent.len() - 1))
    };
    while !received(registry) {
        std::thread::yield_now();
    }
}

#[test]
fn what_arrived_of_a_broken_upload_can_be_gone_on_from() {
    let registry = Registry::start();
    let bytes = noise(700_000, 3);
    let digest = Digest::sha256(&bytes);
    let session = registry.open_upload("a");
    hang_up(&registry, &session, &bytes[..300_000], 400_000);
    registry.check(&format!("HEAD /v2/a/blobs/{digest}"), &[], b"", "404");
    assert_eq!(registry.files("blobs"), 0);
    let range = "Content-Range: 300000-699999";
    registry.check(
        &format!("PATCH {session}"),
        &[range],
        &bytes[300_000..],
        "202",
    );
    registry.check(&format!("PUT {session}?digest={digest}"), &[], b"", "201");
    let reply = registry.check(&format!("GET /v2/a/blobs/{digest}"), &[], b"", "200");
    assert!(reply.body == bytes);
}

#[test]
fn a_wrong_digest_stores_nothing() {
    let registry = Registry::start();
    let wrong = Digest::sha256(b"wrong");
    let post = format!("POST /v2/a/blobs/uploads/?digest={wrong}");
    registry.check(&post, &[], b"blob", "400 DIGEST_INVALID");
    let session = registry.open_upload("a");
    let put = format!("PUT {session}?digest={wrong}");
    registry.check(&put, &[], b"blob", "400 DIGEST_INVALID");
    registry.check(&put, &[], b"blob", "404 BLOB_UPLOAD_UNKNOWN");
    let session = registry.open_upload("a");
    registry.check(
        &format!("PUT {session}"),
        &[],
        b"blob",
        "400 DIGEST_INVALID",
    );
    for bad in [
        "sha256:x",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "../../x",
    ] {
        let put = format!("PUT {session}?digest={bad}");
        registry.check(&put, &[], b"blob", "400 DIGEST_INVALID");
    }
    assert_eq!(registry.files("blobs") + registry.files("repositories"), 0);
}

#[test]
fn a_chunk_out_of_order_changes_nothing() {
    let registry = Registry::start();
    let session = registry.open_upload("a");
    let patch = format!("PATCH {session}");
    registry.check(&patch, &["Content-Range: 0-4"], b"hello", "202");
    for bad in [
        "0-4",
        "4-8",
        "6-10",
        "5-8",
        "5-10",
        "5-99999999999999999999",
        "9-5",
        "x",
        "-5-9",
        "bytes=5-9",
        "18446744073709551611-18446744073709551615",
    ] {
        let reply = registry.check(&patch, &[&format!("Content-Range: {bad}")], b"world", "416");
        assert_eq!(reply.header("range"), Some("0-4"), "{bad}");
    }
    // Without a length the lie is found after the fact, and taken back.
    for bad in ["5-8", "5-10"] {
        let headers = [
            &*format!("Content-Range: {bad}"),
            "Transfer-Encoding: chunked",
        ];
        registry.check(&patch, &headers, &chunked(b"world", 2), "416");
    }
    registry.check(&patch, &["Content-Range: 5-9"], b"world", "202");
    let digest = Digest::sha256(b"helloworld");
    registry.check(&format!("PUT {session}?digest={digest}"), &[], b"", "201");
    let reply = registry.check(&format!("GET /v2/a/blobs/{digest}"), &[], b"", "200");
    assert_eq!(reply.body, b"helloworld");
}

#[test]
fn an_upload_is_cancelled_once() {
    let registry = Registry::start();
    for _ in 0..100 {
        let session = registry.open_upload("a");
        let cancel = || registry.send(&format!("DELETE {session}"), &[], b"").status;
        let answers = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(cancel)).collect();
            let answers = threads.into_iter().map(|thread| thread.join().unwrap());
            answers.collect::<Vec<_>>()
        });
        let cancelled = answers.iter().filter(|&&status| status == 204).count();
        assert_eq!(cancelled, 1, "{answers:?}");
    }
}

#[test]
fn one_of_two_writers_wins() {
    let registry = Registry::start();
    let session = registry.open_upload("a");
    let mut first = registry.connect();
    let head = encode(
        &format!("PATCH {session}"),
        &["Content-Length: 10", "Expect: 100-continue"],
        b"",
    );
    first.write_all(&head).unwrap();
    // The server asks for the body, so it holds the session.
    let mut asked = [0; 25];
    first.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    registry.check(
        &format!("PATCH {session}"),
        &[],
        b"other",
        "409 BLOB_UPLOAD_INVALID",
    );
    registry.check(
        &format!("DELETE {session}"),
        &[],
        b"",
        "409 BLOB_UPLOAD_INVALID",
    );
    first.write_all(b"0123456789").unwrap();
    let mut answer = Vec::new();
    first.read_to_end(&mut answer).unwrap();
    assert_eq!(Reply::parse(&answer).status, 202);
}

#[test]
fn a_session_is_good_in_its_repository_only() {
    let registry = Registry::start();
    let session = registry.open_upload("a");
    let id = session.rsplit('/').next().unwrap();
    assert_eq!(id.len(), 32);
    let foreign = [
        format!("/v2/b/blobs/uploads/{id}"),
        format!("/v2/a/blobs/uploads/{}", "0".repeat(32)),
        format!("/v2/a/blobs/uploads/{id}0"),
        "/v2/a/blobs/uploads/..".to_owned(),
        "/v2/a/blobs/uploads/%2e%2e".to_owned(),
    ];
    for path in foreign {
        for method in ["GET", "PATCH", "DELETE"] {
            registry.check(
                &format!("{method} {path}"),
                &[],
                b"",
                "404 BLOB_UPLOAD_UNKNOWN".split(' ').next().unwrap(),
            );
        }
    }
    registry.check(&format!("GET {session}"), &[], b"", "204");
}

#[test]
fn names_outside_the_grammar_reach_no_file() {
    let registry = Registry::start();
    let digest = registry.push_blob("a", b"c");
    let long = "a".repeat(256);
    for name in [
        "A", "..", "a/../b", "%2e%2e", "a//b", "a%2fb", "_blobs", "a/_tags", "a\\b", &long,
    ] {
        for request in [
            format!("GET /v2/{name}/blobs/{digest}"),
            format!("POST /v2/{name}/blobs/uploads/"),
            format!("GET /v2/{name}/manifests/v1"),
            format!("PUT /v2/{name}/manifests/v1"),
            format!("GET /v2/{name}/tags/list"),
            format!("GET /v2/{name}/referrers/{digest}"),
        ] {
            registry.check(
                &request,
                &[],
                b"",
                "400 NAME_INVALID".split(' ').next().unwrap(),
            );
        }
    }
    for digest in [
        "sha256:..",
        "sha256:%2e%2e",
        &digest.to_string().to_uppercase(),
    ] {
        registry.check(
            &format!("GET /v2/a/blobs/{digest}"),
            &[],
            b"",
            "400 DIGEST_INVALID",
        );
    }
    let component = "a".repeat(255);
    registry.push_blob(&component, b"c");
    let deep = format!("{}a", "a/".repeat(127));
    registry.push_blob(&deep, b"c");
}

#[test]
fn a_manifest_has_four_mebibytes_at_most() {
    let registry = Registry::start();
    registry.push_blob("a", b"c");
    let header = format!("Content-Type: {}", media_type::OCI_MANIFEST);
    let fill = |size: usize| {
        let empty = manifest("c", r#","x":"""#).len();
        manifest("c", &format!(r#","x":"{}""#, "x".repeat(size - empty)))
    };
    let put = "PUT /v2/a/manifests/v1";
    let large = fill((4 << 20) + 1);
    registry.check(put, &[&header], large.as_bytes(), "413 SIZE_INVALID");
    let body = chunked(large.as_bytes(), 1 << 16);
    registry.check(
        put,
        &[&header, "Transfer-Encoding: chunked"],
        &body,
        "413 SIZE_INVALID",
    );
    registry.check("GET /v2/a/manifests/v1", &[], b"", "404");
    registry.check(put, &[&header], fill(4 << 20).as_bytes(), "201");
}

#[test]
fn another_repository_s_blob_is_not_there() {
    let registry = Registry::start();
    let blob = registry.push_blob("private", b"secret");
    let image = registry.push_manifest("private", "v1", &manifest("secret", ""));
    for path in [
        format!("blobs/{blob}"),
        format!("blobs/{image}"),
        format!("manifests/{image}"),
    ] {
        for method in ["GET", "HEAD", "DELETE"] {
            registry.check(&format!("{method} /v2/other/{path}"), &[], b"", "404");
        }
    }
    let header = format!("Content-Type: {}", media_type::OCI_MANIFEST);
    let text = manifest("secret", "");
    let put = "PUT /v2/other/manifests/v1";
    registry.check(
        put,
        &[&header],
        text.as_bytes(),
        "400 MANIFEST_BLOB_UNKNOWN",
    );
    registry.check(&format!("GET /v2/private/blobs/{blob}"), &[], b"", "200");
}

#[test]
fn last_cannot_be_made_a_header() {
    let registry = Registry::start();
    for tag in ["x", "y"] {
        registry.push_image("a", tag, "c");
    }
    for last in ["%0d%0aX-Evil:%201", "%3E%3B%20rel", "%ff", "..%2f..", "%00"] {
        let request = format!("GET /v2/a/tags/list?n=1&last={last}");
        let reply = registry.check(&request, &[], b"", "200");
        assert_eq!(reply.header("x-evil"), None);
    }
}

#[test]
fn requests_that_are_no_http_are_refused_and_the_connection_closed() {
    let registry = Registry::with(Limits {
        idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    });
    let check = |request: &[u8], statuses: &[u16]| {
        let shown: String = String::from_utf8_lossy(request).chars().take(80).collect();
        let reply = Reply::parse(&registry.raw(request));
        assert!(statuses.contains(&reply.status), "{shown:?}: {reply:?}");
    };
    let head = "GET /v2/ HTTP/1.1\r\nHost: x\r\n";
    check(b"GET /v2/ HTTP/1.1\r\n\r\n", &[200, 400]);
    check(b"\x16\x03\x01\x02\x00\x01\x00", &[400]);
    check(b"GE(T /v2/ HTTP/1.1\r\n\r\n", &[400]);
    check(b"GET /v2/ HTTP/9.9\r\n\r\n", &[400, 505]);
    check(b"GET /v2/\x01 HTTP/1.1\r\n\r\n", &[400]);
    check(format!("{head}A\0b: c\r\n\r\n").as_bytes(), &[400]);
    check(format!("{head}A : c\r\n\r\n").as_bytes(), &[400]);
    check(
        format!("{head}Content-Length: x\r\n\r\n").as_bytes(),
        &[400],
    );
    check(
        format!("{head}Content-Length: +1\r\n\r\n").as_bytes(),
        &[400],
    );
    check(
        format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n").as_bytes(),
        &[400],
    );
    check(
        format!("{head}Content-Length: 99999999999999999999\r\n\r\n").as_bytes(),
        &[400, 413],
    );
    check(
        format!("{head}Transfer-Encoding: gzip\r\n\r\n").as_bytes(),
        &[400, 501],
    );
    check(
        format!("{head}Transfer-Encoding: chunked, x\r\n\r\n").as_bytes(),
        &[400, 501],
    );
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
    check(
        format!("{head}{both}\r\n0\r\n\r\nGET /v2/ HTTP/1.1\r\n\r\n").as_bytes(),
        &[400],
    );
    check(
        format!("{head}Content-Length: 0\r\nContent-Length: 0\r\n\r\n").as_bytes(),
        &[400],
    );
    check(
        format!("{head}Transfer-Encoding: xchunked\r\n\r\n").as_bytes(),
        &[400],
    );
    check(b"GET /v2/ HTTP/1.1\nHost: x\n\n", &[400]);
    check(format!("{head}A: b\nC: d\r\n\r\n").as_bytes(), &[400]);
    check(format!("{head}A: b\r\n c\r\n\r\n").as_bytes(), &[400]);
    check(
        format!(
            "POST{}Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
            &head[3..]
        )
        .as_bytes(),
        &[400, 405],
    );
    let big = "x".repeat(4 << 20);
    check(format!("{head}X: {big}\r\n\r\n").as_bytes(), &[431]);
    check(
        format!("{head}{}\r\n", "X: y\r\n".repeat(200)).as_bytes(),
        &[431],
    );
    check(
        format!("GET /v2/{} HTTP/1.1\r\n\r\n", &big[..1 << 20]).as_bytes(),
        &[414, 431],
    );
}

#[test]
fn a_client_that_says_nothing_is_cut_off() {
    let registry = Registry::with(impatient());
    registry.push_blob("a", b"c");
    // Nothing at all, half of a head, half of a body: each ends by the server's doing.
    registry.raw(b"");
    registry.raw(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX-");
    let session = registry.open_upload("a");
    let half = encode(&format!("PATCH {session}"), &["Content-Length: 9"], b"half");
    assert_eq!(Reply::parse(&registry.raw(&half)).status, 408);
    registry.check(&format!("GET {session}"), &[], b"", "204");
}

#[test]
fn a_client_that_reads_nothing_is_cut_off() {
    let registry = Registry::with(impatient());
    let digest = registry.push_blob("a", &noise(32 << 20, 5));
    let mut stream = registry.connect();
    let request = encode(&format!("GET /v2/a/blobs/{digest}"), &[], b"");
    stream.write_all(&request).unwrap();
    let line = format!("GET /v2/a/blobs/{digest} 200");
    // The log line is written when the server gives up.
    while !registry.events.0.lock().unwrap().contains(&line) {
        std::thread::yield_now();
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!Reply::parse(&answer).is_complete());
}

#[test]
fn open_uploads_are_counted() {
    let limits = Limits {
        upload_sessions: 3,
        ..Limits::default()
    };
    let registry = Registry::with(limits);
    let sessions: Vec<String> = (0..3).map(|_| registry.open_upload("a")).collect();
    registry.check("POST /v2/a/blobs/uploads/", &[], b"", "429 TOOMANYREQUESTS");
    registry.check(&format!("DELETE {}", sessions[0]), &[], b"", "204");
    registry.open_upload("a");
}

#[test]
fn a_blob_has_a_largest_size() {
    let registry = Registry::with(Limits {
        blob_size: 1000,
        ..Limits::default()
    });
    registry.push_blob("a", &[0; 1000]);
    let digest = Digest::sha256(&[0; 1001]);
    let post = format!("POST /v2/a/blobs/uploads/?digest={digest}");
    registry.check(&post, &[], &[0; 1001], "413");
    let session = registry.open_upload("a");
    registry.check(
        &format!("PATCH {session}"),
        &["Content-Range: 0-999"],
        &[0; 1000],
        "202",
    );
    registry.check(
        &format!("PATCH {session}"),
        &["Content-Range: 1000-1000"],
        &[0],
        "416",
    );
    registry.check(&format!("PATCH {session}"), &[], &[0], "413");
    assert_eq!(registry.files("uploads"), 1);
}

#[test]
fn many_pushers_of_one_blob_all_succeed() {
    let registry = Registry::start();
    let bytes = noise(2 << 20, 6);
    std::thread::scope(|scope| {
        for number in 0..32 {
            let (registry, bytes) = (&registry, &bytes);
            scope.spawn(move || registry.push_blob(&format!("r{}", number % 4), bytes));
        }
    });
    assert_eq!(registry.files("blobs"), 1);
    assert_eq!(registry.files("uploads") + registry.files("tmp"), 0);
    let digest = Digest::sha256(&bytes);
    let reply = registry.check(&format!("GET /v2/r3/blobs/{digest}"), &[], b"", "200");
    assert!(reply.body == bytes);
}

#[test]
fn a_tag_never_points_at_nothing() {
    let registry = Registry::start();
    let digest = registry.push_image("a", "v1", "c");
    let text = manifest("c", "");
    std::thread::scope(|scope| {
        for job in 0..6 {
            let (registry, text, digest) = (&registry, &text, &digest);
            scope.spawn(move || {
                for _ in 0..30 {
                    let header = format!("Content-Type: {}", media_type::OCI_MANIFEST);
                    let (reply, good): (Reply, &[u16]) = match job % 3 {
                        0 => (
                            registry.send("PUT /v2/a/manifests/v1", &[&header], text.as_bytes()),
                            &[201],
                        ),
                        1 => (
                            registry.send(&format!("DELETE /v2/a/manifests/{digest}"), &[], b""),
                            &[202, 404],
                        ),
                        _ => (
                            registry.send("GET /v2/a/manifests/v1", &[], b""),
                            &[200, 404],
                        ),
                    };
                    assert!(good.contains(&reply.status), "{reply:?}");
                    assert!(reply.status != 200 || reply.body == text.as_bytes());
                }
            });
        }
    });
    let tags = registry
        .check("GET /v2/a/tags/list", &[], b"", "200")
        .text();
    let status = registry.send("GET /v2/a/manifests/v1", &[], b"").status;
    assert_eq!(status == 200, tags.contains("v1"), "{tags}");
}

#[test]
fn a_target_is_told_as_it_came() {
    let registry = Registry::start();
    registry.check("GET /v2/%0d%0aGET%20/evil?x=%1b[31m", &[], b"", "404");
    let events = registry.events.0.lock().unwrap().clone();
    assert_eq!(events, ["GET /v2/%0d%0aGET%20/evil?x=%1b[31m 404"]);
}
