//! What stands at each path of the layer: every path once, every parent a directory.

use std::borrow::Cow;
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;

use img_compress::stargz::is_reserved;
use img_oci::{Algorithm, Digest, Hasher};
use img_tar::EntryKind;

use crate::attributes::AttributesId;
use crate::content::Hash;
use crate::error::{BuildLayerError, shown};
use crate::path::{LONGEST_PATH, TOO_LONG, on_disk, parent};

/// An entry of the layer and its attributes.
#[derive(Clone, Debug)]
pub(crate) struct Planned<'a> {
    pub(crate) path: Cow<'a, [u8]>,
    pub(crate) attributes: AttributesId,
    pub(crate) kind: PlannedKind<'a>,
}

/// What an entry is, and where its content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlannedKind<'a> {
    /// Where a file's content is, and its size in bytes.
    File(Origin<'a>, u64),
    /// The root of a tree, or an empty directory in one.
    Directory,
    /// A symlink with this text.
    Symlink(Cow<'a, [u8]>),
    /// A device or FIFO.
    Special(EntryKind),
}

/// Where the content of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    /// In a file on disk.
    Disk(Cow<'a, [u8]>),
    /// In an entry of an archive.
    Member {
        /// Number of the archive.
        archive: usize,
        /// Number of the entry in it.
        member: usize,
        /// SHA-256 of the content.
        hash: Hash,
    },
}

impl PlannedKind<'_> {
    /// Returns the path on disk of a file's content, if it is a file of its own.
    pub(crate) fn source(&self) -> &[u8] {
        match self {
            Self::File(Origin::Disk(source), _) => source,
            Self::File(..) | Self::Directory | Self::Symlink(_) | Self::Special(_) => b"",
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::File(Origin::Disk(source), _) => {
                format!("the file {}", on_disk(source).display())
            }
            Self::File(..) => "a file of an archive".to_owned(),
            Self::Directory => "a directory".to_owned(),
            Self::Special(_) => "a device or FIFO".to_owned(),
            Self::Symlink(text) => format!("a symlink to {}", shown(text)),
        }
    }
}

/// Index of an entry in [`Entries`].
pub(crate) type EntryId = usize;

/// All entries of a layer, in the order they were added.
#[derive(Default)]
pub(crate) struct Entries<'a> {
    planned: Vec<Planned<'a>>,
    by_path: HashMap<Cow<'a, [u8]>, EntryId>,
    /// Every path that an entry stands below.
    parents: HashSet<Vec<u8>>,
}

impl<'a> Entries<'a> {
    /// Adds an entry; returns nothing if the same stands at its path already.
    pub(crate) fn add(&mut self, entry: Planned<'a>) -> Result<Option<EntryId>, BuildLayerError> {
        // Those of files below a tree are put together of two.
        if entry.path.len() > LONGEST_PATH {
            return Err(BuildLayerError::Path {
                path: shown(&entry.path),
                problem: TOO_LONG,
            });
        }
        let id = self.planned.len();
        match self.by_path.entry(entry.path.clone()) {
            MapEntry::Vacant(vacant) => {
                vacant.insert(id);
                self.note_parents(&entry.path);
                self.planned.push(entry);
                Ok(Some(id))
            }
            MapEntry::Occupied(occupied) => {
                let first = &self.planned[*occupied.get()];
                if is_same(first, &entry)? {
                    return Ok(None);
                }
                Err(BuildLayerError::Conflict {
                    path: shown(&entry.path),
                    first: first.kind.describe(),
                    second: entry.kind.describe(),
                })
            }
        }
    }

    pub(crate) fn get(&self, id: EntryId) -> &Planned<'a> {
        &self.planned[id]
    }

    /// Fails if an entry has a path of the eStargz format.
    pub(crate) fn check_reserved(&self) -> Result<(), BuildLayerError> {
        match self.planned.iter().find(|entry| is_reserved(&entry.path)) {
            Some(entry) => Err(BuildLayerError::Reserved {
                path: shown(&entry.path),
            }),
            None => Ok(()),
        }
    }

    /// Fails if an entry stands below one that is not a directory.
    pub(crate) fn check_parents(&self) -> Result<(), BuildLayerError> {
        let blocked = |path: &Vec<u8>| {
            let id = self.by_path.get(path.as_slice())?;
            (self.planned[*id].kind != PlannedKind::Directory).then_some(*id)
        };
        let Some(above) = self.parents.iter().filter_map(blocked).min() else {
            return Ok(());
        };
        let above = &self.planned[above];
        let below = self.planned.iter().find(|entry| {
            entry
                .path
                .strip_prefix(above.path.as_ref())
                .is_some_and(|rest| rest.starts_with(b"/"))
        });
        Err(BuildLayerError::Parent {
            path: below.map(|entry| shown(&entry.path)).unwrap_or_default(),
            parent: shown(&above.path),
            found: above.kind.describe(),
        })
    }

    fn note_parents(&mut self, path: &[u8]) {
        let mut path = path;
        while let Some(above) = parent(path) {
            if self.parents.contains(above) {
                return;
            }
            self.parents.insert(above.to_vec());
            path = above;
        }
    }
}

/// Tells whether two entries at one path are the same, reading files where they could be.
fn is_same(first: &Planned<'_>, second: &Planned<'_>) -> Result<bool, BuildLayerError> {
    if first.attributes != second.attributes {
        return Ok(false);
    }
    match (&first.kind, &second.kind) {
        (PlannedKind::File(a, a_size), PlannedKind::File(b, b_size)) if a != b => {
            let hash = |origin: &Origin<'_>| match origin {
                Origin::Disk(source) => hash_file(source, &first.path).map(|d| d.to_bytes()),
                Origin::Member { hash, .. } => Ok(hash.to_vec()),
            };
            Ok(a_size == b_size && hash(a)? == hash(b)?)
        }
        (a, b) => Ok(a == b),
    }
}

/// Returns the digest of a file's content. `path` is where it stands in the image.
pub(crate) fn hash_file(source: &[u8], path: &[u8]) -> Result<Digest, BuildLayerError> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let read = File::open(on_disk(source)).and_then(|mut file| io::copy(&mut file, &mut hasher));
    read.map_err(|error| BuildLayerError::Read {
        file: on_disk(source).to_owned(),
        path: shown(path),
        source: error,
    })?;
    Ok(hasher.finish())
}
