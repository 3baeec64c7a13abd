//! Bodies of requests: into memory, into an upload, or away.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::Incoming;
use tokio::task::JoinHandle;

use super::error::{ApiError, Code};
use crate::limits::{DRAIN_PATIENCE, DRAINED_BYTES};
use crate::store::{Held, StoreError, Upload, Uploads};

/// Bytes gathered before they are written.
const BATCH: usize = 256 << 10;

/// Why a body did not arrive.
pub(super) enum ReceiveError {
    /// The connection broke, or what came was no body.
    Broken,
    /// Nothing came for too long.
    Stalled,
    /// There is more than there may be.
    TooLong,
    /// The storage failed.
    Store(StoreError),
}

impl ReceiveError {
    /// Returns the answer, with `code` for what the client did wrong.
    pub(super) fn into_api_error(self, code: Code) -> ApiError {
        match self {
            Self::Broken => ApiError::bad_request(code, "the body broke off"),
            Self::Stalled => ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                code,
                "the body stopped arriving",
            ),
            Self::TooLong => {
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, code, "the body is too large")
            }
            Self::Store(error) => error.into(),
        }
    }
}

async fn next_chunk(
    body: &mut Incoming,
    patience: Duration,
) -> Result<Option<Bytes>, ReceiveError> {
    loop {
        let frame = tokio::time::timeout(patience, body.frame())
            .await
            .map_err(|_| ReceiveError::Stalled)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(ReceiveError::Broken),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) if !chunk.is_empty() => return Ok(Some(chunk)),
                // Trailers say nothing that is wanted here.
                _ => {}
            },
        }
    }
}

/// Reads a body of at most `limit` bytes into memory.
pub(super) async fn receive_whole(
    body: &mut Incoming,
    limit: u64,
    patience: Duration,
) -> Result<Bytes, ReceiveError> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = next_chunk(body, patience).await? {
        if (whole.len() + chunk.len()) as u64 > limit {
            return Err(ReceiveError::TooLong);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// Reads and drops the body of a refused request, within reason, so that the client, which may
/// still be sending, comes to read the answer.
pub(super) async fn drain(body: &mut Incoming, patience: Duration) {
    let rest = async {
        let mut drained = 0;
        while let Ok(Some(chunk)) = next_chunk(body, patience).await {
            drained += chunk.len() as u64;
            if drained > DRAINED_BYTES {
                break;
            }
        }
    };
    // What does not come in time is cut off with the connection.
    let _ = tokio::time::timeout(DRAIN_PATIENCE, rest).await;
}

/// The writing of one batch while the next is gathered.
enum Progress {
    Idle(Held),
    Writing(JoinHandle<Result<Held, StoreError>>),
}

impl Progress {
    async fn settle(self) -> Result<Held, ReceiveError> {
        match self {
            Self::Idle(writer) => Ok(writer),
            Self::Writing(job) => job
                .await
                .unwrap_or(Err(StoreError::Abandoned))
                .map_err(ReceiveError::Store),
        }
    }

    async fn write(self, upload: &Arc<Upload>, batch: Vec<Bytes>) -> Result<Self, ReceiveError> {
        let mut writer = self.settle().await?;
        let upload = upload.clone();
        Ok(Self::Writing(tokio::task::spawn_blocking(move || {
            let appended = writer.append(&batch);
            Uploads::record(&upload, &writer);
            appended.map(|()| writer)
        })))
    }
}

/// Appends a body of at most `limit` bytes to an upload.
///
/// What arrived before the body broke off is written, so that the client can go on from there.
pub(super) async fn receive_into(
    upload: &Arc<Upload>,
    writer: Held,
    body: &mut Incoming,
    limit: u64,
    patience: Duration,
) -> Result<Held, ReceiveError> {
    let mark = writer.mark();
    let mut progress = Progress::Idle(writer);
    let mut received = 0;
    let outcome = loop {
        let mut batch = Vec::new();
        let gathered = gather(body, &mut batch, &mut received, limit, patience).await;
        if !batch.is_empty() {
            progress = progress.write(upload, batch).await?;
        }
        match gathered {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let mut writer = progress.settle().await?;
    if matches!(outcome, Err(ReceiveError::TooLong)) {
        writer.rewind(mark);
        Uploads::record(upload, &writer);
    }
    outcome.map(|()| writer)
}

/// Gathers the next batch and tells whether there may be another.
async fn gather(
    body: &mut Incoming,
    batch: &mut Vec<Bytes>,
    received: &mut u64,
    limit: u64,
    patience: Duration,
) -> Result<bool, ReceiveError> {
    let mut size = 0;
    while size < BATCH {
        let Some(chunk) = next_chunk(body, patience).await? else {
            return Ok(false);
        };
        *received += chunk.len() as u64;
        if *received > limit {
            return Err(ReceiveError::TooLong);
        }
        size += chunk.len();
        batch.push(chunk);
    }
    Ok(true)
}
