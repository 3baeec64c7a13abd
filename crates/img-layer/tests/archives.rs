//! Archives as layers: imported entry by entry, or compressed anew as they are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use img_compress::{Compression, Decoder, EncoderOptions, Format, MemberEncoder, Members};
use img_layer::{Input, InputKind, LayerOptions, build_layer, recompress};
use img_oci::Digest;
use img_tar::{
    ArchiveReader, END_OF_ARCHIVE, Entry, EntryKind, PaxRecords, Timestamp, append_header, padding,
};

/// An archive of lines `kind mode path [content or link]`.
fn archive(lines: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let none = PaxRecords::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.splitn(4, ' ');
        let (kind, mode) = (words.next().unwrap(), words.next().unwrap());
        let (path, text) = (words.next().unwrap(), words.next().unwrap_or_default());
        let (kind, link, content) = match kind {
            "f" => (EntryKind::Regular, "", text),
            "h" => (EntryKind::HardLink, text, ""),
            "l" => (EntryKind::Symlink, text, ""),
            "d" => (EntryKind::Directory, "", ""),
            "c" => (EntryKind::CharacterDevice { major: 1, minor: 3 }, "", ""),
            _ => (EntryKind::Fifo, "", ""),
        };
        let entry = Entry {
            path: path.as_bytes(),
            kind,
            mode: u32::from_str_radix(mode, 8).unwrap(),
            uid: 5,
            gid: 0,
            uname: "",
            gname: "",
            mtime: Timestamp {
                seconds: 9,
                nanoseconds: 0,
            },
            size: content.len() as u64,
            link: link.as_bytes(),
            pax: &none,
        };
        append_header(&mut bytes, &entry).unwrap();
        bytes.extend_from_slice(content.as_bytes());
        bytes.extend_from_slice(padding(content.len() as u64));
    }
    bytes.extend_from_slice(&END_OF_ARCHIVE);
    bytes
}

fn listing(tar: &[u8]) -> String {
    let mut lines = String::new();
    let mut archive = ArchiveReader::new(tar);
    while let Some(member) = archive.next_member().unwrap() {
        let mut content = String::new();
        archive.content().read_to_string(&mut content).unwrap();
        let kind = match member.kind {
            EntryKind::Regular => "f",
            EntryKind::HardLink => "h",
            EntryKind::Symlink => "l",
            EntryKind::Directory => "d",
            EntryKind::CharacterDevice { .. } => "c",
            _ => "p",
        };
        assert_eq!(
            (member.uid, member.mtime.seconds),
            (5, 9),
            "metadata is kept"
        );
        let path = String::from_utf8(member.path).unwrap();
        let text = content + &String::from_utf8(member.link).unwrap();
        writeln!(
            lines,
            "{}",
            format!("{kind} {:o} {path} {text}", member.mode).trim()
        )
        .unwrap();
    }
    lines
}

fn on_disk(folder: &Path, name: &str, bytes: &[u8]) -> Cow<'static, [u8]> {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    Cow::Owned(path.as_os_str().as_bytes().to_vec())
}

fn import(bytes: &[u8], options: &LayerOptions) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().unwrap();
    let input = Input {
        path: Cow::Borrowed(b""),
        kind: InputKind::Archive(on_disk(folder.path(), "in.tar", bytes)),
    };
    build_layer(vec![input], options, Vec::new())
        .map(|encoded| encoded.output)
        .map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", cause.unwrap_or_default())
        })
}

fn plain() -> LayerOptions {
    LayerOptions::new(Compression::new(Format::None, -1).unwrap(), 2)
}

