//! From inputs to a stream: plan the entries, then write files, hard links and symlinks.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;

use img_compress::{Encoded, ParallelEncoder};
use img_oci::{Algorithm, Digest, Hasher};
use img_tar::{END_OF_ARCHIVE, Entry, EntryKind, append_header, padding};
use walkdir::WalkDir;

use crate::attributes::{Attributes, AttributesTable};
use crate::content::{self, Content};
use crate::cut::MemberStream;
use crate::deduplicate::Written;
use crate::entries::{Entries, EntryId, Planned, PlannedKind, hash_file};
use crate::error::{BuildLayerError, shown};
use crate::input::{Input, InputKind, LayerOptions, TreeHandling};
use crate::path::{normalize, on_disk, parent, relative};

/// Writes the layer of `inputs` to `output` and returns its digests.
///
/// # Errors
/// Paths, metadata or files that cannot be used; see [`BuildLayerError`]. What was written to the
/// output by then is not a layer.
pub fn build_layer<'a, W: Write + Send + 'static>(
    inputs: impl IntoIterator<Item = Input<'a>>,
    options: &LayerOptions,
    output: W,
) -> Result<Encoded<W>, BuildLayerError> {
    let mut attributes = AttributesTable::new(&options.default_metadata, &options.file_metadata)?;
    let mut plan = Plan {
        entries: Entries::default(),
        attributes: &mut attributes,
        tree_handling: options.tree_handling,
        trees: HashMap::new(),
        content: Vec::new(),
        symlinks: Vec::new(),
    };
    for input in inputs {
        plan.add(input)?;
    }
    let target = options.compression.format().target_member_size();
    let encoder = ParallelEncoder::new(output, options.compression, options.jobs);
    let mut writer = LayerWriter {
        stream: MemberStream::new(encoder, target),
        written: Written::default(),
        hard_links: Vec::new(),
        directories: HashSet::new(),
        create_parents: options.create_parent_directories,
        header: Vec::new(),
    };
    let planned = std::mem::take(&mut plan.content);
    writer.write_content(&mut plan, &planned)?;
    plan.entries.check_parents()?;
    plan.attributes.check_all_used()?;
    writer.write_links(&plan)?;
    writer.stream.append(&END_OF_ARCHIVE);
    Ok(writer.stream.finish()?)
}

/// What is to be written, before any of it is.
struct Plan<'a, 'o, 't> {
    entries: Entries<'a>,
    attributes: &'t mut AttributesTable<'o>,
    tree_handling: TreeHandling,
    /// The first tree of each content.
    trees: HashMap<Digest, Vec<u8>>,
    /// Files and directories, in order.
    content: Vec<EntryId>,
    /// Symlinks, in order.
    symlinks: Vec<EntryId>,
}

impl<'a> Plan<'a, '_, '_> {
    fn add(&mut self, input: Input<'a>) -> Result<(), BuildLayerError> {
        let path = normalize(input.path)?;
        match input.kind {
            InputKind::File(source) => self.add_file(path, source),
            InputKind::Tree(source) => self.add_tree(path, &source),
            InputKind::Symlink(text) => self.add_symlink(path, text),
            InputKind::SymlinkOnDisk(source) => {
                let text = std::fs::read_link(on_disk(&source))
                    .map_err(|error| read_error(&source, &path, error))?;
                self.add_symlink(path, Cow::Owned(text.as_os_str().as_bytes().to_vec()))
            }
        }
    }

    fn add_file(
        &mut self,
        path: Cow<'a, [u8]>,
        source: Cow<'a, [u8]>,
    ) -> Result<(), BuildLayerError> {
        let attributes = self.attributes.of_file(&path)?;
        let entry = Planned {
            path,
            attributes,
            kind: PlannedKind::File(source),
        };
        self.content.extend(self.entries.add(entry)?);
        Ok(())
    }

    fn add_symlink(
        &mut self,
        path: Cow<'a, [u8]>,
        text: Cow<'a, [u8]>,
    ) -> Result<(), BuildLayerError> {
        let attributes = self.attributes.of_symlink(&path)?;
        let entry = Planned {
            path,
            attributes,
            kind: PlannedKind::Symlink(text),
        };
        self.symlinks.extend(self.entries.add(entry)?);
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

    /// Adds the root of a tree, its files in lexical order, and its empty directories.
    fn add_tree(&mut self, path: Cow<'a, [u8]>, source: &[u8]) -> Result<(), BuildLayerError> {
        let tree = Tree::walk(source, &path)?;
        if self.tree_handling == TreeHandling::DeduplicateSymlink && !tree.files.is_empty() {
            let first = self
                .trees
                .entry(tree.digest(&path)?)
                .or_insert_with(|| path.to_vec());
            if *first != *path {
                let text = relative(&path, first);
                return self.add_symlink(path, Cow::Owned(text));
            }
        }
        self.add_directory(path.clone())?;
        let below = |name: &[u8]| Cow::Owned([path.as_ref(), b"/", name].concat());
        for (name, file) in tree.files {
            self.add_file(below(&name), Cow::Owned(file))?;
        }
        for name in tree.empty_directories {
            self.add_directory(below(&name))?;
        }
        Ok(())
    }
}

/// What stands below a directory on disk; symlinks are followed. Names are relative to its root.
struct Tree {
    files: Vec<(Vec<u8>, Vec<u8>)>,
    empty_directories: Vec<Vec<u8>>,
}

impl Tree {
    fn walk(source: &[u8], path: &[u8]) -> Result<Self, BuildLayerError> {
        let root = on_disk(source);
        let mut tree = Self {
            files: Vec::new(),
            empty_directories: Vec::new(),
        };
        for entry in WalkDir::new(root)
            .min_depth(1)
            .follow_links(true)
            .sort_by_file_name()
        {
            let entry = entry.map_err(|error| read_error(source, path, error.into()))?;
            // Every entry of a walk stands below its root.
            let name = entry.path().strip_prefix(root).unwrap_or(entry.path());
            let name = name.as_os_str().as_bytes().to_vec();
            if !entry.file_type().is_dir() {
                tree.files
                    .push((name, entry.path().as_os_str().as_bytes().to_vec()));
            } else if is_empty(entry.path()).map_err(|error| read_error(source, path, error))? {
                tree.empty_directories.push(name);
            }
        }
        Ok(tree)
    }

