//! `img deploy` and `img deploy-metadata` as a user sees them: output, exit code, signals.

#![allow(clippy::unwrap_used, reason = "what tests share is part of them")]

use std::process::{Command, Output, Stdio};

use img_testkit::{Access, Action, FakeRegistry, Fault, ImageFiles};
use tempfile::TempDir;

/// A folder with an image and its deploy manifest.
struct Target {
    image: ImageFiles,
    request: String,
}

impl Target {
    fn new(registry: &str, tags: &[&str]) -> Self {
        let image = ImageFiles::new(&[&vec![7; 8 << 20], b"small"]);
        let request = image.folder().join("push.json");
        std::fs::write(&request, image.deploy_manifest(registry, "acme/app", tags)).unwrap();
        Self {
            request: request.to_str().unwrap().to_owned(),
            image,
        }
    }

    fn deploy(&self, more: &[&str]) -> Command {
        let mut command = img();
        let prefix = format!("{}/", self.image.folder().display());
        command.args(["deploy", "--request-file", &self.request]);
        command
            .args(["--runfiles-root-symlinks-prefix", &prefix])
            .args(more);
        command
    }
}

/// Returns the program in an environment of its own.
fn img() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_img"));
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn references_go_to_stdout_digest_first() {
    let registry = FakeRegistry::start().await;
    let target = Target::new(&registry.address, &["v1"]);
    let output = run(target.deploy(&["--tag", "v2", "-t", "latest"])).await;
    let place = format!("{}/acme/app", registry.address);
    let digest = &target.image.manifest.digest;
    let summary = "pushed 1 image: 3 blobs (8.00 MiB) uploaded, 0 mounted, 0 already there\n";
    assert_eq!(text(&output.stderr), summary);
    let references = format!("{place}@{digest}\n{place}:latest\n{place}:v1\n{place}:v2\n");
    assert_eq!(text(&output.stdout), references);
    assert_eq!(output.status.code(), Some(0));

    let output = run(target.deploy(&["--repository", "other/app", "--jobs", "1"])).await;
    assert!(output.status.success());
    assert!(registry.has_manifest("other/app", "v1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_one_line_and_exit_code_1() {
    let registry = FakeRegistry::start().await;
    registry.require(Access::Basic("user:right".to_owned()));
    let target = Target::new(&registry.address, &["v1"]);
    let folder = TempDir::new().unwrap();
    let auth = folder.path().join("auth.json");
    let entry = r#"{"username":"user","password":"canary"}"#;
    std::fs::write(
        &auth,
        format!(r#"{{"auths":{{"{}":{entry}}}}}"#, registry.address),
    )
    .unwrap();
    let check = async |more: &[&str], expected: &str, code: i32| {
        let mut command = target.deploy(more);
        command.env("REGISTRY_AUTH_FILE", &auth);
        let output = run(command).await;
        let stderr = text(&output.stderr);
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!stderr.contains("canary"), "{stderr}");
        assert_eq!(text(&output.stdout), "");
        assert_eq!(output.status.code(), Some(code), "{stderr}");
    };
    let refused = format!(
        "img deploy: cannot push `{}/acme/app:v1`: ",
        registry.address
    );
    check(&[], &refused, 1).await;
    check(&[], "401 Unauthorized; log in with `docker login ", 1).await;
    check(&["--tag", "not a tag"], "`not a tag` is not a tag", 2).await;
    check(&["--registry", "https://ghcr.io"], "is not a registry", 2).await;
    check(&["--repository", "Acme"], "is not a repository", 2).await;
    check(&["--jobs", "0"], "--jobs", 2).await;
    let mut command = img();
    command.args(["deploy", "--request-file", "_main/absent.json"]);
    let expected = "img deploy: cannot find _main/absent.json in the runfiles or on disk\n";
    assert_eq!(text(&run(command).await.stderr), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_stops_the_push_deletes_sessions_and_moves_no_tag() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let registry = FakeRegistry::start().await;
        registry.fault(Fault::new("PUT", "/blobs/", Action::Hang).always());
        let target = Target::new(&registry.address, &["v1"]);
        let child = target.deploy(&[]).spawn().unwrap();
        registry.arrival("PUT /v2/acme/app/blobs/uploads/").await;
        let killed = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
        let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
        let output = ended.await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
        assert_eq!(registry.open_uploads(), 0);
        assert_eq!(registry.count("PUT /v2/acme/app/manifests/"), 0);
    }
}

/// Writes a deploy manifest of the image with this configuration and these arguments.
async fn metadata(image: &ImageFiles, configuration: &str, more: &[&str]) -> (Output, String) {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("configuration.json"), configuration).unwrap();
    let manifest = image.folder().join("0/manifests/0/manifest.json");
    let manifest = manifest.to_str().unwrap();
    let mut command = img();
    command.args(["deploy-metadata", "--command=push", "--strategy=eager"]);
    command.args([
        "--root-path",
        manifest,
        "--configuration-file",
        &path("configuration.json"),
    ]);
    command.args(
        more.iter()
            .map(|argument| argument.replace("MANIFEST", manifest)),
    );
    command.arg(path("out.json"));
    let output = run(command).await;
    let written = std::fs::read_to_string(path("out.json")).unwrap_or_default();
    assert_eq!(
        written.is_empty(),
        !output.status.success(),
        "{}",
        text(&output.stderr)
    );
    (output, written)
}

#[tokio::test]
async fn a_deploy_manifest_says_what_the_contract_says() {
    let image = ImageFiles::new(&[b"base", b"app"]);
    let configuration = r#"{"registry":"ghcr.io","repository":"acme/app","tags":["v2","v1","v2"]}"#;
    let missing = format!(
        "--missing-blobs-for-manifest=0={}",
        image.layers[0].digest.hex()
    );
    let more = [
        "--root-kind=manifest",
        "--manifest-path=0=MANIFEST",
        &missing,
        "--original-registry=docker.io",
        "--original-repository=library/base",
    ];
    let (_, written) = metadata(&image, configuration, &more).await;
    let expected = image.deploy_manifest("ghcr.io", "acme/app", &["v1", "v2"]);
    let mut expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let operation = &mut expected["operations"][0];
    operation["manifests"][0]["missing_blobs"] = serde_json::json!([image.layers[0].digest.hex()]);
    operation["original_registries"] = serde_json::json!(["docker.io"]);
    operation["original_repository"] = "library/base".into();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&written).unwrap(),
        expected
    );
}

