//! The checkpoints of a layer's latest build, by which the next takes up an unchanged start.
//!
//! Record: for each member, 32 bytes that tell the members up to it, the length of its checkpoint in
//! two bytes (little endian), and the checkpoint.

use img_compress::{Checkpoint, Compression, MemberKey};
use img_oci::Sha256Hasher;

use crate::content::Hash;
use crate::input::KeptMembers;
use crate::sink::MemberPlan;

/// The members of the latest build, in order, and the state after each.
pub(crate) struct Trail {
    key: MemberKey,
    steps: Vec<(Hash, Checkpoint)>,
}

impl Trail {
    /// Returns the trail that is kept for a layer; one without steps if there is none.
    pub(crate) fn load(kept: &KeptMembers, compression: Compression) -> Self {
        let level = compression.library_level();
        let title = format!(
            "trail {} level {level}\n{}",
            compression.encoder(),
            kept.layer
        );
        let key = Sha256Hasher::hash(title.as_bytes());
        let record = kept.store.load(&key);
        Self {
            key,
            steps: record.and_then(|record| parse(&record)).unwrap_or_default(),
        }
    }

    /// Returns how many members at the start are those of the trail.
    pub(crate) fn shared_with(&self, members: &[MemberPlan]) -> usize {
        let pairs = self.steps.iter().zip(members);
        pairs
            .take_while(|((chain, _), member)| *chain == member.chain)
            .count()
    }

    /// Returns the state after this many members.
    pub(crate) fn checkpoint(&self, members: usize) -> Option<&Checkpoint> {
        let last = members.checked_sub(1)?;
        self.steps.get(last).map(|(_, checkpoint)| checkpoint)
    }

    /// Keeps the steps of the first `taken_over` members, and those of the rest.
    pub(crate) fn save(
        &self,
        kept: &KeptMembers,
        members: &[MemberPlan],
        taken_over: usize,
        rest: &[Checkpoint],
    ) {
        if taken_over == members.len() && taken_over == self.steps.len() {
            return;
        }
        let before = self.steps[..taken_over]
            .iter()
            .map(|(_, checkpoint)| checkpoint);
        let mut record = Vec::new();
        for (member, checkpoint) in members.iter().zip(before.chain(rest)) {
            let checkpoint = checkpoint.to_bytes();
            record.extend_from_slice(&member.chain);
            // A checkpoint has a few hundred bytes.
            let length = u16::try_from(checkpoint.len()).unwrap_or(0);
            record.extend_from_slice(&length.to_le_bytes());
            record.extend_from_slice(&checkpoint);
        }
        kept.store.save(&self.key, &record);
    }
}

fn parse(mut record: &[u8]) -> Option<Vec<(Hash, Checkpoint)>> {
    let mut steps = Vec::new();
    while !record.is_empty() {
        let (chain, rest) = record.split_first_chunk::<32>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (checkpoint, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        steps.push((*chain, Checkpoint::parse(checkpoint)?));
        record = rest;
    }
    Some(steps)
}
