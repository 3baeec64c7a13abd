//! Manifests and indexes: resolve, fetch, put.

use bytes::Bytes;
use img_oci::{
    Descriptor, Digest, Document, MAX_DOCUMENT_SIZE, MediaType, ParseDocumentError, TagOrDigest,
    media_type,
};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use thiserror::Error;

use crate::client::{Call, RepositoryClient};
use crate::{RegistryError, RequestError, ResponseError};

/// The header in which registries say what they serve or stored.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A manifest or index with the bytes it was read from.
#[derive(Clone, Debug)]
pub struct FetchedManifest {
    /// What it is: the digest and size of `bytes`.
    pub descriptor: Descriptor,
    /// The document as the registry sent it.
    pub bytes: Bytes,
    /// The document parsed.
    pub document: Document,
}

/// Why a manifest could not be fetched.
#[derive(Debug, Error)]
pub enum FetchManifestError {
    /// The repository does not have it.
    #[error("{place} has no manifest {selector}")]
    Missing {
        /// Registry and repository.
        place: String,
        /// The tag or digest.
        selector: TagOrDigest,
    },
    /// The registry sent other bytes than those of the digest.
    #[error("manifest {selector} from {place}: expected the digest {expected}, found {found}")]
    Digest {
        /// Registry and repository.
        place: String,
        /// The tag or digest.
        selector: TagOrDigest,
        /// The digest asked for, or named by the registry.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The registry sent something that is not a manifest, or not the kind it says.
    #[error("manifest {selector} from {place} cannot be used")]
    Document {
        /// Registry and repository.
        place: String,
        /// The tag or digest.
        selector: TagOrDigest,
        /// What is wrong with it.
        source: ParseDocumentError,
    },
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Why a manifest did not arrive.
#[derive(Debug, Error)]
pub enum PutManifestError {
    /// The registry misses blobs that the manifest names.
    #[error("{place} refused manifest {digest}: blobs are missing")]
    BlobsUnknown {
        /// Registry and repository.
        place: String,
        /// The manifest.
        digest: Digest,
        /// The blobs, as far as they were named.
        blobs: Vec<Digest>,
        /// The refusal.
        source: ResponseError,
    },
    /// The registry says that it stored other bytes.
    #[error("{place} stored manifest {digest} under the digest {found}")]
    Digest {
        /// Registry and repository.
        place: String,
        /// The manifest.
        digest: Digest,
        /// What the registry says.
        found: Digest,
    },
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl FetchManifestError {
    /// Returns what the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::Missing { .. } => Some("check the name of the repository and the tag".to_owned()),
            _ => None,
        }
    }
}

impl PutManifestError {
    /// Returns what the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::BlobsUnknown { .. } => Some(
                "push again; if it lasts, look at the registry's log: it showed these blobs or took them, and does not find them".to_owned(),
            ),
            Self::Digest { .. } => Some(
                "look at the registry's log, and at the proxies before it: one of them changes what it is sent".to_owned(),
            ),
        }
    }
}

impl RepositoryClient {
    /// Returns what a tag or digest stands for, or `None` if the repository does not have it.
    ///
    /// Nothing is verified yet: this is what the registry says.
    pub async fn resolve(&self, selector: &TagOrDigest) -> Result<Option<Digest>, RegistryError> {
        let mut call = self.push(Method::HEAD, &format!("manifests/{selector}"));
        accept_documents(&mut call);
        let subject = format!("manifest {selector}");
        let response = self
            .send(&call)
            .await
            .map_err(|error| self.failed(&subject, error))?;
        match (response.status(), selector) {
            (StatusCode::OK, TagOrDigest::Digest(digest)) => Ok(Some(
                content_digest(response.headers()).unwrap_or_else(|| digest.clone()),
            )),
            (StatusCode::OK, TagOrDigest::Tag(_)) => match content_digest(response.headers()) {
                Some(digest) => Ok(Some(digest)),
                None => self.resolve_by_content(selector).await,
            },
            (StatusCode::NOT_FOUND, _) => Ok(None),
            _ => Err(self.refused(&subject, response).await),
        }
    }

    async fn resolve_by_content(
        &self,
        selector: &TagOrDigest,
    ) -> Result<Option<Digest>, RegistryError> {
        match self.manifest(selector).await {
            Ok(manifest) => Ok(Some(manifest.descriptor.digest)),
            Err(FetchManifestError::Registry(error)) => Err(error),
            // What cannot be read is not what anyone looks for.
            Err(_) => Ok(None),
        }
    }

