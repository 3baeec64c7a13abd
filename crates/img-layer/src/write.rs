//! From inputs to a stream: plan the entries, then write files, hard links and symlinks.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Write};

use img_compress::{Encoded, ParallelEncoder};
use img_tar::{END_OF_ARCHIVE, Entry, EntryKind, append_header, padding};

use crate::attributes::{Attributes, AttributesId};
use crate::content::{self, Content, Hash, Source};
use crate::cut::MemberStream;
use crate::entries::{EntryId, PlannedKind};
use crate::error::BuildLayerError;
use crate::input::{Input, LayerOptions};
use crate::path::{on_disk, parent};
use crate::plan::{LayerPlan, read_error};

/// Writes the layer of `inputs` to `output` and returns its digests.
///
/// # Errors
/// Paths, metadata or files that cannot be used; see [`BuildLayerError`]. What was written to the
/// output by then is not a layer.
pub fn build_layer<W: Write + Send + 'static>(
    inputs: Vec<Input<'_>>,
    options: &LayerOptions,
    output: W,
) -> Result<Encoded<W>, BuildLayerError> {
    let plan = LayerPlan::new(inputs, options)?;
    let target = options.compression.format().target_member_size();
    let encoder = ParallelEncoder::new(output, options.compression, options.jobs);
    let mut writer = LayerWriter {
        plan: &plan,
        stream: MemberStream::new(encoder, target),
        written: HashMap::new(),
        hard_links: Vec::new(),
        directories: HashSet::new(),
        create_parents: options.create_parent_directories,
        header: Vec::new(),
    };
    writer.write_content()?;
    writer.write_links()?;
    writer.stream.append(&END_OF_ARCHIVE);
    Ok(writer.stream.finish()?)
}

/// Writes the entries of a plan to the stream.
struct LayerWriter<'p, W> {
    plan: &'p LayerPlan<'p, 'p>,
    stream: MemberStream<W>,
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

impl<W: Write + Send + 'static> LayerWriter<'_, W> {
    fn write_content(&mut self) -> Result<(), BuildLayerError> {
        let plan = self.plan;
        // Only files of one size can be the same.
        let shared_sizes = plan.entries.shared_sizes();
        let source = |id: &EntryId| match &plan.entries.get(*id).kind {
            PlannedKind::File(file, size) => Some(Source {
                file,
                size: *size,
                hashed: shared_sizes.contains(size),
            }),
            PlannedKind::Directory | PlannedKind::Symlink(_) => None,
        };
        // Directories have no content to read; what comes between two of them is read ahead.
        for run in plan
            .content
            .chunk_by(|a, b| source(a).is_some() == source(b).is_some())
        {
            let sources: Vec<Source<'_>> = run.iter().filter_map(source).collect();
            if sources.is_empty() {
                for id in run {
                    self.write_directory(*id)?;
                }
                continue;
            }
            content::for_each(&sources, |index, loaded| {
                let (id, source) = (run[index], &sources[index]);
                let path = &plan.entries.get(id).path;
                let (content, hash) =
                    loaded.map_err(|error| read_error(source.file, path, error))?;
                self.write_file(id, source, content, hash)
            })?;
        }
        Ok(())
    }

    fn write_directory(&mut self, id: EntryId) -> Result<(), BuildLayerError> {
        let entry = self.plan.entries.get(id);
        self.write_parents(&entry.path)?;
        if self.directories.insert(entry.path.to_vec()) {
            let attributes = self.plan.attributes.get(entry.attributes);
            self.write_header(&entry.path, EntryKind::Directory, attributes, 0, b"")?;
        }
        Ok(())
    }

    fn write_file(
        &mut self,
        id: EntryId,
        source: &Source<'_>,
        content: Content,
        hash: Option<Hash>,
    ) -> Result<(), BuildLayerError> {
        let entry = self.plan.entries.get(id);
        if let Some(hash) = hash {
            let first = *self.written.entry((hash, entry.attributes)).or_insert(id);
            if first != id {
                self.hard_links.push((id, first));
                return Ok(());
            }
        }
        self.write_parents(&entry.path)?;
        let attributes = self.plan.attributes.get(entry.attributes);
        self.write_header(
            &entry.path,
            EntryKind::Regular,
            attributes,
            source.size,
            b"",
        )?;
        match content {
            Content::Small(bytes) => {
                let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                if found != source.size {
                    return Err(changed(source, found));
                }
                self.stream.append(&bytes);
            }
            Content::Large(file) => self.stream_content(&entry.path, source, &file)?,
        }
        self.stream.append(padding(source.size));
        Ok(())
    }

    /// Copies a large file's content straight into members.
    fn stream_content(
        &mut self,
        path: &[u8],
        source: &Source<'_>,
        mut file: &File,
    ) -> Result<(), BuildLayerError> {
        let mut offset = 0;
        while offset < source.size {
            let piece = self.stream.until_cut(offset, source.size);
            let read = file
                .take(piece)
                .read_to_end(self.stream.buffer())
                .map_err(|error| read_error(source.file, path, error))?;
            let read = u64::try_from(read).unwrap_or(u64::MAX);
            offset += read;
            if read != piece {
                return Err(changed(source, offset));
            }
            self.stream.cut_content(offset, source.size)?;
        }
        match file.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(changed(source, source.size + 1)),
            Err(error) => Err(read_error(source.file, path, error)),
        }
    }

    fn write_links(&mut self) -> Result<(), BuildLayerError> {
        let plan = self.plan;
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

fn changed(source: &Source<'_>, found: u64) -> BuildLayerError {
    BuildLayerError::Changed {
        file: on_disk(source.file).to_owned(),
        expected: source.size,
        found,
    }
}
