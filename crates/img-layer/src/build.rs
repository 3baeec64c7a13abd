//! From inputs to a layer: plan the entries, take over what is kept, write the rest.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use img_compress::{
    Checkpoint, Compression, EncodeError, EncoderOptions, Format, MemberStore, Members,
    ParallelEncoder,
};
use img_oci::Digest;

use crate::content::{self, Content, Source};
use crate::cut::Cuts;
use crate::entries::{EntryId, Origin, PlannedKind};
use crate::error::{BuildLayerError, StargzError};
use crate::hashes::Hashes;
use crate::import::Archive;
use crate::input::{Input, KeptMembers, LayerOptions};
use crate::journal::Journal;
use crate::path::on_disk;
use crate::plan::LayerPlan;
use crate::prefix::Prefix;
use crate::sink::{EncodeSink, KeySink, Keys, LayerSink, MemberPlan};
use crate::stargz::{StargzIndex, write_tail};
use crate::trail::Trail;
use crate::write::LayerWriter;

/// Writes the layer of `inputs` to `output` and returns its digests.
///
/// # Errors
/// Paths, metadata or files that cannot be used; see [`BuildLayerError`]. What was written to the
/// output by then is not a layer.
pub fn build_layer<W: Write + Send + 'static>(
    inputs: Vec<Input<'_>>,
    options: &LayerOptions,
    output: W,
) -> Result<BuiltLayer<W>, BuildLayerError> {
    if options.stargz {
        check_stargz(options.compression)?;
    }
    let plan = LayerPlan::new(inputs, options)?;
    match &options.kept {
        Some(kept) if can_be_kept(options.compression) && !options.stargz => {
            build_from_kept(&plan, options, kept, output)
        }
        _ => {
            let hashes = if options.inventory {
                Hashes::of_all(&plan, options)?
            } else {
                Hashes::of_possible_copies(&plan, options)
            };
            let (_, member_size) = Cuts::of(options.compression.format(), options.stargz);
            let encoder = EncoderOptions {
                member_size,
                ..EncoderOptions::new(options.compression, options.jobs)
            };
            let encoder = ParallelEncoder::new(output, encoder);
            encode(
                &plan,
                options,
                &hashes,
                EncodeSink::new(encoder, Keys::None, 0),
                0,
            )
        }
    }
}

/// Fails where files cannot begin members.
pub(crate) fn check_stargz(compression: Compression) -> Result<(), StargzError> {
    match (compression.format(), compression.members()) {
        (Format::None, _) => Err(StargzError::Compression("is not compressed")),
        (_, Members::Single) => Err(StargzError::Compression("has one member")),
        (_, Members::Many) => Ok(()),
    }
}

/// Tells whether members are compressed independently of one another, and compressed at all.
pub(crate) fn can_be_kept(compression: Compression) -> bool {
    match compression.format() {
        Format::None => false,
        Format::Gzip => true,
        Format::Zstd => compression.members() == Members::Many,
    }
}

/// Builds a layer of which some members may have been kept from another build.
fn build_from_kept<W: Write + Send + 'static>(
    plan: &LayerPlan<'_>,
    options: &LayerOptions,
    kept: &KeptMembers,
    output: W,
) -> Result<BuiltLayer<W>, BuildLayerError> {
    let hashes = Hashes::of_all(plan, options)?;
    let members = member_plans(plan, options, &hashes)?;
    let trail = Trail::load(kept, options.compression);
    let prefix = Prefix::write(&members, &trail, kept, options.compression, output)?;
    let journal = Arc::new(Journal::new(Arc::clone(&kept.store)));
    let encoding = EncoderOptions {
        store: Some(Arc::clone(&journal) as Arc<dyn MemberStore>),
        ..EncoderOptions::new(options.compression, options.jobs)
    };
    let encoder = match prefix.checkpoint {
        Some(checkpoint) => ParallelEncoder::resume(prefix.output, encoding, checkpoint),
        None => ParallelEncoder::new(prefix.output, encoding),
    };
    let skip = prefix.members;
    let files = skip.checked_sub(1).map_or(0, |last| members[last].files);
    let sink = EncodeSink::new(encoder, Keys::Planned(&members), skip);
    let layer = encode(plan, options, &hashes, sink, files).inspect_err(|_| journal.take_back())?;
    trail.save(kept, &members, skip, &layer.checkpoints);
    Ok(layer)
}

/// Returns what is known of each member before any content is read.
fn member_plans(
    plan: &LayerPlan<'_>,
    options: &LayerOptions,
    hashes: &Hashes,
) -> Result<Vec<MemberPlan>, BuildLayerError> {
    let mut writer = LayerWriter::new(plan, options, KeySink::new(options.compression));
    for (index, id) in plan.content.iter().enumerate() {
        match &plan.entries.get(*id).kind {
            PlannedKind::File(_, size) => {
                let hash = hashes.get(index).copied();
                writer.write_file(*id, *size, &mut Content::Nothing, hash)?;
            }
            PlannedKind::Directory => writer.write_directory(*id)?,
            PlannedKind::Symlink(_) | PlannedKind::Special(_) => {}
        }
    }
    Ok(writer.finish()?.0.members)
}

