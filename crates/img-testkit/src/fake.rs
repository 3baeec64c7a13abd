//! A registry in memory that does what it is told, wrong things included, and remembers what it
//! was asked.

mod api;
mod body;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use img_oci::{Descriptor, Digest};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

/// What to do wrong, and when.
#[derive(Clone, Debug)]
pub struct Fault {
    method: &'static str,
    path: String,
    skip: usize,
    times: usize,
    action: Action,
}

/// What to do in place of the right thing.
#[derive(Clone, Debug)]
pub enum Action {
    /// Answer at once with status, headers and body; do nothing.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Do it, then answer with this status all the same.
    AnswerAfter(u16),
    /// Do it, then answer with another header.
    Header(&'static str, String),
    /// Read so many bytes of the request's body, then close the connection.
    CutRequest(usize),
    /// Send so many bytes of the response's body, then close the connection.
    CutResponse(usize),
    /// Answer as if it were done; do nothing.
    Forget,
    /// Change the first byte of the response's body.
    Mangle,
    /// Never answer.
    Hang,
}

/// What a client has to show.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Nothing.
    #[default]
    Open,
    /// `user:password`.
    Basic(String),
    /// A token from `realm`. The fake's own server, at `/token`, gives one to `user:password`.
    Bearer {
        /// URL of the token server.
        realm: String,
        /// What the token server wants to see.
        user: String,
    },
}

/// A running fake; stopped when dropped.
pub struct FakeRegistry {
    /// `127.0.0.1:<port>`
    pub address: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
pub(crate) struct State {
    access: Access,
    /// Tokens given out, which are numbered from 1.
    tokens: usize,
    /// The last token that is no longer valid.
    expired: usize,
    faults: Vec<Fault>,
    seen: Vec<Seen>,
    arrivals: Arc<Notify>,
    blobs: BTreeMap<(String, String), Vec<u8>>,
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: BTreeMap<String, Vec<u8>>,
    last_upload: usize,
    /// Whether bytes of an upload that broke off are kept.
    pub(crate) keeps_partial: bool,
    /// Whether mounts are declined.
    pub(crate) declines_mounts: bool,
}

impl Fault {
    /// Returns a fault of the first request with this method whose path and query hold `path`.
    pub fn new(method: &'static str, path: impl Into<String>, action: Action) -> Self {
        Self {
            method,
            path: path.into(),
            skip: 0,
            times: 1,
            action,
        }
    }

    /// Lets so many such requests pass first.
    #[must_use]
    pub fn after(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    /// Hits so many such requests.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Hits all such requests.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }
}

impl FakeRegistry {
    /// Starts a registry without content.
    ///
    /// # Panics
    ///
    /// If there is no loopback port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let listener = listener.expect("there is a loopback port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let state = Arc::<Mutex<State>>::default();
        let task = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            task,
        }
    }

    /// Adds a fault; the first that fits a request is taken.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Sets what clients have to show.
    pub fn require(&self, access: Access) {
        self.state().access = access;
    }

    /// Keeps the bytes of uploads that break off.
    pub fn keep_partial_uploads(&self) {
        self.state().keeps_partial = true;
    }

    /// Answers mounts with an upload session.
    pub fn decline_mounts(&self) {
        self.state().declines_mounts = true;
    }

    /// Makes all tokens given out so far invalid.
    pub fn expire_tokens(&self) {
        let mut state = self.state();
        state.expired = state.tokens;
    }

    /// Puts a blob into a repository.
    pub fn add_blob(&self, repository: &str, bytes: &[u8]) -> Descriptor {
        let digest = Digest::sha256(bytes);
        self.state()
            .blobs
            .insert((repository.to_owned(), digest.to_string()), bytes.to_vec());
        Descriptor::of("application/octet-stream", bytes)
    }

    /// Puts a manifest under a tag, with the media type it is served by.
    pub fn add_manifest(&self, repository: &str, reference: &str, kind: &str, bytes: &[u8]) {
        let key = (repository.to_owned(), reference.to_owned());
        self.state()
            .manifests
            .insert(key, (kind.to_owned(), bytes.to_vec()));
    }

    /// Removes a blob, as a registry that loses things does.
    pub fn lose_blob(&self, repository: &str, digest: &Digest) {
        self.state()
            .blobs
            .remove(&(repository.to_owned(), digest.to_string()));
    }

    /// Tells whether a repository has a blob.
    pub fn has_blob(&self, repository: &str, digest: &Digest) -> bool {
        self.state()
            .blobs
            .contains_key(&(repository.to_owned(), digest.to_string()))
    }

    /// Tells whether a repository has a manifest under a tag or digest.
    pub fn has_manifest(&self, repository: &str, reference: &str) -> bool {
        self.state()
            .manifests
            .contains_key(&(repository.to_owned(), reference.to_owned()))
    }

    /// Returns the number of upload sessions that are open.
    pub fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }

    /// Returns the requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Returns the requests so far, as `METHOD path-and-query`, and forgets them.
    pub fn take_seen(&self) -> Vec<String> {
        let seen = std::mem::take(&mut self.state().seen);
        seen.iter()
            .map(|seen| format!("{} {}", seen.method, seen.target))
            .collect()
    }

    /// Returns when a request has arrived whose `METHOD path-and-query` holds `text`.
    pub async fn arrival(&self, text: &str) {
        let arrivals = Arc::clone(&self.state().arrivals);
        loop {
            let arrival = arrivals.notified();
            if self.count(text) > 0 {
                return;
            }
            arrival.await;
        }
    }

    /// Returns the number of requests whose `METHOD path-and-query` holds `text`.
    pub fn count(&self, text: &str) -> usize {
        let holds = |seen: &&Seen| format!("{} {}", seen.method, seen.target).contains(text);
        self.state().seen.iter().filter(holds).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Returns the fault that hits a request, if one does.
    fn take_fault(&mut self, method: &str, target: &str) -> Option<Action> {
        for fault in &mut self.faults {
            if fault.method != method || !target.contains(&fault.path) || fault.times == 0 {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times -= 1;
            return Some(fault.action.clone());
        }
        None
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        let service = service_fn(move |request| api::handle(Arc::clone(&state), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // It ends with an error whenever a fault cuts it.
        tokio::spawn(async move { drop(connection.await) });
    }
}
