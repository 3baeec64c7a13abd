//! What a layer will hold: decided from inputs and their metadata before a byte is written.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use img_oci::{Algorithm, Digest, Hasher};
use walkdir::WalkDir;

use crate::attributes::AttributesTable;
use crate::content::probe;
use crate::entries::{Entries, EntryId, Origin, Planned, PlannedKind, hash_file};
use crate::error::{BuildLayerError, shown};
use crate::import::{Archive, Imported, NodeKind};
use crate::input::{Input, InputKind, LayerOptions, TreeHandling};
use crate::path::{normalize, on_disk, relative};

/// The entries of a layer.
pub(crate) struct LayerPlan<'a> {
    pub(crate) entries: Entries<'a>,
    pub(crate) attributes: AttributesTable<'a>,
    /// Files and directories, in order.
    pub(crate) content: Vec<EntryId>,
    /// Further names of files, in order, and the entry that has the content.
    pub(crate) hard_links: Vec<(EntryId, EntryId)>,
    /// Symlinks, devices and FIFOs, in order.
    pub(crate) specials: Vec<EntryId>,
    /// Archives that files are in.
    pub(crate) archives: Vec<Archive>,
    tree_handling: TreeHandling,
    /// The first tree of each content.
    trees: HashMap<Digest, Vec<u8>>,
}

impl<'a> LayerPlan<'a> {
    /// Plans the layer of these inputs.
    pub(crate) fn new(
        inputs: Vec<Input<'a>>,
        options: &'a LayerOptions,
    ) -> Result<Self, BuildLayerError> {
        let mut plan = Self {
            entries: Entries::default(),
            attributes: AttributesTable::new(&options.default_metadata, &options.file_metadata)?,
            content: Vec::new(),
            hard_links: Vec::new(),
            specials: Vec::new(),
            archives: Vec::new(),
            tree_handling: options.tree_handling,
            trees: HashMap::new(),
        };
        let files: Vec<&[u8]> = inputs.iter().filter_map(Input::file).collect();
        let mut found = probe(&files).into_iter();
        for input in inputs {
            let metadata = input.file().and_then(|_| found.next());
            plan.add(input, metadata)?;
        }
        if options.stargz {
            plan.entries.check_reserved()?;
        }
        plan.entries.check_parents()?;
        plan.attributes.check_all_used()?;
        Ok(plan)
    }

    /// Returns the error of a file whose content cannot be read.
    pub(crate) fn read_error(&self, id: EntryId, error: io::Error) -> BuildLayerError {
        let entry = self.entries.get(id);
        read_error(self.source(id), &entry.path, error)
    }

    /// Returns the path on disk of a file's content, or of the archive that it is in.
    fn source(&self, id: EntryId) -> &[u8] {
        match &self.entries.get(id).kind {
            PlannedKind::File(Origin::Member { archive, .. }, _) => &self.archives[*archive].file,
            kind => kind.source(),
        }
    }

    /// Returns the error of a file that has `found` bytes instead of `expected`.
    pub(crate) fn changed(&self, id: EntryId, expected: u64, found: u64) -> BuildLayerError {
        BuildLayerError::Changed {
            file: on_disk(self.source(id)).to_owned(),
            expected,
            found,
        }
    }

    /// Adds an input; `metadata` is what stands at the path of a file.
    fn add(
        &mut self,
        input: Input<'a>,
        metadata: Option<io::Result<Metadata>>,
    ) -> Result<(), BuildLayerError> {
        if let InputKind::Archive(source) = &input.kind {
            return self.import(Imported::read(source)?);
        }
        let path = normalize(input.path)?;
        match input.kind {
            // Taken care of above.
            InputKind::Archive(_) => Ok(()),
            InputKind::Tree(source) => self.add_tree(path, &source),
            InputKind::Symlink(text) => self.add_symlink(path, text),
            InputKind::SymlinkOnDisk(source) => {
                let text = std::fs::read_link(on_disk(&source))
                    .map_err(|error| read_error(&source, &path, error))?;
                self.add_symlink(path, Cow::Owned(text.as_os_str().as_bytes().to_vec()))
            }
            InputKind::File(source) => {
                let metadata = metadata.unwrap_or_else(|| std::fs::metadata(on_disk(&source)));
                let metadata = metadata.map_err(|error| read_error(&source, &path, error))?;
                if metadata.is_dir() {
                    return self.add_tree(path, &source);
                }
                let size = file_size(&metadata, &source, &path)?;
                self.add_file(path, source, size)
            }
        }
    }

