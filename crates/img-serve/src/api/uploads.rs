//! Uploads of blobs: in one request, in two, in chunks, or by a mount.
//!
//! Source: OCI distribution-spec v1.1.1, "Pushing blobs".

use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use img_oci::{Algorithm, Digest, Repository};

use super::error::{ApiError, Code};
use super::query::Query;
use super::receive::{ReceiveError, receive_into};
use super::reply::{self, CONTENT_DIGEST, Reply};
use super::{Answer, Call, Registry, blocking};
use crate::store::{CommitError, Held, StoreError, Upload, UploadId};

const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// How long a chunk with a `Content-Range` waits for a writer whose connection may just be dying.
const TAKEOVER_PATIENCE: Duration = Duration::from_secs(2);

/// A request that writes.
pub(super) struct Written<'a> {
    pub(super) registry: Arc<Registry>,
    pub(super) head: Parts,
    pub(super) body: &'a mut Incoming,
}

impl Written<'_> {
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        self.header(&CONTENT_LENGTH)
            .and_then(|text| text.parse().ok())
    }

    fn query(&self) -> Query {
        Query::parse(self.head.uri.query().unwrap_or_default())
    }

    fn find(&self, repository: &Repository, id: Option<UploadId>) -> Result<Arc<Upload>, ApiError> {
        find(&self.registry, repository, id)
    }
}

fn find(
    registry: &Registry,
    repository: &Repository,
    id: Option<UploadId>,
) -> Result<Arc<Upload>, ApiError> {
    id.and_then(|id| registry.uploads.find(repository, id))
        .ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found(
        Code::BlobUploadUnknown,
        "there is no such upload in the repository",
    )
}

/// Answers POST: mounts a blob, takes a whole one, or opens a session.
pub(super) async fn start(call: Written<'_>, repository: Repository) -> Answer {
    let query = call.query();
    if let (Some(mount), Some(from)) = (query.find("mount"), query.find("from"))
        && let Some(response) = mount_blob(&call, &repository, mount, from).await?
    {
        return Ok(response);
    }
    let digest = query.find("digest").map(parse_digest).transpose()?;
    let algorithm = match (&digest, query.find("digest-algorithm")) {
        (Some(digest), _) => digest.algorithm(),
        (None, Some(name)) => name.parse().map_err(invalid_digest)?,
        (None, None) => Algorithm::Sha256,
    };
    let registry = call.registry.clone();
    let limit = registry.limits.upload_sessions;
    let upload = registry
        .uploads
        .open(&registry.store, repository.clone(), algorithm, limit)?;
    let upload = upload.ok_or_else(|| {
        let message = format!("more than {limit} uploads are open");
        ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            Code::TooManyRequests,
            message,
        )
    })?;
    match digest {
        // Whoever sends nothing is about to send the blob with PUT.
        Some(digest) if !call.body.is_end_stream() || is_empty(&digest) => {
            let received = receive(call, &upload).await;
            let committed = match received {
                Ok(writer) => commit(&registry, &upload, writer, &repository, digest).await,
                Err(error) => Err(error),
            };
            if committed.is_err() {
                // No client knows of this session.
                close(&registry, &upload, upload.write().await).await;
            }
            committed
        }
        _ => Ok(session(StatusCode::ACCEPTED, &repository, &upload)),
    }
}

fn is_empty(digest: &Digest) -> bool {
    *digest == Digest::of(digest.algorithm(), b"")
}

async fn mount_blob(
    call: &Written<'_>,
    repository: &Repository,
    mount: &str,
    from: &str,
) -> Result<Option<Response<Reply>>, ApiError> {
    let digest = parse_digest(mount)?;
    let from: Repository = from
        .parse()
        .map_err(|error: img_oci::ParseReferenceError| {
            ApiError::bad_request(Code::NameInvalid, error.to_string())
        })?;
    let store = call.registry.store.clone();
    let (name, wanted) = (repository.clone(), digest.clone());
    let mounted = blocking(move || store.mount_blob(&from, &name, &wanted)).await?;
    Ok(mounted.then(|| created(repository, &digest)))
}

fn parse_digest(text: &str) -> Result<Digest, ApiError> {
    text.parse().map_err(invalid_digest)
}

#[allow(clippy::needless_pass_by_value)] // The shape that `map_err` wants.
fn invalid_digest(error: img_oci::ParseDigestError) -> ApiError {
    ApiError::bad_request(Code::DigestInvalid, error.to_string())
}

/// Answers PATCH: appends a chunk.
pub(super) async fn append(
    call: Written<'_>,
    repository: Repository,
    id: Option<UploadId>,
) -> Answer {
    let upload = call.find(&repository, id)?;
    drop(receive(call, &upload).await?);
    Ok(session(StatusCode::ACCEPTED, &repository, &upload))
}

/// Answers PUT: appends the last chunk, if there is one, and makes the upload a blob.
pub(super) async fn finish(
    call: Written<'_>,
    repository: Repository,
    id: Option<UploadId>,
) -> Answer {
    let upload = call.find(&repository, id)?;
    let query = call.query();
    let digest = query.find("digest").ok_or_else(|| {
        ApiError::bad_request(Code::DigestInvalid, "the parameter digest is missing")
    })?;
    let digest = parse_digest(digest)?;
    let registry = call.registry.clone();
    let writer = receive(call, &upload).await?;
    commit(&registry, &upload, writer, &repository, digest).await
}

