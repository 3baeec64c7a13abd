//! Sending the bytes of a blob as the body of one request, watched for silence.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use img_oci::Descriptor;
use img_store::{BlobSource, BlobStream, ReadBlobError, verified};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Method, Response};
use url::Url;

use super::Position;
use crate::auth::authorize;
use crate::transport::{Transport, authority};
use crate::{RequestError, Secret};

/// Idle times a registry has to store a blob once it has all bytes: some copy them once more.
const STORING: u32 = 5;

/// Idle times a source has for its next piece: one that is a registry tries again in this time.
const READING: u32 = 15;

/// Why there was no answer.
pub(super) enum SendError {
    Source(ReadBlobError),
    Request(RequestError),
}

/// The part of a blob to send: from `offset` to its end.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) blob: &'a Descriptor,
    pub(super) source: &'a dyn BlobSource,
    pub(super) offset: u64,
}

/// Where to send it, and as whom.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) header: Option<&'a Secret>,
}

/// Sends a piece of a blob, once, and returns the head of the answer.
pub(super) async fn send(
    transport: &Transport,
    request: Request<'_>,
    piece: Piece<'_>,
    position: &Position,
) -> Result<Response, SendError> {
    let host = authority(&request.url);
    let mut request = request.build(piece);
    let watch = Arc::new(Watch::default());
    if piece.is_empty() {
        watch.done.store(true, Ordering::Relaxed);
    } else {
        let stream = piece.open().await.map_err(SendError::Source)?;
        *request.body_mut() = Some(body(stream, piece.offset, &watch, position));
    }
    let answer = watch
        .over(transport.send_unwatched(request), transport.idle_timeout())
        .await;
    if let Some(error) = watch
        .failure
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
    {
        return Err(SendError::Source(error));
    }
    match answer {
        Ok(answer) => answer.map_err(SendError::Request),
        Err(Silent::Registry) => Err(SendError::Request(transport.stalled(host))),
        Err(Silent::Source) => {
            let seconds = transport.idle_timeout().as_secs() * u64::from(READING);
            let cause = std::io::Error::other(format!("it gave no bytes for {seconds} seconds"));
            let place = piece.source.place(piece.blob);
            let error = ReadBlobError::read(piece.blob, &place, cause);
            Err(SendError::Source(error))
        }
    }
}

impl Piece<'_> {
    /// Tells whether nothing is left to send; a blob without bytes is still read, to verify it.
    fn is_empty(&self) -> bool {
        self.offset > 0 && self.offset == self.blob.size
    }

    async fn open(&self) -> Result<BlobStream, ReadBlobError> {
        let stream = self.source.open(self.blob).await?;
        Ok(verified(stream, self.blob, &self.source.place(self.blob)))
    }
}

impl Request<'_> {
    fn build(self, piece: Piece<'_>) -> reqwest::Request {
        let (size, offset) = (piece.blob.size, piece.offset);
        let is_chunk = self.method == Method::PATCH;
        let mut request = reqwest::Request::new(self.method, self.url);
        if let Some(header) = self.header {
            authorize(&mut request, header);
        }
        let headers = request.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        headers.insert(CONTENT_LENGTH, HeaderValue::from(size - offset));
        if is_chunk {
            let range = HeaderValue::from_str(&format!("{offset}-{}", size - 1));
            headers.insert(CONTENT_RANGE, range.expect("digits are a valid header"));
        }
        request
    }
}

/// What is known of a body while it is being sent.
#[derive(Default)]
struct Watch {
    pieces: AtomicU64,
    /// Whether the next piece is waited for.
    reading: AtomicBool,
    done: AtomicBool,
    failure: Mutex<Option<ReadBlobError>>,
}

/// Who kept an upload waiting for too long.
#[derive(Debug, PartialEq, Eq)]
enum Silent {
    Registry,
    Source,
}

