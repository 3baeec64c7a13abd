//! What the tests of this crate share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use img_oci::Descriptor;
use img_registry::{
    Authorities, CredentialLocations, Credentials, Pause, RegistryClient, RegistryOptions,
    RepositoryClient, RetryOptions, Wait,
};
use img_store::{BlobSource, OpenBlob, ReadBlobError, verified};
use tempfile::TempDir;

/// Notes waits instead of waiting.
#[derive(Default)]
pub(crate) struct Waits(Mutex<Vec<Wait>>);

impl Waits {
    pub(crate) fn take(&self) -> Vec<Wait> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Pause for Waits {
    fn pause<'a>(&'a self, wait: &'a Wait) -> BoxFuture<'a, ()> {
        self.0.lock().unwrap().push(wait.clone());
        Box::pin(std::future::ready(()))
    }
}

/// A client that knows one user and does not wait.
pub(crate) struct Client {
    registries: RegistryClient,
    pub(crate) waits: Arc<Waits>,
    _folder: TempDir,
}

impl Client {
    /// Returns a client; `user` is `name:password` for all registries named.
    pub(crate) fn new(registries: &[&str], user: &str) -> Self {
        // Longer than any machine takes to answer.
        Self::with_idle_timeout(registries, user, Duration::from_secs(60))
    }

    /// Returns a client that waits so long for a silent registry.
    pub(crate) fn with_idle_timeout(
        registries: &[&str],
        user: &str,
        idle_timeout: Duration,
    ) -> Self {
        let options = RegistryOptions {
            idle_timeout,
            ..RegistryOptions::default()
        };
        Self::with(registries, user, options)
    }

    /// Returns a client that waits so long for sessions to be deleted.
    pub(crate) fn with_farewell(farewell: Duration) -> Self {
        let options = RegistryOptions {
            farewell,
            ..RegistryOptions::default()
        };
        Self::with(&[], "", options)
    }

    /// Returns a client that trusts these.
    pub(crate) fn with_authorities(authorities: Authorities) -> Self {
        let options = RegistryOptions {
            authorities,
            ..RegistryOptions::default()
        };
        Self::with(&[], "", options)
    }

    fn with(registries: &[&str], user: &str, options: RegistryOptions) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("auth.json");
        let (name, password) = user.split_once(':').unwrap_or_default();
        let entry = format!(r#"{{"username":"{name}","password":"{password}"}}"#);
        let entries: Vec<_> = registries
            .iter()
            .map(|r| format!(r#""{r}":{entry}"#))
            .collect();
        std::fs::write(&file, format!(r#"{{"auths":{{{}}}}}"#, entries.join(","))).unwrap();
        let locations = CredentialLocations {
            registry_auth_file: Some(file),
            ..Default::default()
        };
        let waits = Arc::<Waits>::default();
        let registries = RegistryClient::new(RegistryOptions {
            credentials: Credentials::new(locations),
            retry: RetryOptions {
                pause: waits.clone(),
                ..RetryOptions::default()
            },
            ..options
        });
        Self {
            registries,
            waits,
            _folder: folder,
        }
    }

    pub(crate) fn repository(&self, registry: &str, repository: &str) -> RepositoryClient {
        self.registries
            .repository(&registry.parse().unwrap(), &repository.parse().unwrap())
            .unwrap()
    }
}

impl Client {
    /// Returns the error of asking for a repository.
    pub(crate) fn refused(&self, registry: &str, repository: &str) -> String {
        let client = self
            .registries
            .repository(&registry.parse().unwrap(), &repository.parse().unwrap());
        client.map_or_else(|error| chain(&error), |_| "no error".to_owned())
    }
}

/// Reads a blob to its end, verified.
pub(crate) async fn read(
    repository: &RepositoryClient,
    blob: &Descriptor,
) -> Result<Vec<u8>, ReadBlobError> {
    let stream = repository.open(blob).await?;
    let pieces = verified(stream, blob, &repository.place(blob));
    Ok(pieces.try_collect::<Vec<_>>().await?.concat())
}

/// Serves these bytes as any blob, in small pieces.
pub(crate) struct Bytewise(pub(crate) Vec<u8>);

impl BlobSource for Bytewise {
    fn open<'a>(&'a self, _: &'a Descriptor) -> OpenBlob<'a> {
        let pieces: Vec<_> = self
            .0
            .chunks(1 << 10)
            .map(|p| Ok(Bytes::copy_from_slice(p)))
            .collect();
        Box::pin(async move { Ok(stream::iter(pieces).boxed()) })
    }

    fn place(&self, _: &Descriptor) -> String {
        "memory".to_owned()
    }
}

/// Returns an error with its causes, as one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Returns bytes that are not the same all over.
pub(crate) fn bytes(size: usize) -> Vec<u8> {
    (0..size)
        .map(|i| u8::try_from(i * i % 251).unwrap())
        .collect()
}
