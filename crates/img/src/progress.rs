//! How a push is shown on stderr: a bar where someone looks at it, and words where it has to wait.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use img_deploy::{PushObserver, Transfer};
use img_oci::{Descriptor, Digest, RegistryHost};
use img_registry::{Pause, Wait};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printable::printable;

/// Variables that, when set, keep the bar away.
const QUIET: [&str; 3] = ["NO_PROGRESS", "NO_INTERACTIVE", "NO_COLOR"];

/// The display of one command's transfers.
pub(crate) struct Progress {
    /// How the command is called, such as `img deploy`.
    command: &'static str,
    bar: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Bytes of blobs that arrived.
    done: u64,
    /// Bytes of blobs under way; one blob may be on its way to several registries.
    moving: BTreeMap<(RegistryHost, Digest), u64>,
    /// Registries of which was said that they make us wait.
    slow: BTreeSet<RegistryHost>,
}

impl Progress {
    /// Returns a display that fits stderr and the environment.
    pub(crate) fn new(command: &'static str) -> Self {
        let quiet = QUIET.iter().any(|name| std::env::var_os(name).is_some());
        let target = if quiet || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style =
            ProgressStyle::with_template("pushing {bar:30} {bytes}/{total_bytes} {bytes_per_sec}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            command,
            bar,
            state: Mutex::default(),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, state: &State) {
        self.bar
            .set_position(state.done + state.moving.values().sum::<u64>());
    }

    /// Says once for each registry that it makes us wait, and why.
    fn tell(&self, wait: &Wait) {
        let is_news = self.state().slow.insert(wait.registry.clone());
        if is_news {
            let seconds = wait.delay.as_secs_f32().ceil();
            let why = if wait.requested { ", as it asks" } else { "" };
            let line = format!(
                "{}: {}; trying again in {seconds} s{why}",
                self.command, wait.reason
            );
            // Nothing is left to do where stderr is closed.
            self.bar
                .suspend(|| drop(writeln!(std::io::stderr(), "{}", printable(&line))));
        }
    }
}

impl PushObserver for Progress {
    fn planned(&self, blob: &Descriptor, repositories: usize) {
        self.bar
            .inc_length(blob.size.saturating_mul(repositories as u64));
    }

    fn sent(&self, registry: &RegistryHost, digest: &Digest, position: u64) {
        let mut state = self.state();
        state
            .moving
            .insert((registry.clone(), digest.clone()), position);
        self.draw(&state);
    }

    fn arrived(&self, registry: &RegistryHost, blob: &Descriptor, _: Transfer) {
        let mut state = self.state();
        state
            .moving
            .remove(&(registry.clone(), blob.digest.clone()));
        state.done = state.done.saturating_add(blob.size);
        self.draw(&state);
    }
}

impl Pause for Progress {
    fn pause<'a>(&'a self, wait: &'a Wait) -> BoxFuture<'a, ()> {
        self.tell(wait);
        Box::pin(tokio::time::sleep(wait.delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_for_two_registries_counts_for_each() {
        let progress = Progress::new("img deploy");
        let blob = Descriptor::of("m", b"0123456789");
        let [one, two] = ["a.io", "b.io"].map(|name| name.parse::<RegistryHost>().unwrap());
        progress.sent(&one, &blob.digest, 5);
        progress.sent(&two, &blob.digest, 7);
        assert_eq!(progress.bar.position(), 12);
        progress.arrived(&one, &blob, Transfer::Uploaded);
        progress.sent(&two, &blob.digest, 8);
        assert_eq!(progress.bar.position(), 18);
    }
}
