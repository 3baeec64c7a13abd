//! Layers as a reader sees them: what stands where, in which order, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use img_compress::{Compression, Decoder, Format, Members};
use img_layer::{BuildLayerError, Input, InputKind, LayerOptions, TreeHandling, build_layer};
use img_oci::Digest;
use img_wire::FileMetadata;
use tempfile::TempDir;

fn options() -> LayerOptions {
    LayerOptions::new(Compression::new(Format::None, -1).unwrap(), 2)
}

/// A directory with these files; a path with a slash at its end is an empty directory.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let full = folder.path().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        if path.ends_with('/') {
            std::fs::create_dir_all(full).unwrap();
        } else {
            std::fs::write(full, content).unwrap();
        }
    }
    folder
}

fn source(folder: &Path, name: &str) -> Cow<'static, [u8]> {
    Cow::Owned(folder.join(name).as_os_str().as_bytes().to_vec())
}

/// Inputs from lines of `path kind source`, with kinds `f`, `d`, `l` and `->` for a symlink.
fn inputs(folder: &Path, lines: &str) -> Vec<Input<'static>> {
    let input = |line: &str| {
        let (path, rest) = line.trim().split_once(' ').unwrap();
        let (kind, text) = rest.split_once(' ').unwrap();
        let kind = match kind {
            "f" => InputKind::File(source(folder, text)),
            "d" => InputKind::Tree(source(folder, text)),
            "l" => InputKind::SymlinkOnDisk(source(folder, text)),
            _ => InputKind::Symlink(Cow::Owned(text.as_bytes().to_vec())),
        };
        Input {
            path: Cow::Owned(path.as_bytes().to_vec()),
            kind,
        }
    };
    lines
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(input)
        .collect()
}

fn build(inputs: Vec<Input<'_>>, options: &LayerOptions) -> Result<Vec<u8>, BuildLayerError> {
    build_layer(inputs, options, Vec::new()).map(|encoded| encoded.output)
}

/// A line for each entry: type, mode, owner, mtime where it is not 0, path, link or content.
fn listing(tar: &[u8]) -> String {
    let mut lines = String::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let link = entry
            .link_name_bytes()
            .map(|l| String::from_utf8_lossy(&l).into_owned());
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        let kind = match header.entry_type() {
            tar::EntryType::Regular => "f",
            tar::EntryType::Link => "h",
            tar::EntryType::Symlink => "l",
            tar::EntryType::Directory => "d",
            _ => "?",
        };
        let owner = format!("{}:{}", header.uid().unwrap(), header.gid().unwrap());
        write!(lines, "{kind} {:o} {owner}", header.mode().unwrap()).unwrap();
        if header.mtime().unwrap() != 0 {
            write!(lines, " @{}", header.mtime().unwrap()).unwrap();
        }
        write!(lines, " {path}").unwrap();
        match link {
            Some(link) => write!(lines, " -> {link}").unwrap(),
            None if kind == "f" => write!(lines, " {content:?}").unwrap(),
            None => {}
        }
        lines.push('\n');
    }
    lines
}

