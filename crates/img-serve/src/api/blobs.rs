//! Blobs: whole, in part, or whether they are there.
//!
//! Source: OCI distribution-spec v1.1.1, "Pulling blobs", "Deleting Blobs".

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH,
    IF_RANGE, RANGE,
};
use hyper::{Response, StatusCode};
use img_oci::Digest;

use super::error::{ApiError, Code};
use super::range::{Selection, select};
use super::reply::{self, CONTENT_DIGEST, Reply};
use super::{Answer, Call, Registry, blocking};
use crate::store::{In, OpenContent, Store, StoreError};

/// Answers GET and HEAD of a blob.
pub(super) async fn get(call: &Call, blob: In<Digest>) -> Answer {
    let store = &call.registry.store;
    let digest = blob.1.clone();
    let remembered = store.remembered_blob_size(&blob);
    if call.is_head() || is_unchanged(call, &digest) {
        let size = if remembered.is_some() {
            remembered
        } else {
            let store = store.clone();
            blocking(move || store.blob_size(&blob)).await?
        };
        let size = size.ok_or_else(|| unknown(&digest))?;
        if is_unchanged(call, &digest) {
            return Ok(not_modified(&digest));
        }
        return Ok(respond(&digest, size, Selection::Whole, Reply::empty()));
    }
    let range = wanted_range(call, &digest);
    if remembered.is_some()
        && let Some(bytes) = store.content_in_memory(&digest)
    {
        let selection = select(range.as_deref(), bytes.len() as u64);
        return Ok(respond_whole(&digest, bytes, selection));
    }
    let store = store.clone();
    let opened = blocking(move || open(&store, &blob, range.as_deref())).await?;
    match opened.ok_or_else(|| unknown(&digest))? {
        (_, selection, OpenContent::Whole(bytes)) => Ok(respond_whole(&digest, bytes, selection)),
        (size, selection, OpenContent::File(reader)) => {
            let body = match selection {
                Selection::Unsatisfiable => Reply::empty(),
                _ => Reply::stream(reader),
            };
            Ok(respond(&digest, size, selection, body))
        }
    }
}

/// Answers DELETE of a blob.
pub(super) async fn delete(registry: Arc<Registry>, blob: In<Digest>) -> Answer {
    let digest = blob.1.clone();
    if blocking(move || registry.store.delete_blob(&blob)).await? {
        Ok(reply::bare(StatusCode::ACCEPTED))
    } else {
        Err(unknown(&digest))
    }
}

fn unknown(digest: &Digest) -> ApiError {
    ApiError::not_found(
        Code::BlobUnknown,
        format!("blob {digest} is not in the repository"),
    )
}

fn is_unchanged(call: &Call, digest: &Digest) -> bool {
    call.header(IF_NONE_MATCH)
        .is_some_and(|tags| reply::names_entity(tags, digest))
}

/// Returns the `Range` header, unless it is for other content than this.
fn wanted_range(call: &Call, digest: &Digest) -> Option<String> {
    let condition = call.request.headers().get(IF_RANGE);
    let holds = condition.is_none_or(|tag| {
        tag.to_str()
            .is_ok_and(|tag| !tag.contains(',') && reply::names_entity(tag, digest))
    });
    call.header(RANGE).filter(|_| holds).map(str::to_owned)
}

type Opened = Option<(u64, Selection, OpenContent)>;

/// Opens what is wanted of a blob.
fn open(store: &Arc<Store>, blob: &In<Digest>, range: Option<&str>) -> Result<Opened, StoreError> {
    let Some(size) = store.blob_size(blob)? else {
        return Ok(None);
    };
    let Some((found, mut content)) = store.open_content(&blob.1)? else {
        store.forget_blob(blob);
        return Ok(None);
    };
    if found != size {
        // The file was replaced, or is rotten, which shows as it is read.
        store.forget_blob(blob);
    }
    let selection = select(range, found);
    if let (OpenContent::File(reader), Selection::Part(start, length)) = (&mut content, &selection)
    {
        reader.select(*start, *length)?;
    }
    Ok(Some((found, selection, content)))
}

fn respond_whole(digest: &Digest, bytes: Bytes, selection: Selection) -> Response<Reply> {
    let size = bytes.len();
    let body = match selection {
        Selection::Whole => bytes,
        Selection::Unsatisfiable => Bytes::new(),
        Selection::Part(start, length) => {
            let start = usize::try_from(start).unwrap_or(size).min(size);
            let length = usize::try_from(length).unwrap_or(size).min(size - start);
            bytes.slice(start..start + length)
        }
    };
    respond(digest, size as u64, selection, Reply::whole(body))
}

fn respond(digest: &Digest, size: u64, selection: Selection, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    let (status, length) = match selection {
        Selection::Whole => (StatusCode::OK, size),
        Selection::Part(_, length) => (StatusCode::PARTIAL_CONTENT, length),
        Selection::Unsatisfiable => (StatusCode::RANGE_NOT_SATISFIABLE, 0),
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_DIGEST, reply::value(digest));
    headers.insert(ETAG, reply::entity_tag(digest));
    let range = match selection {
        Selection::Whole => return response,
        Selection::Part(start, length) => format!("bytes {start}-{}/{size}", start + length - 1),
        Selection::Unsatisfiable => format!("bytes */{size}"),
    };
    headers.insert(CONTENT_RANGE, reply::value(range));
    response
}

fn not_modified(digest: &Digest) -> Response<Reply> {
    let mut response = reply::bare(StatusCode::NOT_MODIFIED);
    response
        .headers_mut()
        .insert(ETAG, reply::entity_tag(digest));
    response
}
