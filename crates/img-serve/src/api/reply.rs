//! Bodies of responses, and the headers that responses share.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode, Uri};
use img_oci::Digest;
use tokio::task::JoinHandle;

use crate::observer::{Observer, RequestRecord};
use crate::store::{Block, ContentReader, StoreError};

/// The header that names a blob or manifest.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The body of a response.
pub(crate) struct Reply {
    content: Content,
    log: Option<Box<Log>>,
}

enum Content {
    Empty,
    Whole(Bytes),
    Stream(Stream),
}

/// A block, and the reader of the next.
type Read = Result<(Box<ContentReader>, Block), StoreError>;

/// The reading of a block where it may take long.
type Job = JoinHandle<Read>;

/// A blob on its way from disk.
struct Stream {
    unsent: u64,
    source: Source,
}

/// Where the next block comes from.
enum Source {
    /// Memory, if it is there.
    Reader(Box<ContentReader>),
    /// A thread that may wait for the disk; it gives the reader back.
    Thread(Job),
    /// Nowhere: it was the last, or reading failed.
    Done,
}

/// What is told when the response is over.
struct Log {
    observer: Arc<dyn Observer>,
    method: Method,
    uri: Uri,
    status: StatusCode,
    bytes: u64,
}

impl Reply {
    /// Returns a body of nothing.
    pub(super) fn empty() -> Self {
        Self {
            content: Content::Empty,
            log: None,
        }
    }

    /// Returns a body of bytes in memory.
    pub(super) fn whole(bytes: Bytes) -> Self {
        let content = if bytes.is_empty() {
            Content::Empty
        } else {
            Content::Whole(bytes)
        };
        Self { content, log: None }
    }

    /// Returns a body that is read from disk.
    pub(super) fn stream(reader: Box<ContentReader>) -> Self {
        let unsent = reader.remaining();
        Self {
            content: Content::Stream(Stream {
                unsent,
                source: Source::Reader(reader),
            }),
            log: None,
        }
    }

    /// Returns the body with an observer who is told at its end.
    pub(super) fn observed(
        self,
        observer: Arc<dyn Observer>,
        method: Method,
        uri: Uri,
        status: StatusCode,
    ) -> Self {
        Self {
            log: Some(Box::new(Log {
                observer,
                method,
                uri,
                status,
                bytes: 0,
            })),
            ..self
        }
    }
}

impl Stream {
    fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StoreError>>> {
        let read = match std::mem::replace(&mut self.source, Source::Done) {
            Source::Done => return Poll::Ready(None),
            Source::Thread(job) => self.poll_thread(cx, job),
            Source::Reader(mut reader) => match reader.read_block_now() {
                Some(read) => Poll::Ready(read.map(|block| (reader, block))),
                None => self.poll_thread(cx, spawn(reader)),
            },
        };
        Poll::Ready(Some(ready!(read).map(|(reader, block)| {
            self.unsent -= block.as_ref().len() as u64;
            if reader.remaining() > 0 {
                self.source = Source::Reader(reader);
            }
            Bytes::from_owner(block)
        })))
    }

    fn poll_thread(&mut self, cx: &mut Context<'_>, mut job: Job) -> Poll<Read> {
        match Pin::new(&mut job).poll(cx) {
            Poll::Ready(read) => Poll::Ready(read.unwrap_or(Err(StoreError::Abandoned))),
            Poll::Pending => {
                self.source = Source::Thread(job);
                Poll::Pending
            }
        }
    }
}

fn spawn(mut reader: Box<ContentReader>) -> Job {
    tokio::task::spawn_blocking(move || {
        let block = reader.read_block()?;
        Ok((reader, block))
    })
}

impl Body for Reply {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        let block = match &mut self.content {
            Content::Empty => None,
            Content::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.content = Content::Empty;
                Some(Ok(bytes))
            }
            Content::Stream(stream) => ready!(stream.poll_block(cx)),
        };
        if let Some(log) = &mut self.log {
            match &block {
                Some(Ok(block)) => log.bytes += block.len() as u64,
                // A corrupt blob was told when it was found.
                Some(Err(error)) if !matches!(error, StoreError::Corrupt { .. }) => {
                    log.observer.storage_failure(error);
                }
                _ => {}
            }
        }
        Poll::Ready(block.map(|block| block.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Whole(_) => false,
            Content::Stream(stream) => matches!(stream.source, Source::Done),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.content {
            Content::Empty => 0,
            Content::Whole(bytes) => bytes.len() as u64,
            Content::Stream(stream) => stream.unsent,
        })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.observer.request(&RequestRecord {
            method: self.method.as_str(),
            target: self
                .uri
                .path_and_query()
                .map_or("", |target| target.as_str()),
            status: self.status.as_u16(),
            bytes: self.bytes,
        });
    }
}

/// Returns a response without a body.
pub(super) fn bare(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply::empty());
    *response.status_mut() = status;
    response
}

/// Returns a response with a JSON body.
pub(super) fn json(status: StatusCode, text: Vec<u8>) -> Response<Reply> {
    let length = HeaderValue::from(text.len());
    let mut response = Response::new(Reply::whole(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, length);
    response
}

/// Returns text of our own making, or a checked name, as a header's value.
pub(super) fn value(text: impl std::fmt::Display) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text.to_string()))
        .unwrap_or(HeaderValue::from_static(""))
}

/// Returns the entity tag of content.
pub(super) fn entity_tag(digest: &Digest) -> HeaderValue {
    value(format_args!("\"{digest}\""))
}

/// Tells whether an `If-None-Match` or `If-Range` header names the content.
pub(super) fn names_entity(header: &str, digest: &Digest) -> bool {
    let opaque = |tag: &str| {
        let tag = tag.trim();
        tag.strip_prefix('"')
            .and_then(|tag| tag.strip_suffix('"'))
            .is_some_and(|tag| {
                let mut parts = tag.splitn(2, ':');
                parts.next() == Some(digest.algorithm().name())
                    && parts.next() == Some(digest.hex())
            })
    };
    header.split(',').any(opaque)
}
