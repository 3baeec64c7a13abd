//! What survives a crash, a full disk, and a disk that forgets.

#![allow(clippy::unwrap_used)] // What fails here fails the test.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use img_oci::Digest;
use img_serve::{Limits, Server, Silent};
use support::{Registry, Reply, encode, manifest, noise};

fn content_path(registry: &Registry, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    registry
        .root
        .join("blobs")
        .join(digest.algorithm().name())
        .join(&hex[..2])
        .join(hex)
}

fn flip(path: &Path, offset: u64) {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

/// Flips a bit under a server, where what it remembers of the file must not hide it.
fn keep_times(path: &Path, change: impl FnOnce()) {
    let times = fs::metadata(path).unwrap();
    change();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(times.modified().unwrap()).unwrap();
}

#[test]
fn everything_acknowledged_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut registry = Registry::at(directory.path(), Limits::default());
    let digest = registry.push_image("a/b", "v1", "c");
    let session = registry.open_upload("a/b");
    registry.check(&format!("PATCH {session}"), &[], b"half", "202");
    registry.stop();
    let registry = Registry::at(directory.path(), Limits::default());
    assert_eq!(registry.files("uploads"), 0);
    registry.check(
        &format!("GET {session}"),
        &[],
        b"",
        "404 BLOB_UPLOAD_UNKNOWN",
    );
    let reply = registry.check("GET /v2/a/b/manifests/v1", &[], b"", "200");
    assert_eq!(Digest::sha256(&reply.body), digest);
    let reply = registry.check("GET /v2/a/b/tags/list", &[], b"", "200");
    assert_eq!(reply.text(), r#"{"name":"a/b","tags":["v1"]}"#);
    registry.check(
        &format!("HEAD /v2/a/b/blobs/{}", Digest::sha256(b"c")),
        &[],
        b"",
        "200",
    );
}

#[test]
fn a_directory_has_one_server() {
    let registry = Registry::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let observer = std::sync::Arc::new(Silent);
    let second = Server::bind(address, &registry.root, Limits::default(), observer);
    let error = runtime.block_on(second).err().unwrap().to_string();
    assert!(error.ends_with("is in use by another server"), "{error}");
}

#[test]
fn rotten_bytes_never_come_to_a_clean_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut registry = Registry::at(directory.path(), Limits::default());
    // What a server that runs remembers of its blobs, a new one has to find out.
    for restart in [false, true] {
        let mut seed = if restart { 100 } else { 0 };
        let cases = rot_cases(restart);
        let blobs: Vec<Vec<u8>> = (cases.iter())
            .map(|case| {
                seed += 1;
                noise(case.size, seed)
            })
            .collect();
        for (case, bytes) in cases.iter().zip(&blobs) {
            let digest = registry.push_blob("a", bytes);
            let path = content_path(&registry, &digest);
            keep_times(&path, || flip(&path, case.offset));
        }
        if restart {
            registry.stop();
            registry = Registry::at(directory.path(), Limits::default());
        }
        for (case, bytes) in cases.iter().zip(&blobs) {
            case.check(&registry, bytes);
        }
        for entry in fs::read_dir(registry.root.join("quarantine")).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
}

/// A bit that is flipped, and what is read then.
struct Rot {
    size: usize,
    offset: u64,
    range: Option<&'static str>,
    found: bool,
}

fn rot_cases(restart: bool) -> Vec<Rot> {
    let mut cases = Vec::new();
    for size in [1000, 1 << 20, (1 << 20) + 1, 5 << 20] {
        for offset in [0, size as u64 - 1] {
            for range in [None, Some("Range: bytes=0-"), Some("Range: bytes=-1")] {
                // A part of a large blob that was proven is compared alone.
                let elsewhere = range == Some("Range: bytes=-1") && offset == 0;
                let found = !elsewhere || restart || size <= 1 << 20;
                cases.push(Rot {
                    size,
                    offset,
                    range,
                    found,
                });
            }
        }
    }
    cases
}

impl Rot {
    fn check(&self, registry: &Registry, bytes: &[u8]) {
        let digest = Digest::sha256(bytes);
        let headers: Vec<&str> = self.range.into_iter().collect();
        let request = format!("GET /v2/a/blobs/{digest}");
        let reply = registry.send(&request, &headers, b"");
        if !self.found {
            assert_eq!(reply.body, bytes[self.size - 1..]);
            return;
        }
        let clean = matches!(reply.status, 200 | 206) && reply.is_complete();
        assert!(
            !clean,
            "{} {} {:?}: {reply:?}",
            self.size, self.offset, self.range
        );
        let told = format!("corrupt {digest}");
        assert!(registry.events.0.lock().unwrap().contains(&told));
        // What rotted counts as missing, and can be pushed again.
        registry.check(&request, &[], b"", "404 BLOB_UNKNOWN");
        registry.push_blob("a", bytes);
        let reply = registry.check(&request, &[], b"", "200");
        assert!(reply.body == bytes);
    }
}

#[test]
fn what_was_found_rotten_is_nowhere_said_to_be_there() {
    let registry = Registry::start();
    for (seed, size) in [1000, 5 << 20].into_iter().enumerate() {
        let bytes = noise(size, 200 + seed as u64);
        let digest = registry.push_blob("a", &bytes);
        registry.push_blob("b", &bytes);
        let path = content_path(&registry, &digest);
        flip(&path, 0);
        let reply = registry.send(&format!("GET /v2/a/blobs/{digest}"), &[], b"");
        assert!(reply.status != 200 || !reply.is_complete(), "{reply:?}");
        // Another repository remembers the blob too.
        for repository in ["a", "b"] {
            let head = format!("HEAD /v2/{repository}/blobs/{digest}");
            registry.check(&head, &[], b"", "404");
            let mount = format!("POST /v2/c/blobs/uploads/?mount={digest}&from={repository}");
            registry.check(&mount, &[], b"", "202");
            let put = format!("PUT /v2/{repository}/manifests/v1");
            let header = "Content-Type: application/vnd.oci.image.manifest.v1+json";
            let text = image(&bytes);
            registry.check(
                &put,
                &[header],
                text.as_bytes(),
                "400 MANIFEST_BLOB_UNKNOWN",
            );
        }
        registry.push_blob("a", &bytes);
        for repository in ["a", "b"] {
            registry.push_manifest(repository, "v1", &image(&bytes));
        }
    }
}

#[test]
fn a_rotten_manifest_is_forgotten_in_every_repository() {
    let directory = tempfile::tempdir().unwrap();
    let mut registry = Registry::at(directory.path(), Limits::default());
    let digest = registry.push_image("a", "v1", "c");
    registry.push_image("b", "v1", "c");
    registry.stop();
    let registry = Registry::at(directory.path(), Limits::default());
    registry.check("GET /v2/b/manifests/v1", &[], b"", "200");
    flip(&content_path(&registry, &digest), 0);
    registry.check("GET /v2/a/manifests/v1", &[], b"", "500");
    registry.check("HEAD /v2/b/manifests/v1", &[], b"", "404");
}

#[test]
fn a_blob_that_was_mended_by_another_repository_is_not_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let mut registry = Registry::at(directory.path(), Limits::default());
    let bytes = noise(5 << 20, 300);
    let digest = registry.push_blob("a", &bytes);
    registry.push_blob("b", &bytes);
    registry.stop();
    let path = content_path(&registry, &digest);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(9).unwrap();
    let registry = Registry::at(directory.path(), Limits::default());
    // The wrong size is remembered.
    registry.check(&format!("HEAD /v2/b/blobs/{digest}"), &[], b"", "200");
    registry.push_blob("a", &bytes);
    let reply = registry.check(&format!("GET /v2/b/blobs/{digest}"), &[], b"", "200");
    assert!(reply.body == bytes);
}

