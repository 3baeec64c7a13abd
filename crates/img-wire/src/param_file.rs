//! Parameter files of `img layer`: what goes where in a layer.
//!
//! Format: a line for each entry, `<path in image> NUL <type letter><path on disk> LF` for added
//! files, `<link> NUL <target> LF` for symlinks. Paths are bytes, not text.

use thiserror::Error;

/// What kind of input a line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryType {
    /// `f`: a regular file; a directory on disk is taken as [`EntryType::Directory`].
    File,
    /// `d`: a tree artifact.
    Directory,
    /// `l`: a symlink that is stored as one.
    Symlink,
}

/// One added file: borrowed from the parameter file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddedFile<'a> {
    /// Path in the image, as written.
    pub path: &'a [u8],
    /// What the input is.
    pub entry_type: EntryType,
    /// Path of the input on disk.
    pub source: &'a [u8],
}

/// One symlink: borrowed from the parameter file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymlinkLine<'a> {
    /// Path of the link in the image.
    pub link: &'a [u8],
    /// Text of the link, verbatim.
    pub target: &'a [u8],
}

/// A line that does not follow the format.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("line {line} is `{}`, expected {expected}", text.escape_debug())]
pub struct ParamFileError {
    /// Number of the line, from 1.
    pub line: usize,
    /// The line, lossily as text.
    pub text: String,
    /// The format that was expected.
    pub expected: &'static str,
}

/// Parses the lines of an `--add-from-file` or `--runfiles` parameter file.
pub fn parse_added_files(
    bytes: &[u8],
) -> impl Iterator<Item = Result<AddedFile<'_>, ParamFileError>> {
    lines(bytes).map(|(number, line)| {
        parse_added_file(line).ok_or_else(|| {
            malformed(
                number,
                line,
                "<path in image> NUL <f, d or l><path on disk>",
            )
        })
    })
}

/// Parses the lines of a `--symlinks-from-file` parameter file.
pub fn parse_symlinks(
    bytes: &[u8],
) -> impl Iterator<Item = Result<SymlinkLine<'_>, ParamFileError>> {
    lines(bytes).map(|(number, line)| {
        let (link, target) =
            split_at_nul(line).ok_or_else(|| malformed(number, line, "<link> NUL <target>"))?;
        Ok(SymlinkLine { link, target })
    })
}

fn parse_added_file(line: &[u8]) -> Option<AddedFile<'_>> {
    let (path, rest) = split_at_nul(line)?;
    let (letter, source) = rest.split_first()?;
    let entry_type = match letter {
        b'f' => EntryType::File,
        b'd' => EntryType::Directory,
        b'l' => EntryType::Symlink,
        _ => return None,
    };
    (!source.is_empty()).then_some(AddedFile {
        path,
        entry_type,
        source,
    })
}

fn split_at_nul(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|b| *b == 0)?;
    let (left, right) = (&line[..at], &line[at + 1..]);
    (!right.contains(&0)).then_some((left, right))
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split(|b| *b == b'\n').enumerate();
    lines
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.is_empty())
}

fn malformed(line: usize, text: &[u8], expected: &'static str) -> ParamFileError {
    ParamFileError {
        line,
        text: String::from_utf8_lossy(text).into_owned(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_at_nul_and_kept_as_bytes() {
        let parsed: Vec<_> = parse_added_files(b"a/b\0fsrc/b\n\xff\0dtree\nl\0lx=y\n").collect();
        let entry = |path, entry_type, source| {
            Ok(AddedFile {
                path,
                entry_type,
                source,
            })
        };
        assert_eq!(
            parsed,
            [
                entry(b"a/b".as_slice(), EntryType::File, b"src/b".as_slice()),
                entry(b"\xff", EntryType::Directory, b"tree"),
                entry(b"l", EntryType::Symlink, b"x=y"),
            ]
        );
    }

    #[test]
    fn a_malformed_line_is_numbered() {
        for line in ["a", "a\0", "a\0f", "a\0xfoo", "a\0ff\0g"] {
            let text = format!("ok\0fok\n{line}\n");
            let error = parse_added_files(text.as_bytes())
                .nth(1)
                .unwrap()
                .unwrap_err();
            assert_eq!(error.line, 2, "{line:?}");
        }
        assert!(parse_symlinks(b"no target\n").next().unwrap().is_err());
    }
}
