//! Bodies of requests and responses, with their faults.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The connection is to be closed.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Reads a request's body up to a limit; tells whether that was its end.
pub(crate) async fn read(mut body: Incoming, limit: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        match body.frame().await {
            None => return (bytes, true),
            Some(Err(_)) => return (bytes, false),
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new())),
        }
    }
    bytes.truncate(limit);
    (bytes, false)
}

/// A body that may break off before its announced end.
pub(crate) struct CutBody {
    announced: u64,
    bytes: Option<Bytes>,
    cut: bool,
    /// Whether the bytes before the cut were given time to be sent.
    flushed: bool,
}

impl CutBody {
    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Self {
            announced: bytes.len() as u64,
            bytes: Some(bytes.into()),
            cut: false,
            flushed: false,
        }
    }

    pub(crate) fn cut_at(mut self, at: usize) -> Self {
        let bytes = self.bytes.take().unwrap_or_default();
        self.bytes = Some(bytes.slice(..at.min(bytes.len())));
        self.cut = true;
        self
    }

    pub(crate) fn mangled(mut self) -> Self {
        let mut bytes = self.bytes.take().unwrap_or_default().to_vec();
        if let Some(first) = bytes.first_mut() {
            *first ^= 1;
        }
        self.bytes = Some(bytes.into());
        self
    }
}

impl Body for CutBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None if self.cut && !self.flushed => {
                self.flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None if self.cut => Poll::Ready(Some(Err(Cut))),
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        if self.cut || self.bytes.is_some() {
            SizeHint::with_exact(self.announced)
        } else {
            SizeHint::with_exact(0)
        }
    }
}
