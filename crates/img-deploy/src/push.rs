//! The executor of a push plan: probe, blobs, manifests, indexes, tags, in this order.

mod blobs;
mod error;
mod manifests;

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use img_oci::{Descriptor, Digest, RegistryHost, Tag, TagOrDigest};
use img_registry::{RegistryClient, RegistryError, RepositoryClient};
use img_store::FileSource;
use img_wire::RootKind;

use crate::plan::{ImagePlan, ManifestPlan, PushPlan};
use crate::report::{PushObserver, PushReport, PushedImage, Transfer, TransferCounts};
use crate::transfer::{blobs_of, transfers};
pub use error::{PushError, PushFailure};

/// What a push works with.
pub struct PushOptions {
    /// Things done at the same time.
    pub jobs: usize,
    /// The files of manifests and blobs.
    pub files: FileSource,
    /// Who is told how it gets on.
    pub observer: Arc<dyn PushObserver>,
}

/// Carries out a plan.
///
/// Returns early at the first failure; sessions of uploads that were under way are deleted then.
/// A caller that drops the future in mid-flight does so with [`RegistryClient::abandon_uploads`].
pub async fn push(
    client: &RegistryClient,
    plan: &PushPlan,
    options: &PushOptions,
) -> Result<PushReport, PushError> {
    let push = Push {
        client,
        options,
        counts: Mutex::default(),
    };
    let result = push.run(plan).await;
    if result.is_err() {
        client.abandon_uploads().await;
    }
    result
}

struct Push<'a> {
    client: &'a RegistryClient,
    options: &'a PushOptions,
    counts: Mutex<TransferCounts>,
}

/// What a repository has of an image already.
struct Probe<'a> {
    image: &'a ImagePlan,
    /// Whether the root is there, and so everything under it.
    present: bool,
    /// Manifests that are not there.
    absent: Vec<&'a ManifestPlan>,
    /// Tags that name something else, or nothing.
    tags: Vec<&'a Tag>,
}

impl Push<'_> {
    async fn run(&self, plan: &PushPlan) -> Result<PushReport, PushError> {
        let probes = self.each(&plan.images, |image| self.probe(image)).await?;
        let needed = probes
            .iter()
            .flat_map(|probe| probe.absent.iter().map(|manifest| (probe.image, *manifest)));
        let transfers = transfers(needed);
        for transfer in &transfers {
            self.options
                .observer
                .planned(&transfer.blob, transfer.destinations.len());
        }
        self.each(&transfers, |transfer| self.transfer(transfer, plan))
            .await?;
        self.each(&probes, |probe| self.put_documents(probe))
            .await?;
        self.each(&probes, |probe| self.put_tags(probe)).await?;
        Ok(self.report(&probes))
    }

    /// Runs a step for each item, a number of them at once; returns results in order.
    async fn each<'i, I, T, F>(
        &self,
        items: &'i [I],
        step: impl Fn(&'i I) -> F,
    ) -> Result<Vec<T>, PushError>
    where
        F: Future<Output = Result<T, PushError>>,
    {
        let steps = items.iter().map(step);
        stream::iter(steps)
            .buffered(self.options.jobs.max(1))
            .try_collect()
            .await
    }

    fn repository(&self, image: &ImagePlan) -> Result<RepositoryClient, RegistryError> {
        self.client.repository(&image.registry, &image.repository)
    }

    /// Finds out what is missing: by one request for each tag; one for the root, unless a tag names
    /// it; and one for each manifest of an index that is not there.
    async fn probe<'i>(&self, image: &'i ImagePlan) -> Result<Probe<'i>, PushError> {
        let repository = self
            .repository(image)
            .map_err(|error| PushError::of(image, error))?;
        let found = |selector: TagOrDigest| {
            let repository = repository.clone();
            async move {
                repository
                    .resolve(&selector)
                    .await
                    .map_err(|error| PushError::of(image, error))
            }
        };
        let mut tags = Vec::new();
        for tag in &image.tags {
            if found(TagOrDigest::Tag(tag.clone())).await?.as_ref() != Some(&image.root.digest) {
                tags.push(tag);
            }
        }
        let root = &image.root.digest;
        // A tag that names the root proves that the root is there.
        let present = tags.len() < image.tags.len()
            || found(TagOrDigest::Digest(root.clone())).await?.as_ref() == Some(root);
        let mut absent = Vec::new();
        if !present && image.root_kind == RootKind::Manifest {
            absent.extend(&image.manifests);
        } else if !present {
            for manifest in &image.manifests {
                let digest = &manifest.descriptor.digest;
                if found(TagOrDigest::Digest(digest.clone())).await?.as_ref() != Some(digest) {
                    absent.push(manifest);
                }
            }
        }
        self.count_skipped(image, present);
        Ok(Probe {
            image,
            present,
            absent,
            tags,
        })
    }

    fn count_skipped(&self, image: &ImagePlan, present: bool) {
        for blob in blobs_of(image).into_iter().filter(|_| present) {
            self.count(blob, Transfer::Skipped);
        }
    }

    fn count(&self, blob: &Descriptor, how: Transfer) {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(blob, how);
    }

    fn arrived(&self, registry: &RegistryHost, blob: &Descriptor, how: Transfer) {
        self.count(blob, how);
        self.options.observer.arrived(registry, blob, how);
    }

    fn report(&self, probes: &[Probe<'_>]) -> PushReport {
        let images = probes.iter().map(|probe| PushedImage {
            registry: probe.image.registry.clone(),
            repository: probe.image.repository.clone(),
            digest: probe.image.root.digest.clone(),
            tags: probe.image.tags.clone(),
            was_present: probe.present,
        });
        let blobs = *self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        PushReport {
            images: images.collect(),
            blobs,
        }
    }
}

/// Returns the selector of a digest.
fn by_digest(digest: &Digest) -> TagOrDigest {
    TagOrDigest::Digest(digest.clone())
}
