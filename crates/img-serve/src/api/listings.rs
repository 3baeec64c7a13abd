//! Listings: tags, referrers, repositories.
//!
//! Source: OCI distribution-spec v1.1.1, "Listing Tags", "Listing Referrers"; the catalog is
//! Docker's.

use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, LINK};
use hyper::{Response, StatusCode};
use img_oci::{Digest, Repository, media_type};
use serde_json::json;

use super::error::{ApiError, Code};
use super::query::next_page;
use super::reply::{self, Reply};
use super::{Answer, Call, blocking};

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// Answers the list of a repository's tags.
pub(super) async fn tags(call: &Call, repository: Repository) -> Answer {
    let page = call.query().page()?;
    let size = page.size;
    let store = call.registry.store.clone();
    let name = repository.clone();
    let found = blocking(move || {
        if !store.has_repository(&name)? {
            return Ok(None);
        }
        store.tag_page(&name, &page).map(Some)
    });
    let (tags, more) = found.await?.ok_or_else(|| {
        let message = format!("nothing was ever pushed to {repository}");
        ApiError::not_found(Code::NameUnknown, message)
    })?;
    let body = json!({ "name": repository.as_str(), "tags": tags });
    let path = format!("/v2/{repository}/tags/list");
    Ok(list(call, &body, &path, size, tags.last().filter(|_| more)))
}

/// Answers the list of repositories.
pub(super) async fn catalog(call: &Call) -> Answer {
    let page = call.query().page()?;
    let size = page.size;
    let store = call.registry.store.clone();
    let (names, more) = blocking(move || store.repository_page(&page)).await?;
    let body = json!({ "repositories": names });
    Ok(list(
        call,
        &body,
        "/v2/_catalog",
        size,
        names.last().filter(|_| more),
    ))
}

fn list(
    call: &Call,
    body: &serde_json::Value,
    path: &str,
    size: usize,
    last: Option<&String>,
) -> Response<Reply> {
    let mut response = respond(call, body.to_string());
    if let Some(last) = last {
        let link = next_page(path, &[("n", &size.to_string()), ("last", last)]);
        response.headers_mut().insert(LINK, reply::value(link));
    }
    response
}

fn respond(call: &Call, text: String) -> Response<Reply> {
    let mut response = reply::json(StatusCode::OK, text.into_bytes());
    if call.is_head() {
        *response.body_mut() = Reply::empty();
    }
    response
}

/// Answers the list of what refers to a manifest.
pub(super) async fn referrers(call: &Call, repository: Repository, subject: Digest) -> Answer {
    let query = call.query();
    let artifact_type = query.find("artifactType").filter(|text| !text.is_empty());
    let last = match query.find("last") {
        None => None,
        Some(text) => Some(
            text.parse::<Digest>()
                .map_err(|error| ApiError::bad_request(Code::DigestInvalid, error.to_string()))?,
        ),
    };
    let path = format!("/v2/{repository}/referrers/{subject}");
    let store = call.registry.store.clone();
    let filter = artifact_type.map(str::to_owned);
    let page = blocking(move || {
        store.referrers_page(&repository, &subject, filter.as_deref(), last.as_ref())
    });
    let page = page.await?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": page.descriptors,
    });
    let mut response = respond(call, index.to_string());
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(media_type::OCI_INDEX),
    );
    let mut parameters = Vec::new();
    if let Some(artifact_type) = artifact_type {
        headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
        parameters.push(("artifactType", artifact_type));
    }
    if let Some(next) = page.next {
        let next = next.to_string();
        parameters.push(("last", &next));
        headers.insert(LINK, reply::value(next_page(&path, &parameters)));
    }
    Ok(response)
}