/// Answers DELETE: ends a session.
pub(super) async fn cancel(
    call: Written<'_>,
    repository: Repository,
    id: Option<UploadId>,
) -> Answer {
    let upload = call.find(&repository, id)?;
    let writer = hold(&upload, false).await?;
    close(&call.registry, &upload, writer).await;
    Ok(reply::bare(StatusCode::NO_CONTENT))
}

async fn close(registry: &Arc<Registry>, upload: &Arc<Upload>, mut writer: Held) {
    let (registry, upload) = (registry.clone(), upload.clone());
    // A panic while closing leaves a file that the next start removes.
    let _ = tokio::task::spawn_blocking(move || registry.uploads.close(&upload, &mut writer)).await;
}

/// Answers GET of a session: how much has arrived.
pub(super) fn status(call: &Call, repository: &Repository, id: Option<UploadId>) -> Answer {
    let upload = find(&call.registry, repository, id)?;
    upload.touch();
    Ok(session(StatusCode::NO_CONTENT, repository, &upload))
}

/// Appends the body of a request, and returns the right to go on with the upload.
async fn receive(call: Written<'_>, upload: &Arc<Upload>) -> Result<Held, ApiError> {
    let chunk = match call.header(&CONTENT_RANGE) {
        None if call.head.headers.contains_key(CONTENT_RANGE) => return Err(out_of_order(upload)),
        None => None,
        Some(text) => Some(super::range::chunk(text).ok_or_else(|| out_of_order(upload))?),
    };
    let writer = hold(upload, chunk.is_some()).await?;
    let limit = match chunk {
        None => call.registry.limits.blob_size.saturating_sub(writer.size()),
        Some((first, last)) => {
            let length = last - first + 1;
            let lies = call.content_length().is_some_and(|sent| sent != length);
            let room = call.registry.limits.blob_size.saturating_sub(first);
            if first != writer.size() || lies || length > room {
                return Err(out_of_order(upload));
            }
            length
        }
    };
    let patience = call.registry.limits.body_timeout;
    let end = writer.size() + limit;
    let mark = writer.mark();
    let received = receive_into(upload, writer, call.body, limit, patience).await;
    match (received, chunk) {
        (Ok(mut writer), Some(_)) if writer.size() != end => {
            writer.rewind(mark);
            crate::store::Uploads::record(upload, &writer);
            Err(out_of_order(upload))
        }
        (Ok(writer), _) => Ok(writer),
        (Err(ReceiveError::TooLong), Some(_)) => Err(out_of_order(upload)),
        (Err(error), _) => Err(error.into_api_error(Code::BlobUploadInvalid)),
    }
}

/// Takes the right to write. A request that says where its bytes belong may wait for it.
async fn hold(upload: &Arc<Upload>, may_wait: bool) -> Result<Held, ApiError> {
    let writer = match upload.try_write() {
        Some(writer) => Some(writer),
        None if may_wait => tokio::time::timeout(TAKEOVER_PATIENCE, upload.write())
            .await
            .ok(),
        None => None,
    };
    match writer {
        Some(writer) if writer.is_over() => Err(unknown()),
        Some(writer) => Ok(writer),
        None => Err(busy()),
    }
}

fn busy() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        Code::BlobUploadInvalid,
        "another request is writing to this upload",
    )
}

fn out_of_order(upload: &Upload) -> ApiError {
    let received = upload.received();
    let mut error = ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        Code::BlobUploadInvalid,
        format!("Content-Range does not fit: {received} bytes have arrived"),
    );
    error.headers.insert(RANGE, arrived(received));
    error
}

async fn commit(
    registry: &Arc<Registry>,
    upload: &Arc<Upload>,
    mut writer: Held,
    repository: &Repository,
    digest: Digest,
) -> Answer {
    let (shared, upload) = (registry.clone(), upload.clone());
    let (name, wanted) = (repository.clone(), digest.clone());
    let committed = tokio::task::spawn_blocking(move || {
        let committed = shared.store.commit(&mut writer, &name, &wanted);
        // After a failure of the storage the client may try once more.
        if !matches!(committed, Err(CommitError::Store(_))) {
            shared.uploads.close(&upload, &mut writer);
        }
        committed
    });
    committed
        .await
        .unwrap_or(Err(CommitError::Store(StoreError::Abandoned)))?;
    Ok(created(repository, &digest))
}

fn created(repository: &Repository, digest: &Digest) -> Response<Reply> {
    let mut response = reply::bare(StatusCode::CREATED);
    let headers = response.headers_mut();
    headers.insert(
        LOCATION,
        reply::value(format_args!("/v2/{repository}/blobs/{digest}")),
    );
    headers.insert(CONTENT_DIGEST, reply::value(digest));
    response
}

fn session(status: StatusCode, repository: &Repository, upload: &Upload) -> Response<Reply> {
    let mut response = reply::bare(status);
    let headers = response.headers_mut();
    let location = format!("/v2/{repository}/blobs/uploads/{}", upload.id);
    headers.insert(LOCATION, reply::value(location));
    headers.insert(RANGE, arrived(upload.received()));
    headers.insert(UPLOAD_UUID, reply::value(upload.id));
    response
}

/// Returns the range of what has arrived; of nothing it is `0-0`, as clients expect.
fn arrived(received: u64) -> hyper::header::HeaderValue {
    reply::value(format_args!("0-{}", received.saturating_sub(1)))
}
