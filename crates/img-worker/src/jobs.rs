//! The requests that are waiting or running, and which of them may run next.

use std::collections::VecDeque;

use crate::cancellation::Cancellation;
use crate::messages::WorkRequest;

/// A request whose response is still to be written.
struct Job {
    id: i32,
    /// None once it runs.
    waiting: Option<WorkRequest>,
    cancellation: Cancellation,
    /// Whether its response is being written: from then on, the ID may be used again.
    answered: bool,
}

/// What the cancellation of a request leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// It had not started: it is to be answered now.
    Waiting,
    /// It is running, and is answered when it ends; or it has been answered before.
    Answered,
}

/// All requests whose responses are still to be written, oldest first.
#[derive(Default)]
pub(crate) struct Jobs {
    jobs: VecDeque<Job>,
    /// Whether no more will come.
    closed: bool,
}

impl Jobs {
    /// Adds a request; none is added if another with its ID is still to be answered. Those without ID
    /// wait for one another.
    pub(crate) fn add(&mut self, request: WorkRequest) -> Result<(), i32> {
        let id = request.request_id;
        if id != 0 && self.jobs.iter().any(|job| job.id == id && !job.answered) {
            return Err(id);
        }
        self.jobs.push_back(Job {
            id,
            waiting: Some(request),
            cancellation: Cancellation::default(),
            answered: false,
        });
        Ok(())
    }

    /// Takes the next request that may run.
    pub(crate) fn start(&mut self) -> Option<(WorkRequest, Cancellation)> {
        let is_single_running = self
            .jobs
            .iter()
            .any(|job| job.id == 0 && job.waiting.is_none());
        let may_run = |job: &&mut Job| job.waiting.is_some() && !(job.id == 0 && is_single_running);
        let job = self.jobs.iter_mut().find(may_run)?;
        Some((job.waiting.take()?, job.cancellation.clone()))
    }

    /// Notes that a request ran and is going to be answered; tells whether it was cancelled.
    pub(crate) fn answer(&mut self, id: i32) -> bool {
        let is_it = |job: &&mut Job| job.id == id && job.waiting.is_none() && !job.answered;
        let Some(job) = self.jobs.iter_mut().find(is_it) else {
            return false;
        };
        job.answered = true;
        job.cancellation.is_cancelled()
    }

    /// Removes a request whose response is written.
    pub(crate) fn finish(&mut self, id: i32) {
        let is_it = |job: &Job| job.id == id && job.answered;
        if let Some(at) = self.jobs.iter().position(is_it) {
            self.jobs.remove(at);
        }
    }

    /// Cancels the oldest request of this ID that is not cancelled yet.
    pub(crate) fn cancel(&mut self, id: i32) -> Cancelled {
        let is_it = |job: &Job| job.id == id && !job.answered && !job.cancellation.is_cancelled();
        let Some(at) = self.jobs.iter().position(is_it) else {
            return Cancelled::Answered;
        };
        if self.jobs[at].waiting.is_some() {
            self.jobs.remove(at);
            return Cancelled::Waiting;
        }
        self.jobs[at].cancellation.cancel();
        Cancelled::Answered
    }

    /// Cancels everything; returns the IDs of those that had not started.
    pub(crate) fn cancel_all(&mut self) -> Vec<i32> {
        let mut waiting = Vec::new();
        self.jobs.retain(|job| {
            if job.waiting.is_some() {
                waiting.push(job.id);
                return false;
            }
            if !job.answered {
                job.cancellation.cancel();
            }
            true
        });
        waiting
    }

    /// Notes that no more requests will come.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Tells whether no more requests will come.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Tells whether all responses are written.
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(ids: &[i32]) -> Jobs {
        let mut jobs = Jobs::default();
        for id in ids {
            let request_id = *id;
            let request = WorkRequest {
                request_id,
                ..WorkRequest::default()
            };
            jobs.add(request).unwrap();
        }
        jobs
    }

    fn started(jobs: &mut Jobs) -> Vec<i32> {
        std::iter::from_fn(|| jobs.start())
            .map(|(request, _)| request.request_id)
            .collect()
    }

    fn end(jobs: &mut Jobs, ids: &[i32]) {
        for id in ids {
            jobs.answer(*id);
            jobs.finish(*id);
        }
    }

    #[test]
    fn requests_without_id_run_one_after_another() {
        let mut jobs = jobs(&[0, 0, 3, 0]);
        assert_eq!(started(&mut jobs), [0, 3]);
        end(&mut jobs, &[0]);
        assert_eq!(started(&mut jobs), [0]);
        end(&mut jobs, &[0, 3]);
        assert_eq!(started(&mut jobs), [0]);
        end(&mut jobs, &[0]);
        assert!(jobs.is_empty());
    }

    #[test]
    fn an_id_is_used_once_at_a_time() {
        let mut jobs = jobs(&[4]);
        let again = WorkRequest {
            request_id: 4,
            ..WorkRequest::default()
        };
        assert_eq!(jobs.add(again.clone()), Err(4));
        assert_eq!(started(&mut jobs), [4]);
        assert_eq!(jobs.add(again.clone()), Err(4));
        assert!(!jobs.answer(4));
        assert_eq!(jobs.add(again), Ok(()));
        jobs.finish(4);
        assert_eq!(started(&mut jobs), [4]);
    }

    #[test]
    fn what_has_not_started_is_answered_at_once_when_cancelled() {
        let mut jobs = jobs(&[1, 2]);
        let (_, cancellation) = jobs.start().unwrap();
        assert_eq!(jobs.cancel(2), Cancelled::Waiting);
        assert_eq!(jobs.cancel(2), Cancelled::Answered);
        assert_eq!(jobs.cancel(1), Cancelled::Answered);
        assert!(cancellation.is_cancelled());
        assert_eq!(jobs.cancel(7), Cancelled::Answered);
        assert!(jobs.answer(1));
        jobs.finish(1);
        assert!(jobs.is_empty());
    }

    #[test]
    fn at_the_end_everything_is_cancelled() {
        let mut jobs = jobs(&[1, 0, 0]);
        let (_, cancellation) = jobs.start().unwrap();
        assert_eq!(jobs.cancel_all(), [0, 0]);
        assert!(cancellation.is_cancelled() && !jobs.is_empty());
    }
}
