//! The entries of a plan as a stream: files and directories, then hard links, then symlinks.

use std::collections::{HashMap, HashSet};
use std::io;

use img_tar::{END_OF_ARCHIVE, Entry, EntryKind, append_header, padding};

use crate::attributes::{Attributes, AttributesId};
use crate::content::{Content, Hash};
use crate::entries::{EntryId, PlannedKind};
use crate::error::BuildLayerError;
use crate::input::LayerOptions;
use crate::path::parent;
use crate::plan::LayerPlan;
use crate::sink::LayerSink;
use crate::stargz::StargzIndex;
use crate::stream::EntryStream;

/// Writes the entries of a plan to the stream.
pub(crate) struct LayerWriter<'p, S> {
    plan: &'p LayerPlan<'p>,
    stream: EntryStream<S>,
    /// The first file of each content and attributes.
    written: HashMap<(Hash, AttributesId), EntryId>,
    /// Files that are the same as one before: theirs, and that one's entry.
    hard_links: Vec<(EntryId, EntryId)>,
    /// Directories that have an entry.
    directories: HashSet<Vec<u8>>,
    create_parents: bool,
    /// Room for a header, kept between entries.
    header: Vec<u8>,
}

impl<'p, S: LayerSink> LayerWriter<'p, S> {
    /// Returns a writer of these entries.
    pub(crate) fn new(plan: &'p LayerPlan<'p>, options: &LayerOptions, sink: S) -> Self {
        Self {
            plan,
            stream: EntryStream::new(sink, options.compression, options.stargz),
            written: HashMap::new(),
            hard_links: Vec::new(),
            directories: HashSet::new(),
            create_parents: options.create_parent_directories,
            header: Vec::new(),
        }
    }

    /// Writes the entry that a lazily pullable layer begins with; nothing for others.
    pub(crate) fn write_landmark(&mut self) -> Result<(), BuildLayerError> {
        Ok(self.stream.write_landmark()?)
    }

    /// Writes links and the end, after all content.
    ///
    /// Returns the table of contents and the size of the tar so far, if there is one.
    pub(crate) fn finish(mut self) -> Result<(S, Option<(StargzIndex, u64)>), BuildLayerError> {
        self.write_links()?;
        if !self.stream.is_lazy() {
            self.stream.append(&END_OF_ARCHIVE);
        }
        Ok(self.stream.finish()?)
    }

    /// Writes a directory, unless it has an entry already.
    pub(crate) fn write_directory(&mut self, id: EntryId) -> Result<(), BuildLayerError> {
        let entry = self.plan.entries.get(id);
        self.write_parents(&entry.path)?;
        if self.directories.insert(entry.path.to_vec()) {
            let attributes = self.plan.attributes.get(entry.attributes);
            self.write_header(&entry.path, EntryKind::Directory, attributes, 0, b"")?;
        }
        Ok(())
    }

    /// Writes a file, or notes the hard link that it becomes.
    pub(crate) fn write_file(
        &mut self,
        id: EntryId,
        size: u64,
        content: &mut Content<'_>,
        hash: Option<Hash>,
    ) -> Result<(), BuildLayerError> {
        let entry = self.plan.entries.get(id);
        // Nothing is gained by a link to an empty file.
        if let Some(hash) = hash.filter(|_| size > 0) {
            let first = *self.written.entry((hash, entry.attributes)).or_insert(id);
            if first != id {
                self.hard_links.push((id, first));
                let skipped = self.stream.skip_content();
                return skipped.map_err(|error| self.plan.read_error(id, error));
            }
        }
        self.write_parents(&entry.path)?;
        let attributes = self.plan.attributes.get(entry.attributes);
        self.write_header(&entry.path, EntryKind::Regular, attributes, size, b"")?;
        let written = self.stream.write_content(size, content, hash.as_ref())?;
        let written = written.map_err(|error| self.plan.read_error(id, error))?;
        if written != size {
            return Err(self.plan.changed(id, size, written));
        }
        if !is_read(content, size).map_err(|error| self.plan.read_error(id, error))? {
            return Err(self.plan.changed(id, size, size + 1));
        }
        self.stream.append(padding(size));
        Ok(())
    }

    fn write_links(&mut self) -> Result<(), BuildLayerError> {
        let plan = self.plan;
        let copies = std::mem::take(&mut self.hard_links);
        for (id, first) in copies.iter().chain(&plan.hard_links).copied() {
            let (entry, first) = (plan.entries.get(id), plan.entries.get(first));
            let attributes = plan.attributes.get(entry.attributes);
            self.write_parents(&entry.path)?;
            self.write_header(&entry.path, EntryKind::HardLink, attributes, 0, &first.path)?;
        }
        for id in &plan.specials {
            let entry = plan.entries.get(*id);
            let (kind, text): (_, &[u8]) = match &entry.kind {
                PlannedKind::Symlink(text) => (EntryKind::Symlink, text),
                PlannedKind::Special(kind) => (*kind, b""),
                PlannedKind::File(..) | PlannedKind::Directory => continue,
            };
            let attributes = plan.attributes.get(entry.attributes);
            self.write_parents(&entry.path)?;
            self.write_header(&entry.path, kind, attributes, 0, text)?;
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
        self.write_entry(&entry)
    }

    fn write_entry(&mut self, entry: &Entry<'_>) -> Result<(), BuildLayerError> {
        self.header.clear();
        append_header(&mut self.header, entry)?;
        Ok(self.stream.begin_entry(entry, &self.header)?)
    }
}

/// Tells whether a file ends where it was read to.
fn is_read(content: &mut Content<'_>, size: u64) -> io::Result<bool> {
    match content {
        Content::Large(file) => {
            use std::io::{Read as _, Seek as _};
            // What was not read, as nobody wanted it, is not looked at either.
            Ok(file.stream_position()? == 0 || file.read(&mut [0])? == 0)
        }
        // One byte more was asked for than there should be.
        Content::Small(bytes) => Ok(u64::try_from(bytes.len()).is_ok_and(|read| read <= size)),
        Content::Nothing | Content::Stream(_) => Ok(true),
    }
}