    /// Fetches a manifest or index, verified and parsed.
    pub async fn manifest(
        &self,
        selector: &TagOrDigest,
    ) -> Result<FetchedManifest, FetchManifestError> {
        let response = self.request_manifest(selector).await?;
        let headers = response.headers().clone();
        let body = self.inner.transport.body(response, MAX_DOCUMENT_SIZE).await;
        let bytes = body.map_err(|error| self.failed(format!("manifest {selector}"), error))?;
        self.verify_digest(selector, content_digest(&headers), &bytes)?;
        let said = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .map(MediaType::from);
        let document = Document::parse(&bytes, said.as_ref()).map_err(|source| {
            let (place, selector) = (self.to_string(), selector.clone());
            FetchManifestError::Document {
                place,
                selector,
                source,
            }
        })?;
        let mut descriptor = Descriptor::of(document.media_type(), &bytes);
        if let TagOrDigest::Digest(digest) = selector {
            descriptor.digest = digest.clone();
        }
        Ok(FetchedManifest {
            descriptor,
            bytes: bytes.into(),
            document,
        })
    }

    async fn request_manifest(
        &self,
        selector: &TagOrDigest,
    ) -> Result<Response, FetchManifestError> {
        let mut call = self.pull(Method::GET, &format!("manifests/{selector}"));
        accept_documents(&mut call);
        let subject = format!("manifest {selector}");
        let response = self
            .send(&call)
            .await
            .map_err(|error| self.failed(&subject, error))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => {
                let (place, selector) = (self.to_string(), selector.clone());
                Err(FetchManifestError::Missing { place, selector })
            }
            _ => Err(self.refused(&subject, response).await.into()),
        }
    }

    fn verify_digest(
        &self,
        selector: &TagOrDigest,
        said: Option<Digest>,
        bytes: &[u8],
    ) -> Result<(), FetchManifestError> {
        let expected = match selector {
            TagOrDigest::Digest(digest) => Some(digest.clone()),
            TagOrDigest::Tag(_) => said,
        };
        let Some(expected) = expected else {
            return Ok(());
        };
        let found = Digest::of(expected.algorithm(), bytes);
        if found == expected {
            return Ok(());
        }
        let (place, selector) = (self.to_string(), selector.clone());
        Err(FetchManifestError::Digest {
            place,
            selector,
            expected,
            found,
        })
    }

    /// Stores a manifest or index under its digest, or under a tag.
    pub async fn put_manifest(
        &self,
        selector: &TagOrDigest,
        descriptor: &Descriptor,
        bytes: &Bytes,
    ) -> Result<(), PutManifestError> {
        let mut call = self.push(Method::PUT, &format!("manifests/{selector}"));
        call.body = bytes.clone();
        let kind = HeaderValue::from_str(descriptor.media_type.as_str());
        call.headers
            .insert(CONTENT_TYPE, kind.map_err(|_| self.unusable(descriptor))?);
        let subject = match selector {
            TagOrDigest::Digest(digest) => format!("manifest {digest}"),
            TagOrDigest::Tag(tag) => format!("tag {tag}"),
        };
        let response = self
            .send(&call)
            .await
            .map_err(|error| self.failed(&subject, error))?;
        if !response.status().is_success() {
            let refusal = self.refusal(response).await;
            return Err(self.put_refused(&subject, descriptor, refusal));
        }
        let place = self.to_string();
        match content_digest(response.headers()) {
            Some(found) if found != descriptor.digest => Err(PutManifestError::Digest {
                place,
                digest: descriptor.digest.clone(),
                found,
            }),
            _ => Ok(()),
        }
    }

    fn put_refused(
        &self,
        subject: &str,
        descriptor: &Descriptor,
        refusal: ResponseError,
    ) -> PutManifestError {
        if refusal.has_code("MANIFEST_BLOB_UNKNOWN") || refusal.has_code("BLOB_UNKNOWN") {
            return PutManifestError::BlobsUnknown {
                place: self.to_string(),
                digest: descriptor.digest.clone(),
                blobs: named_blobs(&refusal),
                source: refusal,
            };
        }
        self.failed(subject, refusal.into()).into()
    }

    fn unusable(&self, descriptor: &Descriptor) -> RegistryError {
        let problem = "cannot be told a media type that is not text".to_owned();
        let host = self.registry().to_string();
        self.failed(&descriptor.digest, RequestError::Protocol { host, problem })
    }
}

/// Accepts every kind of document: some registries answer 404 when the kind is not accepted.
fn accept_documents(call: &mut Call) {
    const KINDS: [&str; 4] = [
        media_type::OCI_MANIFEST,
        media_type::OCI_INDEX,
        media_type::DOCKER_MANIFEST,
        media_type::DOCKER_MANIFEST_LIST,
    ];
    for kind in KINDS {
        call.headers.append(ACCEPT, HeaderValue::from_static(kind));
    }
}

fn content_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()
}

/// Returns the blobs a refusal names: as `detail` itself, or in its field `digest`.
fn named_blobs(refusal: &ResponseError) -> Vec<Digest> {
    let details = refusal.errors.iter().map(|error| &error.detail);
    let texts = details.filter_map(|detail| {
        detail
            .as_str()
            .or_else(|| detail.get("digest").and_then(serde_json::Value::as_str))
    });
    texts.filter_map(|text| text.parse().ok()).collect()
}
