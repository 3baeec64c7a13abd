//! Paths of the API: parsed into valid names and digests, or refused.
//!
//! A name has slashes, so a path is read from its end.

use img_oci::{Digest, Repository, Tag, TagOrDigest};
use thiserror::Error;

use super::error::{ApiError, Code};
use crate::store::{In, UploadId};

/// What a path stands for.
#[derive(Debug)]
pub(super) enum Route {
    Base,
    Catalog,
    Tags(Repository),
    Blob(In<Digest>),
    Uploads(Repository),
    Upload(Repository, Option<UploadId>),
    Manifest(Repository, Result<TagOrDigest, RouteError>),
    Referrers(Repository, Digest),
}

/// Why a path stands for nothing.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum RouteError {
    #[error("there is nothing at this path")]
    Unknown,
    #[error(transparent)]
    Name(img_oci::ParseReferenceError),
    #[error(transparent)]
    Digest(#[from] img_oci::ParseDigestError),
    #[error(transparent)]
    Tag(img_oci::ParseReferenceError),
}

impl RouteError {
    /// Returns the error for a request that would have created a tag outside the grammar.
    pub(super) fn refused(self) -> ApiError {
        match self {
            Self::Tag(error) => ApiError::bad_request(Code::ManifestInvalid, error.to_string()),
            other => other.into(),
        }
    }
}

impl From<RouteError> for ApiError {
    fn from(error: RouteError) -> Self {
        let message = error.to_string();
        match error {
            RouteError::Unknown => Self::not_found(Code::Unsupported, message),
            RouteError::Name(_) => Self::bad_request(Code::NameInvalid, message),
            RouteError::Digest(_) => Self::bad_request(Code::DigestInvalid, message),
            // What cannot be pushed is not there.
            RouteError::Tag(_) => Self::not_found(Code::ManifestUnknown, message),
        }
    }
}

impl Route {
    /// Parses the path of a request.
    pub(super) fn parse(path: &str) -> Result<Self, RouteError> {
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return Ok(Self::Base),
            Some("/_catalog") => return Ok(Self::Catalog),
            Some(rest) => rest.strip_prefix('/').ok_or(RouteError::Unknown)?,
            None => return Err(RouteError::Unknown),
        };
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(Self::Tags(repository(name)?));
        }
        if let Some(name) = rest.strip_suffix("/blobs/uploads/") {
            return Ok(Self::Uploads(repository(name)?));
        }
        let (rest, last) = rest.rsplit_once('/').ok_or(RouteError::Unknown)?;
        let (name, kind) = rest.rsplit_once('/').ok_or(RouteError::Unknown)?;
        match (kind, last) {
            ("blobs", "uploads") => Ok(Self::Uploads(repository(name)?)),
            ("blobs", _) => Ok(Self::Blob((repository(name)?, digest(last)?))),
            ("manifests", _) => Ok(Self::Manifest(repository(name)?, reference(last))),
            ("referrers", _) => Ok(Self::Referrers(repository(name)?, digest(last)?)),
            ("uploads", _) => {
                let name = name.strip_suffix("/blobs").ok_or(RouteError::Unknown)?;
                Ok(Self::Upload(repository(name)?, last.parse().ok()))
            }
            _ => Err(RouteError::Unknown),
        }
    }
}

fn repository(name: &str) -> Result<Repository, RouteError> {
    name.parse().map_err(RouteError::Name)
}

fn digest(text: &str) -> Result<Digest, RouteError> {
    Ok(unescape_colon(text).parse()?)
}

fn reference(text: &str) -> Result<TagOrDigest, RouteError> {
    let text = unescape_colon(text);
    if text.contains(':') {
        return Ok(TagOrDigest::Digest(text.parse()?));
    }
    Ok(TagOrDigest::Tag(
        text.parse::<Tag>().map_err(RouteError::Tag)?,
    ))
}

