//! A connection that does not wait for a client for ever, and takes no ambiguous request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::framing::{Phase, Scanner};
use crate::limits::Limits;

/// A stream that fails once the peer has kept it waiting for too long.
pub(crate) struct PatientStream {
    stream: TcpStream,
    limits: Limits,
    scanner: Scanner,
    /// Requests whose response was begun.
    answered: Arc<AtomicU64>,
    /// When something was last written.
    written: Instant,
    /// When the present head began to arrive.
    head_began: Option<Instant>,
    read_alarm: Alarm,
    write_alarm: Alarm,
    /// When the present write began to wait.
    write_waits: Option<Instant>,
}

impl PatientStream {
    /// Returns the stream, and the counter that is to go up with each response.
    pub(crate) fn new(stream: TcpStream, limits: &Limits) -> (Self, Arc<AtomicU64>) {
        let answered = Arc::new(AtomicU64::new(0));
        let now = Instant::now();
        let stream = Self {
            stream,
            limits: limits.clone(),
            scanner: Scanner::new(),
            answered: answered.clone(),
            written: now,
            head_began: None,
            read_alarm: Alarm::default(),
            write_alarm: Alarm::default(),
            write_waits: None,
        };
        (stream, answered)
    }

    /// Returns when the wait for the client ends, if it is the client's turn.
    fn read_deadline(&self) -> Option<Instant> {
        match self.scanner.phase() {
            Phase::Head => self
                .head_began
                .map(|began| began + self.limits.head_timeout),
            Phase::Idle if self.answered.load(Ordering::Relaxed) >= self.scanner.requests() => {
                Some(self.written + self.limits.idle_timeout)
            }
            // A request is at work; whoever reads its body has a limit of its own.
            Phase::Idle | Phase::Body => None,
        }
    }

    fn arrived(&mut self, bytes: &mut [u8]) {
        let requests = self.scanner.requests();
        self.scanner.scan(bytes);
        match self.scanner.phase() {
            Phase::Head if self.head_began.is_none() || requests < self.scanner.requests() => {
                self.head_began = Some(Instant::now());
            }
            Phase::Head => {}
            Phase::Idle | Phase::Body => self.head_began = None,
        }
    }

    /// Passes a finished write on, and turns one that has waited for too long into an error.
    fn limit<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_waits = None;
            self.written = Instant::now();
            return written;
        }
        let began = *self.write_waits.get_or_insert_with(Instant::now);
        self.write_alarm
            .poll(cx, began + self.limits.write_timeout)
            .map(Err)
    }
}

/// A timer that is set back only where it would ring too late.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Is ready with an error once `deadline` has passed.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Error> {
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= deadline {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            // It was set for an earlier wait.
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => {
                self.arrived(&mut buffer.filled_mut()[before..]);
                Poll::Ready(read)
            }
            Poll::Pending => {
                // The parser may not ask again before it is woken, not even once the request is
                // answered: so there is always a time to look again.
                let look_again = Instant::now() + self.limits.idle_timeout;
                let deadline = self.read_deadline().unwrap_or(look_again);
                self.read_alarm.poll(cx, deadline).map(Err)
            }
        }
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.limit(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.limit(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
