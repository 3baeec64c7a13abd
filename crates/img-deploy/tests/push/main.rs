//! Pushes of a small image: to a real registry, and to one that does what it should not.

#![allow(clippy::unwrap_used, reason = "what tests share is part of them")]

use std::sync::Arc;

use futures_util::future::BoxFuture;
use img_deploy::{IgnoreProgress, Overrides, PushOptions, PushPlan, PushReport, push};
use img_oci::{Descriptor, Digest, TagOrDigest};
use img_registry::{Pause, PlainHttp, RegistryClient, RegistryOptions, RetryOptions, Wait};
use img_store::{BlobSource as _, FileSource, verified};
use img_testkit::{Access, Action, DistributionServer, FakeRegistry, Fault, ImageFiles};
use img_wire::DeployManifest;

/// Does not wait.
struct Impatient;

impl Pause for Impatient {
    fn pause<'a>(&'a self, _: &'a Wait) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn client() -> RegistryClient {
    RegistryClient::new(RegistryOptions {
        plain_http: PlainHttp::Local,
        retry: RetryOptions {
            pause: Arc::new(Impatient),
            ..RetryOptions::default()
        },
        ..RegistryOptions::default()
    })
}

fn image() -> ImageFiles {
    ImageFiles::new(&[&vec![7; 300 << 10], b"small", b""])
}

/// Pushes the deploy manifests, merged, with the files of the image.
async fn push_all(image: &ImageFiles, manifests: &[String]) -> Result<PushReport, String> {
    let mut merged: Option<DeployManifest> = None;
    for manifest in manifests {
        let manifest = DeployManifest::parse(manifest.as_bytes()).unwrap();
        match &mut merged {
            Some(merged) => merged.operations.extend(manifest.operations),
            None => merged = Some(manifest),
        }
    }
    let plan = PushPlan::new(&merged.unwrap(), &Overrides::default()).unwrap();
    let mut files = FileSource::default();
    image
        .paths()
        .into_iter()
        .for_each(|(digest, path)| files.add(digest, path));
    let options = PushOptions {
        jobs: 4,
        files,
        observer: Arc::new(IgnoreProgress),
    };
    let result = push(&client(), &plan, &options).await;
    result.map_err(|error| {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            if !text.ends_with(&error.to_string()) {
                text = format!("{text}: {error}");
            }
            cause = error.source();
        }
        format!("{text}; {}", error.hint().unwrap_or_default())
    })
}

async fn push_one(registry: &FakeRegistry, image: &ImageFiles) -> Result<PushReport, String> {
    let manifest = image.deploy_manifest(&registry.address, "acme/app", &["v1", "v2"]);
    push_all(image, &[manifest]).await
}

/// Pushes past these faults; `None` expects success, a text that it is in the error and that no
/// tag and no upload session is there.
async fn check(faults: Vec<Fault>, expected: Option<&str>) {
    let (registry, image) = (FakeRegistry::start().await, image());
    let shown = format!("{faults:?}");
    for fault in faults {
        registry.fault(fault);
    }
    match (push_one(&registry, &image).await, expected) {
        (Ok(_), None) => {
            assert!(registry.has_manifest("acme/app", "v1"), "{shown}");
            assert!(
                image
                    .layers
                    .iter()
                    .all(|layer| registry.has_blob("acme/app", &layer.digest))
            );
        }
        (Err(error), Some(expected)) => {
            let error = error.replace(&registry.address, "R");
            assert!(error.contains(expected), "{shown}: {error}");
            assert!(!registry.has_manifest("acme/app", "v1"), "{shown}");
            assert_eq!(registry.open_uploads(), 0, "{shown}");
        }
        (result, expected) => panic!("{shown}: expected {expected:?}, found {result:?}"),
    }
}

fn answer(status: u16, code: &str) -> Action {
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"m"}}]}}"#);
    Action::Answer(status, vec![], body)
}

