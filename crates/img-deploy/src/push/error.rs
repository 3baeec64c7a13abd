//! How a push fails.

use img_oci::{Digest, Tag};
use img_registry::{FetchManifestError, PutManifestError, RegistryError, UploadBlobError};
use img_store::ReadBlobError;
use thiserror::Error;

use crate::plan::ImagePlan;

/// A push that failed, with the image it was about.
#[derive(Debug, Error)]
#[error("cannot push `{image}`")]
pub struct PushError {
    /// The image as the user calls it.
    pub image: String,
    /// What went wrong.
    #[source]
    pub failure: PushFailure,
}

/// What went wrong in a push.
#[derive(Debug, Error)]
pub enum PushFailure {
    /// A question was not answered.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A blob did not arrive.
    #[error(transparent)]
    Upload(#[from] UploadBlobError),
    /// A manifest did not arrive.
    #[error(transparent)]
    Manifest(#[from] PutManifestError),
    /// A manifest could not be read back.
    #[error(transparent)]
    Fetch(#[from] FetchManifestError),
    /// A manifest could not be read from its file.
    #[error("cannot read a manifest of the image")]
    Read(#[from] ReadBlobError),
    /// A blob is neither here nor can it be had elsewhere.
    #[error(
        "blob {digest} is not among the files of this deployment, and its base is from no registry that is known"
    )]
    NoSource {
        /// The blob.
        digest: Digest,
    },
    /// The registry accepted a manifest, and does not have it.
    #[error("{place} accepted manifest {digest}, but does not show it")]
    Vanished {
        /// Registry and repository.
        place: String,
        /// The manifest.
        digest: Digest,
    },
    /// The image is there, the tag is not.
    #[error("the image is there as {place}@{digest}, but tag {tag} was not set")]
    Tag {
        /// Registry and repository.
        place: String,
        /// The image.
        digest: Digest,
        /// The tag.
        tag: Tag,
        /// Why.
        source: PutManifestError,
    },
}

impl PushError {
    pub(crate) fn of(image: &ImagePlan, failure: impl Into<PushFailure>) -> Self {
        Self {
            image: image.name(),
            failure: failure.into(),
        }
    }

    /// Returns what the user can do.
    pub fn hint(&self) -> Option<String> {
        match &self.failure {
            PushFailure::Registry(error) => error.hint(),
            PushFailure::Upload(error) => error.hint(),
            PushFailure::Manifest(error) | PushFailure::Tag { source: error, .. } => error.hint(),
            PushFailure::Fetch(error) => error.hint(),
            PushFailure::Vanished { .. } => {
                Some("look at the registry's log: it loses what it is sent".to_owned())
            }
            PushFailure::Read(_) | PushFailure::NoSource { .. } => {
                Some("build the image again, so that all its files are there".to_owned())
            }
        }
    }
}
