//! Manifests, tags and referrers of a repository.
//!
//! A manifest is put down in the order content, link, referrer, tag, and taken away in the reverse
//! order, under the repository's lock: what can be found is complete.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use img_oci::{
    Descriptor, Digest, Document, MediaType, ParseDocumentError, Repository, Tag, TagOrDigest,
};
use thiserror::Error;

use super::error::{Attempt as _, StoreError, existing};
use super::layout::parse_file_name;
use super::{In, Store, durable};

/// What a manifest weighs in the cache beside its bytes.
const RECORD_WEIGHT: usize = 512;

/// A manifest as it is served.
pub(crate) struct StoredManifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) bytes: Bytes,
}

/// Why a manifest was refused.
#[derive(Debug, Error)]
pub(crate) enum PutManifestError {
    /// It is not a manifest.
    #[error(transparent)]
    Document(#[from] ParseDocumentError),
    /// Header and body name two media types.
    #[error("Content-Type is {header}, mediaType is {body}")]
    MediaType {
        /// What the header says.
        header: MediaType,
        /// What the body says.
        body: MediaType,
    },
    /// Its digest is not the one it was pushed by.
    #[error("the manifest hashes to {actual}, not to {expected}")]
    Digest {
        /// The digest of the request.
        expected: Digest,
        /// The digest of the bytes.
        actual: Digest,
    },
    /// It names blobs or manifests that are not in the repository.
    #[error("the manifest names {} that are not in the repository", count(.0.len()))]
    Missing(Vec<Digest>),
    /// It gives a blob another size than it has.
    #[error("the manifest says that {digest} has {expected} bytes, it has {actual}")]
    Size {
        /// The blob.
        digest: Digest,
        /// What the manifest says.
        expected: u64,
        /// What is stored.
        actual: u64,
    },
    /// The storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn count(blobs: usize) -> String {
    if blobs == 1 {
        "a blob".to_owned()
    } else {
        format!("{blobs} blobs")
    }
}

/// What was stored, for the response.
pub(crate) struct PutManifest {
    pub(crate) digest: Digest,
    pub(crate) subject: Option<Digest>,
}

impl Store {
    /// Returns a manifest that is in memory; does not block.
    pub(crate) fn remembered_manifest(
        &self,
        repository: &Repository,
        reference: &TagOrDigest,
    ) -> Option<Arc<StoredManifest>> {
        let digest = match reference {
            TagOrDigest::Digest(digest) => digest.clone(),
            TagOrDigest::Tag(tag) => self.tags.find(&(repository.clone(), tag.clone()))?,
        };
        self.manifests.find(&(repository.clone(), digest))
    }

    /// Returns a manifest of the repository.
    pub(crate) fn manifest(
        &self,
        repository: &Repository,
        reference: &TagOrDigest,
    ) -> Result<Option<Arc<StoredManifest>>, StoreError> {
        let digest = match reference {
            TagOrDigest::Digest(digest) => digest.clone(),
            TagOrDigest::Tag(tag) => match self.tag(repository, tag)? {
                Some(digest) => digest,
                None => return Ok(None),
            },
        };
        self.manifest_by_digest((repository.clone(), digest))
    }