impl Watch {
    /// Waits for the answer while pieces move, or tells who is to blame that nothing does.
    async fn over<T>(&self, answer: impl Future<Output = T>, idle: Duration) -> Result<T, Silent> {
        let mut answer = pin!(answer);
        let mut moved = 0;
        let (mut storing, mut reading) = (0, 0);
        loop {
            if let Ok(answer) = tokio::time::timeout(idle, &mut answer).await {
                return Ok(answer);
            }
            let now = self.pieces.load(Ordering::Relaxed);
            if self.done.load(Ordering::Relaxed) {
                storing += 1;
            } else if now != moved {
                reading = 0;
            } else if self.reading.load(Ordering::Relaxed) {
                reading += 1;
            } else {
                return Err(Silent::Registry);
            }
            if storing == STORING {
                return Err(Silent::Registry);
            }
            if reading == READING {
                return Err(Silent::Source);
            }
            moved = now;
        }
    }
}

/// Returns the stream as a body that reports what passes and why it ends early.
fn body(stream: BlobStream, offset: u64, watch: &Arc<Watch>, position: &Position) -> Body {
    Body::wrap_stream(pieces(stream, offset, watch, position))
}

fn pieces(
    stream: BlobStream,
    offset: u64,
    watch: &Arc<Watch>,
    position: &Position,
) -> impl Stream<Item = std::io::Result<Bytes>> + use<> {
    let state = (stream, 0_u64, Arc::clone(watch), Arc::clone(position));
    stream::unfold(
        state,
        move |(mut stream, mut sent, watch, position)| async move {
            loop {
                watch.reading.store(true, Ordering::Relaxed);
                let next = stream.next().await;
                watch.reading.store(false, Ordering::Relaxed);
                match next {
                    Some(Ok(piece)) => {
                        let fresh = beyond(piece, sent, offset);
                        sent += fresh.1;
                        if fresh.0.is_empty() {
                            continue;
                        }
                        watch.pieces.fetch_add(1, Ordering::Relaxed);
                        position(sent);
                        return Some((Ok(fresh.0), (stream, sent, watch, position)));
                    }
                    Some(Err(error)) => {
                        let text = error.to_string();
                        *watch.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        let error = std::io::Error::other(text);
                        return Some((
                            Err(error),
                            (stream::empty().boxed(), sent, watch, position),
                        ));
                    }
                    None => {
                        watch.done.store(true, Ordering::Relaxed);
                        return None;
                    }
                }
            }
        },
    )
}

/// Returns the part of a piece, which begins at `start`, beyond `offset`, and the piece's length.
fn beyond(mut piece: Bytes, start: u64, offset: u64) -> (Bytes, u64) {
    let length = piece.len() as u64;
    let known = usize::try_from(offset.saturating_sub(start).min(length)).unwrap_or(usize::MAX);
    (piece.split_off(known), length)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// Waits for an answer that never comes.
    async fn silent(watch: &Watch) -> Silent {
        let answer = std::future::pending::<()>();
        watch
            .over(answer, Duration::from_millis(1))
            .await
            .unwrap_err()
    }

    #[tokio::test]
    async fn a_source_that_stalls_is_not_a_silent_registry() {
        let watch = Arc::<Watch>::default();
        assert_eq!(silent(&watch).await, Silent::Registry);
        let ignore: Position = Arc::new(|_| {});
        let source = stream::iter([Ok(Bytes::from_static(b"x"))]).chain(stream::pending());
        let mut pieces = Box::pin(pieces(source.boxed(), 0, &watch, &ignore));
        assert!(pieces.next().await.is_some());
        assert_eq!(silent(&watch).await, Silent::Registry);
        assert!(pieces.next().now_or_never().is_none());
        assert_eq!(silent(&watch).await, Silent::Source);
        watch.done.store(true, Ordering::Relaxed);
        assert_eq!(silent(&watch).await, Silent::Registry);
    }

    #[test]
    fn pieces_are_cut_at_the_offset() {
        let check = |start: u64, offset: u64, expected: &'static [u8]| {
            assert_eq!(
                beyond(Bytes::from_static(b"abcd"), start, offset).0,
                expected
            );
        };
        check(0, 0, b"abcd");
        check(0, 3, b"d");
        check(0, 4, b"");
        check(0, 9, b"");
        check(8, 9, b"bcd");
        check(9, 9, b"abcd");
    }
}
