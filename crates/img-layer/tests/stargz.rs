//! Lazily pullable layers: their own tables of contents hold, whatever they were made of.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::borrow::Cow;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use img_compress::stargz::{Toc, verify_toc};
use img_compress::{Compression, Decoder, EncoderOptions, Format, Members};
use img_layer::{BuiltLayer, Input, InputKind, LayerOptions, build_layer, recompress};
use img_oci::Digest;
use img_tar::ArchiveReader;
use img_wire::FileMetadata;

const TOC_DIGEST: &str = "containerd.io/snapshot/stargz/toc.digest";

/// Content that compresses neither well nor badly, the same everywhere.
fn content(seed: u32, size: usize) -> Vec<u8> {
    let mut state = seed;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8 & 0x1f
    };
    (0..size).map(|_| byte()).collect()
}

fn options(format: Format, level: i32, jobs: usize) -> LayerOptions {
    let metadata = r#"{"mode":"0640","uid":7,"mtime":"2020-01-02T03:04:05Z","pax_records":{"SCHILY.xattr.user.x":"y"}}"#;
    LayerOptions {
        stargz: true,
        file_metadata: vec![(
            b"app/0".to_vec(),
            FileMetadata::parse(metadata.as_bytes()).unwrap(),
        )],
        create_parent_directories: true,
        ..LayerOptions::new(Compression::new(format, level).unwrap(), jobs)
    }
}

fn inputs(folder: &Path) -> Vec<Input<'static>> {
    let sizes = [10, 0, 9 << 20, 4 << 20, 10, 700_000, 700_000, 300];
    let mut inputs = Vec::new();
    for (number, size) in sizes.into_iter().enumerate() {
        let path = folder.join(number.to_string());
        // The first and the fifth are copies.
        let seed = u32::try_from(number % 4).unwrap();
        std::fs::write(&path, content(seed, size)).unwrap();
        inputs.push(Input {
            path: Cow::Owned(format!("app/{number}").into_bytes()),
            kind: InputKind::File(Cow::Owned(path.as_os_str().as_bytes().to_vec())),
        });
    }
    inputs.push(Input {
        path: Cow::Borrowed(b"link"),
        kind: InputKind::Symlink(Cow::Borrowed(b"app/0")),
    });
    inputs
}

fn unpacked(blob: &[u8], format: Format) -> Vec<u8> {
    let mut tar = Vec::new();
    Decoder::new(blob, format)
        .unwrap()
        .read_to_end(&mut tar)
        .unwrap();
    tar
}

/// Checks all that a layer says of itself, and returns its table of contents.
#[track_caller]
fn check(layer: &BuiltLayer<Vec<u8>>, format: Format) -> Toc {
    assert_eq!(layer.digest, Digest::sha256(&layer.output));
    let tar = unpacked(&layer.output, format);
    assert_eq!(layer.diff_id, Digest::sha256(&tar), "of what a reader gets");
    let size = &layer.annotations["io.containers.estargz.uncompressed-size"];
    assert_eq!(*size, tar.len().to_string());
    let digest: Digest = layer.annotations[TOC_DIGEST].parse().unwrap();
    let toc = verify_toc(&layer.output, Some(&digest)).unwrap();
    let mut archive = ArchiveReader::new(tar.as_slice());
    let mut names = Vec::new();
    while let Some(member) = archive.next_member().unwrap() {
        let mut content = Vec::new();
        archive.content().read_to_end(&mut content).unwrap();
        let path = String::from_utf8(member.path).unwrap();
        let entry = toc
            .entries
            .iter()
            .find(|e| e.name.trim_end_matches('/') == path);
        names.push(path.clone());
        let Some(entry) = entry else {
            assert_eq!(path, "stargz.index.json");
            continue;
        };
        assert_eq!(
            (entry.size, entry.mode),
            (member.size, member.mode),
            "{path}"
        );
        assert_eq!(entry.link_name.as_bytes(), member.link, "{path}");
        if !content.is_empty() {
            assert_eq!(entry.digest, Digest::sha256(&content).to_string(), "{path}");
        }
    }
    assert_eq!(names[0], ".no.prefetch.landmark");
    assert_eq!(
        names.contains(&"stargz.index.json".to_owned()),
        format == Format::Gzip
    );
    toc
}

#[test]
fn the_table_of_contents_holds_for_every_format_level_and_number_of_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for (format, level) in [
        (Format::Gzip, 1),
        (Format::Gzip, 6),
        (Format::Zstd, 1),
        (Format::Zstd, 2),
    ] {
        let build = |jobs| {
            build_layer(
                inputs(folder.path()),
                &options(format, level, jobs),
                Vec::new(),
            )
            .unwrap()
        };
        let (one, many) = (build(1), build(5));
        assert_eq!(one.digest, many.digest, "{format:?} {level}");
        let toc = check(&one, format);
        let first = toc
            .entries
            .iter()
            .find(|entry| entry.name == "app/0")
            .unwrap();
        assert_eq!(
            (first.mode, first.uid, first.modtime.as_str()),
            (0o640, 7, "2020-01-02T03:04:05Z")
        );
        assert_eq!(first.xattrs["user.x"], b"y");
        let chunks = toc
            .entries
            .iter()
            .filter(|entry| entry.name == "app/2")
            .count();
        assert_eq!(chunks, 3, "9 MiB are three chunks");
        found.push((format, level, one.digest.short().to_owned()));
    }
    let expected = GOLDEN.map(|(format, level, digest)| (format, level, digest.to_owned()));
    assert_eq!(found, expected);
}