    fn add_file(
        &mut self,
        path: Cow<'a, [u8]>,
        source: Cow<'a, [u8]>,
        size: u64,
    ) -> Result<(), BuildLayerError> {
        let attributes = self.attributes.of_file(&path)?;
        let entry = Planned {
            path,
            attributes,
            kind: PlannedKind::File(Origin::Disk(source), size),
        };
        self.content.extend(self.entries.add(entry)?);
        Ok(())
    }

    fn add_symlink(
        &mut self,
        path: Cow<'a, [u8]>,
        text: Cow<'a, [u8]>,
    ) -> Result<(), BuildLayerError> {
        if text.is_empty() {
            return Err(BuildLayerError::Path {
                path: shown(&path),
                problem: "is a symlink whose target is empty",
            });
        }
        let attributes = self.attributes.of_symlink(&path)?;
        let entry = Planned {
            path,
            attributes,
            kind: PlannedKind::Symlink(text),
        };
        self.specials.extend(self.entries.add(entry)?);
        Ok(())
    }

    fn add_directory(&mut self, path: Cow<'a, [u8]>) -> Result<(), BuildLayerError> {
        let attributes = self.attributes.of_directory(&path)?;
        let entry = Planned {
            path,
            attributes,
            kind: PlannedKind::Directory,
        };
        self.content.extend(self.entries.add(entry)?);
        Ok(())
    }

    /// Adds the root of a tree, its files sorted component by component, and its empty directories.
    fn add_tree(&mut self, path: Cow<'a, [u8]>, source: &[u8]) -> Result<(), BuildLayerError> {
        let tree = Tree::walk(source, &path)?;
        if self.tree_handling == TreeHandling::DeduplicateSymlink && !tree.files.is_empty() {
            let digest = self.tree_digest(&tree, &path)?;
            let first = self.trees.entry(digest).or_insert_with(|| path.to_vec());
            if can_link(&path, first) {
                let text = relative(&path, first);
                return self.add_symlink(path, Cow::Owned(text));
            }
        }
        self.add_directory(path.clone())?;
        for file in tree.files {
            self.add_file(below(&path, &file.name), Cow::Owned(file.source), file.size)?;
        }
        for name in tree.empty_directories {
            self.add_directory(below(&path, &name))?;
        }
        Ok(())
    }

    /// Adds the entries of an archive: directories, files, further names of files, the rest.
    fn import(&mut self, imported: Imported) -> Result<(), BuildLayerError> {
        let archive = self.archives.len();
        let mut files = Vec::new();
        for node in imported.nodes {
            let entry = Planned {
                path: Cow::Owned(node.path),
                attributes: self.attributes.of_imported(node.attributes),
                kind: match node.kind {
                    NodeKind::Directory => PlannedKind::Directory,
                    NodeKind::Symlink(text) => PlannedKind::Symlink(Cow::Owned(text)),
                    NodeKind::Special(kind) => PlannedKind::Special(kind),
                    NodeKind::File(number) => {
                        let inode = &imported.inodes[number];
                        PlannedKind::File(inode.origin(archive), inode.size)
                    }
                },
            };
            match entry.kind {
                PlannedKind::File(..) => files.push(entry),
                PlannedKind::Directory => self.content.extend(self.entries.add(entry)?),
                _ => self.specials.extend(self.entries.add(entry)?),
            }
        }
        self.archives.push(imported.archive);
        self.add_imported_files(files)
    }

