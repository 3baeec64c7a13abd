//! The records of a PAX extended header: `<length> <key>=<value>\n`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::ReadErrorKind;
use crate::{Timestamp, time};

/// Values by key.
pub(super) type Records = BTreeMap<String, Vec<u8>>;

/// Digits of the length of a record within the largest body.
const MOST_DIGITS: usize = 7;

/// Parses the body of an extended header.
pub(super) fn parse(body: &[u8]) -> Result<Records, ReadErrorKind> {
    let mut records = Records::new();
    let mut at = 0;
    while at < body.len() {
        let malformed = |problem| ReadErrorKind::Malformed { at, problem };
        let (length, key, value) = record(&body[at..]).map_err(malformed)?;
        match records.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(value.to_vec());
            }
            Entry::Occupied(_) => return Err(malformed("has the key of one before it")),
        }
        at += length;
    }
    Ok(records)
}

/// Returns length, key and value of the first record.
fn record(bytes: &[u8]) -> Result<(usize, String, &[u8]), &'static str> {
    let digits = bytes.iter().position(|byte| *byte == b' ');
    let digits = digits.filter(|count| (1..=MOST_DIGITS).contains(count));
    let digits = digits.ok_or("does not begin with its length in decimal digits and a space")?;
    let length = bytes[..digits].iter().try_fold(0usize, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + usize::from(byte - b'0'))
    });
    let length = length.ok_or("does not begin with its length in decimal digits and a space")?;
    let body = bytes
        .get(digits + 1..length)
        .ok_or("has a length that is not its own")?;
    let body = body
        .strip_suffix(b"\n")
        .ok_or("does not end in a line break")?;
    let equals = body.iter().position(|byte| *byte == b'=');
    let equals = equals
        .filter(|at| *at > 0)
        .ok_or("has no key before an equals sign")?;
    let key = std::str::from_utf8(&body[..equals]).map_err(|_| "has a key that is not UTF-8")?;
    if key.contains(['\0', '\n']) {
        return Err("has a key with a NUL byte or line break");
    }
    Ok((length, key.to_owned(), &body[equals + 1..]))
}

/// Returns a decimal number that is not negative.
pub(super) fn number(field: &'static str, value: &[u8]) -> Result<u64, ReadErrorKind> {
    let text = std::str::from_utf8(value).ok();
    let digits = text.filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number
        .filter(|number: &u64| i64::try_from(*number).is_ok())
        .ok_or_else(|| wrong(field, value, "decimal digits, below 2^63"))
}

/// Returns a time: seconds with an optional sign and fraction; digits after nanoseconds are dropped.
pub(super) fn timestamp(field: &'static str, value: &[u8]) -> Result<Timestamp, ReadErrorKind> {
    time::parse(value).ok_or_else(|| {
        wrong(
            field,
            value,
            "seconds in decimal, with an optional fraction",
        )
    })
}

fn wrong(field: &'static str, value: &[u8], expected: &'static str) -> ReadErrorKind {
    ReadErrorKind::Number {
        field,
        found: format!("`{}`", value.escape_ascii()),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_records_are_refused() {
        let parsed = parse(b"11 path=ab\n15 comment=x=y\n6 k=v\n").unwrap();
        assert_eq!(parsed["path"], b"ab");
        assert_eq!(parsed["comment"], b"x=y");
        for body in [
            b"10 path=ab\n".as_slice(),
            b"12 path=ab\n",
            b"11 path=ab ",
            b"0 path=ab\n",
            b"-1 path=ab\n",
            b"+11 path=ab\n",
            b"99999999999999999999 a=b\n",
            b"6 =ab\n",
            b"5 abc\n",
            b"7 a\0=b\n",
            b"6 k=v\n6 k=v\n",
            b"6 k=v\n\0",
            b" 6 k=v\n",
            b"2 \n",
        ] {
            assert!(parse(body).is_err(), "{}", body.escape_ascii());
        }
    }
}