#[test]
fn a_truncated_file_is_rotten_too() {
    let registry = Registry::start();
    for (number, length) in [0, 1, 1 << 20, (5 << 20) - 1].into_iter().enumerate() {
        let digest = registry.push_blob("a", &noise(5 << 20, 8 + number as u64));
        let path = content_path(&registry, &digest);
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(length).unwrap();
        let reply = registry.send(&format!("GET /v2/a/blobs/{digest}"), &[], b"");
        assert!(
            reply.status != 200 || !reply.is_complete(),
            "{length}: {reply:?}"
        );
        assert_eq!(registry.files("quarantine"), number + 1);
    }
}

#[test]
fn running_requests_finish_before_the_server_stops() {
    let mut registry = Registry::start();
    let session = registry.open_upload("a");
    let mut stream = registry.connect();
    let expect = ["Content-Length: 5", "Expect: 100-continue"];
    stream
        .write_all(&encode(&format!("PATCH {session}"), &expect, b""))
        .unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    let writer = std::thread::spawn(move || {
        stream.write_all(b"hello").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        Reply::parse(&answer).status
    });
    registry.stop();
    assert_eq!(writer.join().unwrap(), 202);
}

/// A server in a process of its own, to be killed.
struct Victim {
    child: Child,
    address: SocketAddr,
}

