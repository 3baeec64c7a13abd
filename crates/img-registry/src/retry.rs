//! When to try again: exponential back-off with jitter, or what the registry asks for.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use futures_util::future::BoxFuture;
use img_oci::RegistryHost;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// How often and how patiently a request is repeated.
#[derive(Clone)]
pub struct RetryOptions {
    /// Attempts without any progress before giving up.
    pub attempts: u32,
    /// The most that one `Retry-After` is obeyed for.
    pub longest_wait: Duration,
    /// Who waits; tests and progress displays have their own.
    pub pause: Arc<dyn Pause>,
}

/// A wait before the next attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The registry that failed.
    pub registry: RegistryHost,
    /// Why the last attempt failed, in a few words.
    pub reason: String,
    /// How long to wait.
    pub delay: Duration,
    /// Whether the registry asked for the delay.
    pub requested: bool,
}

/// Waits, and may tell the user.
pub trait Pause: Send + Sync {
    /// Returns when the wait is over.
    fn pause<'a>(&'a self, wait: &'a Wait) -> BoxFuture<'a, ()>;
}

/// Waits in silence.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sleep;

impl Pause for Sleep {
    fn pause<'a>(&'a self, wait: &'a Wait) -> BoxFuture<'a, ()> {
        Box::pin(tokio::time::sleep(wait.delay))
    }
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            attempts: 6,
            longest_wait: Duration::from_secs(60),
            pause: Arc::new(Sleep),
        }
    }
}

/// The attempts of one operation.
pub(crate) struct Attempts {
    options: RetryOptions,
    failed: u32,
    delays: ExponentialBackoff,
}

impl Attempts {
    pub(crate) fn new(options: &RetryOptions) -> Self {
        Self {
            options: options.clone(),
            failed: 0,
            delays: delays(),
        }
    }

    /// Forgets past failures, as the last attempt got further than the ones before.
    pub(crate) fn progressed(&mut self) {
        self.failed = 0;
        self.delays = delays();
    }

    /// Waits for the next attempt; `false` if there is none left.
    pub(crate) async fn again(
        &mut self,
        registry: &RegistryHost,
        reason: &str,
        requested: Option<Duration>,
    ) -> bool {
        self.failed += 1;
        if self.failed >= self.options.attempts {
            return false;
        }
        let own = self.delays.next().unwrap_or(LONGEST_DELAY);
        let wait = Wait {
            registry: registry.clone(),
            reason: reason.to_owned(),
            delay: requested.unwrap_or(own).min(self.options.longest_wait),
            requested: requested.is_some(),
        };
        self.options.pause.pause(&wait).await;
        true
    }
}

const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

fn delays() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(LONGEST_DELAY)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Tells whether a request that was answered so may succeed when it is repeated.
pub(crate) fn is_retriable(status: StatusCode) -> bool {
    // 501 and 505 are what the server is, not what it has.
    matches!(status.as_u16(), 408 | 429 | 500 | 502..=504 | 506..=599)
}

/// Returns the delay of a `Retry-After` header, in seconds or as a date.
///
/// A date counts from the server's own clock where it tells it. What cannot be read is ignored.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let then = httpdate::parse_http_date(text).ok()?;
    let server_time = headers.get(DATE).and_then(|date| date.to_str().ok());
    let now = server_time.and_then(|date| httpdate::parse_http_date(date).ok());
    Some(
        then.duration_since(now.unwrap_or_else(SystemTime::now))
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(retry_after_text: &str, date: &str, expected: Option<u64>) {
        let headers = [(RETRY_AFTER, retry_after_text), (DATE, date)];
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name, value.parse().unwrap()))
            .collect();
        assert_eq!(
            retry_after(&headers),
            expected.map(Duration::from_secs),
            "{retry_after_text}"
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_by_the_servers_clock() {
        let now = "Sun, 06 Nov 1994 08:49:37 GMT";
        check("7", now, Some(7));
        check("Sun, 06 Nov 1994 08:50:00 GMT", now, Some(23));
        check("Sun, 06 Nov 1994 08:49:00 GMT", now, Some(0));
        check("1000000000000000000", now, Some(1_000_000_000_000_000_000));
        check("99999999999999999999999", now, Some(u64::MAX));
        for ignored in ["", "-5", "1.5", "soon"] {
            check(ignored, now, None);
        }
    }

    #[test]
    fn delays_grow_with_jitter_and_have_a_ceiling() {
        let delays: Vec<_> = delays().take(20).collect();
        assert!(delays[0] >= FIRST_DELAY && delays[0] <= 2 * FIRST_DELAY);
        assert!(delays.iter().all(|delay| *delay <= 2 * LONGEST_DELAY));
        assert!(delays[19] >= LONGEST_DELAY);
    }
}