/// A colon is the only character of a digest that a client may have reason to escape.
fn unescape_colon(text: &str) -> String {
    text.replace("%3A", ":").replace("%3a", ":")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(path: &str, expected: &str) {
        let path = path.replace("HEX", HEX);
        let shown = match Route::parse(&path) {
            Ok(Route::Base) => "base".to_owned(),
            Ok(Route::Catalog) => "catalog".to_owned(),
            Ok(Route::Tags(name)) => format!("tags {name}"),
            Ok(Route::Blob((name, digest))) => format!("blob {name} {}", digest.short()),
            Ok(Route::Uploads(name)) => format!("uploads {name}"),
            Ok(Route::Upload(name, id)) => format!("upload {name} {}", id.is_some()),
            Ok(Route::Manifest(name, Ok(reference))) => format!("manifest {name} {reference}"),
            Ok(Route::Manifest(name, Err(RouteError::Tag(_)))) => format!("bad tag {name}"),
            Ok(Route::Manifest(name, Err(_))) => format!("bad digest {name}"),
            Ok(Route::Referrers(name, digest)) => format!("referrers {name} {}", digest.short()),
            Err(RouteError::Unknown) => "unknown".to_owned(),
            Err(RouteError::Name(_)) => "bad name".to_owned(),
            Err(RouteError::Digest(_)) => "bad digest".to_owned(),
            Err(RouteError::Tag(_)) => "bad tag".to_owned(),
        };
        assert_eq!(shown, expected, "{path}");
    }

    #[test]
    fn paths_are_read_from_their_end() {
        check("/v2", "base");
        check("/v2/", "base");
        check("/v2/_catalog", "catalog");
        check("/v2/a/b/tags/list", "tags a/b");
        check("/v2/tags/list/tags/list", "tags tags/list");
        check("/v2/blobs/blobs/sha256:HEX", "blob blobs e3b0c44298fc");
        check("/v2/a/blobs/sha256%3aHEX", "blob a e3b0c44298fc");
        check("/v2/a/blobs/uploads/", "uploads a");
        check("/v2/a/blobs/uploads", "uploads a");
        check(
            "/v2/a/blobs/uploads/0123456789abcdef0123456789abcdef",
            "upload a true",
        );
        check(
            "/v2/a/blobs/uploads/0123456789ABCDEF0123456789abcdef",
            "upload a false",
        );
        check("/v2/a/manifests/v1", "manifest a v1");
        check("/v2/manifests/manifests/x", "manifest manifests x");
        check("/v2/a/referrers/sha256:HEX", "referrers a e3b0c44298fc");
    }

    #[test]
    fn what_is_outside_the_grammar_is_refused() {
        for name in [
            "A", "a//b", "", "..", "a/../b", "%2e%2e", "a%2fb", "a\\b", "_x", "a/",
        ] {
            check(&format!("/v2/{name}/tags/list"), "bad name");
            check(&format!("/v2/{name}/manifests/x"), "bad name");
            check(&format!("/v2/{name}/blobs/sha256:HEX"), "bad name");
        }
        check(&format!("/v2/{}/tags/list", "a".repeat(256)), "bad name");
        for digest in ["sha256:x", "md5:HEX", "sha256:HEX0", "..", "%2e%2e"] {
            check(&format!("/v2/a/blobs/{digest}"), "bad digest");
            check(&format!("/v2/a/referrers/{digest}"), "bad digest");
        }
        check("/v2/a/manifests/sha256:x", "bad digest a");
        for tag in ["..", ".x", "%2e", "a b", "-", ""] {
            check(&format!("/v2/a/manifests/{tag}"), "bad tag a");
        }
        for path in [
            "",
            "/",
            "/v1/",
            "/v2a/tags/list",
            "/v2/a",
            "/v2/a/x/y",
            "/v2/_catalog/x",
        ] {
            check(path, "unknown");
        }
    }
}