#[tokio::test]
async fn passing_faults_are_survived() {
    check(vec![], None).await;
    for (method, path) in [
        ("HEAD", "/manifests/"),
        ("HEAD", "/blobs/"),
        ("PUT", "/manifests/"),
    ] {
        for status in [429, 500, 503] {
            check(
                vec![Fault::new(method, path, answer(status, "X")).times(2)],
                None,
            )
            .await;
        }
        check(
            vec![Fault::new(method, path, Action::CutResponse(0)).times(2)],
            None,
        )
        .await;
    }
    check(
        vec![Fault::new("PUT", "/manifests/", Action::AnswerAfter(500))],
        None,
    )
    .await;
    for at in [0, 1, 100 << 10, 299 << 10] {
        check(
            vec![Fault::new("PUT", "/blobs/", Action::CutRequest(at)).times(3)],
            None,
        )
        .await;
    }
}

#[tokio::test]
async fn lasting_faults_name_the_image_the_cause_and_the_remedy() {
    let name = "cannot push `R/acme/app:v1`: ";
    for (status, remedy) in [
        (401, "; log in with `docker login R`"),
        (
            403,
            "; check the name of the repository and that the account has the right",
        ),
        (404, "; check the name of the repository; create it"),
        (500, "; R has a fault"),
        (429, "; R limits how much it is asked"),
    ] {
        for (method, path) in [("POST", "/blobs/uploads/"), ("PUT", "/manifests/")] {
            let fault = || Fault::new(method, path, answer(status, "X")).always();
            check(vec![fault()], Some(name)).await;
            check(vec![fault()], Some(&format!("in acme/app: {status} X (m)"))).await;
            check(vec![fault()], Some(remedy)).await;
        }
    }
    let vanished = Fault::new("PUT", "/manifests/sha256", Action::Forget).always();
    check(vec![vanished], Some("accepted manifest sha256:")).await;
    let unknown = answer(400, "MANIFEST_BLOB_UNKNOWN");
    let unknown = Fault::new("PUT", "/manifests/sha256", unknown).always();
    check(vec![unknown], Some("; push again; if it lasts, look at")).await;
    let other = Digest::sha256(b"other").to_string();
    let other = Action::Header("docker-content-digest", other);
    let other = Fault::new("PUT", "/manifests/sha256", other).always();
    check(
        vec![other],
        Some("; look at the registry's log, and at the proxies before it"),
    )
    .await;
    let denied = Fault::new("PUT", "/manifests/v1", answer(403, "DENIED")).always();
    check(
        vec![denied],
        Some("the image is there as R/acme/app@sha256:"),
    )
    .await;
}

#[tokio::test]
async fn what_is_there_costs_one_request() {
    let (registry, image) = (FakeRegistry::start().await, image());
    let first = push_one(&registry, &image).await.unwrap();
    assert_eq!((first.blobs.uploaded, first.blobs.skipped), (4, 0));
    registry.take_seen();
    let manifest = image.deploy_manifest(&registry.address, "acme/app", &["v1"]);
    let second = push_all(&image, &[manifest]).await.unwrap();
    assert_eq!((second.blobs.uploaded, second.blobs.skipped), (0, 4));
    assert_eq!(registry.take_seen(), ["HEAD /v2/acme/app/manifests/v1"]);
    assert_eq!(
        second.images[0].references(),
        [
            format!("{}/acme/app@{}", registry.address, image.manifest.digest),
            format!("{}/acme/app:v1", registry.address),
        ]
    );
    // A new tag is two more: it is not there, and then it is put.
    let manifest = image.deploy_manifest(&registry.address, "acme/app", &["v1", "v3"]);
    push_all(&image, &[manifest]).await.unwrap();
    assert_eq!(
        registry.take_seen(),
        [
            "HEAD /v2/acme/app/manifests/v1",
            "HEAD /v2/acme/app/manifests/v3",
            "PUT /v2/acme/app/manifests/v3",
        ]
    );
}

