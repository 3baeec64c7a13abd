//! Reads from registries that break off, send something else, or want to know who asks.

use crate::support::{Bytewise, Client, bytes, chain, read};
use std::sync::Arc;
use std::time::Duration;

use img_oci::{Descriptor, Digest, TagOrDigest, media_type};
use img_registry::{Authorities, RepositoryClient};
use img_testkit::{Access, Action, FakeRegistry, Fault};
use tempfile::TempDir;

const SIZE: usize = 40 << 10;
const BLOBS: &str = "/blobs/";

/// Reads a blob past these faults; returns `ok` or the error, with what is the same left out.
async fn check(faults: Vec<Fault>, expected: &str) {
    let registry = FakeRegistry::start().await;
    let bytes = bytes(SIZE);
    let blob = registry.add_blob("acme/app", &bytes);
    let shown = format!("{faults:?}");
    for fault in faults {
        registry.fault(fault);
    }
    let client = Client::new(&[], "");
    let repository = client.repository(&registry.address, "acme/app");
    let found = match read(&repository, &blob).await {
        Ok(found) if found == bytes => "ok".to_owned(),
        Ok(_) => "other bytes".to_owned(),
        Err(error) => chain(&error)
            .replace(&registry.address, "R")
            .replace(blob.digest.hex(), "…"),
    };
    assert_eq!(found, expected, "{shown}");
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Action {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    Action::Answer(status, headers, body.to_owned())
}

#[tokio::test]
async fn a_download_that_is_cut_anywhere_is_taken_up_again() {
    for at in [0, 1, 1 << 10, SIZE / 2, SIZE - 1] {
        check(
            vec![Fault::new("GET", BLOBS, Action::CutResponse(at))],
            "ok",
        )
        .await;
    }
    check(
        vec![Fault::new("GET", BLOBS, Action::CutResponse(1)).times(20)],
        "ok",
    )
    .await;
    check(
        vec![Fault::new("GET", BLOBS, answer(503, &[], "")).times(5)],
        "ok",
    )
    .await;
}

#[tokio::test]
async fn a_registry_without_ranges_is_read_from_the_beginning() {
    let whole = String::from_utf8(bytes(SIZE).iter().map(|b| b % 128).collect()).unwrap();
    let registry = FakeRegistry::start().await;
    let blob = registry.add_blob("a", whole.as_bytes());
    registry.fault(Fault::new("GET", BLOBS, Action::CutResponse(SIZE / 2)));
    registry.fault(Fault::new("GET", BLOBS, answer(200, &[], &whole)));
    let client = Client::new(&[], "");
    let repository = client.repository(&registry.address, "a");
    assert!(read(&repository, &blob).await.unwrap() == whole.as_bytes());
}

#[tokio::test]
async fn other_bytes_are_never_taken_for_the_blob() {
    let read = |cause: &str| format!("cannot read blob sha256:… from R/acme/app: {cause}");
    let range = format!("bytes 0-{}/{SIZE}", SIZE - 1);
    let expected = format!("bytes 1-{}/{SIZE}", SIZE - 1);
    check(
        vec![
            Fault::new("GET", BLOBS, Action::CutResponse(1)),
            Fault::new("GET", BLOBS, answer(206, &[("content-range", &range)], "x")),
        ],
        &read(&format!(
            "R answered with the range `{range}`, expected `{expected}`"
        )),
    )
    .await;
    let mangled = {
        let mut bytes = bytes(SIZE);
        bytes[0] ^= 1;
        Digest::sha256(&bytes)
    };
    check(
        vec![Fault::new("GET", BLOBS, Action::Mangle)],
        &format!("blob sha256:… from R/acme/app: the bytes have the digest {mangled}"),
    )
    .await;
    check(
        vec![Fault::new("GET", BLOBS, answer(200, &[], &"x".repeat(SIZE + 1))).always()],
        "blob sha256:… from R/acme/app: expected 40960 bytes, found more",
    )
    .await;
    check(
        vec![Fault::new("GET", BLOBS, answer(404, &[], ""))],
        "blob sha256:… is not in R/acme/app",
    )
    .await;
    check(
        vec![Fault::new("GET", BLOBS, answer(403, &[], "canary"))],
        &read("403 Forbidden"),
    )
    .await;
    check(
        vec![Fault::new("GET", BLOBS, answer(200, &[], "short")).always()],
        &read("the connection to R broke: 5 of 40960 bytes arrived"),
    )
    .await;
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_and_not_for_ever() {
    let (registry, store) = (FakeRegistry::start().await, FakeRegistry::start().await);
    let content = bytes(SIZE);
    let blob = registry.add_blob("a", &content);
    store.add_blob("a", &content);
    registry.require(Access::Basic("user:canary".to_owned()));
    let location = format!(
        "http://{}/v2/a/blobs/{}?signature=canary",
        store.address, blob.digest
    );
    registry.fault(Fault::new("GET", BLOBS, answer(307, &[("location", &location)], "")).after(1));
    let client = Client::new(&[&registry.address], "user:canary");
    let repository = client.repository(&registry.address, "a");
    assert!(read(&repository, &blob).await.unwrap() == content);
    assert!(store.seen().iter().all(|seen| seen.authorization.is_none()));

    let around = format!("http://{}/v2/a/blobs/{}", registry.address, blob.digest);
    registry.fault(Fault::new("GET", BLOBS, answer(302, &[("location", &around)], "")).always());
    let error = read(&repository, &blob).await.unwrap_err();
    assert!(
        chain(&error).contains("more than 10 redirects"),
        "{}",
        chain(&error)
    );
    assert_eq!(registry.count("GET /v2/a/blobs/"), 2 + 11);
}

#[tokio::test]
async fn manifests_are_verified_and_of_the_kind_they_are_said_to_be() {
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    let digest = Digest::sha256(index.as_bytes());
    let check = async |selector: TagOrDigest, fault: Option<Action>, expected: &str| {
        let registry = FakeRegistry::start().await;
        for reference in ["v1", &digest.to_string()] {
            registry.add_manifest("a", reference, media_type::OCI_INDEX, index.as_bytes());
        }
        if let Some(action) = fault.clone() {
            registry.fault(Fault::new("GET", "/manifests/", action).always());
        }
        let client = Client::new(&[], "");
        let found = match client
            .repository(&registry.address, "a")
            .manifest(&selector)
            .await
        {
            Ok(manifest) => manifest.descriptor.digest.to_string(),
            Err(error) => chain(&error).replace(&registry.address, "R"),
        };
        assert!(found.contains(expected), "{fault:?}: {found}");
    };
    let tag = || TagOrDigest::Tag("v1".parse().unwrap());
    let by_digest = || TagOrDigest::Digest(digest.clone());
    check(tag(), None, &digest.to_string()).await;
    check(by_digest(), None, &digest.to_string()).await;
    check(
        TagOrDigest::Tag("v2".parse().unwrap()),
        None,
        "R/a has no manifest v2",
    )
    .await;
    check(
        by_digest(),
        Some(Action::Mangle),
        "expected the digest sha256:",
    )
    .await;
    check(tag(), Some(Action::Mangle), "expected the digest sha256:").await;
    let manifest = answer(200, &[("content-type", media_type::OCI_MANIFEST)], index);
    check(tag(), Some(manifest), "expected media type").await;
    let page = answer(200, &[("content-type", "text/html")], "<html>canary</html>");
    check(tag(), Some(page), "cannot be used").await;
    let large = answer(200, &[], &"x".repeat((4 << 20) + 1));
    check(tag(), Some(large), "exceeds 4194304 bytes").await;
}

/// Asks for a blob of a registry that names this token server.
async fn check_realm(realm: &str, user: &str, expected: &str) {
    let registry = FakeRegistry::start().await;
    let realm = realm.replace("SELF", &registry.address);
    registry.require(Access::Bearer {
        realm,
        user: user.to_owned(),
    });
    let blob = Descriptor::of("m", b"");
    let client = if user.is_empty() {
        Client::new(&[], "")
    } else {
        Client::new(&[&registry.address], "user:canary")
    };
    let found = match client
        .repository(&registry.address, "a")
        .has_blob(&blob)
        .await
    {
        Ok(found) => found.to_string(),
        Err(error) => chain(&error),
    };
    assert!(found.contains(expected), "{found}");
    assert!(!found.contains("canary"), "{found}");
}

#[tokio::test]
async fn tokens_are_fetched_from_where_credentials_may_go() {
    check_realm("http://SELF/token", "user:canary", "false").await;
    check_realm("http://SELF/token", "", "false").await;
    check_realm("http://SELF/token", "user:other", "401").await;
    check_realm(
        "http://example.com/token",
        "user:canary",
        "example.com is not asked by https",
    )
    .await;
    check_realm(
        "https://example.com/token",
        "user:canary",
        "example.com belongs to another domain",
    )
    .await;
    check_realm(
        "http://169.254.169.254/token",
        "",
        "169.254.169.254 is not asked by https",
    )
    .await;
    check_realm(
        "http://u:p@SELF/token",
        "user:canary",
        "its URL holds a user name",
    )
    .await;
    check_realm("file:///etc/passwd", "", "is not asked by https").await;
    check_realm("nonsense", "", "it is not a URL").await;
    check_realm("", "", "cannot be answered").await;
    check_realm(
        "https://SELF/token",
        "user:canary",
        "cannot establish TLS with 127.0.0.1:",
    )
    .await;
}

#[tokio::test]
async fn refreshing_a_token_that_never_works_ends() {
    let registry = FakeRegistry::start().await;
    let realm = format!("http://{}/token", registry.address);
    registry.require(Access::Bearer {
        realm: realm.clone(),
        user: String::new(),
    });
    let challenge = format!(r#"Bearer realm="{realm}""#);
    registry.fault(
        Fault::new(
            "HEAD",
            BLOBS,
            answer(401, &[("www-authenticate", &challenge)], ""),
        )
        .always(),
    );
    let client = Client::new(&[], "");
    let repository = client.repository(&registry.address, "a");
    let error = repository
        .has_blob(&Descriptor::of("m", b""))
        .await
        .unwrap_err();
    assert!(
        chain(&error).ends_with("401 Unauthorized"),
        "{}",
        chain(&error)
    );
    assert_eq!(registry.count("GET /token"), 3);
}

#[tokio::test]
async fn a_name_that_no_url_can_hold_is_an_error() {
    // Punycode of a capital letter: well-formed, and not what IDNA makes of it.
    let error = Client::new(&[], "").refused("xn--wca.io", "a");
    assert!(
        error.contains("xn--wca.io cannot be the name of a host"),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_is_fetched_once_for_many_requests() {
    let registry = FakeRegistry::start().await;
    let realm = format!("http://{}/token", registry.address);
    registry.require(Access::Bearer {
        realm,
        user: String::new(),
    });
    let client = Client::new(&[], "");
    let repository = client.repository(&registry.address, "a");
    let blob = Descriptor::of("m", b"");
    let asked: Vec<_> = (0..8).map(|_| repository.has_blob(&blob)).collect();
    for found in futures_util::future::join_all(asked).await {
        assert!(!found.unwrap());
    }
    assert_eq!(registry.count("GET /token"), 1);
    // What the registry's challenge names is asked for besides what we know we need.
    assert_eq!(
        registry.count("&scope=repository%3Aa%3Apull%2Cpush&scope=x"),
        1
    );
}

#[tokio::test]
async fn a_registry_that_is_silent_is_given_up() {
    let registry = FakeRegistry::start().await;
    for method in ["GET", "HEAD", "POST", "PUT"] {
        registry.fault(Fault::new(method, "/v2/a/", Action::Hang).always());
    }
    registry.fault(Fault::new("PUT", "/v2/b/", Action::Hang).always());
    let client = Client::with_idle_timeout(&[], "", Duration::from_millis(1));
    let (a, b) = (
        client.repository(&registry.address, "a"),
        client.repository(&registry.address, "b"),
    );
    let blob = Descriptor::of("m", b"x");
    let upload = async |repository: RepositoryClient| {
        let source = Bytewise(b"x".to_vec());
        let sent = repository
            .upload_blob(&blob, &source, None, &(Arc::new(|_| {}) as _))
            .await;
        chain(&sent.unwrap_err())
    };
    let errors = [
        chain(&a.has_blob(&blob).await.unwrap_err()),
        chain(&read(&a, &blob).await.unwrap_err()),
        upload(a).await,
        upload(b).await,
    ];
    for error in errors {
        assert!(error.contains(" was silent for 0 seconds"), "{error}");
    }
}

#[tokio::test]
async fn certificates_that_were_named_have_to_be_there() {
    let folder = TempDir::new().unwrap();
    let [absent, text, broken] = ["absent", "text", "broken"].map(|name| folder.path().join(name));
    std::fs::write(&text, "no certificate").unwrap();
    let pem = "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n";
    std::fs::write(&broken, pem).unwrap();
    for (file, cause) in [
        (absent, "No such file"),
        (text, "it holds no certificate of an authority"),
        (broken, "base64"),
    ] {
        let client = Client::with_authorities(Authorities {
            file: Some(file.clone()),
            ..Authorities::default()
        });
        // Nobody is asked, as nobody could be trusted.
        let repository = client.repository("registry.invalid", "a");
        let error = repository
            .has_blob(&Descriptor::of("m", b""))
            .await
            .unwrap_err();
        let expected = format!("cannot use the certificates in {}: ", file.display());
        let shown = chain(&error);
        assert!(
            shown.contains(&expected) && shown.contains(cause),
            "{shown}"
        );
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains("SSL_CERT_FILE"), "{hint}");
    }
}
