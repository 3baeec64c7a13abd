//! Files of keys and values, as `annotations_file`, `env_file` and `label_files` take them.

use std::collections::BTreeMap;
use std::str::Utf8Error;

use img_oci::{ParseJsonError, parse_json};
use thiserror::Error;

/// Why a file holds no keys and values.
#[derive(Debug, Error)]
pub enum ParseKeyValuesError {
    /// A line without `=`.
    #[error("line {line} is `{}`, expected KEY=VALUE", text.escape_debug())]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// Bytes that are not UTF-8.
    #[error("expected UTF-8")]
    Utf8(#[from] Utf8Error),
    /// A JSON object whose values are not all texts.
    #[error("expected a JSON object of texts, or lines of KEY=VALUE")]
    Json(#[from] ParseJsonError),
}

/// Parses a JSON object of texts, or lines of `KEY=VALUE`.
///
/// What begins with `{` is JSON. Blank lines are skipped, white space around lines, keys and values is
/// trimmed; of a key that stands twice the last value holds.
///
/// # Errors
/// A line without `=`, JSON of another shape, or bytes that are not UTF-8.
pub fn parse_key_values(bytes: &[u8]) -> Result<BTreeMap<String, String>, ParseKeyValuesError> {
    let text = std::str::from_utf8(bytes)?;
    if text.trim_start().starts_with('{') {
        return Ok(parse_json(text.as_bytes())?);
    }
    let mut pairs = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let malformed = || ParseKeyValuesError::Line {
            line: index + 1,
            text: line.to_owned(),
        };
        let (key, value) = line.split_once('=').ok_or_else(malformed)?;
        pairs.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_skipped_and_values_keep_their_equals_signs() {
        let pairs = parse_key_values(b"a=1\n\n  b = x=y \r\n").unwrap();
        assert_eq!(
            pairs.into_iter().collect::<Vec<_>>(),
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "x=y".to_owned())
            ]
        );
    }

    #[test]
    fn an_object_of_texts_is_taken_as_well() {
        let pairs = parse_key_values(b"\n {\"a\": \"1\\n2\"}\n").unwrap();
        assert_eq!(pairs["a"], "1\n2");
        assert!(parse_key_values(br#"{"a": 1}"#).is_err());
        assert!(parse_key_values(b"a=\xff").is_err());
        assert!(parse_key_values(br#"{"a": "1", "a": "2"}"#).is_err());
    }

    #[test]
    fn a_line_without_equals_sign_is_named() {
        let error = parse_key_values(b"a=1\nb\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2 is `b`, expected KEY=VALUE");
    }
}