#[tokio::test]
async fn tags_are_put_last() {
    let (registry, image) = (FakeRegistry::start().await, image());
    push_one(&registry, &image).await.unwrap();
    let puts: Vec<_> = registry
        .take_seen()
        .into_iter()
        .filter(|seen| seen.starts_with("PUT"))
        .collect();
    let last = puts.iter().rev().take(3).rev().collect::<Vec<_>>();
    assert_eq!(
        last,
        [
            &format!("PUT /v2/acme/app/manifests/{}", image.manifest.digest),
            "PUT /v2/acme/app/manifests/v1",
            "PUT /v2/acme/app/manifests/v2",
        ]
    );
}

#[tokio::test]
async fn a_blob_for_two_repositories_is_sent_once_and_mounted() {
    for (declines, lies) in [(false, false), (true, false), (false, true)] {
        let (registry, image) = (FakeRegistry::start().await, image());
        if declines {
            registry.decline_mounts();
        }
        if lies {
            registry.fault(Fault::new("POST", "mount=", Action::Forget).always());
        }
        let to = |repository: &str| image.deploy_manifest(&registry.address, repository, &["v1"]);
        let report = push_all(&image, &[to("one"), to("two")]).await.unwrap();
        let expected = if declines || lies { (8, 0) } else { (4, 4) };
        assert_eq!((report.blobs.uploaded, report.blobs.mounted), expected);
        let (blobs, manifest) = (&image.layers, &image.manifest);
        assert!(
            blobs
                .iter()
                .all(|blob| registry.has_blob("two", &blob.digest))
        );
        assert!(
            registry.has_manifest("two", "v1")
                && registry.has_manifest("two", &manifest.digest.to_string())
        );
        assert_eq!(registry.open_uploads(), 0);
    }
}

#[tokio::test]
async fn a_mount_without_a_token_is_an_upload() {
    for status in [401, 403] {
        let (registry, image) = (FakeRegistry::start().await, image());
        let realm = format!("http://{}/token", registry.address);
        registry.require(Access::Bearer {
            realm,
            user: String::new(),
        });
        // The token for a mount is the only one with a second repository.
        let refusal = answer(status, "DENIED");
        let mount = Fault::new("GET", "push&scope=repository%3A", refusal);
        registry.fault(mount.always());
        let to = |repository: &str| image.deploy_manifest(&registry.address, repository, &["v1"]);
        let report = push_all(&image, &[to("one"), to("two")]).await.unwrap();
        assert!(registry.count("push&scope=repository%3A") > 0);
        assert_eq!((report.blobs.uploaded, report.blobs.mounted), (8, 0));
        assert!(registry.has_manifest("two", "v1"));
    }
}

#[tokio::test]
async fn a_blob_that_is_only_said_to_be_there_is_sent_again() {
    let (registry, image) = (FakeRegistry::start().await, image());
    let lie = Action::Answer(200, vec![], String::new());
    registry.fault(Fault::new(
        "HEAD",
        format!("/blobs/{}", image.layers[2].digest),
        lie,
    ));
    push_one(&registry, &image).await.unwrap();
    assert!(registry.has_blob("acme/app", &image.layers[2].digest));
    assert_eq!(
        registry.count(&format!(
            "PUT /v2/acme/app/manifests/{}",
            image.manifest.digest
        )),
        2
    );
}

#[tokio::test]
async fn files_that_changed_or_are_gone_are_not_pushed() {
    for change in ["flip", "cut", "remove"] {
        let (registry, image) = (FakeRegistry::start().await, image());
        let path = image.layer(0);
        match change {
            "flip" => std::fs::write(path, vec![8; 300 << 10]).unwrap(),
            "cut" => std::fs::write(path, vec![7; 299 << 10]).unwrap(),
            _ => std::fs::remove_file(path).unwrap(),
        }
        let error = push_one(&registry, &image).await.unwrap_err();
        let blob: &Descriptor = &image.layers[0];
        assert!(error.contains(&format!("blob {}", blob.digest)), "{error}");
        assert!(error.contains("manifests/0/layer/0"), "{error}");
        assert!(!registry.has_blob("acme/app", &blob.digest));
        assert_eq!(registry.count("PUT /v2/acme/app/manifests/"), 0);
        assert_eq!(registry.open_uploads(), 0, "{change}");
    }
}

