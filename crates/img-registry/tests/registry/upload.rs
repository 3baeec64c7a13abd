//! Uploads to registries that fail, forget, lie and answer late.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Bytewise, Client, bytes, chain};
use img_oci::Descriptor;
use img_registry::{MountOutcome, Position};
use img_testkit::{Access, Action, DistributionServer, FakeRegistry, Fault};

const SIZE: usize = 40 << 10;
const UPLOADS: &str = "/blobs/uploads/";

fn ignore() -> Position {
    Arc::new(|_| {})
}

/// Uploads a blob past these faults; returns `ok` or the error, with what is the same left out.
async fn upload(registry: &FakeRegistry, source: &[u8], blob: &Descriptor) -> String {
    let client = Client::new(&[], "");
    let repository = client.repository(&registry.address, "acme/app");
    let result = repository
        .upload_blob(blob, &Bytewise(source.to_vec()), None, &ignore())
        .await;
    let arrived = registry.has_blob("acme/app", &blob.digest);
    match result {
        Ok(()) => {
            assert!(arrived);
            "ok".to_owned()
        }
        Err(error) => {
            assert_eq!(registry.open_uploads(), 0, "sessions are left: {error}");
            chain(&error)
                .replace(&registry.address, "R")
                .replace(blob.digest.hex(), "…")
        }
    }
}

async fn check(faults: &[Fault], expected: &str) {
    let registry = FakeRegistry::start().await;
    for fault in faults {
        registry.fault(fault.clone());
    }
    let bytes = bytes(SIZE);
    let blob = Descriptor::of("m", &bytes);
    assert_eq!(
        upload(&registry, &bytes, &blob).await,
        expected,
        "{faults:?}"
    );
}

fn answer(status: u16, code: &str) -> Action {
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"m"}}]}}"#);
    Action::Answer(status, vec![], body)
}

/// Opens a session at this place.
fn elsewhere(location: &str) -> Action {
    Action::Answer(202, vec![("location", location.to_owned())], String::new())
}

#[tokio::test]
async fn failures_that_pass_are_survived() {
    for method in ["POST", "PUT"] {
        for status in [408, 429, 500, 502, 503, 504, 599] {
            check(
                &[Fault::new(method, UPLOADS, answer(status, "X")).times(3)],
                "ok",
            )
            .await;
        }
    }
    check(
        &[Fault::new("PUT", UPLOADS, Action::AnswerAfter(500))],
        "ok",
    )
    .await;
    check(
        &[Fault::new(
            "PUT",
            UPLOADS,
            answer(404, "BLOB_UPLOAD_UNKNOWN"),
        )],
        "ok",
    )
    .await;
    check(&[Fault::new("PUT", UPLOADS, answer(416, "X"))], "ok").await;
    check(
        &[Fault::new("PUT", UPLOADS, answer(400, "DIGEST_INVALID"))],
        "ok",
    )
    .await;
    check(&[Fault::new("PUT", UPLOADS, Action::Forget).times(2)], "ok").await;
    check(
        &[Fault::new("PUT", UPLOADS, Action::CutResponse(0)).times(5)],
        "ok",
    )
    .await;
    check(
        &[Fault::new("HEAD", "/blobs/", answer(503, "X")).times(2)],
        "ok",
    )
    .await;
}

