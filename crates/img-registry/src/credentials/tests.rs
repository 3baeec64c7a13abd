//! Tests of finding credentials.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::*;

/// Files of a home, made as a test needs them.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn helper(&self, name: &str, script: &str) {
        let path = self.write(
            &format!("bin/docker-credential-{name}"),
            &format!("#!/bin/sh\n{script}\n"),
        );
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn locations(&self) -> CredentialLocations {
        let path = |path: &str| Some(self.0.path().join(path));
        CredentialLocations {
            home: path("home"),
            xdg_runtime_dir: path("run"),
            helper_path: Some(
                format!("{}:/bin:/usr/bin", self.0.path().join("bin").display()).into(),
            ),
            ..CredentialLocations::default()
        }
    }
}

fn auth(user: &str) -> String {
    format!(
        r#"{{"auth":"{}"}}"#,
        STANDARD.encode(format!("{user}:canary"))
    )
}

fn auths(entries: &[(&str, &str)]) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|(key, user)| format!(r#""{key}":{}"#, auth(user)))
        .collect();
    format!(r#"{{"auths":{{{}}}}}"#, entries.join(","))
}

/// Returns the user found for `registry/repository`, or what went wrong.
async fn find(locations: CredentialLocations, place: &str) -> String {
    let (registry, repository) = place.split_once('/').unwrap();
    let credentials = Credentials::new(locations);
    let found = credentials
        .find(&registry.parse().unwrap(), &repository.parse().unwrap())
        .await;
    let shown = match &found {
        Ok(None) => "none".to_owned(),
        Ok(Some(Credential::Basic { username, .. })) => username.clone(),
        Ok(Some(Credential::IdentityToken(token))) => format!("identity {}", token.expose()),
        Ok(Some(Credential::RegistryToken(token))) => format!("registry {}", token.expose()),
        Err(CredentialError::Helper { source, .. }) => source.to_string(),
        Err(error) => error.to_string(),
    };
    let debug = format!("{found:?}");
    assert!(!debug.contains("canary"), "{debug}");
    shown
}

#[tokio::test]
async fn the_most_special_key_decides() {
    let home = Home::new();
    let check = async |entries: &[(&str, &str)], place: &str, expected: &str| {
        home.write("home/.docker/config.json", &auths(entries));
        assert_eq!(
            find(home.locations(), place).await,
            expected,
            "{entries:?} {place}"
        );
    };
    check(
        &[("r.io", "a"), ("r.io/x", "b"), ("r.io/x/y", "c")],
        "r.io/x/y",
        "c",
    )
    .await;
    check(&[("r.io", "a"), ("r.io/x", "b")], "r.io/x/y", "b").await;
    check(&[("r.io", "a"), ("r.io/x", "b")], "r.io/z", "a").await;
    check(&[("r.io/x", "b")], "r.io/xx", "none").await;
    check(&[("https://r.io/v2/", "a")], "r.io/x", "a").await;
    check(&[("http://r.io:5000", "a")], "r.io:5000/x", "a").await;
    check(&[("r.io:5000", "a")], "r.io/x", "none").await;
    check(
        &[
            ("https://index.docker.io/v1/", "hub"),
            ("docker.io", "other"),
        ],
        "docker.io/library/x",
        "hub",
    )
    .await;
    check(&[("docker.io", "hub")], "index.docker.io/a/b", "hub").await;
    check(
        &[("docker.io/acme", "acme"), ("docker.io", "hub")],
        "docker.io/acme/b",
        "acme",
    )
    .await;
}

#[tokio::test]
async fn files_are_asked_in_order_and_the_explicit_one_first() {
    let home = Home::new();
    let docker = auths(&[("r.io", "docker")]);
    let check = async |locations: &CredentialLocations, place: &str, expected: &str| {
        assert_eq!(
            find(locations.clone(), place).await,
            expected,
            "{locations:?}"
        );
    };
    let mut locations = home.locations();
    check(&locations, "r.io/x", "none").await;
    home.write("run/containers/auth.json", &auths(&[("r.io", "podman")]));
    check(&locations, "r.io/x", "podman").await;
    home.write("home/.docker/config.json", &docker);
    check(&locations, "r.io/x", "docker").await;
    // The folder that is named hides the one at home, even without a config in it.
    locations.docker_config = Some(home.0.path().join("named"));
    check(&locations, "r.io/x", "none").await;
    home.write("named/config.json", &auths(&[("r.io", "named")]));
    check(&locations, "r.io/x", "named").await;
    locations.registry_auth_file =
        Some(home.write("explicit.json", &auths(&[("r.io", "explicit")])));
    check(&locations, "r.io/x", "explicit").await;
    home.write("explicit.json", &auths(&[("other.io", "explicit")]));
    check(&locations, "r.io/x", "named").await;
    locations.registry_auth_file = Some(home.0.path().join("absent.json"));
    let error = find(locations, "r.io/x").await;
    assert!(
        error.starts_with("cannot read credentials from "),
        "{error}"
    );
}

#[tokio::test]
async fn every_kind_of_entry_is_understood() {
    let home = Home::new();
    let check = async |config: &str, expected: &str| {
        let path = home.write("home/.docker/config.json", config);
        let shown = find(home.locations(), "r.io/x").await;
        assert_eq!(
            shown.replace(&*path.to_string_lossy(), "FILE"),
            expected,
            "{config}"
        );
    };
    check(r#"{"auths":{"r.io":{"username":"u","password":"p"}}}"#, "u").await;
    check(r#"{"auths":{"r.io":{"identitytoken":"t"}}}"#, "identity t").await;
    check(r#"{"auths":{"r.io":{"registrytoken":"t"}}}"#, "registry t").await;
    check(
        &format!(r#"{{"auths":{{"r.io":{}}}}}"#, auth("<token>")).replace("canary", "t"),
        "identity canary",
    )
    .await;
    check(r#"{"auths":{"r.io":{}},"HttpHeaders":{}}"#, "none").await;
    check(r#"{"auths":{"r.io":null}}"#, "none").await;
    check(r#"{"auths":null,"credHelpers":null}"#, "none").await;
    check(
        r#"{"auths":{"r.io":{"auth":"%%canary"}}}"#,
        "the credentials for `r.io` in FILE are not base64 of user:password",
    )
    .await;
    // The text of the file is not told: it may be a secret at the wrong place.
    check(
        r#"{"auths":{"r.io":"canary"}}"#,
        "FILE is not a Docker config: malformed JSON at line 1, column 25",
    )
    .await;
    check(
        "{\n// canary\n}",
        "FILE is not a Docker config: malformed JSON at line 2, column 1",
    )
    .await;
}

#[tokio::test]
async fn helpers_are_asked_for_the_registry_and_never_quoted() {
    let home = Home::new();
    home.helper(
        "good",
        r#"read s; echo "{\"Username\":\"of $s\",\"Secret\":\"canary\"}""#,
    );
    home.helper(
        "token",
        r#"cat >/dev/null; echo '{"Username":"<token>","Secret":"t"}'"#,
    );
    home.helper(
        "none",
        "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1",
    );
    home.helper("junk", "echo canary");
    home.helper("exit", "echo canary; echo canary >&2; exit 3");
    home.helper("huge", "exec head -c 1000000 /dev/zero");
    let check = async |config: &str, place: &str, expected: &str| {
        home.write("home/.docker/config.json", config);
        assert_eq!(find(home.locations(), place).await, expected, "{config}");
    };
    check(r#"{"credsStore":"good"}"#, "r.io/x", "of r.io").await;
    check(
        r#"{"credsStore":"good"}"#,
        "docker.io/x",
        "of https://index.docker.io/v1/",
    )
    .await;
    check(
        r#"{"credsStore":"junk","credHelpers":{"r.io":"good"}}"#,
        "r.io/x",
        "of r.io",
    )
    .await;
    check(r#"{"credsStore":"token"}"#, "r.io/x", "identity t").await;
    check(
        &auths(&[("r.io", "file")]).replacen('{', r#"{"credsStore":"none","#, 1),
        "r.io/x",
        "file",
    )
    .await;
    check(
        r#"{"credsStore":"junk"}"#,
        "r.io/x",
        "its answer is not the JSON of a credential",
    )
    .await;
    check(
        r#"{"credsStore":"exit"}"#,
        "r.io/x",
        "it failed with exit status: 3",
    )
    .await;
    check(
        r#"{"credsStore":"huge"}"#,
        "r.io/x",
        "its answer exceeds 262144 bytes",
    )
    .await;
    check(r#"{"credsStore":"absent"}"#, "r.io/x", "cannot run it").await;
    check(
        r#"{"credsStore":"../good"}"#,
        "r.io/x",
        "`../good` cannot be part of a program's name",
    )
    .await;
}

#[tokio::test]
async fn a_helper_that_hangs_is_given_up() {
    let home = Home::new();
    home.helper("hang", "exec sleep 1000");
    let path = home.locations().helper_path.unwrap();
    let answer = helper::run(
        "hang",
        "r.io",
        Some(Path::new(&path).as_os_str()),
        Duration::ZERO,
    )
    .await;
    assert!(matches!(answer, Err(HelperError::Timeout(_))), "{answer:?}");
}
