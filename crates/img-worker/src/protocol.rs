//! The two encodings: JSON, a message a line, and protocol buffers, each after its length.

use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::str::FromStr;

use prost::Message as _;
use thiserror::Error;

use crate::messages::{WorkRequest, WorkResponse};

/// Bytes of the largest request that is read.
pub const MAX_REQUEST: u64 = 256 << 20;

/// An encoding of requests and responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JSON, one message a line.
    Json,
    /// Protocol buffers, each after its length.
    Proto,
}

/// A text that names no encoding.
#[derive(Debug, Error)]
#[error("expected json or proto, found `{}`", .0.escape_debug())]
pub struct ParseProtocolError(String);

impl FromStr for Protocol {
    type Err = ParseProtocolError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "proto" => Ok(Self::Proto),
            _ => Err(ParseProtocolError(text.to_owned())),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Proto => "proto",
        })
    }
}

impl Protocol {
    /// Tells the encoding by the first two bytes.
    ///
    /// JSON starts with `{` and has no line break within a message. A message of protocol buffers
    /// starts with its length: should that be the code of `{`, the next byte is the tag of a field,
    /// which is a line break (the arguments) or no byte that follows `{` in JSON; the one exception,
    /// a space, is the tag of `cancel`, with which no conversation starts.
    fn of_start(start: &[u8]) -> Self {
        match start {
            [b'{', b'\n' | b'\x12' | b'\x18' | b'\x28' | b'\x32', ..] => Self::Proto,
            [b'{', ..] => Self::Json,
            _ => Self::Proto,
        }
    }
}

