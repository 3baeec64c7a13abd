//! An entry, once its header block and extension headers are put together.

use super::ReadErrorKind;
use super::block::HeaderBlock;
use super::extension::Extensions;
use super::name::{check_whiteout, normalize, refused};
use super::records::{self, Records};
use crate::pax::{RESERVED, check_record};
use crate::{Entry, EntryKind, PaxRecords, Timestamp};

/// An entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Offset of its first block in the archive, in bytes.
    pub offset: u64,
    /// Path in the image in its one spelling; `.` is the root directory.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, at most `0o7777`.
    pub mode: u32,
    /// Owner's number.
    pub uid: u64,
    /// Group's number.
    pub gid: u64,
    /// Owner's name, empty if there is none.
    pub uname: String,
    /// Group's name, empty if there is none.
    pub gname: String,
    /// Time of last change.
    pub mtime: Timestamp,
    /// Bytes of content that follow.
    pub size: u64,
    /// Of a hard link, the path of its target in its one spelling; of a symlink, its text.
    pub link: Vec<u8>,
    /// Further PAX records, such as extended attributes.
    pub pax: PaxRecords,
}

impl Member {
    /// Returns what [`append_header`](crate::append_header) takes to write the same entry again.
    pub fn entry(&self) -> Entry<'_> {
        Entry {
            path: &self.path,
            kind: self.kind,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            uname: &self.uname,
            gname: &self.gname,
            mtime: self.mtime,
            size: self.size,
            link: &self.link,
            pax: &self.pax,
        }
    }
}

/// Returns the entry of a header block with the extension headers before it.
pub(super) fn resolve(
    offset: u64,
    block: &HeaderBlock,
    extensions: Extensions,
) -> Result<Member, ReadErrorKind> {
    extensions.check()?;
    let name = extensions.name_of(block);
    let records = extensions.records.unwrap_or_default();
    check_records(&records)?;
    let link = bytes(&records, "linkpath")
        .or(extensions.long_link)
        .unwrap_or_else(|| block.link.clone());
    let size = number(&records, "size")?.unwrap_or(block.size);
    let kind = kind(block, &name, size)?;
    let path = normalize("path", &name)?;
    check_root(&path, kind)?;
    check_whiteout(&path)?;
    let link = resolve_link(kind, link, block)?;
    if kind == EntryKind::HardLink && link == path {
        return Err(refused("link target", &link, "is the entry itself"));
    }
    Ok(Member {
        offset,
        path,
        kind,
        mode: mode(block.mode, kind)?,
        uid: number(&records, "uid")?.unwrap_or(block.uid),
        gid: number(&records, "gid")?.unwrap_or(block.gid),
        uname: text(
            "uname",
            bytes(&records, "uname").unwrap_or_else(|| block.uname.clone()),
        )?,
        gname: text(
            "gname",
            bytes(&records, "gname").unwrap_or_else(|| block.gname.clone()),
        )?,
        mtime: match records.get("mtime") {
            Some(value) => records::timestamp("mtime", value)?,
            None => Timestamp {
                seconds: block.mtime,
                nanoseconds: 0,
            },
        },
        size,
        link,
        pax: rest(records)?,
    })
}

fn bytes(records: &Records, key: &str) -> Option<Vec<u8>> {
    records.get(key).cloned()
}

fn number(records: &Records, key: &'static str) -> Result<Option<u64>, ReadErrorKind> {
    let value = records.get(key);
    value.map(|value| records::number(key, value)).transpose()
}

/// Fails for records that make the archive mean something else to some readers.
fn check_records(records: &Records) -> Result<(), ReadErrorKind> {
    for (key, value) in records {
        let reason = match key.as_str() {
            _ if RESERVED.contains(&key.as_str()) && value.is_empty() => {
                "has no value, which some readers take for none and others for an empty one"
            }
            "path" | "linkpath" | "uname" | "gname" if value.contains(&0) => "holds a NUL byte",
            "hdrcharset" if !matches!(&**value, b"BINARY" | b"ISO-IR 10646 2000 UTF-8") => {
                "names a character set that is not UTF-8"
            }
            _ => continue,
        };
        return Err(ReadErrorKind::Record {
            key: key.clone(),
            reason,
        });
    }
    Ok(())
}

