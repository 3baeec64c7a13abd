//! The race between the cancellation of a request and its outputs: exactly one of them wins.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
const COMMITTING: u8 = 2;

/// Whether a request was cancelled; clones are about the same request.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicU8>);

impl Cancellation {
    /// Cancels the request, unless its outputs are being put in place already; tells whether it is
    /// cancelled.
    pub fn cancel(&self) -> bool {
        self.leave_running_for(CANCELLED)
    }

    /// Announces that outputs are going to be put in place, which is allowed unless the request is
    /// cancelled; from then on it cannot be.
    pub fn begin_commit(&self) -> bool {
        self.leave_running_for(COMMITTING)
    }

    /// Tells whether the request is cancelled: what is still done for it, is done in vain.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire) == CANCELLED
    }

    fn leave_running_for(&self, state: u8) -> bool {
        let changed = self
            .0
            .compare_exchange(RUNNING, state, Ordering::AcqRel, Ordering::Acquire);
        changed.map_or_else(|found| found == state, |_| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_cancellation_and_commit_the_first_wins() {
        let cancelled = Cancellation::default();
        assert!(!cancelled.is_cancelled());
        assert!(cancelled.clone().cancel() && cancelled.cancel());
        assert!(cancelled.is_cancelled() && !cancelled.begin_commit());
        let committed = Cancellation::default();
        assert!(committed.begin_commit() && committed.clone().begin_commit());
        assert!(!committed.cancel() && !committed.is_cancelled());
    }
}
