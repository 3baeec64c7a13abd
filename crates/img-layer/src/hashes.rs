//! Hashes of files' content: those that came with the inputs, and those that have to be worked out.
//!
//! Only files of one size can be copies of one another. Hashes that came with the inputs, which may
//! be of any algorithm, are used where all files of a size have one; so which files are copies does
//! not depend on where hashes come from.

use std::collections::{BTreeSet, HashMap, HashSet};

use img_oci::Digest;

use crate::attributes::AttributesId;
use crate::content::{Hash, Source, hash_all};
use crate::entries::{EntryId, Origin, PlannedKind};
use crate::error::BuildLayerError;
use crate::input::LayerOptions;
use crate::plan::LayerPlan;

/// The hash of each file of a plan, by its index in the plan's content.
pub(crate) struct Hashes {
    states: Vec<State>,
}

#[derive(Clone, Copy)]
enum State {
    /// Nobody needs it.
    Unneeded,
    /// It is worked out when the file is read.
    Wanted,
    /// It is known.
    Known(Hash),
    /// It is known, and so is that the file is a copy of one before.
    Copy(Hash),
}

impl Hashes {
    /// Returns what is known of files that may be copies; the rest is worked out as they are read.
    pub(crate) fn of_possible_copies(plan: &LayerPlan<'_>, options: &LayerOptions) -> Self {
        let mut hashes = Self::given(plan, options);
        hashes.note_copies(plan);
        hashes
    }

    /// Returns the hashes of all files, which are read for it where they came without one.
    pub(crate) fn of_all(
        plan: &LayerPlan<'_>,
        options: &LayerOptions,
    ) -> Result<Self, BuildLayerError> {
        let mut hashes = Self::given(plan, options);
        let mut missing = Vec::new();
        let mut sources = Vec::new();
        for (index, origin, size) in files(plan) {
            let Origin::Disk(file) = origin else {
                continue;
            };
            if matches!(hashes.states[index], State::Known(_)) {
                continue;
            }
            if let Some(hash) = options
                .given_hash(file)
                .filter(|_| !hashes.is_wanted(index))
            {
                hashes.states[index] = State::Known(hash);
                continue;
            }
            missing.push(index);
            sources.push(Source {
                file,
                size,
                hashed: true,
                wanted: false,
            });
        }
        for (index, hash) in missing.into_iter().zip(hash_all(&sources)) {
            let hash = hash.map_err(|error| plan.read_error(plan.content[index], error))?;
            hashes.states[index] = State::Known(hash);
        }
        hashes.note_copies(plan);
        Ok(hashes)
    }

    /// Returns the hash of the file at this index of the plan's content, if it is known.
    pub(crate) fn get(&self, index: usize) -> Option<&Hash> {
        match &self.states[index] {
            State::Known(hash) | State::Copy(hash) => Some(hash),
            State::Unneeded | State::Wanted => None,
        }
    }

    /// Returns digest and size of all content, each once and sorted, of hashes that are SHA-256.
    pub(crate) fn inventory(&self, plan: &LayerPlan<'_>) -> Vec<(Digest, u64)> {
        let content: BTreeSet<(Hash, u64)> = files(plan)
            .filter_map(|(index, _, size)| Some((*self.get(index)?, size)))
            .collect();
        let digest = |(hash, size)| (Digest::from_sha256(hash), size);
        content.into_iter().map(digest).collect()
    }

    /// Tells whether the hash has to be worked out when the file is read.
    pub(crate) fn is_wanted(&self, index: usize) -> bool {
        matches!(self.states[index], State::Wanted)
    }

    /// Tells whether the file is known to be a copy of one before.
    pub(crate) fn is_copy(&self, index: usize) -> bool {
        matches!(self.states[index], State::Copy(_))
    }

    /// Returns the hashes that came with the inputs, for the files that may be copies.
    fn given(plan: &LayerPlan<'_>, options: &LayerOptions) -> Self {
        let shared_sizes = shared_sizes(plan);
        let mut states = vec![State::Unneeded; plan.content.len()];
        // Sizes of which some hash has to be worked out: with SHA-256, as for entries of archives.
        let mut own = HashSet::new();
        for (index, origin, size) in files(plan) {
            match origin {
                Origin::Member { hash, .. } => {
                    states[index] = State::Known(*hash);
                    own.insert(size);
                }
                Origin::Disk(file) if shared_sizes.contains(&size) => {
                    let given = options.given_hash(file);
                    states[index] = given.map_or(State::Wanted, State::Known);
                    if given.is_none() {
                        own.insert(size);
                    }
                }
                Origin::Disk(_) => {}
            }
        }
        for (index, origin, size) in files(plan) {
            let is_shared = shared_sizes.contains(&size) && own.contains(&size);
            if is_shared && matches!(origin, Origin::Disk(_)) {
                states[index] = State::Wanted;
            }
        }
        Self { states }
    }

    /// Notes the files whose hash and attributes one before has.
    fn note_copies(&mut self, plan: &LayerPlan<'_>) {
        let mut first: HashMap<(Hash, AttributesId), usize> = HashMap::new();
        for (index, ..) in files(plan).filter(|(.., size)| *size > 0) {
            let State::Known(hash) = self.states[index] else {
                continue;
            };
            let attributes = plan.entries.get(plan.content[index]).attributes;
            if *first.entry((hash, attributes)).or_insert(index) != index {
                self.states[index] = State::Copy(hash);
            }
        }
    }
}

/// Returns index, origin and size of each file.
fn files<'p>(plan: &'p LayerPlan<'_>) -> impl Iterator<Item = (usize, &'p Origin<'p>, u64)> {
    let file = |(index, id): (usize, &EntryId)| match &plan.entries.get(*id).kind {
        PlannedKind::File(origin, size) => Some((index, origin, *size)),
        PlannedKind::Directory | PlannedKind::Symlink(_) | PlannedKind::Special(_) => None,
    };
    plan.content.iter().enumerate().filter_map(file)
}

/// Returns the sizes that two or more files have, empty ones aside.
fn shared_sizes(plan: &LayerPlan<'_>) -> HashSet<u64> {
    let (mut seen, mut shared) = (HashSet::new(), HashSet::new());
    for (.., size) in files(plan).filter(|(.., size)| *size > 0) {
        if !seen.insert(size) {
            shared.insert(size);
        }
    }
    shared
}
