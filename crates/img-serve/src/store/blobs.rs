//! Which blobs belong to a repository.

use img_oci::{Digest, Repository};

use super::error::{Attempt as _, StoreError};
use super::{In, Store, durable};

impl Store {
    /// Returns the size of a repository's blob as far as it is remembered; does not block.
    pub(crate) fn remembered_blob_size(&self, blob: &In<Digest>) -> Option<u64> {
        self.blob_sizes.find(blob)
    }

    /// Returns the size of a blob, if it belongs to the repository.
    pub(crate) fn blob_size(&self, blob: &In<Digest>) -> Result<Option<u64>, StoreError> {
        if let Some(size) = self.blob_sizes.find(blob) {
            return Ok(Some(size));
        }
        let ticket = self.blob_sizes.ticket(blob);
        let link = self.layout.blob_link(&blob.0, &blob.1);
        if !link.try_exists().attempt("look for", &link)? {
            return Ok(None);
        }
        let size = self.content_size(&blob.1)?;
        if let Some(size) = size {
            self.blob_sizes.fill(&ticket, blob.clone(), size, 1);
        }
        Ok(size)
    }

    /// Makes a stored blob belong to the repository, and tells whether it is still stored.
    pub(super) fn link_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, StoreError> {
        self.prepare_repository(repository)?;
        durable::touch(&self.layout.blob_link(repository, digest))?;
        let key = (repository.clone(), digest.clone());
        // Content that is moved aside is forgotten after this, or was gone before.
        let _change = self.lock_content(digest);
        let size = self.content_size(digest)?;
        match size {
            Some(size) => self.blob_sizes.set(key, size, 1),
            None => self.blob_sizes.remove(&key),
        }
        Ok(size.is_some())
    }

    /// Makes a blob of another repository belong to this one, and tells whether there was one.
    pub(crate) fn mount_blob(
        &self,
        from: &Repository,
        to: &Repository,
        digest: &Digest,
    ) -> Result<bool, StoreError> {
        if self.blob_size(&(from.clone(), digest.clone()))?.is_none() {
            return Ok(false);
        }
        let _writer = self.lock_repository(to);
        self.link_blob(to, digest)
    }

    /// Takes a blob out of the repository and tells whether it was there.
    pub(crate) fn delete_blob(&self, blob: &In<Digest>) -> Result<bool, StoreError> {
        let _writer = self.lock_repository(&blob.0);
        let known = self.blob_size(blob)?.is_some();
        let removed = durable::remove(&self.layout.blob_link(&blob.0, &blob.1));
        self.blob_sizes.remove(blob);
        Ok(removed? && known)
    }

    /// Forgets a remembered blob whose content was found missing.
    pub(crate) fn forget_blob(&self, blob: &In<Digest>) {
        self.blob_sizes.remove(blob);
    }
}
