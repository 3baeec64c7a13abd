//! What a layer is built from, and how.

use std::borrow::Cow;

use img_compress::Compression;
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
}

impl Input<'_> {
    /// Returns the path on disk, if this is the content of a file.
    pub(crate) fn file(&self) -> Option<&[u8]> {
        match &self.kind {
            InputKind::File(source) => Some(source),
            InputKind::Tree(_) | InputKind::SymlinkOnDisk(_) | InputKind::Symlink(_) => None,
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

/// How a layer is built.
#[derive(Clone, Debug)]
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
}