#[track_caller]
fn check(files: &[(&str, &str)], lines: &str, options: &LayerOptions, expected: &str) {
    let folder = folder(files);
    let tar = build(inputs(folder.path(), lines), options).unwrap();
    assert_eq!(tar.len() % 512, 0);
    assert!(
        tar.ends_with(&[0; 1024]),
        "two blocks of zeros end the archive"
    );
    let expected: Vec<&str> = expected.trim_end().lines().map(str::trim).collect();
    assert_eq!(listing(&tar).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn files_come_first_then_hard_links_then_symlinks() {
    check(
        &[("a", "one"), ("b", "one"), ("c", "two"), ("e", "")],
        "z/link -> ../bin/a
         bin/a f a
         bin/b f b
         bin/c f c
         bin/e f e
         bin/e2 f e
         abs -> /bin/a",
        &options(),
        "f 755 0:0 bin/a \"one\"
         f 755 0:0 bin/c \"two\"
         f 755 0:0 bin/e \"\"
         f 755 0:0 bin/e2 \"\"
         h 755 0:0 bin/b -> bin/a
         l 777 0:0 z/link -> ../bin/a
         l 777 0:0 abs -> /bin/a
        ",
    );
}

#[test]
fn a_tree_is_its_root_and_its_files_in_lexical_order() {
    check(
        &[("t/b", "1"), ("t/a/x", "2"), ("t/empty/", ""), ("u/", "")],
        "data d t
         other d u",
        &options(),
        "d 755 0:0 data/
         f 755 0:0 data/a/x \"2\"
         f 755 0:0 data/b \"1\"
         d 755 0:0 data/empty/
         d 755 0:0 other/
        ",
    );
}

#[test]
fn a_source_directory_is_a_tree() {
    check(
        &[("t/a", "1"), ("t/b", "1"), ("f", "2")],
        "x f f
         data f t
         y f f",
        &options(),
        "f 755 0:0 x \"2\"
         d 755 0:0 data/
         f 755 0:0 data/a \"1\"
         h 755 0:0 data/b -> data/a
         h 755 0:0 y -> x
        ",
    );
}

#[test]
fn symlinks_on_disk_are_stored_and_those_in_trees_are_followed() {
    let folder = folder(&[("t/a", "1")]);
    std::os::unix::fs::symlink("a", folder.path().join("t/b")).unwrap();
    std::os::unix::fs::symlink("nowhere/else", folder.path().join("dangling")).unwrap();
    let tar = build(inputs(folder.path(), "t d t\nl l dangling"), &options()).unwrap();
    assert_eq!(
        listing(&tar),
        "d 755 0:0 t/\nf 755 0:0 t/a \"1\"\nh 755 0:0 t/b -> t/a\nl 777 0:0 l -> nowhere/else\n"
    );
}

#[test]
fn equal_trees_become_a_symlink_when_asked_for() {
    let lines = "a/one d t
                 b/two d u";
    let files = [("t/x", "1"), ("u/x", "1")];
    let symlink = LayerOptions {
        tree_handling: TreeHandling::DeduplicateSymlink,
        ..options()
    };
    check(
        &files,
        lines,
        &symlink,
        "d 755 0:0 a/one/\nf 755 0:0 a/one/x \"1\"\nl 777 0:0 b/two -> ../a/one\n",
    );
    check(
        &files,
        lines,
        &options(),
        "d 755 0:0 a/one/
         f 755 0:0 a/one/x \"1\"
         d 755 0:0 b/two/
         h 755 0:0 b/two/x -> a/one/x
        ",
    );
}

#[test]
fn equal_source_directories_become_a_symlink_unless_their_metadata_differs() {
    let lines = "a f t
                 b f u";
    let files = [("t/x", "1"), ("u/x", "1")];
    let mut symlink = options();
    symlink.tree_handling = TreeHandling::DeduplicateSymlink;
    check(
        &files,
        lines,
        &symlink,
        "d 755 0:0 a/\nf 755 0:0 a/x \"1\"\nl 777 0:0 b -> a",
    );
    symlink.file_metadata = Vec::from([(b"a/x".to_vec(), metadata(r#"{"uid":7}"#))]);
    check(
        &files,
        lines,
        &symlink,
        "d 755 0:0 a/
         f 755 7:0 a/x \"1\"
         d 755 0:0 b/
         f 755 0:0 b/x \"1\"
        ",
    );
}

#[test]
fn parent_directories_come_once_and_before_their_children() {
    let with_parents = LayerOptions {
        create_parent_directories: true,
        ..options()
    };
    check(
        &[("a", "1"), ("t/x", "2")],
        "usr/bin/a f a
         usr/share d t
         usr/lib/l -> ../bin/a",
        &with_parents,
        "d 755 0:0 usr/
         d 755 0:0 usr/bin/
         f 755 0:0 usr/bin/a \"1\"
         d 755 0:0 usr/share/
         f 755 0:0 usr/share/x \"2\"
         d 755 0:0 usr/lib/
         l 777 0:0 usr/lib/l -> ../bin/a
        ",
    );
}

fn metadata(json: &str) -> FileMetadata {
    FileMetadata::parse(json.as_bytes()).unwrap()
}

#[test]
fn metadata_reaches_files_trees_and_links_and_keeps_others_apart() {
    let mut with_metadata = options();
    with_metadata.default_metadata = metadata(r#"{"mode":"0644","mtime":"1970-01-01T00:00:09Z"}"#);
    with_metadata.file_metadata = Vec::from([
        (b"t/x".to_vec(), metadata(r#"{"uid":7}"#)),
        (b"t".to_vec(), metadata(r#"{"mode":"0700"}"#)),
        (b"l".to_vec(), metadata(r#"{"gid":9,"mode":"0600"}"#)),
    ]);
    check(
        &[("a", "1"), ("t/x", "1"), ("t/y", "1")],
        "a f a
         t d t
         l -> a",
        &with_metadata,
        "f 644 0:0 @9 a \"1\"
         d 700 0:0 t/
         f 644 7:0 @9 t/x \"1\"
         h 644 0:0 @9 t/y -> a
         l 777 0:9 l -> a
        ",
    );
}

#[test]
fn the_same_input_twice_is_stored_once() {
    check(
        &[("a", "1"), ("b", "1"), ("t/x", "1")],
        "x f a
         x f a
         ./x f b
         l -> x
         l -> x
         t d t
         t d t",
        &options(),
        "f 755 0:0 x \"1\"
         d 755 0:0 t/
         h 755 0:0 t/x -> x
         l 777 0:0 l -> x
        ",
    );
}

#[test]
fn refused_inputs_are_named() {
    let check = |lines: &str, message: &str| {
        let folder = folder(&[("a", "1"), ("b", "2"), ("t/x", "")]);
        let error = build(inputs(folder.path(), lines), &options()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(message), "{lines}: {text}");
    };
    check(
        "x f a\nx f b",
        "path `x` in the image is added twice with different content",
    );
    check("x f a\nx -> b", "added twice");
    check("x d t\nx f a", "added twice");
    check(
        "../x f a",
        "path `../x` in the image holds a `..` component",
    );
    check("x/../../y f a", "holds a `..` component");
    check("/x f a", "is absolute");
    check("./ f a", "is empty");
    check(
        "x f a\nx/y f b",
        "path `x/y` in the image stands below `x`, which is the file",
    );
    check(
        "x/y f a\nx -> z",
        "stands below `x`, which is a symlink to z",
    );
    check("x f missing", "cannot read");
    check("x d missing", "cannot read");
    check("x l a", "cannot read");
    check(
        "x f /dev/null",
        "/dev/null for `x` in the image is a device, pipe or socket",
    );
}

#[test]
fn a_pipe_in_a_tree_is_refused_and_not_waited_for() {
    let folder = folder(&[("t/a", "1")]);
    let pipe = folder.path().join("t/pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for kind in ["d", "f"] {
        let error = build(inputs(folder.path(), &format!("x {kind} t")), &options()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("t/pipe for `x/pipe` in the image is a device, pipe"),
            "{text}"
        );
    }
}

#[test]
fn metadata_for_a_path_that_is_not_there_is_refused() {
    let mut with_metadata = options();
    with_metadata.file_metadata = Vec::from([
        (b"nope".to_vec(), FileMetadata::default()),
        (b"x".to_vec(), FileMetadata::default()),
    ]);
    let folder = folder(&[("a", "1")]);
    let error = build(inputs(folder.path(), "x f a"), &with_metadata).unwrap_err();
    assert_eq!(
        error.to_string(),
        "file metadata is given for paths that are not in the layer: `nope`"
    );
}

#[test]
fn large_equal_files_are_stored_once_and_all_content_arrives() {
    let large = "0123456789".repeat(250_000);
    let other = large.replace('9', "8");
    let folder = folder(&[("a", &large), ("b", &large), ("c", &other)]);
    let lines = "a f a\nc f c\nb f b\na2 f a";
    let tar = build(inputs(folder.path(), lines), &options()).unwrap();
    let listed = listing(&tar);
    let kinds: Vec<_> = listed.lines().map(|line| &line[..1]).collect();
    assert_eq!(kinds, ["f", "f", "h", "h"]);
    assert!(listed.contains(&large) && listed.contains(&other));
    for format in [Format::Gzip, Format::Zstd] {
        let compression = Compression::new(format, -1).unwrap();
        let with_format = LayerOptions {
            compression,
            ..options()
        };
        let blob = build(inputs(folder.path(), lines), &with_format).unwrap();
        let mut content = Vec::new();
        Decoder::new(blob.as_slice(), format)
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
        assert_eq!(content, tar);
    }
}

/// A layer that has every kind of entry, and is cut into several members.
fn golden_inputs(folder: &Path) -> Vec<Input<'static>> {
    let mut lines = String::from("big f big\ntree d tree\nlink -> big\nmode f small/1\n");
    for i in 0..1500 {
        let source = i % 700;
        writeln!(
            lines,
            "many/{i}/a-rather-long-name-for-a-file-{i}.txt f small/{source}"
        )
        .unwrap();
    }
    inputs(folder, &lines)
}

fn golden_folder() -> TempDir {
    let text = |seed: usize, size: usize| -> String {
        let number = |i: usize| (i * i * 2_654_435 + seed * 40_503) & 0xfff_ffff;
        (0..size / 8).fold(String::new(), |mut text, i| {
            writeln!(text, "{:07x}", number(i)).unwrap();
            text
        })
    };
    let folder = folder(&[
        ("tree/a/b", "x"),
        ("tree/c", "y"),
        ("big", &text(0, 2_500_000)),
    ]);
    std::fs::create_dir(folder.path().join("small")).unwrap();
    for i in 0..700 {
        std::fs::write(folder.path().join(format!("small/{i}")), text(i, 40 * i)).unwrap();
    }
    folder
}

/// The digests of a layer for each format and level. A change here is a change of everybody's
/// digests: it needs an entry in CHANGELOG.md that says why.
const GOLDEN: [(Format, i32, &str); 15] = [
    (Format::None, -1, "125c0ddea347"),
    (Format::Gzip, 0, "f1cca2e034c7"),
    (Format::Gzip, 1, "c41c976ecea9"),
    (Format::Gzip, 2, "1d003fac9bed"),
    (Format::Gzip, 3, "d49420ef8d21"),
    (Format::Gzip, 4, "b81043ea1e6a"),
    (Format::Gzip, 5, "2dbb18c028d6"),
    (Format::Gzip, 6, "b1a3225fae88"),
    (Format::Gzip, 7, "3d9cdaf72e1d"),
    (Format::Gzip, 8, "b026d0d7e08e"),
    (Format::Gzip, 9, "0e2161c3f474"),
    (Format::Zstd, 1, "30babc0642af"),
    (Format::Zstd, 2, "7e5e839f4bb9"),
    (Format::Zstd, 3, "1731b33d894f"),
    (Format::Zstd, 4, "5e9404045918"),
];

#[test]
fn golden_digests_hold_for_every_format_level_and_number_of_jobs() {
    let folder = golden_folder();
    let mut found = Vec::new();
    for (format, level, _) in GOLDEN {
        let compression = Compression::new(format, level).unwrap();
        let digest = |jobs| -> Digest {
            let with_jobs = LayerOptions {
                compression,
                jobs,
                ..options()
            };
            build_layer(golden_inputs(folder.path()), &with_jobs, Vec::new())
                .unwrap()
                .digest
        };
        let one = digest(1);
        assert_eq!(one, digest(5), "{format:?} {level}");
        found.push((format, level, one.short().to_owned()));
    }
    let expected: Vec<_> = GOLDEN
        .iter()
        .map(|(f, l, digest)| (*f, *l, (*digest).to_owned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn golden_digests_hold_for_single_members() {
    let folder = golden_folder();
    let mut found = Vec::new();
    for (format, level, _) in GOLDEN_SINGLE {
        let compression = Compression::new(format, level).unwrap();
        let digest = |jobs| -> Digest {
            let single = LayerOptions {
                compression: compression.with_members(Members::Single),
                jobs,
                ..options()
            };
            let layer = build_layer(golden_inputs(folder.path()), &single, Vec::new());
            layer.unwrap().digest
        };
        let one = digest(1);
        assert_eq!(one, digest(5), "{format:?} {level}");
        found.push((format, level, one.short().to_owned()));
    }
    let expected = GOLDEN_SINGLE.map(|(f, l, digest)| (f, l, digest.to_owned()));
    assert_eq!(found, expected);
}

const GOLDEN_SINGLE: [(Format, i32, &str); 14] = [
    (Format::Gzip, 0, "7c4508e9077f"),
    (Format::Gzip, 1, "003098967446"),
    (Format::Gzip, 2, "08b710f675db"),
    (Format::Gzip, 3, "dec34854ee31"),
    (Format::Gzip, 4, "2b91dc641835"),
    (Format::Gzip, 5, "60d2c487ef7f"),
    (Format::Gzip, 6, "4514078b08ff"),
    (Format::Gzip, 7, "611b47ade4d0"),
    (Format::Gzip, 8, "a35c23bbff8b"),
    (Format::Gzip, 9, "dec457371bd3"),
    (Format::Zstd, 1, "bb267124ce3e"),
    (Format::Zstd, 2, "927b80c79426"),
    (Format::Zstd, 3, "4a719ed885e8"),
    (Format::Zstd, 4, "7258bf42e229"),
];
