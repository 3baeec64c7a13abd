//! Error responses.
//!
//! Source: OCI distribution-spec v1.1.1, "Error Codes".

use std::io;

use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::reply::{self, Reply};
use crate::store::{CommitError, PutManifestError, StoreError};

/// The codes of the specification, and those that distribution added and clients know.
#[derive(Clone, Copy, Debug)]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    PaginationNumberInvalid,
    SizeInvalid,
    TooManyRequests,
    Unavailable,
    Unknown,
    Unsupported,
}

impl Code {
    fn name(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unknown => "UNKNOWN",
            Self::Unsupported => "UNSUPPORTED",
        }
    }
}

/// A request that was refused or failed.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) detail: Value,
    pub(super) headers: Box<HeaderMap>,
    /// The failure of the storage behind it, for the operator and not for the client.
    pub(super) storage: Option<StoreError>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            detail: Value::Null,
            headers: Box::default(),
            storage: None,
        }
    }

    pub(super) fn bad_request(code: Code, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn not_found(code: Code, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    pub(super) fn into_response(self) -> Response<Reply> {
        let mut error = json!({ "code": self.code.name(), "message": self.message });
        if !self.detail.is_null() {
            error["detail"] = self.detail;
        }
        let text = json!({ "errors": [error] }).to_string();
        let mut response = reply::json(self.status, text.into_bytes());
        response.headers_mut().extend(*self.headers);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (status, code, message) = describe(&error);
        let mut refused = Self::new(status, code, message);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            refused
                .headers
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        refused.storage = Some(error);
        refused
    }
}

/// Says what a client may know: no paths.
fn describe(error: &StoreError) -> (StatusCode, Code, &'static str) {
    const DESCRIPTORS: [i32; 2] = [23, 24]; // ENFILE, EMFILE
    match error.io_error() {
        Some(cause) if is_full(cause) => (
            StatusCode::INSUFFICIENT_STORAGE,
            Code::Unknown,
            "the registry's storage is full",
        ),
        Some(cause)
            if cause
                .raw_os_error()
                .is_some_and(|n| DESCRIPTORS.contains(&n)) =>
        {
            (
                StatusCode::SERVICE_UNAVAILABLE,
                Code::Unavailable,
                "the registry has too many files open",
            )
        }
        _ if matches!(error, StoreError::Corrupt { .. }) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::Unknown,
            "the stored copy is corrupt and was set aside; push it again",
        ),
        _ => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::Unknown,
            "the registry's storage failed",
        ),
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

impl From<CommitError> for ApiError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            CommitError::Digest { .. } => Self::bad_request(Code::DigestInvalid, error.to_string()),
        }
    }
}

impl From<PutManifestError> for ApiError {
    fn from(error: PutManifestError) -> Self {
        let message = error.to_string();
        match error {
            PutManifestError::Store(error) => error.into(),
            PutManifestError::Digest { .. } => Self::bad_request(Code::DigestInvalid, message),
            PutManifestError::Size { .. } => Self::bad_request(Code::SizeInvalid, message),
            PutManifestError::Document(_) | PutManifestError::MediaType { .. } => {
                Self::bad_request(Code::ManifestInvalid, message)
            }
            PutManifestError::Missing(digests) => {
                let mut refused = Self::bad_request(Code::ManifestBlobUnknown, message);
                let named = digests.iter().take(100);
                refused.detail = named.map(|digest| json!({ "digest": digest })).collect();
                refused
            }
        }
    }
}
