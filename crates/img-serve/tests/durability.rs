//! What survives a crash, a full disk, and a disk that forgets.

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
    let sizes = [1000, 1 << 20, (1 << 20) + 1, 5 << 20];
    for (size, offset) in sizes.iter().flat_map(|&size| [(size, 0), (size, size - 1)]) {
        for restart in [false, true] {
            for range in [None, Some("Range: bytes=0-"), Some("Range: bytes=-1")] {
                check_rot(size, offset, restart, range);
            }
        }
    }
}

fn check_rot(size: usize, offset: usize, restart: bool, range: Option<&str>) {
    let directory = tempfile::tempdir().unwrap();
    let mut registry = Registry::at(directory.path(), Limits::default());
    let bytes = noise(size, 7);
    let digest = registry.push_blob("a", &bytes);
    let path = content_path(&registry, &digest);
    keep_times(&path, || flip(&path, offset as u64));
    if restart {
        registry.stop();
        registry = Registry::at(directory.path(), Limits::default());
    }
    let request = format!("GET /v2/a/blobs/{digest}");
    let headers: Vec<&str> = range.into_iter().collect();
    let reply = registry.send(&request, &headers, b"");
    let whole = range != Some("Range: bytes=-1");
    let touched = whole || offset == size - 1 || restart || size <= 1 << 20;
    if touched {
        let clean = matches!(reply.status, 200 | 206) && reply.is_complete();
        assert!(!clean, "{size} {offset} {restart} {range:?}: {reply:?}");
        let told = format!("corrupt {digest}");
        assert!(registry.events.0.lock().unwrap().contains(&told));
        // What rotted counts as missing, and can be pushed again.
        assert_eq!(registry.files("quarantine"), 1);
        registry.check(&request, &[], b"", "404 BLOB_UNKNOWN");
        registry.push_blob("a", &bytes);
    } else {
        assert_eq!(reply.body, bytes[size - 1..]);
        let path = content_path(&registry, &digest);
        flip(&path, offset as u64);
    }
    let reply = registry.check(&request, &[], b"", "200");
    assert!(reply.body == bytes);
}

#[test]
fn a_truncated_file_is_rotten_too() {
    for length in [0, 1, 1 << 20, (5 << 20) - 1] {
        let registry = Registry::start();
        let digest = registry.push_blob("a", &noise(5 << 20, 8));
        let path = content_path(&registry, &digest);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(length)
            .unwrap();
        let reply = registry.send(&format!("GET /v2/a/blobs/{digest}"), &[], b"");
        assert!(
            reply.status != 200 || !reply.is_complete(),
            "{length}: {reply:?}"
        );
        assert_eq!(registry.files("quarantine"), 1);
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
    for round in 0..25_u64 {
        let victim = Victim::start(directory.path());
        for (seed, text) in &acknowledged {
            verify(&victim, *seed, text);
        }
        let killer = victim.child.id();
        let pushed = std::thread::scope(|scope| {
            let pusher = scope.spawn(|| push_until_dead(&victim, round));
            // A different number of requests is under way each time.
            for _ in 0..round * 40 {
                victim.send("GET /v2/", &[], b"");
            }
            let pid = rustix::process::Pid::from_raw(killer.cast_signed()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            pusher.join().unwrap()
        });
        acknowledged.extend(pushed);
    }
    assert!(acknowledged.len() > 25, "{}", acknowledged.len());
}

/// Pushes images until the server is gone, and returns those that it acknowledged.
fn push_until_dead(victim: &Victim, round: u64) -> Vec<(u64, String)> {
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
        match answered {
            Some(reply) => {
                assert_eq!(reply.status, 201, "{reply:?}");
                pushed.push((seed, text));
            }
            None => break,
        }
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
