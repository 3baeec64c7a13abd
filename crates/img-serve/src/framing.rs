//! Strict framing of requests, ahead of the HTTP parser.
//!
//! Where two readers could see two requests in the same bytes, one of them can be fooled. RFC 9112
//! lets a server repair such requests; this one refuses them: two lengths, a length beside a
//! transfer coding, a line that ends without CR, a folded header. The scanner follows the messages
//! of a connection byte by byte, and spoils the end of an offending line, so that the parser
//! behind it answers 400 and closes.

/// What is put in place of an offending line's end; no parser takes it.
const SPOILED: u8 = 0;
/// Bytes of a line that are looked at.
const MAX_LINE: usize = 128;

/// Follows the requests of a connection.
#[derive(Debug)]
pub(crate) struct Scanner {
    state: State,
    /// The beginning of the present line.
    line: Vec<u8>,
    /// The byte before the present one.
    previous: u8,
    length: Option<u64>,
    chunked: bool,
    /// Heads that ended.
    requests: u64,
}

/// Where in a message the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a request.
    Start,
    RequestLine,
    Headers,
    /// In a body with this many bytes to go.
    Body(u64),
    ChunkSize,
    /// In a chunk with this many bytes to go, its line end included.
    Chunk(u64),
    Trailers,
    /// After an offence: the connection is about to be closed.
    Spoiled,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The next request.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
}

impl Scanner {
    /// Returns a scanner for a new connection.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Start,
            line: Vec::new(),
            previous: 0,
            length: None,
            chunked: false,
            requests: 0,
        }
    }

    /// Returns what the connection waits for.
    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::Start => Phase::Idle,
            State::RequestLine | State::Headers | State::Spoiled => Phase::Head,
            State::Body(_) | State::ChunkSize | State::Chunk(_) | State::Trailers => Phase::Body,
        }
    }

    /// Returns how many heads were seen to their end.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// Follows the bytes that arrived, and spoils what offends.
    pub(crate) fn scan(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            at += match self.state {
                State::Body(rest) => self.skip(bytes.len() - at, rest, State::Start, State::Body),
                State::Chunk(rest) => {
                    self.skip(bytes.len() - at, rest, State::ChunkSize, State::Chunk)
                }
                State::Spoiled => return,
                _ => {
                    self.step(&mut bytes[at]);
                    1
                }
            };
        }
    }

    fn skip(&mut self, here: usize, rest: u64, after: State, within: fn(u64) -> State) -> usize {
        let here = here as u64;
        self.state = if here >= rest {
            after
        } else {
            within(rest - here)
        };
        // Never more than `here`, which was a usize.
        usize::try_from(rest.min(here)).unwrap_or(usize::MAX)
    }

    /// Takes one byte of a line.
    fn step(&mut self, byte: &mut u8) {
        if self.state == State::Start && *byte != b'\r' && *byte != b'\n' {
            self.state = State::RequestLine;
        }
        let previous = std::mem::replace(&mut self.previous, *byte);
        if *byte != b'\n' {
            if self.line.len() < MAX_LINE {
                self.line.push(*byte);
            }
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        let next = if previous == b'\r' {
            self.end_line(line.trim_ascii_end())
        } else {
            None
        };
        if next.is_none() {
            *byte = SPOILED;
        }
        self.state = next.unwrap_or(State::Spoiled);
        line.clear();
        self.line = line;
    }

    /// Returns the state after a line, or `None` where the line offends.
    fn end_line(&mut self, line: &[u8]) -> Option<State> {
        match self.state {
            // Empty lines before a request are allowed.
            State::Start => Some(State::Start),
            State::RequestLine => {
                (self.length, self.chunked) = (None, false);
                Some(State::Headers)
            }
            State::Headers if line.is_empty() => {
                self.requests += 1;
                Some(match (self.chunked, self.length) {
                    (true, _) => State::ChunkSize,
                    (false, None | Some(0)) => State::Start,
                    (false, Some(length)) => State::Body(length),
                })
            }
            State::Headers => self.header(line).then_some(State::Headers),
            State::ChunkSize => {
                let size = chunk_size(line)?;
                let chunk = size.checked_add(2).map(State::Chunk);
                if size == 0 {
                    Some(State::Trailers)
                } else {
                    chunk
                }
            }
            State::Trailers if line.is_empty() => Some(State::Start),
            State::Trailers => Some(State::Trailers),
            State::Body(_) | State::Chunk(_) | State::Spoiled => None,
        }
    }

    /// Takes a header line and tells whether it is fine beside those before it.
    fn header(&mut self, line: &[u8]) -> bool {
        if line.first().is_some_and(u8::is_ascii_whitespace) {
            return false;
        }
        let colon = line
            .iter()
            .position(|&byte| byte == b':')
            .unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let framed = self.chunked || self.length.is_some();
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = std::str::from_utf8(value).ok().and_then(decimal);
            return !framed && self.length.is_some();
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
            return !framed && self.chunked;
        }
        true
    }
}

fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Reads the size of a chunk, without its extensions.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let size = line.split(|&byte| byte == b';').next()?.trim_ascii_end();
    let digits = !size.is_empty() && size.iter().all(u8::is_ascii_hexdigit);
    let text = digits.then(|| std::str::from_utf8(size).ok()).flatten()?;
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scans in pieces of every size, and tells whether anything was spoiled.
    fn check(text: &str, good: bool, requests: u64, phase: Phase) {
        for piece in 1..=text.len() {
            let mut bytes = text.as_bytes().to_vec();
            let mut scanner = Scanner::new();
            bytes
                .chunks_mut(piece)
                .for_each(|piece| scanner.scan(piece));
            assert_eq!(bytes == text.as_bytes(), good, "{text:?} by {piece}");
            assert_eq!(
                (scanner.requests(), scanner.phase()),
                (requests, phase),
                "{text:?}"
            );
        }
    }

    #[test]
    fn requests_are_followed_through_their_bodies() {
        check("GET / HTTP/1.1\r\nHost: x\r\n\r\n", true, 1, Phase::Idle);
        check("\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n", true, 1, Phase::Idle);
        check("GET / HTTP/1.1\r\n\r\nGET / HT", true, 1, Phase::Head);
        check(
            "PUT / HTTP/1.1\r\ncontent-LENGTH:5\r\n\r\na\nb\ncGET / HTTP/1.1\r\n\r\n",
            true,
            2,
            Phase::Idle,
        );
        check(
            "PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\nb",
            true,
            1,
            Phase::Body,
        );
        check(
            "PUT / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            true,
            1,
            Phase::Idle,
        );
        let chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n";
        check(
            &format!("{chunked}3\r\na\nb\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n{chunked}"),
            true,
            2,
            Phase::Body,
        );
        check(
            &format!("{chunked}0\r\nTrailer: x\r\n\r\nG"),
            true,
            1,
            Phase::Head,
        );
        check(
            &format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(500)),
            true,
            1,
            Phase::Idle,
        );
    }

    #[test]
    fn what_two_readers_could_read_differently_is_spoiled() {
        for headers in [
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\ncontent-length: 1\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding:\r\n",
            "Content-Length: 1, 1\r\n",
            "Content-Length: 0x1\r\n",
            "Content-Length: -1\r\n",
            "Content-Length:\r\n",
            "A: b\n",
            "A: b\r\n folded\r\n",
        ] {
            check(
                &format!("PUT / HTTP/1.1\r\n{headers}\r\n"),
                false,
                0,
                Phase::Head,
            );
        }
        check("GET / HTTP/1.1\n", false, 0, Phase::Head);
        check("\nGET / HTTP/1.1\r\n\r\n", false, 0, Phase::Head);
        let chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for body in [
            "1\n",
            "x\r\n",
            "\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            "fffffffffffffffff\r\n",
            "ffffffffffffffff\r\n",
        ] {
            check(&format!("{chunked}{body}"), false, 1, Phase::Head);
        }
    }
}
