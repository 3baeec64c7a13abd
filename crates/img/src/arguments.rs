//! The command line before clap sees it: parameter files, and flags in Go's spelling.
//!
//! `@file` stands for the lines of that file; a Bazel label, such as `@@repo//package:target`, does
//! not, and is known by its two slashes. `-flag` and `-flag=value` are read as `--flag` and
//! `--flag=value`; a dash and one letter stays the short flag that it is.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use thiserror::Error;

/// A parameter file that could not be read.
#[derive(Debug, Error)]
#[error("cannot read parameter file {}", path.display())]
pub(crate) struct ReadArgumentsError {
    path: std::path::PathBuf,
    source: std::io::Error,
}

/// Returns the arguments with parameter files expanded and long flags written with two dashes.
pub(crate) fn normalize(arguments: Vec<OsString>) -> Result<Vec<OsString>, ReadArgumentsError> {
    let mut normalized = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter();
    normalized.extend(arguments.next());
    let mut only_values = false;
    for argument in arguments {
        match argument.as_bytes() {
            _ if only_values => normalized.push(argument),
            b"--" => {
                only_values = true;
                normalized.push(argument);
            }
            [b'@', path @ ..] if !path.is_empty() && !is_label(path) => {
                for line in read_lines(OsStr::from_bytes(path))? {
                    normalized.push(with_two_dashes(line));
                }
            }
            _ => normalized.push(with_two_dashes(argument)),
        }
    }
    Ok(normalized)
}

fn is_label(after_at: &[u8]) -> bool {
    after_at.windows(2).any(|pair| pair == b"//")
}

fn read_lines(path: &OsStr) -> Result<Vec<OsString>, ReadArgumentsError> {
    let bytes = std::fs::read(path).map_err(|source| ReadArgumentsError {
        path: path.into(),
        source,
    })?;
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Ok(text
        .split(|b| *b == b'\n')
        .map(|line| OsString::from_vec(line.to_vec()))
        .collect())
}

fn with_two_dashes(argument: OsString) -> OsString {
    match argument.as_bytes() {
        [b'-', first, second, ..] if first.is_ascii_lowercase() && *second != b'=' => {
            let mut long = OsString::from("-");
            long.push(&argument);
            long
        }
        _ => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: &[&str]) {
        let arguments = arguments.iter().map(OsString::from).collect();
        assert_eq!(normalize(arguments).unwrap(), expected);
    }

    #[test]
    fn flags_in_go_spelling_are_long_flags() {
        check(
            &["img", "layer", "-metadata=x", "-name", "y"],
            &["img", "layer", "--metadata=x", "--name", "y"],
        );
        check(
            &["img", "-t", "v1", "-", "--x", "-1", "-t=v1"],
            &["img", "-t", "v1", "-", "--x", "-1", "-t=v1"],
        );
        check(&["img", "--", "-name"], &["img", "--", "-name"]);
        check(&["img", "-name", "@@//a:b"], &["img", "--name", "@@//a:b"]);
    }

    #[test]
    fn parameter_files_are_expanded_a_line_an_argument() {
        let file = std::env::temp_dir().join(format!("img-arguments-{}", std::process::id()));
        std::fs::write(&file, "-name\nwith space\n\n--x=y\n").unwrap();
        let at = format!("@{}", file.display());
        check(
            &["img", &at, "z"],
            &["img", "--name", "with space", "", "--x=y", "z"],
        );
        std::fs::remove_file(&file).unwrap();
        assert!(normalize(vec!["img".into(), at.into()]).is_err());
    }
}
