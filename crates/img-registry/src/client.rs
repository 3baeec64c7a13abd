//! The client: one for all registries, and the part of it that talks to one repository.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use img_oci::{RegistryHost, Repository};
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, Request, Response, StatusCode};
use url::Url;

use crate::auth::{Authenticator, Scopes, authorize};
use crate::credentials::Credentials;
use crate::location;
use crate::retry::{Attempts, RetryOptions, is_retriable, retry_after};
use crate::transport::{Authorities, IDLE_TIMEOUT, PlainHttp, Transport, same_origin};
use crate::upload::OpenUploads;
use crate::{RegistryError, RequestError, ResponseError};

/// Times a challenge is answered before the refusal counts.
pub(crate) const MAX_CHALLENGES: u32 = 3;

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 10;

/// The longest refusal that is read, in bytes.
const MAX_REFUSAL: u64 = 64 << 10;

/// How long a registry has to delete an upload: short, as a signal or an error waits behind it.
const FAREWELL: Duration = Duration::from_millis(1500);

/// How a client behaves.
pub struct RegistryOptions {
    /// With whom plain HTTP is spoken.
    pub plain_http: PlainHttp,
    /// Where credentials come from.
    pub credentials: Credentials,
    /// Whose certificates are trusted.
    pub authorities: Authorities,
    /// How failures are retried.
    pub retry: RetryOptions,
    /// How long a registry may be silent.
    pub idle_timeout: Duration,
    /// How long a registry has to delete an upload that was given up, as nobody waits for that.
    pub farewell: Duration,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            plain_http: PlainHttp::default(),
            credentials: Credentials::default(),
            authorities: Authorities::default(),
            retry: RetryOptions::default(),
            idle_timeout: IDLE_TIMEOUT,
            farewell: FAREWELL,
        }
    }
}

/// A client of all registries; shares connections, tokens and credentials.
#[derive(Clone)]
pub struct RegistryClient {
    shared: Arc<Shared>,
}

struct Shared {
    transport: Arc<Transport>,
    credentials: Arc<Credentials>,
    retry: RetryOptions,
    farewell: Duration,
    repositories: Mutex<BTreeMap<(RegistryHost, Repository), RepositoryClient>>,
}

impl RegistryClient {
    /// Returns a client that has not connected to anything.
    pub fn new(options: RegistryOptions) -> Self {
        let transport = Transport::new(
            options.plain_http,
            options.authorities,
            options.idle_timeout,
        );
        let shared = Shared {
            transport: Arc::new(transport),
            credentials: Arc::new(options.credentials),
            retry: options.retry,
            farewell: options.farewell,
            repositories: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Returns the client of one repository.
    pub fn repository(
        &self,
        registry: &RegistryHost,
        repository: &Repository,
    ) -> Result<RepositoryClient, RegistryError> {
        let key = (registry.clone(), repository.clone());
        match self.repositories().entry(key) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(slot) => {
                let client = self.new_repository(registry, repository)?;
                Ok(slot.insert(client).clone())
            }
        }
    }

    /// Deletes the sessions of uploads that were given up, all at once.
    ///
    /// For a caller that dropped what it was doing. Failures are not reported, nor are registries
    /// waited for that are slow with it: they clean up behind their clients sooner or later.
    pub async fn abandon_uploads(&self) {
        let repositories: Vec<_> = self.repositories().values().cloned().collect();
        let sessions = repositories.iter().map(RepositoryClient::abandon_uploads);
        futures_util::future::join_all(sessions).await;
    }

    fn repositories(
        &self,
    ) -> std::sync::MutexGuard<'_, BTreeMap<(RegistryHost, Repository), RepositoryClient>> {
        self.shared
            .repositories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn new_repository(
        &self,
        registry: &RegistryHost,
        repository: &Repository,
    ) -> Result<RepositoryClient, RegistryError> {
        let base = self.shared.transport.base(registry);
        let base = base.map_err(|source| RegistryError::Failed {
            registry: registry.clone(),
            repository: repository.clone(),
            subject: "anything".to_owned(),
            source: Box::new(source),
        })?;
        let auth = Authenticator::new(
            registry.clone(),
            repository.clone(),
            base.clone(),
            Arc::clone(&self.shared.transport),
            Arc::clone(&self.shared.credentials),
        );
        Ok(RepositoryClient {
            inner: Arc::new(Inner {
                registry: registry.clone(),
                repository: repository.clone(),
                base,
                transport: Arc::clone(&self.shared.transport),
                retry: self.shared.retry.clone(),
                auth,
                uploads: OpenUploads::new(self.shared.farewell),
            }),
        })
    }
}

/// The client of one repository.
#[derive(Clone)]
pub struct RepositoryClient {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) registry: RegistryHost,
    pub(crate) repository: Repository,
    /// `<scheme>://<host>/v2/`
    pub(crate) base: Url,
    pub(crate) transport: Arc<Transport>,
    pub(crate) retry: RetryOptions,
    pub(crate) auth: Authenticator,
    pub(crate) uploads: OpenUploads,
}

/// A request that can be sent any number of times.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) scopes: Scopes,
}

