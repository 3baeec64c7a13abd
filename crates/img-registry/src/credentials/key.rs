//! The keys by which a Docker config knows a registry or a part of it.

use img_oci::{RegistryHost, Repository};

/// The one name under which Docker Hub's aliases are compared.
const DOCKER_HUB: &str = "docker.io";

/// Docker Hub's key in configs, and its name to helpers.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// Returns the normalised keys to look up: repository, its parents, registry.
pub(super) fn candidates(registry: &RegistryHost, repository: &Repository) -> Vec<String> {
    let host = normalize(registry.as_str());
    let mut path = Some(repository.as_str());
    let mut keys = Vec::new();
    while let Some(scope) = path {
        keys.push(format!("{host}/{scope}"));
        path = scope.rsplit_once('/').map(|(parent, _)| parent);
    }
    keys.push(host);
    keys
}

/// Returns the name of a registry to a helper.
pub(super) fn server(registry: &RegistryHost) -> String {
    if registry.is_docker_hub() {
        DOCKER_HUB_KEY.to_owned()
    } else {
        registry.to_string()
    }
}

/// Returns a key without what does not tell registries apart: scheme, API version, Hub's aliases.
pub(super) fn normalize(key: &str) -> String {
    let key = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let key = key.trim_end_matches('/');
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let host = host.to_ascii_lowercase();
    let host = match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
        other => other,
    };
    match path {
        "" | "v1" | "v2" => host.to_owned(),
        path => format!("{host}/{path}"),
    }
}
