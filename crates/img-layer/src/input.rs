//! What a layer is built from, and how.

use std::borrow::Cow;
use std::sync::Arc;

use img_compress::{Compression, MemberStore};
use img_wire::{AddedFile, EntryType, FileMetadata, SymlinkLine};

/// One input: what is to stand at a path of the layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    /// Path in the image, without leading slash.
    pub path: Cow<'a, [u8]>,
    /// What stands there.
    pub kind: InputKind<'a>,
}

/// What is to stand at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputKind<'a> {
    /// The content of a file on disk; a directory is taken as a tree.
    File(Cow<'a, [u8]>),
    /// All files below a directory on disk.
    Tree(Cow<'a, [u8]>),
    /// A symlink with the text of a symlink on disk.
    SymlinkOnDisk(Cow<'a, [u8]>),
    /// A symlink with this text.
    Symlink(Cow<'a, [u8]>),
    /// All entries of a tar archive on disk, plain or compressed, at their own paths; the path of the
    /// input is not used.
    Archive(Cow<'a, [u8]>),
}

impl Input<'_> {
    /// Returns the path on disk, if this is the content of a file.
    pub(crate) fn file(&self) -> Option<&[u8]> {
        match &self.kind {
            InputKind::File(source) => Some(source),
            InputKind::Tree(_)
            | InputKind::SymlinkOnDisk(_)
            | InputKind::Symlink(_)
            | InputKind::Archive(_) => None,
        }
    }
}

impl<'a> From<AddedFile<'a>> for Input<'a> {
    fn from(line: AddedFile<'a>) -> Self {
        let source = Cow::Borrowed(line.source);
        let kind = match line.entry_type {
            EntryType::File => InputKind::File(source),
            EntryType::Directory => InputKind::Tree(source),
            EntryType::Symlink => InputKind::SymlinkOnDisk(source),
        };
        Self {
            path: Cow::Borrowed(line.path),
            kind,
        }
    }
}

impl<'a> From<SymlinkLine<'a>> for Input<'a> {
    fn from(line: SymlinkLine<'a>) -> Self {
        Self {
            path: Cow::Borrowed(line.link),
            kind: InputKind::Symlink(Cow::Borrowed(line.target)),
        }
    }
}

/// What to do with a tree that is the same as one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TreeHandling {
    /// Store it at its own path; equal files become hard links.
    #[default]
    Full,
    /// Store a relative symlink to the first tree.
    DeduplicateSymlink,
}

/// Hashes of files that are known before the files are read.
pub trait KnownHashes: Send + Sync {
    /// Returns the SHA-256 of what the file at this path on disk held when it was last looked at.
    ///
    /// Content that is read is held to it.
    fn hash_of(&self, file: &[u8]) -> Option<[u8; 32]>;
}

/// Where the members of a layer are kept for the next build.
#[derive(Clone)]
pub struct KeptMembers {
    /// Keeps compressed members of this and other layers.
    pub store: Arc<dyn MemberStore>,
    /// Tells the layer from others, whatever its content: its label.
    pub layer: String,
}

/// How a layer is built.
#[derive(Clone)]
pub struct LayerOptions {
    /// Format and level.
    pub compression: Compression,
    /// Threads that compress; does not show in the output.
    pub jobs: usize,
    /// Metadata of every regular file.
    pub default_metadata: FileMetadata,
    /// Metadata of single entries by path, on top of the default.
    pub file_metadata: Vec<(Vec<u8>, FileMetadata)>,
    /// Whether directories above an entry get entries of their own.
    pub create_parent_directories: bool,
    /// What to do with equal trees.
    pub tree_handling: TreeHandling,
    /// Whether the layer can be pulled lazily: eStargz or zstd:chunked.
    pub stargz: bool,
    /// Whether to tell what content the layer has, by SHA-256: every file is hashed for it.
    pub inventory: bool,
    /// Hashes that came with the inputs.
    pub known_hashes: Option<Arc<dyn KnownHashes>>,
    /// Members of earlier builds; they do not show in the output.
    pub kept: Option<KeptMembers>,
}

impl LayerOptions {
    /// Returns options that leave everything at its default.
    pub fn new(compression: Compression, jobs: usize) -> Self {
        Self {
            compression,
            jobs,
            default_metadata: FileMetadata::default(),
            file_metadata: Vec::new(),
            create_parent_directories: false,
            tree_handling: TreeHandling::Full,
            stargz: false,
            inventory: false,
            known_hashes: None,
            kept: None,
        }
    }

    pub(crate) fn given_hash(&self, file: &[u8]) -> Option<[u8; 32]> {
        let known = self.known_hashes.as_ref().filter(|_| !self.inventory);
        known?.hash_of(file)
    }
}