/// Returns what an entry is, and fails where readers disagree about what follows it.
fn kind(block: &HeaderBlock, name: &[u8], size: u64) -> Result<EntryKind, ReadErrorKind> {
    let flag = block.type_flag;
    let is_directory_name = name.ends_with(b"/");
    let refuse = |reason| Err(ReadErrorKind::Type { flag, reason });
    let kind = match flag {
        // The flag of regular files before POSIX, when directories were known by their slash.
        0 if is_directory_name != block.name.ends_with(b"/") => {
            return refuse("some readers take it for a directory because of a slash at its end");
        }
        0 if is_directory_name => EntryKind::Directory,
        b'0' | b'7' if is_directory_name => {
            return refuse(
                "a regular file whose name ends in a slash is a directory to some readers",
            );
        }
        0 | b'0' | b'7' => EntryKind::Regular,
        b'1' => EntryKind::HardLink,
        b'2' => EntryKind::Symlink,
        b'3' | b'4' => device(block)?,
        b'5' => EntryKind::Directory,
        b'6' => EntryKind::Fifo,
        b'S' => return refuse("sparse files are not supported"),
        b'V' | b'M' | b'N' | b'D' => return refuse("it is known to GNU tar alone"),
        _ => return refuse("no standard says what it is"),
    };
    if kind != EntryKind::Regular && (size != 0 || block.size != 0) {
        let size = size.max(block.size);
        let what = match kind {
            EntryKind::HardLink => "hard link",
            EntryKind::Symlink => "symlink",
            EntryKind::Directory => "directory",
            _ => "device or FIFO",
        };
        return Err(ReadErrorKind::Size { what, size });
    }
    Ok(kind)
}

fn device(block: &HeaderBlock) -> Result<EntryKind, ReadErrorKind> {
    // As many bits as octal digits hold; Linux has no more than 20.
    let part = |field, number: u64| {
        let number_32 = u32::try_from(number).ok();
        number_32
            .filter(|number| *number < 1 << 21)
            .ok_or_else(|| ReadErrorKind::Number {
                field,
                found: number.to_string(),
                expected: "a device number below 2^21",
            })
    };
    let major = part("devmajor", block.device.0)?;
    let minor = part("devminor", block.device.1)?;
    Ok(match block.type_flag {
        b'3' => EntryKind::CharacterDevice { major, minor },
        _ => EntryKind::BlockDevice { major, minor },
    })
}

fn check_root(path: &[u8], kind: EntryKind) -> Result<(), ReadErrorKind> {
    if path == b"." && kind != EntryKind::Directory {
        return Err(refused(
            "path",
            path,
            "is the root, which can only be a directory",
        ));
    }
    Ok(())
}

/// Returns the target of a hard link as a path, the text of a symlink as it is, else nothing.
///
/// libarchive takes no longer target from an extension header where the header block has none.
fn resolve_link(
    kind: EntryKind,
    link: Vec<u8>,
    block: &HeaderBlock,
) -> Result<Vec<u8>, ReadErrorKind> {
    match kind {
        EntryKind::HardLink | EntryKind::Symlink if block.link.is_empty() && !link.is_empty() => {
            let problem = "stands in an extension header, with none in the header block";
            Err(refused("link target", &link, problem))
        }
        EntryKind::HardLink => normalize("link target", &link),
        EntryKind::Symlink if link.is_empty() || link.contains(&0) => Err(refused(
            "link target",
            &link,
            "is empty or holds a NUL byte",
        )),
        EntryKind::Symlink => Ok(link),
        _ => Ok(Vec::new()),
    }
}

/// Returns the permission bits; some writers put the type of the file above them, which some readers
/// then believe.
fn mode(mode: u64, kind: EntryKind) -> Result<u32, ReadErrorKind> {
    let is_type = |bits| match kind {
        EntryKind::Regular => bits == 0o100_000,
        EntryKind::Directory => bits == 0o040_000,
        EntryKind::Symlink => bits == 0o120_000,
        EntryKind::CharacterDevice { .. } => bits == 0o020_000,
        EntryKind::BlockDevice { .. } => bits == 0o060_000,
        EntryKind::Fifo => bits == 0o010_000,
        // That of what it links to.
        EntryKind::HardLink => bits <= 0o170_000,
    };
    match u32::try_from(mode) {
        Ok(bits) if bits <= 0o7777 || is_type(bits & !0o7777) => Ok(bits & 0o7777),
        _ => Err(ReadErrorKind::Number {
            field: "mode",
            found: format!("{mode:o}"),
            expected: "permission bits, and no type but that of the entry",
        }),
    }
}

fn text(field: &'static str, bytes: Vec<u8>) -> Result<String, ReadErrorKind> {
    String::from_utf8(bytes).map_err(|error| ReadErrorKind::Number {
        field,
        found: format!("`{}`", error.as_bytes().escape_ascii()),
        expected: "text in UTF-8",
    })
}

/// Returns the records that no field of the entry took over.
fn rest(records: Records) -> Result<PaxRecords, ReadErrorKind> {
    let mut rest = PaxRecords::new();
    for (key, value) in records {
        if !RESERVED.contains(&key.as_str()) {
            check_record(&key, &value)?;
            rest.insert(key, value);
        }
    }
    Ok(rest)
}