    /// Returns the digest of all names and contents.
    fn digest(&self, path: &[u8]) -> Result<Digest, BuildLayerError> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        for (name, file) in &self.files {
            hasher.update(name);
            hasher.update(b"\0");
            hasher.update(&hash_file(file, path)?.to_bytes());
        }
        for name in &self.empty_directories {
            hasher.update(name);
            hasher.update(b"\0/");
        }
        Ok(hasher.finish())
    }
}

fn is_empty(directory: &std::path::Path) -> std::io::Result<bool> {
    Ok(std::fs::read_dir(directory)?.next().is_none())
}

fn read_error(source: &[u8], path: &[u8], error: std::io::Error) -> BuildLayerError {
    BuildLayerError::Read {
        file: on_disk(source).to_owned(),
        path: shown(path),
        source: error,
    }
}

/// Writes entries to the stream.
struct LayerWriter<W> {
    stream: MemberStream<W>,
    written: Written,
    /// Files that are the same as one before: theirs, and that one's entry.
    hard_links: Vec<(EntryId, EntryId)>,
    /// Directories that have an entry.
    directories: HashSet<Vec<u8>>,
    create_parents: bool,
    /// Room for a header, kept between entries.
    header: Vec<u8>,
}

impl<W: Write + Send + 'static> LayerWriter<W> {
    fn write_content<'a>(
        &mut self,
        plan: &mut Plan<'a, '_, '_>,
        planned: &[EntryId],
    ) -> Result<(), BuildLayerError> {
        // Directories have no content to read; what comes between two of them is read ahead.
        let is_file = |id: &EntryId| matches!(plan.entries.get(*id).kind, PlannedKind::File(_));
        let runs: Vec<&[EntryId]> = planned.chunk_by(|a, b| is_file(a) == is_file(b)).collect();
        for run in runs {
            let sources: Vec<Cow<'a, [u8]>> =
                run.iter().filter_map(|id| plan.source(*id)).collect();
            if sources.is_empty() {
                for id in run {
                    self.write_directory(plan, *id)?;
                }
                continue;
            }
            content::for_each(&sources, |index, loaded| {
                let content =
                    loaded.map_err(|error| plan.read_error(run[index], &sources[index], error))?;
                self.write_file(plan, run[index], content)
            })?;
        }
        Ok(())
    }

    fn write_directory(
        &mut self,
        plan: &Plan<'_, '_, '_>,
        id: EntryId,
    ) -> Result<(), BuildLayerError> {
        let entry = plan.entries.get(id);
        self.write_parents(&entry.path)?;
        if self.directories.insert(entry.path.to_vec()) {
            let attributes = plan.attributes.get(entry.attributes);
            self.write_header(&entry.path, EntryKind::Directory, attributes, 0, b"")?;
        }
        Ok(())
    }

    fn write_file(
        &mut self,
        plan: &mut Plan<'_, '_, '_>,
        id: EntryId,
        content: Content,
    ) -> Result<(), BuildLayerError> {
        match content {
            Content::Small(bytes, hash) => {
                let attributes = plan.entries.get(id).attributes;
                // An empty file takes as much as a link to one.
                let first = if bytes.is_empty() {
                    None
                } else {
                    self.written.first_of(hash, attributes, id)
                };
                if let Some(first) = first {
                    self.hard_links.push((id, first));
                    return Ok(());
                }
                let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.begin_file(plan, id, size)?;
                self.stream.append(&bytes);
                self.stream.append(padding(size));
                Ok(())
            }
            Content::Large(file, size) => {
                if let Some(first) = self.written.first_of_large(&plan.entries, id, size)? {
                    self.hard_links.push((id, first));
                    return Ok(());
                }
                self.begin_file(plan, id, size)?;
                self.stream_content(plan, id, &file, size)
            }
            Content::Directory => self.write_source_directory(plan, id),
        }
    }

    /// Writes a file that turned out to be a directory as the tree that it is.
    fn write_source_directory(
        &mut self,
        plan: &mut Plan<'_, '_, '_>,
        id: EntryId,
    ) -> Result<(), BuildLayerError> {
        let (Some(source), path) = (plan.source(id), plan.entries.get(id).path.to_vec()) else {
            return Ok(());
        };
        let attributes = plan.attributes.of_directory(&path)?;
        plan.entries.set_directory(id, attributes);
        let outer = std::mem::take(&mut plan.content);
        plan.add_tree(Cow::Owned(path), &source)?;
        let planned = std::mem::replace(&mut plan.content, outer);
        self.write_directory(plan, id)?;
        self.write_content(plan, &planned)
    }

    fn begin_file(
        &mut self,
        plan: &Plan<'_, '_, '_>,
        id: EntryId,
        size: u64,
    ) -> Result<(), BuildLayerError> {
        let entry = plan.entries.get(id);
        self.write_parents(&entry.path)?;
        let attributes = plan.attributes.get(entry.attributes);
        self.write_header(&entry.path, EntryKind::Regular, attributes, size, b"")
    }

    /// Copies a large file's content straight into members.
    fn stream_content(
        &mut self,
        plan: &Plan<'_, '_, '_>,
        id: EntryId,
        file: &File,
        size: u64,
    ) -> Result<(), BuildLayerError> {
        let source = plan.source(id).unwrap_or_default();
        let changed = |found| BuildLayerError::Changed {
            file: on_disk(&source).to_owned(),
            expected: size,
            found,
        };
        let mut offset = 0;
        while offset < size {
            let piece = self.stream.until_cut(offset, size);
            let read = file
                .take(piece)
                .read_to_end(self.stream.buffer())
                .map_err(|error| plan.read_error(id, &source, error))?;
            offset += u64::try_from(read).unwrap_or(u64::MAX);
            if u64::try_from(read) != Ok(piece) {
                return Err(changed(offset));
            }
            self.stream.cut_content(offset, size)?;
        }
        let mut file = file;
        let more = file
            .read(&mut [0])
            .map_err(|error| plan.read_error(id, &source, error))?;
        if more > 0 {
            return Err(changed(size + 1));
        }
        self.stream.append(padding(size));
        Ok(())
    }

    fn write_links(&mut self, plan: &Plan<'_, '_, '_>) -> Result<(), BuildLayerError> {
        for (id, first) in std::mem::take(&mut self.hard_links) {
            let (entry, first) = (plan.entries.get(id), plan.entries.get(first));
            let attributes = plan.attributes.get(entry.attributes);
            self.write_parents(&entry.path)?;
            self.write_header(&entry.path, EntryKind::HardLink, attributes, 0, &first.path)?;
        }
        for id in &plan.symlinks {
            let entry = plan.entries.get(*id);
            let PlannedKind::Symlink(text) = &entry.kind else {
                continue;
            };
            let attributes = plan.attributes.get(entry.attributes);
            self.write_parents(&entry.path)?;
            self.write_header(&entry.path, EntryKind::Symlink, attributes, 0, text)?;
        }
        Ok(())
    }

    /// Writes entries for the directories above a path, from the top, each once.
    fn write_parents(&mut self, path: &[u8]) -> Result<(), BuildLayerError> {
        if !self.create_parents {
            return Ok(());
        }
        let mut missing = Vec::new();
        let mut above = parent(path);
        while let Some(directory) = above.filter(|path| !self.directories.contains(*path)) {
            missing.push(directory);
            above = parent(directory);
        }
        let attributes = Attributes::with_mode(0o755);
        for directory in missing.into_iter().rev() {
            self.directories.insert(directory.to_vec());
            self.write_header(directory, EntryKind::Directory, &attributes, 0, b"")?;
        }
        Ok(())
    }

    fn write_header(
        &mut self,
        path: &[u8],
        kind: EntryKind,
        attributes: &Attributes,
        size: u64,
        link: &[u8],
    ) -> Result<(), BuildLayerError> {
        let entry = Entry {
            path,
            kind,
            mode: attributes.mode,
            uid: attributes.uid,
            gid: attributes.gid,
            uname: &attributes.uname,
            gname: &attributes.gname,
            mtime: attributes.mtime,
            size,
            link,
            pax: &attributes.pax,
        };
        self.header.clear();
        append_header(&mut self.header, &entry)?;
        self.stream.begin_entry(path, self.header.len(), size)?;
        self.stream.append(&self.header);
        Ok(())
    }
}

impl<'a> Plan<'a, '_, '_> {
    /// Returns the path on disk of a file's content.
    fn source(&self, id: EntryId) -> Option<Cow<'a, [u8]>> {
        match &self.entries.get(id).kind {
            PlannedKind::File(source) => Some(source.clone()),
            PlannedKind::Directory | PlannedKind::Symlink(_) => None,
        }
    }

    fn read_error(&self, id: EntryId, source: &[u8], error: std::io::Error) -> BuildLayerError {
        read_error(source, &self.entries.get(id).path, error)
    }
}
