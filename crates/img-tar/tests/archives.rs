//! The archives of `testdata/tar`: one reading, that of Go's `archive/tar`, or none.
//!
//! `go_view.txt` is what Go sees in them, `refused.txt` why those in `refused/` are refused. Both are
//! whole: an archive that is read in another way, or refused for another reason, shows as a difference.
//! With `WRITE_EXPECTED` in the environment, `refused.txt` is written anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use img_tar::{
    ArchiveReader, BLOCK_SIZE, END_OF_ARCHIVE, EntryKind, Member, ReadError, append_header, padding,
};

/// Longer text is shown by length and hash.
const LONGEST_SHOWN: usize = 120;

#[test]
fn what_is_accepted_is_read_as_go_reads_it() {
    let mut found = String::new();
    for (name, archive) in archives("accepted") {
        let listing = list(&archive).unwrap_or_else(|error| panic!("{name}: {error}"));
        write!(found, "{name}\n{listing}").unwrap();
    }
    let go_view = text("go_view.txt");
    let accepted = &go_view[..go_view.find("refused/").unwrap()];
    assert_same("go_view.txt", accepted, &found);
}

#[test]
fn what_is_refused_says_why() {
    let mut found = String::new();
    for (name, archive) in archives("refused") {
        let Err(error) = list(&archive) else {
            panic!("{name} was accepted");
        };
        writeln!(found, "{name}\n  {error}").unwrap();
        if let Some(hint) = error.hint() {
            writeln!(found, "  hint: {hint}").unwrap();
        }
    }
    if std::env::var_os("WRITE_EXPECTED").is_some() {
        fs::write(directory().join("refused.txt"), &found).unwrap();
    }
    assert_same("refused.txt", &text("refused.txt"), &found);
}

#[test]
fn what_was_read_is_the_same_once_it_was_written() {
    for (name, archive) in archives("accepted") {
        let written = rewritten(&archive).unwrap();
        assert_same(&name, &list(&archive).unwrap(), &list(&written).unwrap());
        assert_eq!(rewritten(&written).unwrap(), written, "{name}");
    }
}

/// Writes the entries of an archive with the headers that this crate makes.
fn rewritten(bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
    let mut archive = ArchiveReader::new(bytes);
    let mut out = Vec::new();
    while let Some(member) = archive.next_member()? {
        append_header(&mut out, &member.entry()).unwrap();
        archive.content().read_to_end(&mut out).unwrap();
        out.extend_from_slice(padding(member.size));
    }
    out.extend_from_slice(&END_OF_ARCHIVE);
    Ok(out)
}

#[test]
fn an_archive_cut_at_any_byte_is_read_up_to_there_or_refused() {
    for (name, archive) in archives("accepted") {
        let whole = list(&archive).unwrap();
        // All cuts of an archive of 64 KiB take a while and are no different.
        let step = if archive.len() > 1 << 15 { 509 } else { 1 };
        for cut in (0..archive.len()).step_by(step) {
            if let Ok(listing) = list(&archive[..cut]) {
                assert!(whole.starts_with(&listing), "{name} cut at {cut}");
                let blocks = &archive[..cut / BLOCK_SIZE * BLOCK_SIZE];
                let is_between = cut == blocks.len() || blocks.ends_with(&END_OF_ARCHIVE);
                assert!(is_between, "{name} cut at {cut}");
            }
        }
    }
}

#[track_caller]
fn assert_same(file: &str, expected: &str, found: &str) {
    let mut lines = expected.lines().zip(found.lines()).enumerate();
    if let Some((number, (expected, found))) = lines.find(|(_, (a, b))| a != b) {
        panic!(
            "{file} line {}\nexpected {expected}\nfound    {found}",
            number + 1
        );
    }
    assert_eq!(expected, found, "{file}");
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tar")
}

fn text(name: &str) -> String {
    fs::read_to_string(directory().join(name)).unwrap()
}

/// Names and bytes of the archives of a group, in order.
fn archives(group: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(directory().join(group)).unwrap();
    let mut archives: Vec<_> = files
        .map(|file| {
            let file = file.unwrap();
            let name = format!("{group}/{}", file.file_name().to_str().unwrap());
            (name, fs::read(file.path()).unwrap())
        })
        .collect();
    archives.sort();
    assert!(!archives.is_empty());
    archives
}

/// Lists the entries as `go_view.go` does.
fn list(bytes: &[u8]) -> Result<String, ReadError> {
    let mut archive = ArchiveReader::new(bytes);
    let mut listing = String::new();
    while let Some(member) = archive.next_member()? {
        let mut content = Vec::new();
        if archive.content().read_to_end(&mut content).is_err() {
            // Is cut, which the next call says too.
            return Err(archive.next_member().unwrap_err());
        }
        writeln!(listing, "  {}", line(&member, &content)).unwrap();
    }
    archive.finish(|_| {})?;
    Ok(listing)
}

fn line(member: &Member, content: &[u8]) -> String {
    let (kind, major, minor) = match member.kind {
        EntryKind::Regular => ("file", 0, 0),
        EntryKind::HardLink => ("hardlink", 0, 0),
        EntryKind::Symlink => ("symlink", 0, 0),
        EntryKind::Directory => ("directory", 0, 0),
        EntryKind::Fifo => ("fifo", 0, 0),
        EntryKind::CharacterDevice { major, minor } => ("character", major, minor),
        EntryKind::BlockDevice { major, minor } => ("block", major, minor),
    };
    let mut line = format!(
        "{kind} path={} link={} mode={:o} owner={}:{} names={}:{} mtime={}+{} device={major}:{minor} size={} content={}",
        shown(&member.path),
        shown(&member.link),
        member.mode,
        member.uid,
        member.gid,
        shown(member.uname.as_bytes()),
        shown(member.gname.as_bytes()),
        member.mtime.seconds,
        member.mtime.nanoseconds,
        member.size,
        shown(content),
    );
    for (key, value) in &member.pax {
        write!(line, " {}={}", shown(key.as_bytes()), shown(value)).unwrap();
    }
    line
}

/// Printable ASCII as it is, but quotes and backslashes, other bytes in hexadecimal.
fn shown(text: &[u8]) -> String {
    if text.len() > LONGEST_SHOWN {
        return format!("<{} bytes, FNV-1a {:016x}>", text.len(), fnv_1a(text));
    }
    let mut out = String::new();
    for byte in text {
        match byte {
            b'"' | b'\\' => write!(out, "\\x{byte:02x}").unwrap(),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => write!(out, "\\x{byte:02x}").unwrap(),
        }
    }
    format!("\"{out}\"")
}

fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
