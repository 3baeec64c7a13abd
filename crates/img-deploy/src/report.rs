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
    fn sent(&self, digest: &Digest, position: u64) {
        let _ = (digest, position);
    }

    /// A blob is in one more repository.
    fn arrived(&self, blob: &Descriptor, how: Transfer) {
        let _ = (blob, how);
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
    /// Bytes of its distinct blobs.
    pub size: u64,
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

/// Blobs and their bytes, by what happened to them; a blob counts once in each repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferCounts {
    /// Blobs that were sent.
    pub uploaded: u64,
    /// Their bytes.
    pub uploaded_bytes: u64,
    /// Blobs that the registry took over from another repository.
    pub mounted: u64,
    /// Their bytes.
    pub mounted_bytes: u64,
    /// Blobs that were there.
    pub skipped: u64,
    /// Their bytes.
    pub skipped_bytes: u64,
}

impl TransferCounts {
    /// Counts one blob.
    pub(crate) fn add(&mut self, blob: &Descriptor, how: Transfer) {
        let (blobs, bytes) = match how {
            Transfer::Uploaded => (&mut self.uploaded, &mut self.uploaded_bytes),
            Transfer::Mounted => (&mut self.mounted, &mut self.mounted_bytes),
            Transfer::Skipped => (&mut self.skipped, &mut self.skipped_bytes),
        };
        *blobs += 1;
        *bytes = bytes.saturating_add(blob.size);
    }
}
