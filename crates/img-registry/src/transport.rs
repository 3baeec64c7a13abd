//! HTTP under the client: TLS, proxies, time-outs, and what a failed exchange means.
//!
//! Redirects are never followed here: who follows one decides what goes with it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use img_oci::RegistryHost;
use reqwest::{Client, Request, Response, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use url::Url;

use crate::RequestError;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a peer may be silent.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// With whom plain HTTP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// With registries on this machine, and with those of a `.local` name, which get no credentials.
    #[default]
    Local,
    /// With every registry, as the user asked for.
    Everywhere,
}

/// Where the certificates of authorities are, as the environment says.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    /// `SSL_CERT_FILE`: has to have some.
    pub file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: read as far as they are there.
    pub folders: Vec<PathBuf>,
}

/// The HTTP clients, made when they are first needed: loading certificates takes time.
#[derive(Default)]
pub(crate) struct Transport {
    pub(crate) plain_http: PlainHttp,
    authorities: Authorities,
    idle_timeout: Option<Duration>,
    local: OnceLock<Client>,
    remote: OnceLock<Client>,
}

impl Transport {
    pub(crate) fn new(
        plain_http: PlainHttp,
        authorities: Authorities,
        idle_timeout: Duration,
    ) -> Self {
        Self {
            plain_http,
            authorities,
            idle_timeout: Some(idle_timeout),
            ..Self::default()
        }
    }

    /// Returns how long a peer may be silent.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.idle_timeout.unwrap_or(IDLE_TIMEOUT)
    }

    /// Returns the URL under which a registry's API is.
    pub(crate) fn base(&self, registry: &RegistryHost) -> Result<Url, RequestError> {
        let plain = registry.is_local() || self.plain_http == PlainHttp::Everywhere;
        let scheme = if plain { "http" } else { "https" };
        let url = format!("{scheme}://{}/v2/", registry.api_host());
        Url::parse(&url).map_err(|error| RequestError::Name {
            host: registry.to_string(),
            cause: error.to_string(),
        })
    }

    /// Tells whether what is sent to a URL can be read on its way there, and nobody agreed to that.
    pub(crate) fn is_overheard(&self, url: &Url) -> bool {
        url.scheme() == "http" && !is_loopback(url) && self.plain_http != PlainHttp::Everywhere
    }

    /// Sends a request and returns the head of the response.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, RequestError> {
        let host = authority(request.url());
        let sent = self.client(request.url())?.execute(request);
        match tokio::time::timeout(self.idle_timeout(), sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(RequestError::of(host, &error)),
            Err(_) => Err(self.stalled(host)),
        }
    }

    /// Sends a request without a limit of time, which the caller has to watch.
    pub(crate) async fn send_unwatched(&self, request: Request) -> Result<Response, RequestError> {
        let host = authority(request.url());
        let sent = self.client(request.url())?.execute(request).await;
        sent.map_err(|error| RequestError::of(host, &error))
    }

    pub(crate) fn stalled(&self, host: String) -> RequestError {
        RequestError::Stalled {
            host,
            seconds: self.idle_timeout().as_secs(),
        }
    }

    /// Returns the next piece of a response's body.
    pub(crate) async fn next_piece(
        &self,
        response: &mut Response,
    ) -> Result<Option<bytes::Bytes>, RequestError> {
        let piece = tokio::time::timeout(self.idle_timeout(), response.chunk()).await;
        match piece {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(error)) => Err(RequestError::of(authority(response.url()), &error)),
            Err(_) => Err(self.stalled(authority(response.url()))),
        }
    }

    /// Returns the whole body of a response; one longer than `limit` is an error.
    pub(crate) async fn body(
        &self,
        mut response: Response,
        limit: u64,
    ) -> Result<Vec<u8>, RequestError> {
        let mut body = Vec::new();
        while let Some(piece) = self.next_piece(&mut response).await? {
            body.extend_from_slice(&piece);
            if body.len() as u64 > limit {
                return Err(RequestError::TooLarge {
                    host: authority(response.url()),
                    limit,
                });
            }
        }
        Ok(body)
    }

    fn client(&self, url: &Url) -> Result<&Client, RequestError> {
        let local = url.scheme() == "http" && is_local(url);
        let slot = if local { &self.local } else { &self.remote };
        if slot.get().is_none() {
            let roots = if local {
                RootCertStore::empty()
            } else {
                self.authorities.certificates()?
            };
            let built = build(local, roots);
            let built = built.map_err(|error| RequestError::of(authority(url), &error))?;
            // Another task may have been faster; then its client is as good.
            let _ = slot.set(built);
        }
        Ok(slot.get().expect("was set above"))
    }
}

/// Returns host and port of a URL, to name it in messages: paths and queries may hold secrets.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Tells whether plain HTTP is spoken with the host of a URL.
pub(crate) fn is_local(url: &Url) -> bool {
    host(url).is_some_and(|host| host.is_local())
}

/// Tells whether a URL names this machine.
fn is_loopback(url: &Url) -> bool {
    host(url).is_some_and(|host| host.is_loopback())
}

fn host(url: &Url) -> Option<RegistryHost> {
    authority(url).parse().ok()
}

/// Tells whether credentials for one URL may go to the other.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

fn build(local: bool, roots: RootCertStore) -> Result<Client, reqwest::Error> {
    let client = Client::builder()
        .user_agent(concat!("rules_img/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tls_backend_preconfigured(tls_config(roots));
    // A proxy cannot reach this machine by the names it has for itself.
    let client = if local { client.no_proxy() } else { client };
    client.build()
}

fn tls_config(roots: RootCertStore) -> ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

impl Authorities {
    /// Returns the certificates of the authorities that were named, or else of those that the
    /// machine knows; Mozilla's where there are none.
    fn certificates(&self) -> Result<RootCertStore, RequestError> {
        let mut roots = RootCertStore::empty();
        if let Some(file) = &self.file {
            add_file(&mut roots, file)?;
        }
        for folder in &self.folders {
            roots.add_parsable_certificates(load_certs_from_paths(None, Some(folder)).certs);
        }
        if self.file.is_none() && self.folders.is_empty() {
            roots.add_parsable_certificates(load_native_certs().certs);
        }
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Ok(roots)
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), RequestError> {
    let unusable = |cause: String| RequestError::Certificates {
        path: path.to_owned(),
        cause,
    };
    let found = load_certs_from_paths(Some(path), None);
    if let Some(error) = found.errors.first() {
        return Err(unusable(error.to_string()));
    }
    match roots.add_parsable_certificates(found.certs) {
        (0, _) => Err(unusable(
            "it holds no certificate of an authority".to_owned(),
        )),
        _ => Ok(()),
    }
}
