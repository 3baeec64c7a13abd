//! From inputs to a layer: plan the entries, take over what is kept, write the rest.

use std::io::{self, Write};

use img_compress::{
    Compression, Encoded, EncoderOptions, Format, MemberStore, Members, ParallelEncoder,
};

use crate::content::{self, Content, Hash, Source};
use crate::entries::{EntryId, PlannedKind};
use crate::error::BuildLayerError;
use crate::hashes::Hashes;
use crate::input::{Input, KeptMembers, LayerOptions};
use crate::plan::LayerPlan;
use crate::prefix::Prefix;
use crate::sink::{EncodeSink, KeySink, MemberPlan};
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
) -> Result<Encoded<W>, BuildLayerError> {
    let plan = LayerPlan::new(inputs, options)?;
    match &options.kept {
        Some(kept) if can_be_kept(options.compression) => {
            build_from_kept(&plan, options, kept, output)
        }
        _ => {
            let hashes = Hashes::of_possible_copies(&plan, options);
            let encoder = EncoderOptions::new(options.compression, options.jobs);
            let encoder = ParallelEncoder::new(output, encoder);
            encode(&plan, options, &hashes, EncodeSink::new(encoder, &[], 0), 0)
        }
    }
}

/// Tells whether members are compressed independently of one another, and compressed at all.
fn can_be_kept(compression: Compression) -> bool {
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
) -> Result<Encoded<W>, BuildLayerError> {
    let hashes = Hashes::of_all(plan, options)?;
    let members = member_plans(plan, options, &hashes)?;
    let trail = Trail::load(kept, options.compression);
    let prefix = Prefix::write(&members, &trail, kept, options.compression, output)?;
    let encoder = EncoderOptions {
        store: Some(std::sync::Arc::clone(&kept.store) as std::sync::Arc<dyn MemberStore>),
        ..EncoderOptions::new(options.compression, options.jobs)
    };
    let encoder = match prefix.checkpoint {
        Some(checkpoint) => ParallelEncoder::resume(prefix.output, encoder, checkpoint),
        None => ParallelEncoder::new(prefix.output, encoder),
    };
    let skip = prefix.members;
    let files = skip.checked_sub(1).map_or(0, |last| members[last].files);
    let sink = EncodeSink::new(encoder, &members, skip);
    let encoded = encode(plan, options, &hashes, sink, files)?;
    trail.save(kept, &members, skip, &encoded.checkpoints);
    Ok(encoded)
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
            PlannedKind::Symlink(_) => {}
        }
    }
    Ok(writer.finish()?.members)
}

/// Writes all entries; the content of the first `skip_files` files is in the output already.
fn encode<W: Write + Send + 'static>(
    plan: &LayerPlan<'_>,
    options: &LayerOptions,
    hashes: &Hashes,
    sink: EncodeSink<'_, W>,
    skip_files: usize,
) -> Result<Encoded<W>, BuildLayerError> {
    let mut writer = LayerWriter::new(plan, options, sink);
    let is_file = |id: &EntryId| matches!(plan.entries.get(*id).kind, PlannedKind::File(..));
    let (mut index, mut files) = (0, 0);
    // Directories have no content to read; what comes between two of them is read ahead.
    for run in plan.content.chunk_by(|a, b| is_file(a) == is_file(b)) {
        if !is_file(&run[0]) {
            for id in run {
                writer.write_directory(*id)?;
            }
        } else {
            let sources = sources(plan, run, index, hashes, skip_files.saturating_sub(files));
            content::for_each(&sources, |at, loaded| {
                let (id, source) = (run[at], &sources[at]);
                let loaded: io::Result<(Content<'_>, Option<Hash>)> = loaded;
                let (mut content, hash) = loaded.map_err(|error| plan.read_error(id, error))?;
                let hash = hash.or_else(|| hashes.get(index + at).copied());
                writer.write_file(id, source.size, &mut content, hash)
            })?;
            files += run.len();
        }
        index += run.len();
    }
    Ok(writer.finish()?.into_encoder().finish()?)
}

/// Returns the sources of a run of files that begins at `start` of the plan's content.
fn sources<'p>(
    plan: &'p LayerPlan<'_>,
    run: &[EntryId],
    start: usize,
    hashes: &Hashes,
    skip: usize,
) -> Vec<Source<'p>> {
    let source = |(at, id): (usize, &EntryId)| match &plan.entries.get(*id).kind {
        PlannedKind::File(file, size) => Some(Source {
            file,
            size: *size,
            hashed: hashes.is_wanted(start + at),
            wanted: at >= skip && !hashes.is_copy(start + at),
        }),
        PlannedKind::Directory | PlannedKind::Symlink(_) => None,
    };
    run.iter().enumerate().filter_map(source).collect()
}
