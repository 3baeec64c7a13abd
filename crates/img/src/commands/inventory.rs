//! Layer inventories: what content a layer has, a line `<digest> <size in bytes>` each, sorted.
//!
//! They are written by `--content-manifest` and understood by `--deduplicate`. Files are never
//! deduplicated against another layer: a hard link into a lower layer is one that many runtimes do not make.

use std::path::{Path, PathBuf};

use img_oci::Digest;

use crate::context::Context;
use crate::input::{self, InputError};

/// A line that is none of an inventory.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is `{}`, expected <digest> <size in bytes>", text.escape_debug())]
struct ParseInventoryError {
    line: usize,
    text: String,
}

/// Returns the bytes of an inventory.
pub(crate) fn to_bytes(content: &[(Digest, u64)]) -> Vec<u8> {
    let lines = content
        .iter()
        .map(|(digest, size)| format!("{digest} {size}\n"));
    lines.collect::<String>().into_bytes()
}

/// Fails unless these files are inventories.
pub(crate) fn check(context: &Context, files: &[PathBuf]) -> Result<(), InputError> {
    files
        .iter()
        .try_for_each(|file| input::parse(context, file, parse))
}

/// Fails unless all files that a file lists, one a line, are inventories.
pub(crate) fn check_collection(context: &Context, collection: &Path) -> Result<(), InputError> {
    let bytes = input::read(context, collection)?;
    let text = String::from_utf8_lossy(&bytes);
    let files: Vec<PathBuf> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(PathBuf::from)
        .collect();
    check(context, &files)
}

fn parse(bytes: &[u8]) -> Result<(), ParseInventoryError> {
    let text = String::from_utf8_lossy(bytes);
    let is_entry = |line: &str| {
        line.split_once(' ').is_some_and(|(digest, size)| {
            digest.parse::<Digest>().is_ok() && size.parse::<u64>().is_ok()
        })
    };
    match text.lines().enumerate().find(|(_, line)| !is_entry(line)) {
        Some((index, line)) => Err(ParseInventoryError {
            line: index + 1,
            text: line.to_owned(),
        }),
        None => Ok(()),
    }
}