    /// Adds files of an archive in the order of their content there, each once; what other names they
    /// have become hard links.
    fn add_imported_files(&mut self, mut files: Vec<Planned<'a>>) -> Result<(), BuildLayerError> {
        let member = |file: &Planned<'_>| match file.kind {
            PlannedKind::File(Origin::Member { member, .. }, _) => Some(member),
            _ => None,
        };
        files.sort_by_key(member);
        let mut first: Option<(Option<usize>, EntryId)> = None;
        for file in files {
            let number = member(&file);
            let Some(id) = self.entries.add(file)? else {
                continue;
            };
            match first {
                Some((same, first)) if same == number => self.hard_links.push((id, first)),
                _ => {
                    first = Some((number, id));
                    self.content.push(id);
                }
            }
        }
        Ok(())
    }

    /// Returns the digest of all names, contents and attributes of a tree at `path`.
    fn tree_digest(&mut self, tree: &Tree, path: &[u8]) -> Result<Digest, BuildLayerError> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut add = |name: &[u8], attributes: u32, content: &[u8]| {
            hasher.update(name);
            hasher.update(b"\0");
            hasher.update(&attributes.to_le_bytes());
            hasher.update(content);
        };
        add(b"", self.attributes.of_directory(path)?, b"");
        for file in &tree.files {
            let at = below(path, &file.name);
            let content = hash_file(&file.source, &at)?.to_bytes();
            add(&file.name, self.attributes.of_file(&at)?, &content);
        }
        for name in &tree.empty_directories {
            add(
                name,
                self.attributes.of_directory(&below(path, name))?,
                b"/",
            );
        }
        Ok(hasher.finish())
    }
}

fn below(path: &[u8], name: &[u8]) -> Cow<'static, [u8]> {
    Cow::Owned([path, b"/", name].concat())
}

/// What stands below a directory on disk; symlinks are followed. Names are relative to its root.
struct Tree {
    files: Vec<TreeFile>,
    empty_directories: Vec<Vec<u8>>,
}

struct TreeFile {
    name: Vec<u8>,
    source: Vec<u8>,
    size: u64,
}

impl Tree {
    fn walk(source: &[u8], path: &[u8]) -> Result<Self, BuildLayerError> {
        let root = on_disk(source);
        let failed = |error: io::Error| read_error(source, path, error);
        let mut tree = Self {
            files: Vec::new(),
            empty_directories: Vec::new(),
        };
        for entry in WalkDir::new(root)
            .min_depth(1)
            .follow_links(true)
            .sort_by_file_name()
        {
            let entry = entry.map_err(|error| failed(error.into()))?;
            // Every entry of a walk stands below its root.
            let name = entry.path().strip_prefix(root).unwrap_or(entry.path());
            let name = name.as_os_str().as_bytes().to_vec();
            if !entry.file_type().is_dir() {
                let metadata = entry.metadata().map_err(|error| failed(error.into()))?;
                let source = entry.path().as_os_str().as_bytes().to_vec();
                let size = file_size(&metadata, &source, &below(path, &name))?;
                tree.files.push(TreeFile { name, source, size });
            } else if is_empty(entry.path()).map_err(failed)? {
                tree.empty_directories.push(name);
            }
        }
        Ok(tree)
    }
}

fn is_empty(directory: &Path) -> io::Result<bool> {
    Ok(std::fs::read_dir(directory)?.next().is_none())
}

/// Returns the size of a regular file; anything else would block or never end when it is read.
fn file_size(metadata: &Metadata, source: &[u8], path: &[u8]) -> Result<u64, BuildLayerError> {
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    Err(BuildLayerError::Kind {
        file: on_disk(source).to_owned(),
        path: shown(path),
    })
}

/// Returns the error of a source that cannot be read. `path` is where it would stand in the image.
pub(crate) fn read_error(source: &[u8], path: &[u8], error: io::Error) -> BuildLayerError {
    BuildLayerError::Read {
        file: on_disk(source).to_owned(),
        path: shown(path),
        source: error,
    }
}

/// Tells whether a tree can be a symlink to another one: neither stands in the other.
fn can_link(tree: &[u8], other: &[u8]) -> bool {
    let stands_in = |path: &[u8], above: &[u8]| {
        let rest = path.strip_prefix(above);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    !stands_in(tree, other) && !stands_in(other, tree)
}
