//! Which blobs have to travel: each once to a registry, from there to its other repositories.

use std::collections::{BTreeMap, BTreeSet};

use img_oci::{Descriptor, Digest, RegistryHost, Repository};

use crate::plan::{ImagePlan, ManifestPlan, Origin};

/// One blob on its way to the repositories of one registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlobTransfer {
    /// The registry.
    pub registry: RegistryHost,
    /// The blob.
    pub blob: Descriptor,
    /// The repositories that need it, in the order of the plan.
    pub destinations: Vec<Repository>,
    /// Repositories of the registry that should have it from the start.
    pub mount_from: Vec<Repository>,
    /// Where it can be had if it is not on this machine.
    pub origins: Vec<Origin>,
}

/// Returns the transfers of the manifests that are not in place, largest blob first in each
/// registry, so that no large one is left for the end.
pub(crate) fn transfers<'a>(
    needed: impl IntoIterator<Item = (&'a ImagePlan, &'a ManifestPlan)>,
) -> Vec<BlobTransfer> {
    let mut order = Vec::new();
    let mut found: BTreeMap<(RegistryHost, Digest), BlobTransfer> = BTreeMap::new();
    for (image, manifest) in needed {
        for blob in &manifest.blobs {
            let key = (image.registry.clone(), blob.digest.clone());
            let transfer = found.entry(key.clone()).or_insert_with(|| {
                order.push(key);
                BlobTransfer::new(&image.registry, blob)
            });
            transfer.add(image);
        }
    }
    let mut transfers: Vec<_> = order.iter().filter_map(|key| found.remove(key)).collect();
    transfers.sort_by_key(|transfer| std::cmp::Reverse(transfer.blob.size));
    transfers
}

impl BlobTransfer {
    fn new(registry: &RegistryHost, blob: &Descriptor) -> Self {
        Self {
            registry: registry.clone(),
            blob: blob.clone(),
            destinations: Vec::new(),
            mount_from: Vec::new(),
            origins: Vec::new(),
        }
    }

    fn add(&mut self, image: &ImagePlan) {
        push_new(&mut self.destinations, &image.repository);
        let Some(origin) = &image.origin else { return };
        push_new(&mut self.origins, origin);
        if origin.registries.contains(&self.registry) {
            push_new(&mut self.mount_from, &origin.repository);
        }
    }
}

fn push_new<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
    }
}

/// Returns the distinct blobs of an image.
pub(crate) fn blobs_of(image: &ImagePlan) -> Vec<&Descriptor> {
    let mut seen = BTreeSet::new();
    let blobs = image.manifests.iter().flat_map(|manifest| &manifest.blobs);
    blobs.filter(|blob| seen.insert(&blob.digest)).collect()
}