#[tokio::test]
async fn failures_that_stay_are_told() {
    let refused = |code: &str| format!("R refused blob sha256:… in acme/app: {code} X (m)");
    for status in [400, 401, 403, 404, 405, 413, 422, 429, 500, 503] {
        let fault = Fault::new("POST", UPLOADS, answer(status, "X")).always();
        check(&[fault], &refused(&status.to_string())).await;
    }
    for status in [403, 413, 500] {
        let fault = Fault::new("PUT", UPLOADS, answer(status, "X")).always();
        check(&[fault], &refused(&status.to_string())).await;
    }
    check(
        &[Fault::new("PUT", UPLOADS, Action::Forget).always()],
        "R/acme/app accepted blob sha256:…, but does not show it",
    )
    .await;
    check(
        &[Fault::new("PUT", UPLOADS, answer(400, "DIGEST_INVALID")).always()],
        "R refused blob sha256:… in acme/app: 400 DIGEST_INVALID (m)",
    )
    .await;
    let other = img_oci::Digest::sha256(b"other");
    check(
        &[Fault::new(
            "PUT",
            UPLOADS,
            Action::Header("docker-content-digest", other.to_string()),
        )],
        &format!("R/acme/app stored blob sha256:… under the digest {other}"),
    )
    .await;
    for (location, reason) in [
        ("", "it is empty"),
        ("file:///x", "it leads to another protocol than HTTP"),
        ("http://u:p@x/", "it holds a user name"),
    ] {
        check(
            &[Fault::new("POST", UPLOADS, elsewhere(location)).always()],
            &format!("cannot ask R for blob sha256:… in acme/app: R sent a location that is not followed: {reason}"),
        )
        .await;
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_anywhere_arrives() {
    for keeps in [false, true] {
        for at in [0, 1, 1 << 10, SIZE / 2, SIZE - 1, SIZE] {
            let registry = FakeRegistry::start().await;
            if keeps {
                registry.keep_partial_uploads();
            }
            registry.fault(Fault::new("PUT", UPLOADS, Action::CutRequest(at)));
            let bytes = bytes(SIZE);
            let blob = Descriptor::of("m", &bytes);
            assert_eq!(upload(&registry, &bytes, &blob).await, "ok", "{keeps} {at}");
            // What the registry kept is not sent again.
            let resumed = registry.count("PATCH /v2/acme/app/blobs/uploads/");
            let expected = keeps && at > 1 && at < SIZE;
            assert_eq!(resumed, usize::from(expected), "{keeps} {at}");
            // A session that has a part is not given up for a new one.
            let opened = registry.count("POST /v2/acme/app/blobs/uploads/");
            assert_eq!(opened, if keeps && at > 1 { 1 } else { 2 }, "{keeps} {at}");
        }
    }
}

#[tokio::test]
async fn an_upload_goes_on_where_the_status_says() {
    let registry = FakeRegistry::start().await;
    registry.keep_partial_uploads();
    registry.fault(Fault::new("PUT", UPLOADS, Action::CutRequest(SIZE / 2)));
    let moved = "/v2/acme/app/blobs/uploads/1?_state=moved";
    registry.fault(Fault::new(
        "GET",
        UPLOADS,
        Action::Header("location", moved.to_owned()),
    ));
    let bytes = bytes(SIZE);
    let blob = Descriptor::of("m", &bytes);
    assert_eq!(upload(&registry, &bytes, &blob).await, "ok");
    assert_eq!(registry.count(&format!("PATCH {moved}")), 1);
}

#[tokio::test]
async fn a_registry_that_is_slow_to_delete_a_session_is_not_waited_for() {
    let registry = FakeRegistry::start().await;
    registry.fault(Fault::new("DELETE", UPLOADS, Action::Hang).always());
    registry.fault(Fault::new("PUT", UPLOADS, answer(403, "X")).always());
    let client = Client::with_farewell(Duration::from_millis(1));
    let repository = client.repository(&registry.address, "a");
    let (blob, source) = (Descriptor::of("m", b"x"), Bytewise(b"x".to_vec()));
    let position = ignore();
    let sent = repository.upload_blob(&blob, &source, None, &position);
    // Without the limit, it would end after a minute of silence.
    let sent = tokio::time::timeout(Duration::from_secs(30), sent).await;
    let error = chain(&sent.unwrap().unwrap_err());
    assert!(error.contains("403 X"), "{error}");
}

#[tokio::test]
async fn cuts_without_end_are_survived_as_long_as_there_is_progress() {
    let registry = FakeRegistry::start().await;
    registry.keep_partial_uploads();
    registry.fault(Fault::new("PUT", UPLOADS, Action::CutRequest(2 << 10)).times(1));
    registry.fault(Fault::new("PATCH", UPLOADS, Action::CutRequest(2 << 10)).times(17));
    let bytes = bytes(SIZE);
    let blob = Descriptor::of("m", &bytes);
    assert_eq!(upload(&registry, &bytes, &blob).await, "ok");
}

#[tokio::test]
async fn a_wrong_source_never_arrives_and_leaves_no_session() {
    let right = bytes(SIZE);
    let blob = Descriptor::of("m", &right);
    let check = async |source: &[u8], expected: &str| {
        let registry = FakeRegistry::start().await;
        let error = upload(&registry, source, &blob).await;
        assert!(
            error.starts_with("cannot upload to R/acme/app: blob sha256:… from memory: "),
            "{error}"
        );
        assert!(error.contains(expected), "{error}");
        assert!(!registry.has_blob("acme/app", &blob.digest));
    };
    let mut flipped = right.clone();
    flipped[SIZE - 1] ^= 1;
    check(&flipped, "the bytes have the digest").await;
    check(&right[1..], "expected 40960 bytes, found 40959").await;
    check(
        &[&right[..], b"x"].concat(),
        "expected 40960 bytes, found more",
    )
    .await;
    check(b"", "expected 40960 bytes, found 0").await;
}

#[tokio::test]
async fn small_and_empty_blobs_arrive() {
    for size in [0, 1, 2] {
        let registry = FakeRegistry::start().await;
        let bytes = bytes(size);
        assert_eq!(
            upload(&registry, &bytes, &Descriptor::of("m", &bytes)).await,
            "ok"
        );
    }
}

#[tokio::test]
async fn the_registrys_wish_to_wait_is_granted_within_limits() {
    for (header, seconds, requested) in [
        ("7", 7, true),
        ("1000000000000000000", 60, true),
        ("-1", 1, false),
    ] {
        let registry = FakeRegistry::start().await;
        let headers = vec![("retry-after", header.to_owned())];
        registry.fault(Fault::new(
            "POST",
            UPLOADS,
            Action::Answer(429, headers, String::new()),
        ));
        let client = Client::new(&[], "");
        let repository = client.repository(&registry.address, "a");
        let blob = Descriptor::of("m", b"x");
        repository
            .upload_blob(&blob, &Bytewise(b"x".to_vec()), None, &ignore())
            .await
            .unwrap();
        let waits = client.waits.take();
        assert_eq!(waits.len(), 1);
        assert_eq!(waits[0].requested, requested, "{header}");
        assert!(waits[0].delay.as_secs() <= seconds, "{header}");
        assert!(
            !requested || waits[0].delay.as_secs() == seconds,
            "{header}"
        );
    }
}

#[tokio::test]
async fn a_foreign_location_gets_the_bytes_but_no_credentials() {
    let (registry, foreign) = (FakeRegistry::start().await, FakeRegistry::start().await);
    registry.require(Access::Basic("user:canary".to_owned()));
    // The foreign store takes the bytes; the registry does not know of them.
    let location = format!("http://{}/v2/acme/app/blobs/uploads/1", foreign.address);
    registry.fault(
        Fault::new("POST", UPLOADS, Action::Header("location", location))
            .after(1)
            .always(),
    );
    foreign.fault(Fault::new("PUT", UPLOADS, Action::Answer(201, vec![], String::new())).always());
    let client = Client::new(&[&registry.address], "user:canary");
    let repository = client.repository(&registry.address, "acme/app");
    let blob = Descriptor::of("m", b"x");
    let result = repository
        .upload_blob(&blob, &Bytewise(b"x".to_vec()), None, &ignore())
        .await;
    assert!(chain(&result.unwrap_err()).contains("does not show it"));
    assert!(foreign.count("PUT ") > 0);
    assert!(
        foreign
            .seen()
            .iter()
            .all(|seen| seen.authorization.is_none()),
        "{:?}",
        foreign.seen()
    );
}

#[tokio::test]
async fn a_token_that_expires_under_way_is_renewed() {
    let registry = FakeRegistry::start().await;
    let realm = format!("http://{}/token", registry.address);
    registry.require(Access::Bearer {
        realm,
        user: "user:canary".to_owned(),
    });
    let challenge = format!(
        r#"Bearer realm="http://{}/token",service="fake""#,
        registry.address
    );
    let expired = Action::Answer(401, vec![("www-authenticate", challenge)], String::new());
    registry.fault(Fault::new("PUT", UPLOADS, expired));
    let client = Client::new(&[&registry.address], "user:canary");
    let repository = client.repository(&registry.address, "acme/app");
    let (blob, source) = (Descriptor::of("m", b"xy"), Bytewise(b"xy".to_vec()));
    repository
        .upload_blob(&blob, &source, None, &ignore())
        .await
        .unwrap();
    assert!(registry.has_blob("acme/app", &blob.digest));
    registry.expire_tokens();
    assert!(repository.has_blob(&blob).await.unwrap());
    assert_eq!(registry.count("GET /token"), 3);
}

#[tokio::test]
async fn a_real_registry_takes_uploads_mounts_and_wrong_passwords_ill() {
    // The password is `secret`.
    let line = "user:$2y$05$KBuEmhmvgdTLTKHy4GeabutHCrOfWhNDC5.j.VBFxSmYt0Vsac9.G";
    let Some(server) = DistributionServer::start(Some(line)) else {
        return;
    };
    let client = Client::new(&[&server.address], "user:secret");
    let (one, two) = (
        client.repository(&server.address, "a/one"),
        client.repository(&server.address, "two"),
    );
    for size in [0, 1, SIZE, 5 << 20] {
        let (blob, source) = (Descriptor::of("m", &bytes(size)), Bytewise(bytes(size)));
        assert!(!one.has_blob(&blob).await.unwrap());
        one.upload_blob(&blob, &source, None, &ignore())
            .await
            .unwrap();
        assert!(one.has_blob(&blob).await.unwrap());
        let mounted = two
            .mount_blob(&blob.digest, one.repository())
            .await
            .unwrap();
        assert!(matches!(mounted, MountOutcome::Mounted));
        assert!(two.has_blob(&blob).await.unwrap());
    }
    let stranger = Client::new(&[&server.address], "user:canary");
    let repository = stranger.repository(&server.address, "a/one");
    let (blob, source) = (Descriptor::of("m", b"z"), Bytewise(b"z".to_vec()));
    let error = repository
        .upload_blob(&blob, &source, None, &ignore())
        .await
        .unwrap_err();
    assert!(
        chain(&error).contains("401 UNAUTHORIZED"),
        "{}",
        chain(&error)
    );
    assert!(error.hint().unwrap().contains("docker login"));
    assert!(!format!("{error:?}").contains("canary"));
}
