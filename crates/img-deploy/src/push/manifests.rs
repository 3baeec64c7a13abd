//! Putting manifests, then the index, then tags, each looked at before the next depends on it.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use img_oci::{Descriptor, Digest, TagOrDigest};
use img_registry::{PutManifestError, RepositoryClient};
use img_store::{BlobSource as _, ReadBlobError, verified};
use img_wire::RootKind;

use super::{Probe, Push, PushError, PushFailure, by_digest};
use crate::plan::{ImagePlan, ManifestPlan};
use crate::transfer::transfers;

impl Push<'_> {
    /// Puts what is absent of an image by digest: manifests, then the index.
    pub(super) async fn put_documents(&self, probe: &Probe<'_>) -> Result<(), PushError> {
        let image = probe.image;
        let failed = |failure| PushError {
            image: image.name(),
            failure,
        };
        for manifest in &probe.absent {
            self.put_document(image, &manifest.descriptor)
                .await
                .map_err(failed)?;
        }
        if !probe.present && image.root_kind == RootKind::Index {
            self.put_document(image, &image.root)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }

    async fn put_document(
        &self,
        image: &ImagePlan,
        document: &Descriptor,
    ) -> Result<(), PushFailure> {
        let repository = self.repository(image)?;
        let bytes = self.read(document).await?;
        let selector = by_digest(&document.digest);
        match repository.put_manifest(&selector, document, &bytes).await {
            Err(PutManifestError::BlobsUnknown { blobs, .. }) => {
                // The registry showed blobs that it does not have: bring them once more.
                self.restore(image, document, &blobs).await?;
                repository.put_manifest(&selector, document, &bytes).await?;
            }
            other => other?,
        }
        self.confirm(&repository, &document.digest).await
    }

    /// Uploads again what the registry misses under a document; all of it if it does not say what.
    async fn restore(
        &self,
        image: &ImagePlan,
        document: &Descriptor,
        missing: &[Digest],
    ) -> Result<(), PushFailure> {
        let is_missing = |digest: &Digest| missing.is_empty() || missing.contains(digest);
        let repository = self.repository(image)?;
        for manifest in &image.manifests {
            let below = manifest.descriptor.digest == document.digest;
            if below {
                self.restore_blobs(image, manifest, &is_missing).await?;
            } else if image.root.digest == document.digest
                && is_missing(&manifest.descriptor.digest)
            {
                self.restore_blobs(image, manifest, &|_| true).await?;
                let bytes = self.read(&manifest.descriptor).await?;
                let selector = by_digest(&manifest.descriptor.digest);
                repository
                    .put_manifest(&selector, &manifest.descriptor, &bytes)
                    .await?;
            }
        }
        Ok(())
    }

    async fn restore_blobs(
        &self,
        image: &ImagePlan,
        manifest: &ManifestPlan,
        is_missing: &dyn Fn(&Digest) -> bool,
    ) -> Result<(), PushFailure> {
        let repository = self.repository(image)?;
        for transfer in transfers([(image, manifest)]) {
            if is_missing(&transfer.blob.digest) {
                self.upload(&repository, &transfer, None).await?;
            }
        }
        Ok(())
    }

    /// Puts the tags that do not name the image yet.
    pub(super) async fn put_tags(&self, probe: &Probe<'_>) -> Result<(), PushError> {
        let image = probe.image;
        if probe.tags.is_empty() {
            return Ok(());
        }
        let bytes = self
            .read(&image.root)
            .await
            .map_err(|error| PushError::of(image, error))?;
        let repository = self
            .repository(image)
            .map_err(|error| PushError::of(image, error))?;
        for tag in &probe.tags {
            let selector = TagOrDigest::Tag((*tag).clone());
            let put = repository
                .put_manifest(&selector, &image.root, &bytes)
                .await;
            put.map_err(|source| {
                let (place, digest) = (image.place(), image.root.digest.clone());
                PushError::of(
                    image,
                    PushFailure::Tag {
                        place,
                        digest,
                        tag: (*tag).clone(),
                        source,
                    },
                )
            })?;
        }
        Ok(())
    }

    async fn confirm(
        &self,
        repository: &RepositoryClient,
        digest: &Digest,
    ) -> Result<(), PushFailure> {
        match repository.resolve(&by_digest(digest)).await? {
            Some(found) if found == *digest => Ok(()),
            _ => Err(PushFailure::Vanished {
                place: repository.to_string(),
                digest: digest.clone(),
            }),
        }
    }

    /// Reads a document from its file, verified.
    async fn read(&self, document: &Descriptor) -> Result<Bytes, ReadBlobError> {
        let files = &self.options.files;
        let stream = verified(
            files.open(document).await?,
            document,
            &files.place(document),
        );
        let pieces: Vec<Bytes> = stream.try_collect().await?;
        Ok(pieces.concat().into())
    }
}