const GOLDEN: [(Format, i32, &str); 4] = [
    (Format::Gzip, 1, "50634ca8f743"),
    (Format::Gzip, 6, "0d7bea791ba2"),
    (Format::Zstd, 1, "1fb0366de6bb"),
    (Format::Zstd, 2, "d5697108c7ce"),
];

#[test]
fn an_archive_becomes_lazily_pullable_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let plain = LayerOptions {
        stargz: false,
        ..options(Format::None, -1, 2)
    };
    let tar = build_layer(inputs(folder.path()), &plain, Vec::new())
        .unwrap()
        .output;
    for format in [Format::Gzip, Format::Zstd] {
        let options = EncoderOptions::new(Compression::new(format, 1).unwrap(), 3);
        let anew = |tar: &[u8]| recompress(tar, options.clone(), true, Vec::new()).unwrap();
        let first = anew(&tar);
        check(&first, format);
        let again = anew(&unpacked(&first.output, format));
        assert_eq!(first.digest, again.digest);
        let path = folder.path().join("layer");
        std::fs::write(&path, &first.output).unwrap();
        let input = Input {
            path: Cow::Borrowed(b""),
            kind: InputKind::Archive(Cow::Owned(path.as_os_str().as_bytes().to_vec())),
        };
        let import = LayerOptions {
            file_metadata: Vec::new(),
            ..plain.clone()
        };
        let imported = build_layer(vec![input], &import, Vec::new())
            .unwrap()
            .output;
        assert!(!String::from_utf8_lossy(&imported).contains("stargz.index.json"));
    }
}

#[test]
fn what_cannot_be_pulled_lazily_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |options: &LayerOptions, inputs: Vec<Input<'static>>, says: &str| {
        let error = build_layer(inputs, options, Vec::new()).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().is_some());
    };
    refuse(
        &options(Format::None, -1, 1),
        inputs(folder.path()),
        "is not compressed",
    );
    let gzip = options(Format::Gzip, 1, 1);
    let single = LayerOptions {
        compression: gzip.compression.with_members(Members::Single),
        ..gzip.clone()
    };
    refuse(&single, inputs(folder.path()), "one member");
    for name in [
        "stargz.index.json",
        ".prefetch.landmark",
        ".no.prefetch.landmark",
    ] {
        let input = Input {
            path: Cow::Owned(name.as_bytes().to_vec()),
            kind: InputKind::Symlink(Cow::Borrowed(b"x")),
        };
        let mut inputs = inputs(folder.path());
        inputs.push(input);
        refuse(&gzip, inputs, name);
    }
}

fn symlink(path: &'static [u8], target: &'static [u8]) -> Input<'static> {
    Input {
        path: Cow::Borrowed(path),
        kind: InputKind::Symlink(Cow::Borrowed(target)),
    }
}

#[test]
fn what_a_table_of_contents_cannot_tell_is_refused() {
    let gzip = options(Format::Gzip, 1, 1);
    let gzip = LayerOptions {
        file_metadata: Vec::new(),
        ..gzip
    };
    for input in [symlink(b"a\xff", b"x"), symlink(b"a", b"\xff")] {
        let error = build_layer(vec![input], &gzip, Vec::new()).unwrap_err();
        assert!(error.to_string().contains("UTF-8"), "{error}");
        assert!(error.hint().is_some());
    }
    let plain = LayerOptions {
        stargz: false,
        ..options(Format::None, -1, 1)
    };
    let tar_of = |path| {
        let options = LayerOptions {
            file_metadata: Vec::new(),
            ..plain.clone()
        };
        let tar = build_layer(vec![symlink(path, b"x")], &options, Vec::new()).unwrap();
        tar.output[..tar.output.len() - 1024].to_vec()
    };
    let encoder = EncoderOptions::new(Compression::new(Format::Gzip, 1).unwrap(), 1);
    let twice = [tar_of(b"d/a"), tar_of(b"d/a"), vec![0; 1024]].concat();
    let error = recompress(twice.as_slice(), encoder.clone(), true, Vec::new()).unwrap_err();
    assert!(error.to_string().contains("`d/a`"), "{error}");
    assert!(error.hint().is_some());
    // A directory may be there again: parents of both files are.
    let again = [tar_of(b"d/a"), tar_of(b"d/b"), vec![0; 1024]].concat();
    let layer = recompress(again.as_slice(), encoder, true, Vec::new()).unwrap();
    assert_eq!(check(&layer, Format::Gzip).entries.len(), 5);
}

#[test]
fn a_changed_layer_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let layer = build_layer(
        inputs(folder.path()),
        &options(Format::Gzip, 1, 2),
        Vec::new(),
    )
    .unwrap();
    let toc = verify_toc(&layer.output, None).unwrap();
    let chunk = toc
        .entries
        .iter()
        .find(|entry| entry.name == "app/3")
        .unwrap();
    let mut changed = layer.output.clone();
    changed[usize::try_from(chunk.offset).unwrap() + 1000] ^= 1;
    assert!(
        verify_toc(&changed, None)
            .unwrap_err()
            .to_string()
            .contains("app/3")
    );
    let other = Digest::sha256(b"another");
    assert!(verify_toc(&layer.output, Some(&other)).is_err());
    assert!(verify_toc(&layer.output[..layer.output.len() - 1], None).is_err());
}
