//! What a push tells: while it runs, and when it is done.

use img_oci::{Descriptor, Digest, RegistryHost, Repository, Tag};

/// How a blob came to be in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// Its bytes were sent.
    Uploaded,
    /// The registry took it over from another repository.
    Mounted,
    /// It was there.
    Skipped,
}

/// Told how a push gets on; everything may be ignored.
pub trait PushObserver: Send + Sync {
    /// A blob has to be in a number of repositories.
    fn planned(&self, blob: &Descriptor, repositories: usize) {
        let _ = (blob, repositories);
    }

    /// Of the blob that is being sent, so many bytes have gone; goes back when it starts anew.
    fn sent(&self, registry: &RegistryHost, digest: &Digest, position: u64) {
        let _ = (registry, digest, position);
    }

    /// A blob is in one more repository of the registry.
    fn arrived(&self, registry: &RegistryHost, blob: &Descriptor, how: Transfer) {
        let _ = (registry, blob, how);
    }
}

/// Ignores all progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct IgnoreProgress;

impl PushObserver for IgnoreProgress {}

/// What a push did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushReport {
    /// The images, in the order of the plan.
    pub images: Vec<PushedImage>,
    /// What happened to the blobs.
    pub blobs: TransferCounts,
}

/// An image that is in its repository now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedImage {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository.
    pub repository: Repository,
    /// Digest of its root.
    pub digest: Digest,
    /// The tags that name it now.
    pub tags: Vec<Tag>,
    /// Whether it was there before.
    pub was_present: bool,
}

impl PushedImage {
    /// Returns its references: by digest, then by each tag.
    pub fn references(&self) -> Vec<String> {
        let place = format!("{}/{}", self.registry, self.repository);
        let by_digest = format!("{place}@{}", self.digest);
        std::iter::once(by_digest)
            .chain(self.tags.iter().map(|tag| format!("{place}:{tag}")))
            .collect()
    }
}

/// Blobs by what happened to them; a blob counts once in each repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferCounts {
    /// Blobs that were sent.
    pub uploaded: u64,
    /// Their bytes.
    pub uploaded_bytes: u64,
    /// Blobs that the registry took over from another repository.
    pub mounted: u64,
    /// Blobs that were there.
    pub skipped: u64,
}

impl TransferCounts {
    /// Counts one blob.
    pub(crate) fn add(&mut self, blob: &Descriptor, how: Transfer) {
        match how {
            Transfer::Uploaded => {
                self.uploaded += 1;
                self.uploaded_bytes = self.uploaded_bytes.saturating_add(blob.size);
            }
            Transfer::Mounted => self.mounted += 1,
            Transfer::Skipped => self.skipped += 1,
        }
    }
}
