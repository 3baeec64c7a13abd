//! Where things stand under the root. Paths are made from parsed names and digests only.
//!
//! ```text
//! lock                                      held while a server runs
//! blobs/<algorithm>/<2 digits>/<hex>        content, checked before it got this name
//! uploads/<id>                              unfinished uploads, removed at start
//! tmp/                                      files about to be renamed, removed at start
//! quarantine/                               content that rotted
//! repositories/<name>/_blobs/<alg>-<hex>      the blob belongs to the repository
//! repositories/<name>/_manifests/<alg>-<hex>  media type of the manifest
//! repositories/<name>/_tags/<tag>             digest of the manifest
//! repositories/<name>/_referrers/<subject>/<alg>-<hex>  descriptor of the referrer
//! ```
//!
//! A component of a repository's name never begins with `_`, so nested names do not collide.

use std::path::{Path, PathBuf};

use img_oci::{Digest, Repository, Tag};

/// The paths below one root.
#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(crate) fn contents(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn content(&self, digest: &Digest) -> PathBuf {
        let mut path = self.contents();
        path.push(digest.algorithm().name());
        path.push(&digest.hex()[..2]);
        path.push(digest.hex());
        path
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    pub(crate) fn repositories(&self) -> PathBuf {
        self.root.join("repositories")
    }

    pub(crate) fn repository(&self, repository: &Repository) -> PathBuf {
        let mut path = self.repositories();
        path.push(repository.as_str());
        path
    }

    pub(crate) fn blob_links(&self, repository: &Repository) -> PathBuf {
        self.repository(repository).join("_blobs")
    }

    pub(crate) fn blob_link(&self, repository: &Repository, digest: &Digest) -> PathBuf {
        self.blob_links(repository).join(file_name(digest))
    }

    pub(crate) fn manifest_links(&self, repository: &Repository) -> PathBuf {
        self.repository(repository).join("_manifests")
    }

    pub(crate) fn manifest_link(&self, repository: &Repository, digest: &Digest) -> PathBuf {
        self.manifest_links(repository).join(file_name(digest))
    }

    pub(crate) fn tags(&self, repository: &Repository) -> PathBuf {
        self.repository(repository).join("_tags")
    }

    pub(crate) fn tag(&self, repository: &Repository, tag: &Tag) -> PathBuf {
        self.tags(repository).join(tag.as_str())
    }

    pub(crate) fn all_referrers(&self, repository: &Repository) -> PathBuf {
        self.repository(repository).join("_referrers")
    }

    pub(crate) fn referrers(&self, repository: &Repository, subject: &Digest) -> PathBuf {
        self.all_referrers(repository).join(file_name(subject))
    }

    pub(crate) fn referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        digest: &Digest,
    ) -> PathBuf {
        self.referrers(repository, subject).join(file_name(digest))
    }
}

/// Returns the digest as a file name.
pub(crate) fn file_name(digest: &Digest) -> String {
    format!("{}-{}", digest.algorithm().name(), digest.hex())
}

/// Reads a digest back from its file name.
pub(crate) fn parse_file_name(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.split_once('-')?;
    Digest::new(algorithm.parse().ok()?, hex).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_as_a_file_name() {
        let digest = Digest::sha256(b"x");
        assert_eq!(parse_file_name(&file_name(&digest)), Some(digest));
        assert_eq!(parse_file_name("sha256-../x"), None);
        assert_eq!(parse_file_name("x"), None);
    }
}