    fn tag(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>, StoreError> {
        let key = (repository.clone(), tag.clone());
        if let Some(digest) = self.tags.find(&key) {
            return Ok(Some(digest));
        }
        let ticket = self.tags.ticket(&key);
        let path = self.layout.tag(repository, tag);
        let Some(text) = existing(fs::read_to_string(&path)).attempt("read", &path)? else {
            return Ok(None);
        };
        let digest: Digest = text.parse().map_err(|_| StoreError::Record { path })?;
        self.tags.fill(&ticket, key, digest.clone(), 1);
        Ok(Some(digest))
    }

    fn manifest_by_digest(
        &self,
        key: In<Digest>,
    ) -> Result<Option<Arc<StoredManifest>>, StoreError> {
        if let Some(manifest) = self.manifests.find(&key) {
            return Ok(Some(manifest));
        }
        let ticket = self.manifests.ticket(&key);
        let link = self.layout.manifest_link(&key.0, &key.1);
        let Some(text) = existing(fs::read_to_string(&link)).attempt("read", &link)? else {
            return Ok(None);
        };
        let Some(bytes) = self.read_content(&key.1)? else {
            return Ok(None);
        };
        let media_type = MediaType::from(text);
        let manifest = StoredManifest {
            digest: key.1.clone(),
            media_type,
            bytes,
        };
        let weight = manifest.bytes.len() + RECORD_WEIGHT;
        let manifest = Arc::new(manifest);
        self.manifests.fill(&ticket, key, manifest.clone(), weight);
        Ok(Some(manifest))
    }

    /// Stores a manifest, and points the tag at it where it was pushed by tag.
    pub(crate) fn put_manifest(
        &self,
        repository: &Repository,
        reference: &TagOrDigest,
        header: Option<&MediaType>,
        bytes: Bytes,
    ) -> Result<PutManifest, PutManifestError> {
        let document = Document::parse(&bytes, header)?;
        let media_type = agreed_media_type(&document, header)?;
        let digest = checked_digest(reference, &bytes)?;
        let _writer = self.lock_repository(repository);
        self.check_children(repository, &document)?;
        self.prepare_repository(repository)?;
        self.publish_bytes(&bytes, &digest)?;
        let link = self.layout.manifest_link(repository, &digest);
        self.write(&link, media_type.as_str().as_bytes())?;
        let key = (repository.clone(), digest.clone());
        let weight = bytes.len() + RECORD_WEIGHT;
        let size = bytes.len() as u64;
        let stored = StoredManifest {
            digest: digest.clone(),
            media_type: media_type.clone(),
            bytes,
        };
        self.manifests.set(key, Arc::new(stored), weight);
        let subject = subject_of(&document).map(|subject| subject.digest.clone());
        if let Some(subject) = &subject {
            let descriptor = referrer(&document, media_type, digest.clone(), size);
            self.put_referrer(repository, subject, &descriptor)?;
        }
        if let TagOrDigest::Tag(tag) = reference {
            self.write(
                &self.layout.tag(repository, tag),
                digest.to_string().as_bytes(),
            )?;
            self.tags
                .set((repository.clone(), tag.clone()), digest.clone(), 1);
        }
        Ok(PutManifest { digest, subject })
    }

    fn put_referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        descriptor: &Descriptor,
    ) -> Result<(), StoreError> {
        durable::create_directory(&self.layout.referrers(repository, subject))?;
        let path = self
            .layout
            .referrer(repository, subject, &descriptor.digest);
        let text = serde_json::to_vec(descriptor)
            .map_err(|_| StoreError::Record { path: path.clone() })?;
        self.write(&path, &text)
    }