impl Call {
    /// Returns a request without headers and body.
    pub(crate) fn new(method: Method, url: Url, scopes: Scopes) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            scopes,
        }
    }
}

impl fmt::Display for RepositoryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.inner.registry, self.inner.repository)
    }
}

impl RepositoryClient {
    /// Returns the registry.
    pub fn registry(&self) -> &RegistryHost {
        &self.inner.registry
    }

    /// Returns the repository's name.
    pub fn repository(&self) -> &Repository {
        &self.inner.repository
    }

    /// Returns a request below `/v2/<repository>/` for what pulling may do.
    pub(crate) fn pull(&self, method: Method, path: &str) -> Call {
        self.at(method, path, "pull")
    }

    /// Returns a request below `/v2/<repository>/` for what pushing may do.
    pub(crate) fn push(&self, method: Method, path: &str) -> Call {
        self.at(method, path, "pull,push")
    }

    fn at(&self, method: Method, path: &str, actions: &str) -> Call {
        let path = format!("{}/{path}", self.inner.repository);
        let url = self
            .inner
            .base
            .join(&path)
            .expect("a repository's name is a valid path");
        Call::new(method, url, Scopes::of(&self.inner.repository, actions))
    }

    /// Returns the scopes of an upload.
    pub(crate) fn push_scopes(&self) -> Scopes {
        Scopes::of(&self.inner.repository, "pull,push")
    }

    pub(crate) fn attempts(&self) -> Attempts {
        Attempts::new(&self.inner.retry)
    }

    /// Sends a request, again where that may help; any answer that will not change is returned.
    pub(crate) async fn send(&self, call: &Call) -> Result<Response, RequestError> {
        let mut attempts = self.attempts();
        loop {
            let (error, requested) = match self.exchange(call).await {
                Ok(response) if is_retriable(response.status()) => {
                    let requested = retry_after(response.headers());
                    (self.refusal(response).await.into(), requested)
                }
                Ok(response) => return Ok(response),
                Err(error) if error.is_retriable() => (error, None),
                Err(error) => return Err(error),
            };
            if !attempts
                .again(&self.inner.registry, &error.to_string(), requested)
                .await
            {
                return Err(error);
            }
        }
    }

    /// Sends a request once, answering challenges.
    pub(crate) async fn exchange(&self, call: &Call) -> Result<Response, RequestError> {
        let mut header = self.inner.auth.authorization(&call.scopes).await?;
        let mut answered = 0;
        loop {
            let response = self.follow(call, header.as_ref()).await?;
            let challenged = response.status() == StatusCode::UNAUTHORIZED
                && same_origin(response.url(), &self.inner.base);
            if !challenged || answered == MAX_CHALLENGES {
                return Ok(response);
            }
            answered += 1;
            let headers = response.headers();
            match self
                .inner
                .auth
                .answer(headers, &call.scopes, header.as_ref())
                .await?
            {
                Some(answer) => header = Some(answer),
                None => return Ok(response),
            }
        }
    }

    /// Sends a request and follows redirects of reads; credentials stay with the registry.
    async fn follow(
        &self,
        call: &Call,
        header: Option<&crate::Secret>,
    ) -> Result<Response, RequestError> {
        let mut url = call.url.clone();
        let reads = matches!(call.method, Method::GET | Method::HEAD);
        for _ in 0..=MAX_REDIRECTS {
            let mut request = Request::new(call.method.clone(), url.clone());
            *request.headers_mut() = call.headers.clone();
            if !call.body.is_empty() {
                *request.body_mut() = Some(call.body.clone().into());
            }
            if let Some(header) = header.filter(|_| same_origin(&url, &self.inner.base)) {
                authorize(&mut request, header);
            }
            let response = self.inner.transport.send(request).await?;
            let redirected = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            if !(reads && redirected && response.headers().contains_key(LOCATION)) {
                return Ok(response);
            }
            url = location::of(&response)?;
        }
        let host = self.inner.registry.to_string();
        Err(RequestError::Location {
            host,
            reason: "more than 10 redirects in a row",
        })
    }

    /// Reads the body of a refusal; one that cannot be read leaves the status.
    pub(crate) async fn refusal(&self, response: Response) -> ResponseError {
        let status = response.status();
        let body = self
            .inner
            .transport
            .body(response, MAX_REFUSAL)
            .await
            .unwrap_or_default();
        ResponseError::new(status, &body)
    }

    /// Returns the error of a request about `subject`.
    pub(crate) fn failed(&self, subject: impl fmt::Display, error: RequestError) -> RegistryError {
        let (registry, repository) = (self.inner.registry.clone(), self.inner.repository.clone());
        let subject = subject.to_string();
        match error {
            RequestError::Response(source) => RegistryError::Refused {
                registry,
                repository,
                subject,
                source,
            },
            source => RegistryError::Failed {
                registry,
                repository,
                subject,
                source: Box::new(source),
            },
        }
    }

    /// Returns the error of an answer about `subject` that is not one of those expected.
    pub(crate) async fn refused(
        &self,
        subject: impl fmt::Display,
        response: Response,
    ) -> RegistryError {
        let refusal = self.refusal(response).await;
        self.failed(subject, refusal.into())
    }
}
