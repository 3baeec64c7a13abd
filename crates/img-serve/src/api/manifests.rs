//! Manifests by tag and by digest.
//!
//! Source: OCI distribution-spec v1.1.1, "Pulling manifests", "Pushing Manifests",
//! "Deleting Manifests".

use std::sync::Arc;

use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use img_oci::{MAX_DOCUMENT_SIZE, MediaType, Repository, TagOrDigest};

use super::error::{ApiError, Code};
use super::receive::{ReceiveError, receive_whole};
use super::reply::{self, CONTENT_DIGEST, Reply};
use super::uploads::Written;
use super::{Answer, Call, Registry, blocking};
use crate::store::{PutManifestError, StoreError, StoredManifest};

/// The header that tells a client that the referrers API knows its subject.
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// Manifests up to this size are parsed without waiting for each other.
const SMALL_DOCUMENT: usize = 64 << 10;

/// Answers GET and HEAD of a manifest.
pub(super) async fn get(call: &Call, repository: Repository, reference: TagOrDigest) -> Answer {
    let store = &call.registry.store;
    let mut manifest = store.remembered_manifest(&repository, &reference);
    if manifest.is_none() {
        let (store, reference) = (store.clone(), reference.clone());
        manifest = blocking(move || store.manifest(&repository, &reference)).await?;
    }
    let manifest = manifest.ok_or_else(|| unknown(&reference))?;
    let body = if call.is_head() {
        Reply::empty()
    } else {
        Reply::whole(manifest.bytes.clone())
    };
    Ok(respond(&manifest, body))
}

fn respond(manifest: &StoredManifest, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.reserve(6);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(manifest.bytes.len()));
    headers.insert(CONTENT_TYPE, reply::value(&manifest.media_type));
    headers.insert(CONTENT_DIGEST, reply::value(&manifest.digest));
    headers.insert(ETAG, reply::entity_tag(&manifest.digest));
    response
}

/// Answers PUT of a manifest.
pub(super) async fn put(
    call: Written<'_>,
    repository: Repository,
    reference: TagOrDigest,
) -> Answer {
    if call
        .content_length()
        .is_some_and(|length| length > MAX_DOCUMENT_SIZE)
    {
        return Err(too_large());
    }
    let patience = call.registry.limits.body_timeout;
    let received = receive_whole(call.body, MAX_DOCUMENT_SIZE, patience).await;
    let bytes = received.map_err(|error| match error {
        ReceiveError::TooLong => too_large(),
        error => error.into_api_error(Code::ManifestInvalid),
    })?;
    let header = call.header(&CONTENT_TYPE).map(MediaType::from);
    // A parsed document takes many times its size.
    let _turn = if bytes.len() > SMALL_DOCUMENT {
        call.registry.large_documents.acquire().await.ok()
    } else {
        None
    };
    let store = call.registry.store.clone();
    let name = repository.clone();
    let put = tokio::task::spawn_blocking(move || {
        store.put_manifest(&name, &reference, header.as_ref(), bytes)
    });
    let put = put
        .await
        .unwrap_or(Err(PutManifestError::Store(StoreError::Abandoned)))?;
    let mut response = reply::bare(StatusCode::CREATED);
    let headers = response.headers_mut();
    let location = format!("/v2/{repository}/manifests/{}", put.digest);
    headers.insert(LOCATION, reply::value(location));
    headers.insert(CONTENT_DIGEST, reply::value(&put.digest));
    if let Some(subject) = &put.subject {
        headers.insert(OCI_SUBJECT, reply::value(subject));
    }
    Ok(response)
}

/// Answers DELETE of a manifest or a tag.
pub(super) async fn delete(
    registry: Arc<Registry>,
    repository: Repository,
    reference: TagOrDigest,
) -> Answer {
    let gone = reference.clone();
    let removed = blocking(move || match &gone {
        TagOrDigest::Tag(tag) => registry.store.delete_tag(&repository, tag),
        TagOrDigest::Digest(digest) => registry.store.delete_manifest(&repository, digest),
    });
    if removed.await? {
        Ok(reply::bare(StatusCode::ACCEPTED))
    } else {
        Err(unknown(&reference))
    }
}

fn unknown(reference: &TagOrDigest) -> ApiError {
    let message = format!("manifest {reference} is not in the repository");
    ApiError::not_found(Code::ManifestUnknown, message)
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        Code::SizeInvalid,
        format!("a manifest has at most {MAX_DOCUMENT_SIZE} bytes"),
    )
}
