//! Getting one blob into the repositories that need it: there already, mounted, or uploaded.

use std::sync::Arc;

use img_oci::{Descriptor, Repository};
use img_registry::{
    MountOutcome, Position, RegistryError, RepositoryClient, UploadBlobError, UploadSession,
};
use img_store::BlobSource;

use super::{Push, PushError, PushFailure};
use crate::plan::{ImagePlan, PushPlan};
use crate::report::Transfer;
use crate::transfer::BlobTransfer;

/// Repositories a mount is tried from before the bytes are sent.
const MOUNTS: usize = 2;

impl Push<'_> {
    /// Brings a blob to all repositories of a registry, one after the other: the later ones can
    /// mount it from the first.
    pub(super) async fn transfer(
        &self,
        transfer: &BlobTransfer,
        plan: &PushPlan,
    ) -> Result<(), PushError> {
        let mut holders: Vec<&Repository> = Vec::new();
        for destination in &transfer.destinations {
            let mounts = holders.iter().copied().chain(&transfer.mount_from);
            let mounts: Vec<_> = mounts
                .filter(|from| *from != destination)
                .take(MOUNTS)
                .collect();
            let arrived = self.bring(destination, transfer, &mounts).await;
            let how = arrived.map_err(|failure| named(plan, transfer, destination, failure))?;
            self.arrived(&transfer.registry, &transfer.blob, how);
            holders.insert(0, destination);
        }
        Ok(())
    }

    async fn bring(
        &self,
        destination: &Repository,
        transfer: &BlobTransfer,
        mounts: &[&Repository],
    ) -> Result<Transfer, PushFailure> {
        let repository = &self.client.repository(&transfer.registry, destination)?;
        let blob = &transfer.blob;
        if repository.has_blob(blob).await? {
            return Ok(Transfer::Skipped);
        }
        let session = match self.mount(repository, blob, mounts).await? {
            Mount::Done => return Ok(Transfer::Mounted),
            Mount::Session(session) => session,
        };
        self.upload(repository, transfer, session).await?;
        Ok(Transfer::Uploaded)
    }

    /// Tries to mount a blob; a registry may decline, refuse, or claim what is not so.
    async fn mount(
        &self,
        repository: &RepositoryClient,
        blob: &Descriptor,
        mounts: &[&Repository],
    ) -> Result<Mount, PushFailure> {
        for from in mounts {
            match repository.mount_blob(&blob.digest, from).await {
                Ok(MountOutcome::Mounted) if repository.has_blob(blob).await? => {
                    return Ok(Mount::Done);
                }
                Ok(MountOutcome::Declined(session)) => return Ok(Mount::Session(Some(session))),
                Err(error) if error.is_unreachable() => return Err(error.into()),
                // Not so, or no token for the other repository, say: a mount is a favour, and the
                // bytes are sent without it.
                Ok(MountOutcome::Mounted) | Err(_) => {}
            }
        }
        Ok(Mount::Session(None))
    }

    /// Sends a blob's bytes: from its file, or from a registry that its base came from.
    pub(super) async fn upload(
        &self,
        repository: &RepositoryClient,
        transfer: &BlobTransfer,
        mut session: Option<UploadSession>,
    ) -> Result<(), PushFailure> {
        let position = self.position(transfer);
        let sources = self.sources(transfer)?;
        let mut failure = PushFailure::NoSource {
            digest: transfer.blob.digest.clone(),
        };
        for source in sources {
            let session = session.take();
            match repository
                .upload_blob(&transfer.blob, &*source, session, &position)
                .await
            {
                Ok(()) => return Ok(()),
                Err(error @ UploadBlobError::Source { .. }) => failure = error.into(),
                Err(error) => return Err(error.into()),
            }
        }
        Err(failure)
    }

    fn sources(&self, transfer: &BlobTransfer) -> Result<Vec<Box<dyn BlobSource>>, RegistryError> {
        if self.options.files.path(&transfer.blob.digest).is_some() {
            return Ok(vec![Box::new(self.options.files.clone())]);
        }
        let places = transfer.origins.iter().flat_map(|origin| {
            origin
                .registries
                .iter()
                .map(move |registry| (registry, &origin.repository))
        });
        places
            .map(|(registry, repository)| {
                let source = self.client.repository(registry, repository)?;
                Ok(Box::new(source) as Box<dyn BlobSource>)
            })
            .collect()
    }

    fn position(&self, transfer: &BlobTransfer) -> Position {
        let observer = Arc::clone(&self.options.observer);
        let (registry, digest) = (transfer.registry.clone(), transfer.blob.digest.clone());
        Arc::new(move |position| observer.sent(&registry, &digest, position))
    }
}

enum Mount {
    Done,
    Session(Option<UploadSession>),
}

/// Names the image of the plan that the blob belongs to.
fn named(
    plan: &PushPlan,
    transfer: &BlobTransfer,
    destination: &Repository,
    failure: PushFailure,
) -> PushError {
    let belongs = |image: &&ImagePlan| {
        image.registry == transfer.registry
            && image.repository == *destination
            && image
                .manifests
                .iter()
                .any(|manifest| manifest.blobs.contains(&transfer.blob))
    };
    let image = plan.images.iter().find(belongs).map(ImagePlan::name);
    let image = image.unwrap_or_else(|| format!("{}/{destination}", transfer.registry));
    PushError { image, failure }
}
