//! What to push where, worked out from the deploy manifest alone.

use std::collections::{BTreeMap, BTreeSet};

use img_oci::{Descriptor, Digest, ParseReferenceError, RegistryHost, Repository, Tag};
use img_wire::{
    BlobDescriptor, Command, DeployManifest, ManifestEntry, Operation, RootKind, Strategy,
};
use thiserror::Error;

use crate::Overrides;

/// All pushes of a deployment, in the order of its operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushPlan {
    /// The images.
    pub(crate) images: Vec<ImagePlan>,
}

/// One image on its way to one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImagePlan {
    /// Where to.
    pub registry: RegistryHost,
    /// Where to in the registry.
    pub repository: Repository,
    /// The index, or the only manifest.
    pub root: Descriptor,
    /// What the root is.
    pub root_kind: RootKind,
    /// The manifests; the root itself if it is one.
    pub manifests: Vec<ManifestPlan>,
    /// The tags, sorted.
    pub tags: Vec<Tag>,
    /// Where the base came from.
    pub origin: Option<Origin>,
}

/// A manifest and the blobs under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestPlan {
    /// The manifest.
    pub descriptor: Descriptor,
    /// Its config and its layers.
    pub blobs: Vec<Descriptor>,
}

/// Where blobs of a base can be had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// Registries that have them, best first.
    pub registries: Vec<RegistryHost>,
    /// The repository in these registries.
    pub repository: Repository,
}

/// Why a deploy manifest cannot be carried out.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The operation is not a push.
    #[error("operation {operation} loads an image, which is not supported yet")]
    Load {
        /// Number of the operation, from 0.
        operation: usize,
    },
    /// The strategy needs what is not there.
    #[error(
        "push strategy {strategy} is not supported yet, expected {}",
        Strategy::Eager
    )]
    Strategy {
        /// The strategy.
        strategy: Strategy,
    },
    /// There is nothing to do.
    #[error("the deploy manifest has no operations")]
    Empty,
    /// A name is outside its grammar.
    #[error("operation {operation}: {field} cannot be used")]
    Reference {
        /// Number of the operation, from 0.
        operation: usize,
        /// Which part of the reference.
        field: &'static str,
        /// What is wrong with it.
        source: ParseReferenceError,
    },
    /// Root and manifests do not belong together.
    #[error(
        "operation {operation}: root {root} is a manifest, and not the only one of the operation"
    )]
    Root {
        /// Number of the operation, from 0.
        operation: usize,
        /// The root.
        root: Digest,
    },
    /// Two descriptors contradict each other.
    #[error("blob {digest} has {first} bytes in one descriptor and {second} in another")]
    Size {
        /// The blob.
        digest: Digest,
        /// Size in the first descriptor.
        first: u64,
        /// Size in another one.
        second: u64,
    },
    /// One tag would name two images.
    #[error("tag {tag} of {place} is to be set to two images: {first} and {second}")]
    Tag {
        /// The tag.
        tag: Tag,
        /// Registry and repository.
        place: String,
        /// One image.
        first: Digest,
        /// The other image.
        second: Digest,
    },
}

impl PushPlan {
    /// Returns the plan of a deploy manifest.
    pub fn new(manifest: &DeployManifest, overrides: &Overrides) -> Result<Self, PlanError> {
        check_strategy(manifest.settings.push_strategy)?;
        let operations = manifest.operations.iter().enumerate();
        let images: Vec<_> = operations
            .map(|(number, operation)| ImagePlan::new(number, operation, overrides))
            .collect::<Result<_, _>>()?;
        if images.is_empty() {
            return Err(PlanError::Empty);
        }
        check_sizes(&images)?;
        check_tags(&images)?;
        Ok(Self { images })
    }
}