    fn check_children(
        &self,
        repository: &Repository,
        document: &Document,
    ) -> Result<(), PutManifestError> {
        let mut missing = Vec::new();
        for child in children(document) {
            let key = (repository.clone(), child.digest.clone());
            let as_manifest = matches!(document, Document::Index(_));
            let size = match self.blob_size(&key)? {
                None if as_manifest => self.manifest_size(&key)?,
                size => size,
            };
            match size {
                None if is_foreign(child) => {}
                None => missing.push(child.digest.clone()),
                Some(size) if size == child.size => {}
                Some(actual) => {
                    let (digest, expected) = (child.digest.clone(), child.size);
                    return Err(PutManifestError::Size {
                        digest,
                        expected,
                        actual,
                    });
                }
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(PutManifestError::Missing(missing))
        }
    }

    fn manifest_size(&self, key: &In<Digest>) -> Result<Option<u64>, StoreError> {
        let link = self.layout.manifest_link(&key.0, &key.1);
        if link.try_exists().attempt("look for", &link)? {
            self.content_size(&key.1)
        } else {
            Ok(None)
        }
    }

    /// Takes a tag away and tells whether it was there.
    pub(crate) fn delete_tag(
        &self,
        repository: &Repository,
        tag: &Tag,
    ) -> Result<bool, StoreError> {
        let _writer = self.lock_repository(repository);
        self.remove_tag(repository, tag)
    }

    fn remove_tag(&self, repository: &Repository, tag: &Tag) -> Result<bool, StoreError> {
        let removed = durable::remove(&self.layout.tag(repository, tag));
        self.tags.remove(&(repository.clone(), tag.clone()));
        removed
    }

    /// Takes a manifest and the tags that point at it away, and tells whether it was there.
    pub(crate) fn delete_manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, StoreError> {
        let _writer = self.lock_repository(repository);
        let key = (repository.clone(), digest.clone());
        let Some(manifest) = self.manifest_by_digest(key.clone())? else {
            return Ok(false);
        };
        for tag in self.all_tags(repository)? {
            if self.tag(repository, &tag)?.as_ref() == Some(digest) {
                self.remove_tag(repository, &tag)?;
            }
        }
        if let Ok(document) = Document::parse(&manifest.bytes, None)
            && let Some(subject) = subject_of(&document)
        {
            durable::remove(&self.layout.referrer(repository, &subject.digest, digest))?;
        }
        let removed = durable::remove(&self.layout.manifest_link(repository, digest));
        self.manifests.remove(&key);
        removed
    }

    /// Returns all tags of a repository, in no order.
    pub(super) fn all_tags(&self, repository: &Repository) -> Result<Vec<Tag>, StoreError> {
        let path = self.layout.tags(repository);
        let Some(entries) = existing(fs::read_dir(&path)).attempt("list", &path)? else {
            return Ok(Vec::new());
        };
        let mut tags = Vec::new();
        for entry in entries {
            let name = entry.attempt("list", &path)?.file_name();
            tags.extend(name.to_str().and_then(|name| name.parse::<Tag>().ok()));
        }
        Ok(tags)
    }

    /// Returns the digests of what refers to `subject`, in the order of their digests.
    pub(super) fn all_referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Digest>, StoreError> {
        let path = self.layout.referrers(repository, subject);
        let Some(entries) = existing(fs::read_dir(&path)).attempt("list", &path)? else {
            return Ok(Vec::new());
        };
        let mut digests = Vec::new();
        for entry in entries {
            let name = entry.attempt("list", &path)?.file_name();
            digests.extend(name.to_str().and_then(parse_file_name));
        }
        digests.sort();
        Ok(digests)
    }

    /// Returns the descriptor of one referrer, unless it has just gone.
    pub(super) fn referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        digest: &Digest,
    ) -> Result<Option<Descriptor>, StoreError> {
        let path = self.layout.referrer(repository, subject, digest);
        let Some(bytes) = existing(fs::read(&path)).attempt("read", &path)? else {
            return Ok(None);
        };
        let record = serde_json::from_slice(&bytes).map_err(|_| StoreError::Record { path })?;
        Ok(Some(record))
    }
}

fn checked_digest(reference: &TagOrDigest, bytes: &[u8]) -> Result<Digest, PutManifestError> {
    let TagOrDigest::Digest(expected) = reference else {
        return Ok(Digest::sha256(bytes));
    };
    let actual = Digest::of(expected.algorithm(), bytes);
    if actual == *expected {
        Ok(actual)
    } else {
        Err(PutManifestError::Digest {
            expected: expected.clone(),
            actual,
        })
    }
}

fn agreed_media_type(
    document: &Document,
    header: Option<&MediaType>,
) -> Result<MediaType, PutManifestError> {
    match (header, document.declared_media_type()) {
        (Some(header), Some(body)) if header.essence() != body.essence() => {
            Err(PutManifestError::MediaType {
                header: header.clone(),
                body: body.clone(),
            })
        }
        (_, Some(body)) => Ok(body.clone()),
        (Some(header), None) => Ok(MediaType::from(header.essence())),
        (None, None) => Ok(document.media_type()),
    }
}

fn children(document: &Document) -> impl Iterator<Item = &Descriptor> {
    let (config, rest) = match document {
        Document::Manifest(manifest) => (Some(&manifest.config), &manifest.layers),
        Document::Index(index) => (None, &index.manifests),
    };
    config.into_iter().chain(rest)
}

fn subject_of(document: &Document) -> Option<&Descriptor> {
    match document {
        Document::Manifest(manifest) => manifest.subject.as_ref(),
        Document::Index(index) => index.subject.as_ref(),
    }
}

/// Tells whether a layer may be missing because its licence forbids to push it.
fn is_foreign(layer: &Descriptor) -> bool {
    let media_type = layer.media_type.essence();
    media_type.contains(".layer.nondistributable.") || media_type.contains(".rootfs.foreign.")
}

/// Returns the descriptor by which a manifest is listed among the referrers of its subject.
fn referrer(document: &Document, media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
    let (artifact_type, annotations) = match document {
        Document::Manifest(manifest) => {
            let config_type = manifest.config.media_type.as_str();
            let declared = manifest
                .artifact_type
                .clone()
                .filter(|text| !text.is_empty());
            (
                Some(declared.unwrap_or_else(|| config_type.to_owned())),
                manifest.annotations.clone(),
            )
        }
        Document::Index(index) => (index.artifact_type.clone(), index.annotations.clone()),
    };
    Descriptor {
        artifact_type,
        annotations,
        ..Descriptor::new(media_type, digest, size)
    }
}
