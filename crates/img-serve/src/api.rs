//! The distribution API: requests in, responses out.

mod blobs;
mod error;
mod listings;
mod manifests;
mod query;
mod range;
mod receive;
mod reply;
mod route;
mod uploads;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;

pub(crate) use self::reply::Reply;

use self::error::{ApiError, Code};
use self::query::Query;
use self::receive::drain;
use self::route::{Route, RouteError};
use crate::limits::Limits;
use crate::observer::Observer;
use crate::store::{Store, StoreError, Uploads};

/// What all requests share.
pub(crate) struct Registry {
    pub(crate) store: Arc<Store>,
    pub(crate) uploads: Uploads,
    pub(crate) limits: Limits,
    pub(crate) observer: Arc<dyn Observer>,
    /// Turns at parsing a large manifest.
    pub(crate) large_documents: Semaphore,
}

type Answer = Result<Response<Reply>, ApiError>;

/// A request that was routed.
struct Call {
    registry: Arc<Registry>,
    request: Request<Incoming>,
}

impl Call {
    fn query(&self) -> Query {
        Query::parse(self.request.uri().query().unwrap_or_default())
    }

    fn header(&self, name: hyper::header::HeaderName) -> Option<&str> {
        self.request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    fn is_head(&self) -> bool {
        self.request.method() == Method::HEAD
    }
}

/// Answers a request.
pub(crate) async fn answer(registry: Arc<Registry>, request: Request<Incoming>) -> Response<Reply> {
    let log = registry.observer.wants_requests().then(|| {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        (registry.observer.clone(), method, uri)
    });
    let response = match dispatch(registry.clone(), request).await {
        Ok(response) => response,
        Err(error) => {
            // A corrupt blob was told when it was found.
            if let Some(cause) = &error.storage
                && !matches!(cause, StoreError::Corrupt { .. })
            {
                registry.observer.storage_failure(cause);
            }
            error.into_response()
        }
    };
    match log {
        None => response,
        Some((observer, method, uri)) => {
            let status = response.status();
            response.map(|body| body.observed(observer, method, uri, status))
        }
    }
}

async fn dispatch(registry: Arc<Registry>, request: Request<Incoming>) -> Answer {
    let route = Route::parse(request.uri().path());
    let method = request.method().clone();
    let call = Call { registry, request };
    match method {
        Method::GET | Method::HEAD => read(call, route).await,
        Method::POST | Method::PATCH | Method::PUT | Method::DELETE => {
            // A client that goes away must not stop a write half-way.
            let write = tokio::spawn(write(call, method, route));
            write
                .await
                .unwrap_or_else(|_| Err(StoreError::Abandoned.into()))
        }
        _ => Err(method_not_allowed("GET, HEAD, POST, PATCH, PUT, DELETE")),
    }
}

async fn read(call: Call, route: Result<Route, RouteError>) -> Answer {
    match route? {
        Route::Base => Ok(base()),
        Route::Blob(blob) => blobs::get(&call, blob).await,
        Route::Manifest(repository, reference) => {
            manifests::get(&call, repository, reference?).await
        }
        Route::Tags(repository) => listings::tags(&call, repository).await,
        Route::Referrers(repository, subject) => {
            listings::referrers(&call, repository, subject).await
        }
        Route::Catalog => listings::catalog(&call).await,
        Route::Upload(repository, id) => uploads::status(&call, &repository, id),
        Route::Uploads(_) => Err(method_not_allowed("POST")),
    }
}

async fn write(call: Call, method: Method, route: Result<Route, RouteError>) -> Answer {
    let Call { registry, request } = call;
    let (head, mut body) = request.into_parts();
    let patience = registry.limits.body_timeout;
    let answer = uploads::Written {
        registry,
        head,
        body: &mut body,
    };
    let answer = match route {
        Ok(route) => modify(answer, &method, route).await,
        Err(error) => Err(error.into()),
    };
    if answer.is_err() {
        drain(&mut body, patience).await;
    }
    answer
}

async fn modify(call: uploads::Written<'_>, method: &Method, route: Route) -> Answer {
    match (route, method) {
        (Route::Uploads(repository), &Method::POST) => uploads::start(call, repository).await,
        (Route::Upload(repository, id), &Method::PATCH) => {
            uploads::append(call, repository, id).await
        }
        (Route::Upload(repository, id), &Method::PUT) => {
            uploads::finish(call, repository, id).await
        }
        (Route::Upload(repository, id), &Method::DELETE) => {
            uploads::cancel(call, repository, id).await
        }
        (Route::Blob(blob), &Method::DELETE) => blobs::delete(call.registry, blob).await,
        (Route::Manifest(repository, reference), &Method::PUT) => {
            let reference = reference.map_err(RouteError::refused)?;
            manifests::put(call, repository, reference).await
        }
        (Route::Manifest(repository, reference), &Method::DELETE) => {
            manifests::delete(call.registry, repository, reference?).await
        }
        (Route::Uploads(_), _) => Err(method_not_allowed("POST")),
        (Route::Upload(..), _) => Err(method_not_allowed("GET, PATCH, PUT, DELETE")),
        (Route::Blob(_), _) => Err(method_not_allowed("GET, HEAD, DELETE")),
        (Route::Manifest(..), _) => Err(method_not_allowed("GET, HEAD, PUT, DELETE")),
        (Route::Base | Route::Tags(_) | Route::Referrers(..) | Route::Catalog, _) => {
            Err(method_not_allowed("GET, HEAD"))
        }
    }
}

fn base() -> Response<Reply> {
    let mut response = reply::json(StatusCode::OK, b"{}".to_vec());
    response.headers_mut().insert(
        "docker-distribution-api-version",
        HeaderValue::from_static("registry/2.0"),
    );
    response
}

fn method_not_allowed(allowed: &'static str) -> ApiError {
    let mut error = ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Code::Unsupported,
        format!("the method is not supported here: expected one of {allowed}"),
    );
    error
        .headers
        .insert(ALLOW, HeaderValue::from_static(allowed));
    error
}

/// Runs what blocks on the file system where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ApiError> {
    Ok(tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(StoreError::Abandoned))?)
}