/// Why a request could not be read; where the next one starts is not known then.
#[derive(Debug, Error)]
pub enum ReadRequestError {
    /// The stream failed.
    #[error("cannot read a work request")]
    Io(#[from] io::Error),
    /// The stream ended within a request.
    #[error(
        "cannot read a work request: the input ends in the middle of it, after {found} of {expected}"
    )]
    Cut {
        /// Bytes that are there.
        found: u64,
        /// What was expected to be there.
        expected: String,
    },
    /// It is larger than any real one.
    #[error("cannot read a work request of more than {MAX_REQUEST} bytes")]
    TooLarge,
    /// The length before it is none.
    #[error("cannot read a work request: there is no length before it; is the input {other}?")]
    Length {
        /// The other encoding.
        other: Protocol,
    },
    /// It is no message in JSON.
    #[error("cannot read a work request from JSON")]
    Json(#[source] serde_json::Error),
    /// It is no message in protocol buffers.
    #[error("cannot read a work request from protocol buffers")]
    Proto(#[source] prost::DecodeError),
}

/// Reads requests from a stream.
pub(crate) struct RequestReader<R> {
    input: BufReader<io::Chain<Cursor<Vec<u8>>, R>>,
    protocol: Protocol,
}

impl<R: Read> RequestReader<R> {
    /// Reads requests in a given encoding, or in the one that the first bytes show.
    pub(crate) fn new(mut input: R, protocol: Option<Protocol>) -> io::Result<Self> {
        let mut start = Vec::new();
        let protocol = if let Some(protocol) = protocol {
            protocol
        } else {
            input.by_ref().take(2).read_to_end(&mut start)?;
            Protocol::of_start(&start)
        };
        let input = BufReader::with_capacity(64 << 10, Cursor::new(start).chain(input));
        Ok(Self { input, protocol })
    }

    /// Returns the encoding.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Returns the next request; none at the end of the stream.
    pub(crate) fn next_request(&mut self) -> Result<Option<WorkRequest>, ReadRequestError> {
        match self.protocol {
            Protocol::Json => self.next_json(),
            Protocol::Proto => self.next_proto(),
        }
    }

    fn next_json(&mut self) -> Result<Option<WorkRequest>, ReadRequestError> {
        loop {
            let mut line = Vec::new();
            let limited = &mut (&mut self.input).take(MAX_REQUEST + 1);
            limited.read_until(b'\n', &mut line)?;
            let found = line.len() as u64;
            if found > MAX_REQUEST {
                return Err(ReadRequestError::TooLarge);
            }
            if line.is_empty() {
                return Ok(None);
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            return match serde_json::from_slice(&line) {
                Ok(request) => Ok(Some(request)),
                Err(error) if error.is_eof() && !line.ends_with(b"\n") => {
                    let expected = "a line".to_owned();
                    Err(ReadRequestError::Cut { found, expected })
                }
                Err(error) => Err(ReadRequestError::Json(error)),
            };
        }
    }

    fn next_proto(&mut self) -> Result<Option<WorkRequest>, ReadRequestError> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        if length > MAX_REQUEST {
            return Err(ReadRequestError::TooLarge);
        }
        let mut message = Vec::new();
        let found = (&mut self.input).take(length).read_to_end(&mut message)? as u64;
        if found < length {
            let expected = format!("{length} bytes");
            return Err(ReadRequestError::Cut { found, expected });
        }
        let request = WorkRequest::decode(message.as_slice());
        request.map(Some).map_err(ReadRequestError::Proto)
    }

    /// Returns the length before a message, seven bits a byte, the lowest first; none at the end.
    fn length(&mut self) -> Result<Option<u64>, ReadRequestError> {
        let mut length = 0;
        for found in 0..9_u32 {
            let mut byte = [0];
            if self.input.read(&mut byte)? == 0 {
                if found == 0 {
                    return Ok(None);
                }
                let expected = "a length".to_owned();
                let found = u64::from(found);
                return Err(ReadRequestError::Cut { found, expected });
            }
            length |= u64::from(byte[0] & 0x7f) << (7 * found);
            if byte[0] < 0x80 {
                return Ok(Some(length));
            }
        }
        let other = Protocol::Json;
        Err(ReadRequestError::Length { other })
    }
}

/// Writes a response at once, so that nothing comes between its bytes.
pub(crate) fn write_response(
    mut output: impl Write,
    protocol: Protocol,
    response: &WorkResponse,
) -> io::Result<()> {
    let bytes = match protocol {
        Protocol::Json => {
            let mut line = serde_json::to_vec(response)?;
            line.push(b'\n');
            line
        }
        Protocol::Proto => response.encode_length_delimited_to_vec(),
    };
    output.write_all(&bytes)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(arguments: &[&str], request_id: i32) -> WorkRequest {
        WorkRequest {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            request_id,
            ..WorkRequest::default()
        }
    }

    /// Reads all requests; the text of the error at the end, if there is one.
    fn read(bytes: &[u8], protocol: Option<Protocol>) -> (Vec<WorkRequest>, Option<String>) {
        let mut reader = RequestReader::new(bytes, protocol).unwrap();
        let mut requests = Vec::new();
        loop {
            match reader.next_request() {
                Ok(Some(request)) => requests.push(request),
                Ok(None) => return (requests, None),
                Err(error) => return (requests, Some(error.to_string())),
            }
        }
    }

    fn check(bytes: &[u8], expected: &[WorkRequest], error: Option<&str>) {
        let (requests, found) = read(bytes, None);
        assert_eq!(requests, expected, "{:?}", bytes.escape_ascii().to_string());
        match error {
            Some(text) => assert!(found.as_ref().unwrap().contains(text), "{found:?}"),
            None => assert_eq!(found, None),
        }
    }

    #[test]
    fn json_requests_are_read_a_line_each() {
        let one = request(&["a b", "\u{e4}\0"], 1);
        let json = r#"{"arguments":["a b","ä\u0000"],"requestId":1,"later":{"x":[null]}}"#;
        check(
            format!("{json}\n\n {json}\r\n{json}").as_bytes(),
            &[one.clone(), one.clone(), one],
            None,
        );
        check(b"{}\n", &[WorkRequest::default()], None);
        check(b"{ \"requestId\": 3 }\n", &[request(&[], 3)], None);
    }

    #[test]
    fn json_that_is_no_request_says_so() {
        check(b"{\"requestId\":3", &[], Some("middle"));
        check(
            b"{}\n{\"requestId\":\"x\"}\n{}\n",
            &[WorkRequest::default()],
            Some("JSON"),
        );
        check(b"{\"requestId\":3}}\n", &[], Some("JSON"));
        check(b"{nonsense\n", &[], Some("JSON"));
        check(b"{\"arguments\":[\"\xff\"]}\n", &[], Some("JSON"));
    }

    #[test]
    fn proto_requests_are_read_one_after_another() {
        let mut requests = vec![request(&[], 0), request(&["a", ""], 7)];
        requests.push(WorkRequest {
            sandbox_dir: "box".into(),
            cancel: true,
            inputs: vec![crate::Input {
                path: "p".into(),
                digest: b"00".to_vec(),
            }],
            ..request(&["x"; 300], 1 << 30)
        });
        let bytes: Vec<u8> = requests
            .iter()
            .flat_map(WorkRequest::encode_length_delimited_to_vec)
            .collect();
        check(&bytes, &requests, None);
        for end in 1..bytes.len() {
            let (found, error) = read(&bytes[..end], Some(Protocol::Proto));
            assert!(found.len() < requests.len() && requests.starts_with(&found));
            assert!(error.is_none_or(|error| error.contains("middle")), "{end}");
        }
    }

    #[test]
    fn a_length_that_looks_like_json_is_none() {
        for filled in [121, 119] {
            let text = "x".repeat(filled);
            let mut message = request(&[&text], 0);
            if filled == 119 {
                message = request(&[&text], 5);
            }
            let bytes = message.encode_length_delimited_to_vec();
            assert_eq!(bytes[0], b'{');
            check(&bytes, &[message], None);
        }
    }

    #[test]
    fn what_is_too_large_is_not_read() {
        check(b"\xff\xff\xff\xff\x7f", &[], Some("more than"));
        check(&[0xff; 40], &[], Some("no length"));
        check(b"\x02\xff\xff", &[], Some("protocol buffers"));
    }

    #[test]
    fn a_response_is_one_line_or_one_frame() {
        let response = WorkResponse {
            exit_code: 1,
            output: "img layer: a\nb".into(),
            request_id: 9,
            was_cancelled: false,
        };
        let write = |protocol| {
            let mut bytes = Vec::new();
            write_response(&mut bytes, protocol, &response).unwrap();
            bytes
        };
        assert_eq!(
            String::from_utf8(write(Protocol::Json)).unwrap(),
            "{\"exitCode\":1,\"output\":\"img layer: a\\nb\",\"requestId\":9,\"wasCancelled\":false}\n"
        );
        let bytes = write(Protocol::Proto);
        let decoded = WorkResponse::decode_length_delimited(bytes.as_slice());
        assert_eq!(decoded.unwrap(), response);
    }
}