#[tokio::test]
async fn what_cannot_be_deployed_is_refused_when_it_is_built() {
    let image = ImageFiles::new(&[b"base"]);
    let good = r#"{"registry":"ghcr.io","repository":"acme/app"}"#;
    let (kind, path) = ("--root-kind=manifest", "--manifest-path=0=MANIFEST");
    let check = async |configuration: &str, more: &[&str], code: i32, expected: &str| {
        let (output, _) = metadata(&image, configuration, more).await;
        let stderr = text(&output.stderr);
        assert!(stderr.contains(expected), "{stderr}");
        assert_eq!(output.status.code(), Some(code), "{stderr}");
    };
    let named = async |from: &str, to: &str, expected: &str| {
        check(&good.replace(from, to), &[kind, path], 1, expected).await;
    };
    named("ghcr.io", "", "registry is empty in ").await;
    named(
        "ghcr.io",
        "",
        "; set the attribute registry of the push target",
    )
    .await;
    named("acme/app", "", "repository is empty in ").await;
    named("ghcr.io", "https://ghcr.io", "is not a registry").await;
    named("acme", "Acme", "is not a repository").await;
    named("\"}", "\",\"tags\":[\"a b\"]}", "is not a tag").await;
    named("registry", "registri", "registri").await;
    check(
        good,
        &["--root-kind=index", path],
        1,
        "is a manifest, but --root-kind says index",
    )
    .await;
    check(
        good,
        &[kind],
        1,
        "--manifest-path numbers are [], expected each from 0 to 0",
    )
    .await;
    check(good, &[kind, path, path], 1, "numbers are [0, 0]").await;
    check(
        good,
        &[kind, "--manifest-path=MANIFEST"],
        2,
        "--manifest-path",
    )
    .await;
    let stray = "--missing-blobs-for-manifest=0=abc";
    check(
        good,
        &[kind, path, stray],
        1,
        "`abc` is not a layer of manifest 0",
    )
    .await;
    let other = ImageFiles::new(&[b"other"]);
    let other = other.folder().join("0/manifests/0/manifest.json");
    let other = format!("--manifest-path=0={}", other.display());
    check(good, &[kind, &other], 1, "but the root names sha256:").await;
}
