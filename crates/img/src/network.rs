//! The registry client as the environment configures it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use img_registry::{
    Authorities, CredentialLocations, Credentials, Pause, PlainHttp, RegistryClient,
    RegistryOptions, RetryOptions,
};

use crate::launch;

/// Returns a client with the credentials that the environment points at.
pub(crate) fn registry_client(insecure: bool, pause: Arc<dyn Pause>) -> RegistryClient {
    RegistryClient::new(RegistryOptions {
        plain_http: if insecure {
            PlainHttp::Everywhere
        } else {
            PlainHttp::Local
        },
        authorities: Authorities {
            file: path("SSL_CERT_FILE"),
            folders: path("SSL_CERT_DIR")
                .iter()
                .flat_map(std::env::split_paths)
                .collect(),
        },
        credentials: Credentials::new(credential_locations()),
        retry: RetryOptions {
            pause,
            ..RetryOptions::default()
        },
        ..RegistryOptions::default()
    })
}

fn credential_locations() -> CredentialLocations {
    CredentialLocations {
        registry_auth_file: path("REGISTRY_AUTH_FILE"),
        docker_config: path("DOCKER_CONFIG"),
        home: path("HOME"),
        xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
        helper_path: None,
    }
}

/// Returns the path in a variable; an empty one is none.
fn path(name: &str) -> Option<PathBuf> {
    let default = || launch::environment_default(name).map(OsString::from);
    std::env::var_os(name)
        .or_else(default)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}