impl Victim {
    fn start(root: &Path) -> Self {
        let program = std::env::current_exe().unwrap();
        let program = program
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .join("examples/serve");
        let mut child = Command::new(program)
            .arg(root)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            address: line.trim().parse().unwrap(),
        }
    }

    fn kill(&self) {
        let pid = rustix::process::Pid::from_raw(self.child.id().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }

    /// Sends a request; `None` where the server died before it answered.
    fn send(&self, request: &str, headers: &[&str], body: &[u8]) -> Option<Reply> {
        let mut stream = std::net::TcpStream::connect(self.address).ok()?;
        stream.write_all(&encode(request, headers, body)).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        Some(Reply::parse(&answer)).filter(|reply| reply.status != 0)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(u64, String)> = Vec::new();
    for round in 0..20_u64 {
        let victim = Victim::start(directory.path());
        for (seed, text) in &acknowledged {
            verify(&victim, *seed, text);
        }
        let pushed = std::thread::scope(|scope| {
            let (acknowledge, acknowledged) = std::sync::mpsc::channel();
            let victim = &victim;
            let pusher = scope.spawn(move || push_until_dead(victim, round, &acknowledge));
            acknowledged.recv().unwrap();
            // The next push is somewhere else each time.
            for _ in 0..round * 8 {
                victim.send("GET /v2/", &[], b"");
            }
            victim.kill();
            pusher.join().unwrap()
        });
        acknowledged.extend(pushed);
    }
    assert!(acknowledged.len() >= 20);
}

/// Pushes images until the server is gone, and returns those that it acknowledged.
fn push_until_dead(
    victim: &Victim,
    round: u64,
    acknowledge: &std::sync::mpsc::Sender<()>,
) -> Vec<(u64, String)> {
    let mut pushed = Vec::new();
    for number in 0.. {
        let seed = round * 1000 + number;
        let blob = noise(50_000, seed);
        let digest = Digest::sha256(&blob);
        let post = format!("POST /v2/a/blobs/uploads/?digest={digest}");
        let text = image(&blob);
        let header = "Content-Type: application/vnd.oci.image.manifest.v1+json";
        let put = format!("PUT /v2/a/manifests/v{seed}");
        let answered = victim
            .send(&post, &[], &blob)
            .filter(|reply| reply.status == 201)
            .and_then(|_| victim.send(&put, &[header], text.as_bytes()));
        let Some(reply) = answered else { break };
        assert_eq!(reply.status, 201, "{reply:?}");
        pushed.push((seed, text));
        // Heard once; then the server is killed.
        let _ = acknowledge.send(());
    }
    pushed
}

fn image(blob: &[u8]) -> String {
    let digest = Digest::sha256(blob);
    manifest("", "")
        .replace(&Digest::sha256(b"").to_string(), &digest.to_string())
        .replace("\"size\":0", &format!("\"size\":{}", blob.len()))
}

fn verify(victim: &Victim, seed: u64, text: &str) {
    let reply = victim
        .send(&format!("GET /v2/a/manifests/v{seed}"), &[], b"")
        .unwrap();
    assert_eq!((reply.status, reply.text()), (200, text.to_owned()));
    let blob = noise(50_000, seed);
    let request = format!("GET /v2/a/blobs/{}", Digest::sha256(&blob));
    let reply = victim.send(&request, &[], b"").unwrap();
    assert!(reply.status == 200 && reply.body == blob);
}

/// A small file system in memory; `None` where it cannot be mounted.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},nr_inodes=4000"),
                "tmpfs",
            ])
            .arg(directory.path())
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_fails_the_request_and_nothing_else() {
    let Some(disk) = SmallDisk::mount("8m") else {
        println!("skipped: mounting a tmpfs needs root");
        return;
    };
    let registry = Registry::at(disk.0.path(), Limits::default());
    let kept = registry.push_image("a", "v1", "c");
    let large = noise(12 << 20, 9);
    let digest = Digest::sha256(&large);
    let post = format!("POST /v2/a/blobs/uploads/?digest={digest}");
    registry.check(&post, &[], &large, "507");
    let session = registry.open_upload("a");
    registry.check(&format!("PATCH {session}"), &[], &large, "507");
    let text = manifest("c", &format!(r#","x":"{}""#, "x".repeat(3 << 20)));
    let header = "Content-Type: application/vnd.oci.image.manifest.v1+json";
    registry.check("PUT /v2/a/manifests/v1", &[header], text.as_bytes(), "507");
    let reply = registry.check("GET /v2/a/manifests/v1", &[], b"", "200");
    assert_eq!(Digest::sha256(&reply.body), kept);
    registry.check(&format!("DELETE {session}"), &[], b"", "204");
    let small = registry.push_blob("a", &noise(2 << 20, 10));
    registry.check(&format!("HEAD /v2/a/blobs/{small}"), &[], b"", "200");
    assert_eq!(registry.files("tmp") + registry.files("uploads"), 0);
    drop(registry);
}
