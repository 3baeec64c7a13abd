//! What a command runs in: where its paths start, what is known of its inputs, whether it is wanted.
//!
//! A process that does one command runs it in the working directory. A persistent worker runs the
//! requests of many actions, each in a directory of its own if they are sandboxed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use img_layer::KnownHashes;
use img_oci::{Algorithm, Digest};
use img_worker::{Cancellation, WorkRequest};

/// Whether the digests of requests are SHA-256, once that is known.
static IS_SHA256: OnceLock<bool> = OnceLock::new();

/// How many inputs are looked at for a small one.
const CANDIDATES: usize = 16;

/// The surroundings of one command.
#[derive(Clone, Default)]
pub(crate) struct Context {
    /// The sandbox of the request; empty where paths are taken as they are.
    root: PathBuf,
    /// Digests of inputs by path, in lower-case hex.
    digests: Arc<HashMap<Vec<u8>, String>>,
    cancellation: Cancellation,
}

impl Context {
    /// Returns the surroundings of a worker's request, whose inputs are taken out of it.
    pub(crate) fn of_request(request: &mut WorkRequest, cancellation: &Cancellation) -> Self {
        let inputs = std::mem::take(&mut request.inputs).into_iter();
        let digests = inputs.filter_map(|input| {
            // Source directories and the like have none.
            let digest = String::from_utf8(input.digest).ok()?;
            (!digest.is_empty()).then(|| (input.path.into_bytes(), digest))
        });
        Self {
            root: std::mem::take(&mut request.sandbox_dir).into(),
            digests: Arc::new(digests.collect()),
            cancellation: cancellation.clone(),
        }
    }

    /// Returns a text without the sandbox before paths: people know them by what stands after it.
    pub(crate) fn without_root(&self, text: &str) -> String {
        match self.root.to_str() {
            Some(root) if !root.is_empty() => {
                text.replace(&format!("{}/", root.trim_end_matches('/')), "")
            }
            _ => text.to_owned(),
        }
    }

    /// Returns where a path of the command line is on disk. A path that leads out of the sandbox is
    /// refused.
    pub(crate) fn path<'p>(&self, path: &'p Path) -> io::Result<Cow<'p, Path>> {
        if self.root.as_os_str().is_empty() {
            return Ok(Cow::Borrowed(path));
        }
        let stays = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.components().all(stays) {
            return Ok(Cow::Owned(self.root.join(path)));
        }
        let text = "the path leads out of the sandbox of the request";
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }

    /// Does as [`Context::path`] for a path in bytes.
    pub(crate) fn path_bytes<'p>(&self, path: Cow<'p, [u8]>) -> io::Result<Cow<'p, [u8]>> {
        if self.root.as_os_str().is_empty() {
            return Ok(path);
        }
        let placed = self.path(Path::new(std::ffi::OsStr::from_bytes(&path)))?;
        Ok(Cow::Owned(placed.as_os_str().as_bytes().to_vec()))
    }

    /// Returns the digest that came with an input, by its path as it is given: lower-case hex of an
    /// algorithm that only Bazel knows.
    pub(crate) fn digest_of(&self, path: &[u8]) -> Option<&str> {
        self.digests.get(path).map(String::as_str)
    }

    /// Returns the hashes that came with the inputs, for the layer engine, if they are SHA-256.
    pub(crate) fn known_hashes(&self) -> Option<Arc<dyn KnownHashes>> {
        let is_known = self.has_sha256();
        is_known.then(|| Arc::new(self.clone()) as Arc<dyn KnownHashes>)
    }

    /// Tells whether inputs came with digests that are SHA-256.
    ///
    /// Bazel does not say which function it uses, but it is one for as long as a worker lives: so one
    /// of the smaller inputs is hashed, once.
    fn has_sha256(&self) -> bool {
        !self.digests.is_empty() && *IS_SHA256.get_or_init(|| self.guess_sha256())
    }

    fn guess_sha256(&self) -> bool {
        let files = self
            .digests
            .iter()
            .take(CANDIDATES)
            .filter_map(|(path, digest)| {
                let path = self
                    .path(Path::new(std::ffi::OsStr::from_bytes(path)))
                    .ok()?;
                let metadata = std::fs::metadata(&path).ok().filter(Metadata::is_file)?;
                Some((metadata.len(), path.into_owned(), digest))
            });
        let smallest = files.min();
        smallest.is_some_and(|(_, path, digest)| {
            std::fs::read(path).is_ok_and(|bytes| Digest::sha256(&bytes).hex() == digest)
        })
    }

    /// Returns the SHA-256 that came with an input, by its path as it is given.
    pub(crate) fn sha256_of(&self, path: &[u8]) -> Option<Digest> {
        let hex = self.digest_of(path).filter(|_| self.has_sha256())?;
        Digest::new(Algorithm::Sha256, hex).ok()
    }

    /// Tells whether a digest is what came with the input.
    pub(crate) fn is_digest_of(&self, path: &[u8], digest: &Digest) -> bool {
        digest.algorithm() == Algorithm::Sha256 && self.digest_of(path) == Some(digest.hex())
    }

    /// Returns what tells whether the command is still wanted.
    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    /// Fails if the command is no longer wanted.
    pub(crate) fn check_wanted(&self) -> io::Result<()> {
        if self.cancellation.is_cancelled() {
            return Err(cancelled());
        }
        Ok(())
    }
}

/// Returns the error of what was stopped because nobody wants it any more.
pub(crate) fn cancelled() -> io::Error {
    io::Error::other("the request was cancelled")
}

impl KnownHashes for Context {
    /// Takes the path on disk, below the sandbox.
    fn hash_of(&self, file: &[u8]) -> Option<[u8; 32]> {
        let root = self.root.as_os_str().as_bytes();
        let path = match file.strip_prefix(root)? {
            below if root.is_empty() => below,
            below => below.strip_prefix(b"/")?,
        };
        parse_hex(self.digest_of(path)?)
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(root: &str) -> Context {
        let digest = "0123456789abcdef".repeat(4);
        Context {
            root: root.into(),
            digests: Arc::new(HashMap::from([(b"a/b".to_vec(), digest)])),
            ..Context::default()
        }
    }

    #[test]
    fn paths_start_in_the_sandbox_and_stay_there() {
        let check = |root: &str, path: &str, expected: Option<&str>| {
            let found = context(root)
                .path(Path::new(path))
                .ok()
                .map(Cow::into_owned);
            assert_eq!(found.as_deref(), expected.map(Path::new), "{root} {path}");
        };
        check("", "a/b", Some("a/b"));
        check("", "/dev/null", Some("/dev/null"));
        check("", "../x", Some("../x"));
        check("box/1", "a/b", Some("box/1/a/b"));
        check("box/1", "./a", Some("box/1/./a"));
        check("box/1", "/a", None);
        check("box/1", "a/../../x", None);
        check("box/1", "..", None);
    }

    #[test]
    fn digests_are_found_by_the_path_as_given_and_on_disk() {
        for (root, on_disk) in [("", "a/b"), ("box/1", "box/1/a/b")] {
            let context = context(root);
            assert!(context.digest_of(b"a/b").is_some());
            let hash = context.hash_of(on_disk.as_bytes()).unwrap();
            assert_eq!(hash[..2], [0x01, 0x23]);
            assert_eq!(context.hash_of(b"a/c"), None);
        }
        assert_eq!(context("box/1").hash_of(b"a/b"), None);
        assert_eq!(parse_hex(&"g".repeat(64)), None);
        assert_eq!(parse_hex("00"), None);
    }
}