#[tokio::test]
async fn a_layer_of_the_base_comes_from_its_registry() {
    let (registry, upstream) = (FakeRegistry::start().await, FakeRegistry::start().await);
    let image = image();
    upstream.add_blob("library/base", &vec![7; 300 << 10]);
    std::fs::remove_file(image.layer(0)).unwrap();
    let origin = format!(
        r#""original_registries":["127.0.0.1:1","{}"],"original_repository":"library/base","registry""#,
        upstream.address
    );
    let manifest = image.deploy_manifest(&registry.address, "acme/app", &["v1"]);
    let manifest = manifest.replace("\"registry\"", &origin);
    let plan = DeployManifest::parse(manifest.as_bytes()).unwrap();
    let plan = PushPlan::new(&plan, &Overrides::default()).unwrap();
    let mut files = FileSource::default();
    let present = image.paths().into_iter().filter(|(_, path)| path.exists());
    present.for_each(|(digest, path)| files.add(digest, path));
    let options = PushOptions {
        jobs: 1,
        files,
        observer: Arc::new(IgnoreProgress),
    };
    push(&client(), &plan, &options).await.unwrap();
    assert!(registry.has_blob("acme/app", &image.layers[0].digest));
}

#[tokio::test]
async fn a_push_without_credentials_says_how_to_log_in() {
    let (registry, image) = (FakeRegistry::start().await, image());
    registry.require(Access::Basic("user:canary".to_owned()));
    let error = push_one(&registry, &image).await.unwrap_err();
    assert!(
        error.contains("401 Unauthorized; log in with `docker login 127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_there_is_told_with_what_to_check() {
    let image = image();
    let manifest = image.deploy_manifest("127.0.0.1:1", "acme/app", &[]);
    let error = push_all(&image, &[manifest]).await.unwrap_err();
    let expected = format!(
        "cannot push `127.0.0.1:1/acme/app@{}`: ",
        image.manifest.digest
    );
    assert!(error.starts_with(&expected), "{error}");
    assert!(
        error.contains("cannot connect to 127.0.0.1:1: Connection refused"),
        "{error}"
    );
    assert!(
        error.contains("; check that 127.0.0.1:1 is the right name"),
        "{error}"
    );
}

#[tokio::test]
async fn a_real_registry_has_what_was_pushed() {
    let Some(server) = DistributionServer::start(None) else {
        return;
    };
    let image = image();
    let to = |repository: &str| image.deploy_manifest(&server.address, repository, &["v1", "v2"]);
    let first = push_all(&image, &[to("a/one"), to("two")]).await.unwrap();
    assert_eq!(
        (
            first.blobs.uploaded,
            first.blobs.mounted,
            first.blobs.skipped
        ),
        (4, 4, 0)
    );
    let second = push_all(&image, &[to("a/one"), to("two")]).await.unwrap();
    assert!(second.images.iter().all(|image| image.was_present));
    let two = client()
        .repository(&server.address.parse().unwrap(), &"two".parse().unwrap())
        .unwrap();
    let manifest = two
        .manifest(&TagOrDigest::Tag("v2".parse().unwrap()))
        .await
        .unwrap();
    assert_eq!(manifest.descriptor.digest, image.manifest.digest);
    for layer in &image.layers {
        let stream = two.open(layer).await.unwrap();
        let mut stream = verified(stream, layer, "two");
        while let Some(piece) = futures_util::StreamExt::next(&mut stream).await {
            piece.unwrap();
        }
    }
}
