//! The server: accepts connections, and stops when it is told to.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::api::{Registry, answer};
use crate::connection::PatientStream;
use crate::limits::{Limits, MAX_HEAD_SIZE, MAX_HEADERS};
use crate::observer::Observer;
use crate::store::{OpenStoreError, Store, Uploads};

/// Time between two looks for uploads that have rested for too long.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Rest after a connection could not be accepted, for want of file descriptors for example.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Large manifests that are parsed at the same time.
const LARGE_DOCUMENTS: usize = 4;

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The directory cannot be used.
    #[error(transparent)]
    Store(#[from] OpenStoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// A distribution server that holds its address and its directory.
pub struct Server {
    registry: Arc<Registry>,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Opens the storage below `root`, and listens on `address`.
    ///
    /// Connections wait until [`Server::run`] is called. Blocks for as long as the storage needs
    /// to open; wants a tokio runtime with time and I/O.
    pub async fn bind(
        address: SocketAddr,
        root: &Path,
        limits: Limits,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ServeError> {
        let store = Arc::new(Store::open(root, &limits, observer.clone())?);
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let large_documents = Semaphore::new(LARGE_DOCUMENTS);
        let uploads = Uploads::default();
        let registry = Registry {
            store,
            uploads,
            limits,
            observer,
            large_documents,
        };
        Ok(Self {
            registry: Arc::new(registry),
            listener,
            address,
        })
    }

    /// Returns the address that is listened on, with its port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, then lets running requests finish within the limit.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let limits = self.registry.limits.clone();
        let slots = Arc::new(Semaphore::new(limits.connections));
        let (stopping, stopped) = watch::channel(false);
        let sweep = tokio::spawn(sweep(self.registry.clone()));
        tokio::select! {
            () = accept(&self.listener, &self.registry, &slots, &stopped) => {}
            () = stop => {}
        }
        drop(self.listener);
        sweep.abort();
        // Fails only where no connection is left to hear of it.
        let _ = stopping.send(true);
        let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        // Whatever has not ended by then is cut off with the runtime.
        let _ = tokio::time::timeout(limits.drain_timeout, slots.acquire_many(all)).await;
    }
}

async fn sweep(registry: Arc<Registry>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        interval.tick().await;
        let registry = registry.clone();
        // A sweep that panicked is followed by the next.
        let _ = tokio::task::spawn_blocking(move || {
            registry
                .uploads
                .expire(registry.limits.upload_expiry, Instant::now());
        })
        .await;
    }
}

async fn accept(
    listener: &TcpListener,
    registry: &Arc<Registry>,
    slots: &Arc<Semaphore>,
    stopped: &watch::Receiver<bool>,
) {
    // The semaphore is never closed.
    while let Ok(slot) = slots.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, registry.clone(), stopped.clone(), slot));
            }
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
}

async fn serve(
    stream: TcpStream,
    registry: Arc<Registry>,
    mut stopped: watch::Receiver<bool>,
    _slot: OwnedSemaphorePermit,
) {
    // Without it small answers are a little later.
    let _ = stream.set_nodelay(true);
    let (stream, answered) = PatientStream::new(stream, &registry.limits);
    let service = service_fn(|request| {
        let (registry, answered) = (registry.clone(), answered.clone());
        async move {
            let response = answer(registry, request).await;
            answered.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        // The stream has its own limit.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD_SIZE)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = stopped.wait_for(|stopped| *stopped) => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        // A connection that breaks is the client's to notice.
        let _ = connection.await;
    }
}