#[track_caller]
fn check(before: &str, after: &str) {
    let imported = import(&archive(before), &plain()).unwrap();
    let expected: Vec<&str> = after
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    assert_eq!(listing(&imported).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_import_is_what_would_stand_after_unpacking() {
    check(
        "l 777 bin usr/bin\n d 755 usr\n f 644 usr/a one\n d 700 usr/bin\n f 755 usr/bin/x two\n c 600 dev/null\n p 600 pipe",
        "d 755 usr\n d 700 usr/bin\n f 644 usr/a one\n f 755 usr/bin/x two\n l 777 bin usr/bin\n c 600 dev/null\n p 600 pipe",
    );
    // A directory that comes late stands before its files.
    check(
        "f 644 a/b/x one\n d 711 a/b\n d 700 a",
        "d 700 a\n d 711 a/b\n f 644 a/b/x one",
    );
    // The last entry of a path counts, in both orders of a copy's paths.
    check(
        "f 644 a old\n f 644 b old\n f 644 a new",
        "f 644 b old\n f 644 a new",
    );
    check(
        "f 644 a old\n f 644 b old\n f 644 b new",
        "f 644 a old\n f 644 b new",
    );
    check("f 644 a old\n l 777 a x", "l 777 a x");
    // A hard link keeps the content that its target had.
    check(
        "f 644 a old\n h 644 b a\n f 644 a new",
        "f 644 b old\n f 644 a new",
    );
    check(
        "f 644 a one\n h 600 b a\n h 644 c b",
        "f 644 a one\n h 644 b a\n h 644 c a",
    );
    check("f 644 a\n h 644 b a", "f 644 a\n h 644 b a");
    // Copies become hard links if all metadata agree.
    check(
        "f 644 a one\n f 600 b one\n f 644 c one",
        "f 644 a one\n f 600 b one\n h 644 c a",
    );
    check("d 755 .\n f 644 .wh.gone", "d 755 .\n f 644 .wh.gone");
    check("", "");
}

#[test]
fn what_cannot_be_imported_is_named() {
    let check = |lines: &str, says: &str| {
        let error = import(&archive(lines), &plain()).unwrap_err();
        assert!(error.contains(says), "{error}");
    };
    check(
        "h 644 b a",
        "hard link `b` leads to `a`, which is not in the archive before it",
    );
    check("d 755 a\n h 644 b a", "`a`, which is a directory");
    check(
        "l 777 a /etc\n f 644 a/passwd x",
        "stands below `a`, which is a symlink",
    );
    let error = import(b"no archive", &plain()).unwrap_err();
    assert!(
        error.contains("in.tar") && error.contains("at byte 0"),
        "{error}"
    );
    let whole = archive("f 644 a one");
    let error = import(&whole[..600], &plain()).unwrap_err();
    assert!(
        error.contains('a') && error.contains("ends in the middle"),
        "{error}"
    );
}

fn compressed(bytes: &[u8], format: Format) -> Vec<u8> {
    let compression = Compression::new(format, -1).unwrap();
    MemberEncoder::new(compression)
        .unwrap()
        .encode(bytes)
        .unwrap()
}

#[test]
fn the_compression_of_an_archive_does_not_show() {
    let large = format!(
        "f 644 large {}\n f 644 copy {}",
        "x".repeat(3 << 20),
        "x".repeat(3 << 20)
    );
    let bytes = archive(&format!("{large}\n f 644 a one\n f 644 b one\n d 755 e"));
    let one = import(&bytes, &plain()).unwrap();
    for format in [Format::Gzip, Format::Zstd] {
        assert!(
            one == import(&compressed(&bytes, format), &plain()).unwrap(),
            "{format:?}"
        );
    }
    let again = import(&one, &plain()).unwrap();
    assert!(one == again, "an imported layer is imported as it is");
}

#[test]
fn a_compressed_anew_archive_has_the_bytes_it_had() {
    let mut bytes = archive("f 644 ./a//b one\n d 755 ./d/\n f 644 /c two\n h 644 x a/b");
    let large = vec![b'z'; 5 << 20];
    let last = bytes.len() - END_OF_ARCHIVE.len();
    bytes.truncate(last);
    bytes.extend(archive(&format!(
        "f 644 large {}",
        String::from_utf8(large).unwrap()
    )));
    bytes.write_all(&[0; 8 * 512]).unwrap();
    for format in [Format::None, Format::Gzip, Format::Zstd] {
        for members in [Members::Many, Members::Single] {
            let compression = Compression::new(format, -1).unwrap().with_members(members);
            let encode = |jobs| {
                let options = EncoderOptions::new(compression, jobs);
                recompress(bytes.as_slice(), options, false, Vec::new()).unwrap()
            };
            let (one, many) = (encode(1), encode(5));
            assert_eq!((&one.output, &one.digest), (&many.output, &many.digest));
            assert_eq!(one.diff_id, Digest::sha256(&bytes));
            let mut read = Vec::new();
            let mut decoder = Decoder::new(one.output.as_slice(), format).unwrap();
            decoder.read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{compression:?}");
        }
    }
    let cut = &bytes[..bytes.len() / 2 + 100];
    let options = EncoderOptions::new(Compression::new(Format::Gzip, 1).unwrap(), 2);
    let error = recompress(cut, options, false, Vec::new()).unwrap_err();
    assert!(format!("{error:?}").contains("Cut"), "{error:?}");
}
