//! Input files of commands, read whole, with the path in every error.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why an input could not be used.
#[derive(Debug, Error)]
pub(crate) enum InputError {
    /// It could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It could be read but not understood.
    #[error("cannot use {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Returns the bytes of the file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    std::fs::read(path).map_err(|source| InputError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Returns what `parse` makes of the bytes of the file.
pub(crate) fn parse<T, E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, InputError> {
    parse(&read(path)?).map_err(|error| InputError::Parse {
        path: path.to_owned(),
        source: Box::new(error),
    })
}

/// Returns the `KEY=VALUE` pairs of the file.
pub(crate) fn key_values(
    path: &Path,
) -> Result<std::collections::BTreeMap<String, String>, InputError> {
    parse(path, |bytes| {
        img_wire::parse_key_values(&String::from_utf8_lossy(bytes))
    })
}
