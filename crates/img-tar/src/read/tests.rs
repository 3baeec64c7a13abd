//! The reader against archives that are right or cut; those made to be read in two ways are in
//! `testdata/tar`.

use proptest::prelude::*;

use super::*;
use crate::{END_OF_ARCHIVE, Entry, EntryKind, PaxRecords, Timestamp, append_header, padding};

/// A raw header block with a right checksum.
fn block(name: &[u8], flag: u8, size: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut block = vec![0; BLOCK_SIZE];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..124 + size.len()].copy_from_slice(size);
    block[136..148].copy_from_slice(b"00000000000\0");
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    change(&mut block);
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn with_body(name: &[u8], flag: u8, body: &[u8]) -> Vec<u8> {
    let size = format!("{:011o}", body.len());
    let mut bytes = block(name, flag, size.as_bytes(), |_| {});
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(padding(body.len() as u64));
    bytes
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        crate::pax::append_record(&mut body, key, value.as_bytes());
    }
    with_body(b"PaxHeaders/x", b'x', &body)
}

fn file(name: &[u8]) -> Vec<u8> {
    with_body(name, b'0', b"content")
}

fn archive(parts: &[&[u8]]) -> Vec<u8> {
    [parts.concat(), END_OF_ARCHIVE.to_vec()].concat()
}

