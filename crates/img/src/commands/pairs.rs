//! Values of flags that hold two things: `KEY=VALUE` and its kin.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::builder::{OsStringValueParser, StringValueParser, TypedValueParser};

/// Two paths, as bytes.
pub(crate) type BytePair = (Vec<u8>, Vec<u8>);

/// A key and its value.
pub(crate) type KeyValue = (String, String);

/// Parses `left=right`, split at the first equals sign.
pub(crate) fn bytes() -> impl TypedValueParser<Value = BytePair> {
    OsStringValueParser::new().try_map(|text: OsString| split_bytes(&text, b"="))
}

/// Parses `path={json}`, split before the first `{` that follows an equals sign.
pub(crate) fn bytes_and_json() -> impl TypedValueParser<Value = BytePair> {
    OsStringValueParser::new().try_map(|text: OsString| split_bytes(&text, b"={"))
}

/// Parses `KEY=VALUE`, split at the first equals sign.
pub(crate) fn key_value() -> impl TypedValueParser<Value = KeyValue> {
    StringValueParser::new().try_map(|text: String| {
        let pair = text
            .split_once('=')
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        pair.ok_or("expected KEY=VALUE")
    })
}

fn split_bytes(text: &OsString, separator: &[u8]) -> Result<BytePair, &'static str> {
    let bytes = text.as_bytes();
    let at = bytes
        .windows(separator.len())
        .position(|window| window == separator);
    let at = at.ok_or(if separator == b"=" {
        "expected LEFT=RIGHT"
    } else {
        "expected PATH={…}"
    })?;
    Ok((bytes[..at].to_vec(), bytes[at + 1..].to_vec()))
}
