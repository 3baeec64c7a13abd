//! `KEY=VALUE` files, as `annotations_file` takes them.

use std::collections::BTreeMap;

use thiserror::Error;

/// A line without `=`.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("line {line} is `{}`, expected KEY=VALUE", text.escape_debug())]
pub struct ParseKeyValuesError {
    /// Number of the line, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
}

/// Parses lines of `KEY=VALUE`; blank lines are skipped, white space around lines is trimmed.
pub fn parse_key_values(text: &str) -> Result<BTreeMap<String, String>, ParseKeyValuesError> {
    let mut pairs = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let malformed = || ParseKeyValuesError {
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
        let pairs = parse_key_values("a=1\n\n  b = x=y \r\n").unwrap();
        assert_eq!(
            pairs.into_iter().collect::<Vec<_>>(),
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "x=y".to_owned())
            ]
        );
    }

    #[test]
    fn a_line_without_equals_sign_is_named() {
        let error = parse_key_values("a=1\nb\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2 is `b`, expected KEY=VALUE");
    }
}
