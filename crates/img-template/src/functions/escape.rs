//! `html`, `js` and `urlquery`.

use std::fmt::Write as _;

use crate::format::characters::{decode, is_printable};

/// Replaces what has a meaning in HTML.
pub(super) fn html(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0 => escaped.extend("\u{fffd}".bytes()),
            b'"' => escaped.extend(b"&#34;"),
            b'\'' => escaped.extend(b"&#39;"),
            b'&' => escaped.extend(b"&amp;"),
            b'<' => escaped.extend(b"&lt;"),
            b'>' => escaped.extend(b"&gt;"),
            other => escaped.push(*other),
        }
    }
    escaped
}

/// Replaces what has a meaning in a literal of JavaScript.
pub(super) fn js(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (c, length) = decode(rest);
        match c {
            Some(c @ ('\\' | '\'' | '"')) => escaped.extend(format!("\\{c}").bytes()),
            Some('<' | '>' | '&' | '=' | '\0'..='\x1f') => {
                escaped.extend(format!("\\u{:04X}", rest[0]).bytes());
            }
            Some(c) if !c.is_ascii() && !is_printable(c) => {
                escaped.extend(format!("\\u{:04X}", u32::from(c)).bytes());
            }
            _ => escaped.extend(&rest[..length]),
        }
        rest = &rest[length..];
    }
    escaped
}

/// Replaces what has a meaning in the query of a URL.
pub(super) fn url_query(text: &[u8]) -> Vec<u8> {
    let mut escaped = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => escaped.push(char::from(*byte)),
            b' ' => escaped.push('+'),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped.into_bytes()
}
