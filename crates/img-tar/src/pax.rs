//! PAX extended header records: `<length> <key>=<value>\n`, the length counting itself.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::time;

/// Records of an extended header, sorted by key.
pub type PaxRecords = BTreeMap<String, Vec<u8>>;

/// Keys that a header field has already decided, or that change how the records are read.
pub(crate) const RESERVED: [&str; 10] = [
    "path",
    "linkpath",
    "size",
    "uid",
    "gid",
    "uname",
    "gname",
    "mtime",
    "charset",
    "hdrcharset",
];

/// A record that would make two readers disagree.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RecordError {
    /// Empty, or with a byte that ends the key or the record.
    #[error("PAX key `{}` must be one or more characters without `=`, NUL or line break", .0.escape_debug())]
    Key(String),
    /// Decided by a header field.
    #[error("PAX key `{0}` is set by the entry itself: use the field of that name")]
    Reserved(String),
    /// Some readers see another entry because of it.
    #[error("PAX key `{}` {reason}", key.escape_debug())]
    Meaning {
        /// The key.
        key: String,
        /// What it does.
        reason: &'static str,
    },
    /// Holds a NUL byte.
    #[error("the value of PAX key `{}` holds a NUL byte", .0.escape_debug())]
    Value(String),
    /// Is no time.
    #[error("PAX key `{0}` must be seconds in decimal, with an optional fraction")]
    Time(String),
}

/// Checks a record that a user added to an entry.
pub fn check_user_record(key: &str, value: &[u8]) -> Result<(), RecordError> {
    if RESERVED.contains(&key) {
        return Err(RecordError::Reserved(key.to_owned()));
    }
    check_record(key, value)
}

/// Checks a record for which the entry has no field.
pub(crate) fn check_record(key: &str, value: &[u8]) -> Result<(), RecordError> {
    if key.is_empty() || key.contains(['=', '\0', '\n']) {
        return Err(RecordError::Key(key.to_owned()));
    }
    if let Some(reason) = meaning(key) {
        return Err(RecordError::Meaning {
            key: key.to_owned(),
            reason,
        });
    }
    // Extended attributes are bytes; everything else is text.
    if value.contains(&0) && !key.starts_with("SCHILY.xattr.") {
        return Err(RecordError::Value(key.to_owned()));
    }
    if matches!(key, "atime" | "ctime") && time::parse(value).is_none() {
        return Err(RecordError::Time(key.to_owned()));
    }
    Ok(())
}

/// Says what a record does to the entry in readers that know it; most records do nothing.
fn meaning(key: &str) -> Option<&'static str> {
    match key {
        "SCHILY.realsize" | "SUN.holesdata" => Some("makes a sparse file of the entry"),
        "SCHILY.devmajor" | "SCHILY.devminor" => Some("is a device number to some readers alone"),
        _ if key.starts_with("GNU.sparse.") => Some("makes a sparse file of the entry"),
        _ if key.starts_with("GNU.") => Some("is known to GNU tar alone"),
        _ => None,
    }
}

/// Appends one record.
pub(crate) fn append_record(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + digits(rest);
    if digits(length) != digits(rest) {
        length = rest + digits(length);
    }
    out.extend_from_slice(length.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn digits(number: usize) -> usize {
    number.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_counts_its_own_digits() {
        let check = |value_len: usize, shown: &str| {
            let mut out = Vec::new();
            append_record(&mut out, "k", &vec![b'v'; value_len]);
            assert!(
                out.starts_with(format!("{shown} k=").as_bytes()),
                "{value_len}"
            );
            assert_eq!(out.len().to_string(), shown);
        };
        check(0, "5");
        check(4, "9");
        check(5, "11");
        check(92, "98");
        check(93, "99");
        check(94, "101");
        check(992, "999");
        check(993, "1001");
        check(994, "1002");
    }

    #[test]
    fn records_that_contradict_a_header_are_refused() {
        assert_eq!(check_user_record("SCHILY.xattr.user.x", b"a\0b"), Ok(()));
        assert_eq!(check_user_record("comment", b"hi"), Ok(()));
        assert_eq!(check_user_record("atime", b"-1.5"), Ok(()));
        for key in [
            "",
            "a=b",
            "a\nb",
            "path",
            "size",
            "GNU.sparse.map",
            "GNU.dumpdir",
            "SUN.holesdata",
            "SCHILY.devmajor",
            "hdrcharset",
            "atime",
        ] {
            assert!(check_user_record(key, b"").is_err(), "{key}");
        }
        assert!(check_user_record("comment", b"a\0b").is_err());
    }
}
