//! Numbers in header fields: octal digits, or base 256.
//!
//! Source: POSIX.1-2017, `pax`, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format". Go
//! takes more, such as any first byte of base 256, and text after a NUL; other readers do not.

use super::ReadErrorKind;

/// Returns a number that is not negative.
pub(super) fn unsigned(field: &'static str, bytes: &[u8]) -> Result<u64, ReadErrorKind> {
    u64::try_from(signed(field, bytes)?).map_err(|_| ReadErrorKind::Number {
        field,
        found: shown(bytes),
        expected: "a number that is not negative",
    })
}

/// Returns a number.
pub(super) fn signed(field: &'static str, bytes: &[u8]) -> Result<i64, ReadErrorKind> {
    let number = match bytes.split_first() {
        Some((0x80, rest)) => base_256(0, rest),
        Some((0xff, rest)) => base_256(-1, rest),
        _ => octal(bytes),
    };
    number.ok_or_else(|| ReadErrorKind::Number {
        field,
        found: shown(bytes),
        expected: "octal digits, or base 256 below 2^63",
    })
}

/// Digits may have spaces before them, and NULs and spaces after them; NULs alone are 0. Spaces alone
/// are 0 for Go, and -1 for GNU tar, which complains.
pub(super) fn octal(bytes: &[u8]) -> Option<i64> {
    let is_filler = |byte: &u8| matches!(byte, b' ' | 0);
    let Some(end) = bytes.iter().rposition(|byte| !is_filler(byte)) else {
        return bytes.iter().all(|byte| *byte == 0).then_some(0);
    };
    let start = bytes.iter().position(|byte| *byte != b' ')?;
    bytes[start..=end].iter().try_fold(0i64, |number, byte| {
        let digit = matches!(byte, b'0'..=b'7').then(|| i64::from(byte - b'0'))?;
        number.checked_mul(8)?.checked_add(digit)
    })
}

/// Two's complement, big endian, of which the first byte says the sign alone.
fn base_256(sign: i64, rest: &[u8]) -> Option<i64> {
    rest.iter().try_fold(sign, |number, byte| {
        number.checked_mul(256)?.checked_add(i64::from(*byte))
    })
}

pub(super) fn shown(bytes: &[u8]) -> String {
    format!("`{}`", bytes.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256() {
        let check = |bytes: &[u8], expected: Option<i64>| {
            assert_eq!(signed("size", bytes).ok(), expected, "{bytes:?}");
        };
        check(b"0000644\0", Some(0o644));
        check(b"   644 \0", Some(0o644));
        check(b"\0\0\0\0", Some(0));
        check(b"    ", None);
        check(b" \0\0\0", None);
        check(b"77777777777", Some(0o77_777_777_777));
        check(b"64 4", None);
        check(b"64\x004", None);
        check(b"\x00644", None);
        check(b" \x00644", None);
        check(b"-1", None);
        check(b"+1", None);
        check(b"0x1f", None);
        check(b"8", None);
        check(b"\x80\0\0\0\0\0\x01\0", Some(256));
        check(b"\x81\0\0\0\0\0\x01\0", None);
        check(b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1));
        check(b"\xff\xff\xff\xff\xff\xff\xff\xfe", Some(-2));
        check(b"\xc0\0\0\0", None);
        check(
            b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
            Some(i64::MAX),
        );
        check(b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None);
        check(b"\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", Some(i64::MIN));
        check(b"\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", None);
    }
}
