//! The members at the start of a layer that are as they were: written without a look at their content.

use std::io::Write;
use std::panic::resume_unwind;

use img_compress::{Checkpoint, Compression, EncodeError, MemberStore, PrefixWriter};

use crate::error::BuildLayerError;
use crate::input::KeptMembers;
use crate::sink::MemberPlan;
use crate::trail::Trail;

/// Members that are loaded and checked side by side.
const BATCH: usize = 8;

/// What was written, and where the stream goes on.
pub(crate) struct Prefix<'t, W> {
    pub(crate) output: W,
    /// How many members were written.
    pub(crate) members: usize,
    /// The state after them; nothing if there are none.
    pub(crate) checkpoint: Option<&'t Checkpoint>,
}

impl<'t, W: Write> Prefix<'t, W> {
    /// Writes the members up to the first that differs from those of the trail or is not kept.
    pub(crate) fn write(
        members: &[MemberPlan],
        trail: &'t Trail,
        kept: &KeptMembers,
        compression: Compression,
        output: W,
    ) -> Result<Self, BuildLayerError> {
        let same = trail.shared_with(members);
        let mut writer = PrefixWriter::new(output, compression);
        let mut written = 0;
        'batches: for batch in members[..same].chunks(BATCH) {
            for member in load(batch, kept.store.as_ref()) {
                let Some(member) = member else {
                    break 'batches;
                };
                writer.write_member(&member).map_err(EncodeError::Write)?;
                written += 1;
            }
        }
        Ok(Self {
            output: writer.into_output(),
            members: written,
            checkpoint: trail.checkpoint(written),
        })
    }
}

/// Returns these members, as far as they are kept.
fn load(batch: &[MemberPlan], store: &dyn MemberStore) -> Vec<Option<Vec<u8>>> {
    std::thread::scope(|scope| {
        let half = batch.len() / 2;
        let load = |members: &[MemberPlan]| -> Vec<Option<Vec<u8>>> {
            members
                .iter()
                .map(|member| store.load(&member.key))
                .collect()
        };
        let beside = scope.spawn(move || load(&batch[half..]));
        let mut loaded = load(&batch[..half]);
        loaded.extend(beside.join().unwrap_or_else(|panic| resume_unwind(panic)));
        loaded
    })
}
