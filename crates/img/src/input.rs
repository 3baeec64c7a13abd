//! Input files of commands, read whole, with the path in every error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use img_wire::parse_key_values;
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

/// Returns a path of the user's as seen from where the user is: `bazel run` starts elsewhere.
pub(crate) fn user_path(path: &Path) -> PathBuf {
    match std::env::var_os("BUILD_WORKING_DIRECTORY") {
        Some(directory) => Path::new(&directory).join(path),
        None => path.to_owned(),
    }
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

/// Returns the annotations of a file of `KEY=VALUE` lines and those of flags, which win.
pub(crate) fn annotations(
    file: Option<&Path>,
    flags: &[(String, String)],
) -> Result<BTreeMap<String, String>, InputError> {
    let mut annotations = match file {
        Some(path) => parse(path, |bytes| {
            parse_key_values(&String::from_utf8_lossy(bytes))
        })?,
        None => BTreeMap::new(),
    };
    annotations.extend(flags.iter().cloned());
    Ok(annotations)
}