/// Reads all entries with their content; checks that the parts given out are the archive.
fn read(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, ReadError> {
    let mut archive = ArchiveReader::new(bytes);
    let (mut found, mut copy) = (Vec::new(), Vec::new());
    while let Some(member) = archive.next_member()? {
        assert_eq!(member.offset, copy.len() as u64);
        copy.extend_from_slice(archive.header_bytes());
        let mut content = Vec::new();
        if let Err(error) = archive.content().read_to_end(&mut content) {
            return Err(archive.io(error));
        }
        copy.extend_from_slice(&content);
        copy.extend(archive.read_padding()?);
        found.push((member, content));
    }
    archive.finish(|trailer| copy.extend_from_slice(trailer))?;
    assert_eq!(copy, bytes);
    Ok(found)
}

#[track_caller]
fn accepted(bytes: &[u8]) -> Vec<Member> {
    let found = read(bytes).unwrap_or_else(|error| panic!("{error}"));
    found.into_iter().map(|(member, _)| member).collect()
}

#[test]
fn names_come_from_where_go_takes_them() {
    let path = |bytes: &[u8]| accepted(bytes)[0].path.clone();
    assert_eq!(
        path(&archive(&[&file(b"./a//b/")[..0], &file(b"./a//b")])),
        b"a/b"
    );
    assert_eq!(path(&archive(&[&file(b"/etc/x")])), b"etc/x");
    let with_prefix = block(b"name", b'0', b"0", |b| {
        b[345..351].copy_from_slice(b"prefix");
    });
    assert_eq!(path(&archive(&[&with_prefix])), b"prefix/name");
    assert_eq!(
        path(&archive(&[&pax(&[("path", "long")]), &file(b"short")])),
        b"long"
    );
    let gnu = with_body(b"././@LongLink", b'L', b"long\0");
    assert_eq!(path(&archive(&[&gnu, &file(b"short")])), b"long");
    assert_eq!(path(&archive(&[&with_body(b"./", b'5', b"")])), b".");
    assert_eq!(path(&archive(&[&file(b"a\xff\n\x1b")])), b"a\xff\n\x1b");
    let old = block(b"dir/", 0, b"0", |b| b[257..265].fill(0));
    let old = &accepted(&archive(&[&old]))[0];
    assert_eq!(
        (old.kind, old.path.as_slice()),
        (EntryKind::Directory, b"dir".as_slice())
    );
}

#[test]
fn pax_wins_over_the_header_in_both_directions() {
    for (in_header, in_record) in [("00000000000", "7"), ("00000007777", "7")] {
        let header = block(b"a", b'0', in_header.as_bytes(), |_| {});
        let mut content = b"content".to_vec();
        content.extend_from_slice(padding(7));
        let bytes = archive(&[
            &pax(&[("size", in_record), ("uid", "4294967296"), ("mtime", "1.5")]),
            &header,
            &content,
            &file(b"b"),
        ]);
        let found = read(&bytes).unwrap();
        assert_eq!(found[0].1, b"content");
        assert_eq!(found[0].0.uid, 1 << 32);
        assert_eq!(
            found[0].0.mtime,
            Timestamp {
                seconds: 1,
                nanoseconds: 500_000_000
            }
        );
        assert_eq!(found[1].0.path, b"b");
    }
}

#[test]
fn an_archive_cut_at_any_byte_is_refused_but_between_entries() {
    let entry = [pax(&[("comment", "x")]), file(b"a")].concat();
    let whole = archive(&[&entry, &file(b"b"), &with_body(b"d/", b'5', b"")]);
    let fine = [
        0,
        entry.len(),
        entry.len() + 1024,
        entry.len() + 1536,
        whole.len() - 512,
    ];
    for cut in 0..whole.len() {
        assert_eq!(read(&whole[..cut]).is_ok(), fine.contains(&cut), "{cut}");
    }
    assert!(read(&[whole, vec![0; 9000]].concat()).is_ok());
}

#[test]
fn content_that_nobody_reads_is_skipped() {
    let bytes = archive(&[&file(b"a"), &file(b"b")]);
    let mut archive = ArchiveReader::new(bytes.as_slice());
    archive.next_member().unwrap();
    archive.content().read_exact(&mut [0; 3]).unwrap();
    assert_eq!(archive.next_member().unwrap().unwrap().path, b"b");
    let mut rest = Vec::new();
    archive
        .finish(|bytes| rest.extend_from_slice(bytes))
        .unwrap();
    assert_eq!(rest, END_OF_ARCHIVE);
}

fn kinds() -> impl Strategy<Value = EntryKind> {
    let number = || 0u32..1 << 21;
    prop_oneof![
        Just(EntryKind::Regular),
        Just(EntryKind::Directory),
        Just(EntryKind::Symlink),
        Just(EntryKind::HardLink),
        Just(EntryKind::Fifo),
        (number(), number()).prop_map(|(major, minor)| EntryKind::CharacterDevice { major, minor }),
        (number(), number()).prop_map(|(major, minor)| EntryKind::BlockDevice { major, minor }),
    ]
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        path in "[a-zäß]{1,9}(/[a-z~ ]{1,60}){0,5}", link in "[a-zä]{1,150}", kind in kinds(),
        mode in 0u32..0o10000, uid in 0u64..1 << 40, seconds in -5i64..1 << 40, nanoseconds in 0u32..1_000_000_000,
        uname in "[a-zä]{0,40}", content in proptest::collection::vec(any::<u8>(), 0..2000), value in "[ -~]{0,20}",
    ) {
        let pax = PaxRecords::from([("SCHILY.xattr.user.x".to_owned(), value.into_bytes())]);
        let is_link = matches!(kind, EntryKind::HardLink | EntryKind::Symlink);
        let content: &[u8] = if kind == EntryKind::Regular { &content } else { &[] };
        let entry = Entry {
            path: path.as_bytes(), kind, mode, uid, gid: 7, uname: &uname, gname: "g",
            mtime: Timestamp { seconds, nanoseconds }, size: content.len() as u64,
            link: if is_link { link.as_bytes() } else { b"" }, pax: &pax,
        };
        prop_assume!(link != path);
        let mut bytes = Vec::new();
        append_header(&mut bytes, &entry).unwrap();
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(padding(entry.size));
        let found = read(&archive(&[&bytes])).unwrap();
        let (member, found) = &found[0];
        prop_assert_eq!(found, content);
        prop_assert_eq!(member, &Member {
            offset: 0, path: path.clone().into_bytes(), kind, mode, uid, gid: 7, uname: uname.clone(), gname: "g".to_owned(),
            mtime: entry.mtime, size: entry.size, link: entry.link.to_vec(), pax: pax.clone(),
        });
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..3000), at in 0usize..1500, byte: u8) {
        let _ = read(&bytes);
        let mut changed = archive(&[&pax(&[("path", "a/b")]), &file(b"x")]);
        changed[at] = byte;
        let _ = read(&changed);
    }
}