impl ImagePlan {
    fn new(number: usize, operation: &Operation, overrides: &Overrides) -> Result<Self, PlanError> {
        if operation.command == Command::Load {
            return Err(PlanError::Load { operation: number });
        }
        let root = descriptor(&operation.root);
        let manifests: Vec<_> = operation.manifests.iter().map(ManifestPlan::new).collect();
        let is_root = |manifests: &[ManifestPlan]| matches!(manifests, [only] if only.descriptor.digest == root.digest);
        if operation.root_kind == RootKind::Manifest && !is_root(&manifests) {
            return Err(PlanError::Root {
                operation: number,
                root: root.digest,
            });
        }
        let names = Names { number, operation };
        Ok(Self {
            registry: match &overrides.registry {
                Some(registry) => registry.clone(),
                None => names.registry()?,
            },
            repository: match &overrides.repository {
                Some(repository) => repository.clone(),
                None => names.repository()?,
            },
            root,
            root_kind: operation.root_kind,
            manifests,
            tags: names.tags(&overrides.tags)?,
            origin: names.origin()?,
        })
    }

    /// Returns `registry/repository`.
    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Returns how a user calls the image: by its first tag, else by its digest.
    pub(crate) fn name(&self) -> String {
        match self.tags.first() {
            Some(tag) => format!("{}:{tag}", self.place()),
            None => format!("{}@{}", self.place(), self.root.digest),
        }
    }
}

impl ManifestPlan {
    fn new(entry: &ManifestEntry) -> Self {
        let blobs = std::iter::once(&entry.config).chain(&entry.layer_blobs);
        Self {
            descriptor: descriptor(&entry.descriptor),
            blobs: blobs.map(descriptor).collect(),
        }
    }
}

/// The names in an operation, parsed.
struct Names<'a> {
    number: usize,
    operation: &'a Operation,
}

impl Names<'_> {
    fn registry(&self) -> Result<RegistryHost, PlanError> {
        self.parsed("registry", &self.operation.registry)
    }

    fn repository(&self) -> Result<Repository, PlanError> {
        self.parsed("repository", &self.operation.repository)
    }

    fn tags(&self, more: &[Tag]) -> Result<Vec<Tag>, PlanError> {
        let own = self
            .operation
            .tags
            .iter()
            .map(|tag| self.parsed("tag", tag));
        let all: BTreeSet<Tag> = own
            .chain(more.iter().cloned().map(Ok))
            .collect::<Result<_, _>>()?;
        Ok(all.into_iter().collect())
    }

    fn origin(&self) -> Result<Option<Origin>, PlanError> {
        let Operation {
            original_registries,
            original_repository,
            ..
        } = self.operation;
        if original_registries.is_empty() || original_repository.is_empty() {
            return Ok(None);
        }
        let registries = original_registries.iter();
        Ok(Some(Origin {
            registries: registries
                .map(|registry| self.parsed("original registry", registry))
                .collect::<Result<_, _>>()?,
            repository: self.parsed("original repository", original_repository)?,
        }))
    }

    fn parsed<T>(&self, field: &'static str, text: &str) -> Result<T, PlanError>
    where
        T: std::str::FromStr<Err = ParseReferenceError>,
    {
        let operation = self.number;
        text.parse().map_err(|source| PlanError::Reference {
            operation,
            field,
            source,
        })
    }
}

fn descriptor(blob: &BlobDescriptor) -> Descriptor {
    Descriptor::new(blob.media_type.clone(), blob.digest.clone(), blob.size)
}

fn check_strategy(strategy: Option<Strategy>) -> Result<(), PlanError> {
    match strategy {
        None | Some(Strategy::Eager) => Ok(()),
        Some(strategy) => Err(PlanError::Strategy { strategy }),
    }
}

fn check_sizes(images: &[ImagePlan]) -> Result<(), PlanError> {
    let mut sizes = BTreeMap::new();
    let manifests = images.iter().flat_map(|image| &image.manifests);
    for blob in manifests.flat_map(|manifest| &manifest.blobs) {
        let first = *sizes.entry(&blob.digest).or_insert(blob.size);
        if first != blob.size {
            let digest = blob.digest.clone();
            return Err(PlanError::Size {
                digest,
                first,
                second: blob.size,
            });
        }
    }
    Ok(())
}

fn check_tags(images: &[ImagePlan]) -> Result<(), PlanError> {
    let mut targets = BTreeMap::new();
    for image in images {
        for tag in &image.tags {
            let key = (&image.registry, &image.repository, tag);
            let first: &mut &Digest = targets.entry(key).or_insert(&image.root.digest);
            if **first != image.root.digest {
                return Err(PlanError::Tag {
                    tag: tag.clone(),
                    place: image.place(),
                    first: (*first).clone(),
                    second: image.root.digest.clone(),
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
