//! A server on a loopback port, and a client that can also say what no client should.

#![allow(dead_code)] // Each test binary uses its part.
#![allow(clippy::unwrap_used)] // What fails here fails the test.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use img_oci::{Digest, media_type};
use img_serve::{Limits, Observer, RequestRecord, Server};
use tokio::sync::oneshot;

/// What a server told.
#[derive(Default)]
pub(crate) struct Events(pub(crate) Mutex<Vec<String>>);

impl Observer for Events {
    fn wants_requests(&self) -> bool {
        true
    }

    fn request(&self, record: &RequestRecord<'_>) {
        let line = format!("{} {} {}", record.method, record.target, record.status);
        self.0.lock().unwrap().push(line);
    }

    fn corrupt_blob(&self, digest: &Digest) {
        self.0.lock().unwrap().push(format!("corrupt {digest}"));
    }
}

/// A running server; stops when it is dropped.
pub(crate) struct Registry {
    pub(crate) address: SocketAddr,
    pub(crate) root: PathBuf,
    pub(crate) events: Arc<Events>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    directory: Option<tempfile::TempDir>,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut registry = Self::at(directory.path(), limits);
        registry.directory = Some(directory);
        registry
    }

    pub(crate) fn at(root: &Path, limits: Limits) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, address) = std::sync::mpsc::channel();
        let events = Arc::new(Events::default());
        let (path, observer) = (root.to_owned(), events.clone());
        let thread = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let server = Server::bind(address, &path, limits, observer)
                    .await
                    .unwrap();
                started.send(server.address()).unwrap();
                server.run(async { drop(stopped.await) }).await;
            });
        });
        let address = address.recv().unwrap();
        Self {
            address,
            root: root.to_owned(),
            events,
            stop: Some(stop),
            thread: Some(thread),
            directory: None,
        }
    }

    /// Stops the server and waits until it has drained.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        // A server that hangs fails the test instead of holding it.
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }

    /// Sends bytes as they are and returns everything that comes back.
    pub(crate) fn raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // The server may refuse before it has read everything.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// Sends a request, written as `METHOD path`, with header lines and a body.
    pub(crate) fn send(&self, request: &str, headers: &[&str], body: &[u8]) -> Reply {
        Reply::parse(&self.raw(&encode(request, headers, body)))
    }

    /// Sends a request and checks status, and the error code or headers that `expected` names.
    pub(crate) fn check(
        &self,
        request: &str,
        headers: &[&str],
        body: &[u8],
        expected: &str,
    ) -> Reply {
        let reply = self.send(request, headers, body);
        let mut words = expected.split(' ');
        let status = words.next().unwrap();
        assert_eq!(reply.status.to_string(), status, "{request}: {reply:?}");
        if let Some(code) = words.next() {
            assert!(
                reply.text().contains(&format!("\"{code}\"")),
                "{request}: {reply:?}"
            );
        }
        reply
    }

    /// Pushes a blob in one request and returns its digest.
    pub(crate) fn push_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let request = format!("POST /v2/{repository}/blobs/uploads/?digest={digest}");
        self.check(&request, &[], bytes, "201");
        digest
    }

    /// Opens an upload session and returns its path.
    pub(crate) fn open_upload(&self, repository: &str) -> String {
        let reply = self.check(
            &format!("POST /v2/{repository}/blobs/uploads/"),
            &[],
            b"",
            "202",
        );
        reply.header("location").unwrap().to_owned()
    }

    /// Pushes a manifest by tag or digest and returns its digest.
    pub(crate) fn push_manifest(&self, repository: &str, reference: &str, text: &str) -> Digest {
        let kind = if text.contains("\"manifests\"") {
            media_type::OCI_INDEX
        } else {
            media_type::OCI_MANIFEST
        };
        let header = format!("Content-Type: {kind}");
        let request = format!("PUT /v2/{repository}/manifests/{reference}");
        let reply = self.check(&request, &[&header], text.as_bytes(), "201");
        let digest = Digest::sha256(text.as_bytes());
        if !reference.starts_with("sha512:") {
            assert_eq!(
                reply.header("docker-content-digest"),
                Some(&*digest.to_string())
            );
        }
        digest
    }

    /// Pushes a small image and returns the digest of its manifest.
    pub(crate) fn push_image(&self, repository: &str, tag: &str, content: &str) -> Digest {
        self.push_blob(repository, content.as_bytes());
        self.push_manifest(repository, tag, &manifest(content, ""))
    }

    /// Returns the number of files below a directory of the storage.
    pub(crate) fn files(&self, below: &str) -> usize {
        count_files(&self.root.join(below))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

fn count_files(path: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(path) else {
        return 0;
    };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { count_files(&path) } else { 1 })
        .sum()
}

/// Returns a manifest whose config is `content`; `extra` are more fields, each after a comma.
pub(crate) fn manifest(content: &str, extra: &str) -> String {
    let config = Digest::sha256(content.as_bytes());
    let size = content.len();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/x.test","digest":"{config}","size":{size}}},"layers":[]{extra}}}"#,
        media_type::OCI_MANIFEST
    )
}

/// Returns a descriptor of a manifest as JSON.
pub(crate) fn descriptor(digest: &Digest, size: usize) -> String {
    let kind = media_type::OCI_MANIFEST;
    format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{size}}}"#)
}

pub(crate) fn encode(request: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{request} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
    for header in headers {
        text += header;
        text += "\r\n";
    }
    let says_length = |name: &str| headers.iter().any(|header| header.starts_with(name));
    if !says_length("Content-Length") && !says_length("Transfer-Encoding") {
        let length = format!("Content-Length: {}\r\n", body.len());
        text += &length;
    }
    text += "\r\n";
    [text.as_bytes(), body].concat()
}

/// Returns a body as chunks of the given size.
pub(crate) fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for chunk in body.chunks(size) {
        text.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        text.extend_from_slice(chunk);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"0\r\n\r\n");
    text
}

/// A response as it came over the wire.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end else {
            return Self {
                status: 0,
                headers: Vec::new(),
                body: bytes.to_vec(),
            };
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self {
            status,
            headers,
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Tells whether as many bytes came as the header said.
    pub(crate) fn is_complete(&self) -> bool {
        self.header("content-length") == Some(&self.body.len().to_string())
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(400).collect();
        write!(f, "{} {:?} {text}", self.status, self.headers)
    }
}

/// Returns bytes that look random and are always the same.
pub(crate) fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}
