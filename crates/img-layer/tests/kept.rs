//! Kept members never show in the bytes of a layer, whatever was kept and whatever changed since.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::borrow::Cow;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use img_compress::{Compression, Format, MemberKey, MemberStore, Members};
use img_layer::{Input, InputKind, KeptMembers, KnownHashes, LayerOptions, build_layer};
use img_oci::{Digest, Sha256Hasher};

/// Keeps what it is given; can be told to forget.
#[derive(Default)]
struct Memory {
    records: Mutex<HashMap<MemberKey, Vec<u8>>>,
    loaded: AtomicUsize,
}

impl MemberStore for Memory {
    fn forget(&self, key: &MemberKey) {
        self.records.lock().unwrap().remove(key);
    }

    fn load(&self, key: &MemberKey) -> Option<Vec<u8>> {
        let record = self.records.lock().unwrap().get(key).cloned();
        self.loaded
            .fetch_add(usize::from(record.is_some()), Ordering::Relaxed);
        record
    }

    fn save(&self, key: &MemberKey, member: &[u8]) {
        self.records.lock().unwrap().insert(*key, member.to_vec());
    }
}

impl Memory {
    /// Forgets every third record.
    fn forget_some(&self) {
        let mut records = self.records.lock().unwrap();
        let mut keys: Vec<MemberKey> = records.keys().copied().collect();
        keys.sort_unstable();
        for key in keys.iter().step_by(3) {
            records.remove(key);
        }
    }
}

/// Hashes of the files whose number is even.
struct EvenHashes;

impl KnownHashes for EvenHashes {
    fn hash_of(&self, file: &[u8]) -> Option<[u8; 32]> {
        let name = String::from_utf8(file.to_vec()).unwrap();
        let number: u32 = name.rsplit('/').next().unwrap().parse().unwrap();
        let content = std::fs::read(name).unwrap();
        number
            .is_multiple_of(2)
            .then(|| Sha256Hasher::hash(&content))
    }
}

const FILES: usize = 600;
const LARGE: usize = 300;

/// Content of a file: most are small, one in seven is a copy, one takes several members.
fn content(number: usize, version: usize) -> Vec<u8> {
    let seed = if number % 7 == 3 { 3 } else { number };
    let size = if number == LARGE {
        10 << 20
    } else {
        2000 + seed % 5 * 3000
    };
    let mut state = u32::try_from(seed * 31 + version).unwrap() | 1;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8 & 0x3f
    };
    (0..size).map(|_| byte()).collect()
}

fn inputs(folder: &Path) -> Vec<Input<'static>> {
    let input = |number: usize| Input {
        path: Cow::Owned(format!("app/{}/{number}", number / 100).into_bytes()),
        kind: InputKind::File(Cow::Owned(
            folder
                .join(number.to_string())
                .as_os_str()
                .as_bytes()
                .to_vec(),
        )),
    };
    (0..FILES).map(input).collect()
}

#[test]
fn kept_members_do_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let write = |number: usize, version: usize| {
        let path = folder.path().join(number.to_string());
        std::fs::write(path, content(number, version)).unwrap();
    };
    for number in 0..FILES {
        write(number, 0);
    }
    let compressions = [
        Compression::new(Format::Gzip, 1).unwrap(),
        Compression::new(Format::Gzip, 1)
            .unwrap()
            .with_members(Members::Single),
        Compression::new(Format::Zstd, 1).unwrap(),
        Compression::new(Format::Zstd, 1)
            .unwrap()
            .with_members(Members::Single),
        Compression::new(Format::None, -1).unwrap(),
    ];
    let stores: Vec<Arc<Memory>> = (0..6).map(|_| Arc::default()).collect();
    let build = |compression: Compression, store: Option<&Arc<Memory>>, hashes: bool| {
        let options = LayerOptions {
            create_parent_directories: true,
            known_hashes: hashes.then(|| Arc::new(EvenHashes) as Arc<dyn KnownHashes>),
            kept: store.map(|store| KeptMembers {
                store: Arc::clone(store) as Arc<dyn MemberStore>,
                layer: "//:layer".to_owned(),
            }),
            ..LayerOptions::new(compression, 2)
        };
        let encoded = build_layer(inputs(folder.path()), &options, Vec::new()).unwrap();
        assert_eq!(encoded.digest, Digest::sha256(&encoded.output));
        (encoded.output, encoded.diff_id, encoded.size)
    };
    // The first file, the last, one in the middle, the large one, a copy; then nothing.
    for (round, changed) in [
        None,
        Some(0),
        Some(599),
        Some(250),
        Some(LARGE),
        Some(10),
        None,
    ]
    .into_iter()
    .enumerate()
    {
        if let Some(number) = changed {
            write(number, round);
        }
        for (compression, store) in compressions.into_iter().zip(&stores) {
            let plain = build(compression, None, false);
            assert!(
                plain == build(compression, None, true),
                "{round} {compression:?}"
            );
            assert!(
                plain == build(compression, Some(store), round % 2 == 0),
                "{round} {compression:?}"
            );
            store.forget_some();
            assert!(
                plain == build(compression, Some(store), round % 2 == 1),
                "{round} {compression:?}"
            );
        }
    }
    let kept = stores
        .iter()
        .map(|store| store.loaded.load(Ordering::Relaxed) > 0);
    assert_eq!(
        kept.collect::<Vec<_>>(),
        [true, true, true, false, false, false]
    );
}

/// Hashes of what the files held at first.
struct OldHashes(Vec<[u8; 32]>);

impl KnownHashes for OldHashes {
    fn hash_of(&self, file: &[u8]) -> Option<[u8; 32]> {
        let name = String::from_utf8(file.to_vec()).unwrap();
        let number: usize = name.rsplit('/').next().unwrap().parse().unwrap();
        Some(self.0[number])
    }
}

#[test]
fn content_that_is_not_what_its_hash_says_is_refused_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut hashes = Vec::new();
    for number in 0..FILES {
        let content = content(number, 0);
        hashes.push(Sha256Hasher::hash(&content));
        std::fs::write(folder.path().join(number.to_string()), content).unwrap();
    }
    let hashes = Arc::new(OldHashes(hashes));
    let compression = Compression::new(Format::Gzip, 1).unwrap();
    for number in [5, LARGE] {
        let path = folder.path().join(number.to_string());
        let store = Arc::<Memory>::default();
        let build = || {
            let options = LayerOptions {
                known_hashes: Some(Arc::clone(&hashes) as Arc<dyn KnownHashes>),
                kept: Some(KeptMembers {
                    store: Arc::clone(&store) as Arc<dyn MemberStore>,
                    layer: "//:layer".to_owned(),
                }),
                ..LayerOptions::new(compression, 2)
            };
            build_layer(inputs(folder.path()), &options, Vec::new())
        };
        std::fs::write(&path, content(number, 2)).unwrap();
        let error = build().unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("content changed"), "{error}: {source}");
        std::fs::write(&path, content(number, 0)).unwrap();
        let plain = LayerOptions::new(compression, 2);
        let plain = build_layer(inputs(folder.path()), &plain, Vec::new()).unwrap();
        assert!(build().unwrap().output == plain.output, "{number}");
    }
}
