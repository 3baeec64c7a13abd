//! Byte ranges: `Range` of a download, `Content-Range` of an upload.
//!
//! Sources: RFC 9110 section 14; OCI distribution-spec v1.1.1, "Pushing a blob in chunks".

/// The part of a blob that a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// All of it: there is no range, or one that is to be ignored.
    Whole,
    /// A part: offset of the first byte, and length.
    Part(u64, u64),
    /// Nothing that the blob has.
    Unsatisfiable,
}

/// Reads a `Range` header for a blob of `size` bytes.
///
/// A header that is malformed, has another unit or asks for several ranges is ignored, as RFC 9110
/// section 14.2 allows.
pub(super) fn select(header: Option<&str>, size: u64) -> Selection {
    let Some((first, last)) = header.and_then(|header| {
        let (unit, range) = header.split_once('=')?;
        let range = unit
            .trim()
            .eq_ignore_ascii_case("bytes")
            .then_some(range.trim())?;
        range.split_once('-')
    }) else {
        return Selection::Whole;
    };
    match (number(first), number(last)) {
        (Ok(None), Ok(Some(suffix))) => {
            let length = suffix.min(size);
            if length == 0 {
                return Selection::Unsatisfiable;
            }
            Selection::Part(size - length, length)
        }
        (Ok(Some(first)), Ok(last)) => {
            let last = last.unwrap_or(u64::MAX);
            if last < first {
                return Selection::Whole;
            }
            if first >= size {
                return Selection::Unsatisfiable;
            }
            Selection::Part(first, last.min(size - 1) - first + 1)
        }
        _ => Selection::Whole,
    }
}

/// Reads an optional decimal number; one that is too large counts as the largest.
fn number(text: &str) -> Result<Option<u64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(Some(text.parse().unwrap_or(u64::MAX)))
    } else {
        Err(())
    }
}

/// Reads the `Content-Range` of a chunk: offsets of its first and last byte.
///
/// The specification writes `<start>-<end>`; `bytes <start>-<end>/<size>` of RFC 9110 is read too.
pub(super) fn chunk(header: &str) -> Option<(u64, u64)> {
    let range = match header.trim().strip_prefix("bytes ") {
        Some(rest) => rest.split_once('/').map_or(rest, |(range, _)| range),
        None => header,
    };
    let (first, last) = range.trim().split_once('-')?;
    let exact = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let (first, last) = (exact(first)?, exact(last)?);
    (first <= last && last < u64::MAX).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_rfc_9110() {
        let check = |header: &str, expected: Selection| {
            assert_eq!(select(Some(header), 10), expected, "{header}");
        };
        check("bytes=0-3", Selection::Part(0, 4));
        check("bytes=4-", Selection::Part(4, 6));
        check("bytes=-3", Selection::Part(7, 3));
        check("bytes=-99", Selection::Part(0, 10));
        check("bytes=9-9", Selection::Part(9, 1));
        check("bytes=0-99999999999999999999999", Selection::Part(0, 10));
        check("BYTES = 1-2", Selection::Part(1, 2));
        check("bytes=10-", Selection::Unsatisfiable);
        check("bytes=10-20", Selection::Unsatisfiable);
        check("bytes=99999999999999999999999-", Selection::Unsatisfiable);
        check("bytes=-0", Selection::Unsatisfiable);
        for ignored in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=3-1",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "bytes=0-1-2",
            "bytes=+0-1",
            "bytes=0--1",
            "items=0-3",
            "bytes 0-3",
            "bytes=0x0-0x3",
        ] {
            check(ignored, Selection::Whole);
        }
        assert_eq!(select(None, 10), Selection::Whole);
        assert_eq!(select(Some("bytes=0-"), 0), Selection::Unsatisfiable);
        assert_eq!(select(Some("bytes=-1"), 0), Selection::Unsatisfiable);
    }

    #[test]
    fn chunks_name_their_first_and_last_byte() {
        let check = |header: &str, expected: Option<(u64, u64)>| {
            assert_eq!(chunk(header), expected, "{header}");
        };
        check("0-0", Some((0, 0)));
        check("5-9", Some((5, 9)));
        check("bytes 5-9/10", Some((5, 9)));
        check("bytes 5-9/*", Some((5, 9)));
        for bad in [
            "",
            "-",
            "5",
            "5-",
            "-5",
            "9-5",
            "a-b",
            "-1-5",
            "+1-5",
            "0-18446744073709551615",
            "0-99999999999999999999999",
            "0 - 5",
            "bytes=0-5",
            "0-5/6",
        ] {
            check(bad, None);
        }
    }
}