/// Writes all entries; the content of the first `skip_files` files is in the output already.
fn encode<W: Write + Send + 'static>(
    plan: &LayerPlan<'_>,
    options: &LayerOptions,
    hashes: &Hashes,
    sink: EncodeSink<'_, W>,
    skip_files: usize,
) -> Result<BuiltLayer<W>, BuildLayerError> {
    let mut writer = LayerWriter::new(plan, options, sink);
    writer.write_landmark()?;
    let (mut index, mut files) = (0, 0);
    // Directories have no content to read; what comes between two of them is read ahead.
    let place = |id: &EntryId| Place::of(&plan.entries.get(*id).kind);
    for ids in plan.content.chunk_by(|a, b| place(a) == place(b)) {
        let run = Run {
            plan,
            hashes,
            ids,
            start: index,
            skip: skip_files.saturating_sub(files),
        };
        match place(&ids[0]) {
            Place::Nowhere => {
                for id in ids {
                    writer.write_directory(*id)?;
                }
            }
            Place::Disk => run.write_files(&mut writer)?,
            Place::Archive(number) => run.write_members(&plan.archives[number], &mut writer)?,
        }
        if place(&ids[0]) != Place::Nowhere {
            files += ids.len();
        }
        index += ids.len();
    }
    let (sink, index) = writer.finish()?;
    let mut layer = BuiltLayer::finish(sink.into_encoder(), index, options.compression)?;
    if options.inventory {
        layer.inventory = hashes.inventory(plan);
    }
    Ok(layer)
}

/// A layer that was written.
#[derive(Debug)]
pub struct BuiltLayer<W> {
    /// Where it was written.
    pub output: W,
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
    /// Digest of the blob.
    pub digest: Digest,
    /// Size of the blob in bytes.
    pub size: u64,
    /// Annotations that readers need to pull the layer lazily.
    pub annotations: BTreeMap<String, String>,
    /// Content of the files and its size in bytes, each once and sorted, if that was asked for.
    pub inventory: Vec<(Digest, u64)>,
    /// The state at the end of each member, if members are kept.
    pub(crate) checkpoints: Vec<Checkpoint>,
}

impl<W: Write + Send + 'static> BuiltLayer<W> {
    /// Writes the table of contents, if there is one, and ends the stream.
    pub(crate) fn finish(
        mut encoder: ParallelEncoder<W>,
        index: Option<(StargzIndex, u64)>,
        compression: Compression,
    ) -> Result<Self, EncodeError> {
        let annotations = match index {
            Some((index, size)) => write_tail(index, compression, size, &mut encoder)?,
            None => BTreeMap::new(),
        };
        let stream = encoder.finish()?;
        Ok(Self {
            output: stream.output,
            diff_id: stream.diff_id,
            digest: stream.digest,
            size: stream.size,
            annotations,
            inventory: Vec::new(),
            checkpoints: stream.checkpoints,
        })
    }
}

/// Where content comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// There is none.
    Nowhere,
    /// From files on disk.
    Disk,
    /// From the archive with this number.
    Archive(usize),
}

impl Place {
    fn of(kind: &PlannedKind<'_>) -> Self {
        match kind {
            PlannedKind::File(Origin::Disk(_), _) => Self::Disk,
            PlannedKind::File(Origin::Member { archive, .. }, _) => Self::Archive(*archive),
            PlannedKind::Directory | PlannedKind::Symlink(_) | PlannedKind::Special(_) => {
                Self::Nowhere
            }
        }
    }
}

/// Entries beside one another whose content comes from one place.
struct Run<'r> {
    plan: &'r LayerPlan<'r>,
    hashes: &'r Hashes,
    ids: &'r [EntryId],
    /// Index of the first in the plan's content.
    start: usize,
    /// How many of them are in the output already.
    skip: usize,
}

impl<'r> Run<'r> {
    /// Writes files that are on disk.
    fn write_files<S: LayerSink>(
        &self,
        writer: &mut LayerWriter<'_, S>,
    ) -> Result<(), BuildLayerError> {
        let file = |(at, id): (usize, &EntryId)| match &self.plan.entries.get(*id).kind {
            PlannedKind::File(Origin::Disk(file), size) => Some(Source {
                file,
                size: *size,
                hashed: self.hashes.is_wanted(self.start + at),
                wanted: self.is_wanted(at),
            }),
            _ => None,
        };
        let sources: Vec<Source<'r>> = self.ids.iter().enumerate().filter_map(file).collect();
        content::for_each(&sources, |at, loaded| {
            let id = self.ids[at];
            let (mut content, hash) = loaded.map_err(|error| self.plan.read_error(id, error))?;
            let hash = hash.or_else(|| self.hashes.get(self.start + at).copied());
            writer.write_file(id, sources[at].size, &mut content, hash)
        })
    }

    /// Writes files that are entries of an archive.
    fn write_members<S: LayerSink>(
        &self,
        archive: &Archive,
        writer: &mut LayerWriter<'_, S>,
    ) -> Result<(), BuildLayerError> {
        let member = |(at, id): (usize, &EntryId)| match &self.plan.entries.get(*id).kind {
            PlannedKind::File(Origin::Member { member, .. }, size) => {
                Some(((*member, self.is_wanted(at)), *size))
            }
            _ => None,
        };
        let (members, sizes): (Vec<_>, Vec<u64>) =
            self.ids.iter().enumerate().filter_map(member).unzip();
        archive.for_each(&members, |at, content| {
            let mut content = content.map_err(|source| BuildLayerError::Import {
                file: on_disk(&archive.file).to_owned(),
                source,
            })?;
            let hash = self.hashes.get(self.start + at).copied();
            writer.write_file(self.ids[at], sizes[at], &mut content, hash)
        })
    }

    /// Tells whether the content of an entry has to be read.
    fn is_wanted(&self, at: usize) -> bool {
        at >= self.skip && !self.hashes.is_copy(self.start + at)
    }
}
