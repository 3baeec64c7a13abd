//! Changes to the directory tree that survive a power cut once they returned.
//!
//! A file is written under a temporary name, flushed, renamed, and the directory that holds the
//! name is flushed: whoever finds the name finds the whole file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use super::error::{Attempt as _, StoreError, existing};

/// Writes `bytes` to `target` by way of the file `temporary`.
pub(crate) fn write(temporary: &Path, target: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let written = write_new(temporary, bytes).and_then(|()| publish(temporary, target));
    if written.is_err() {
        // The cause is on its way up; what stays behind is removed at the next start.
        let _ = fs::remove_file(temporary);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut file = File::create_new(path).attempt("create", path)?;
    file.write_all(bytes).attempt("write", path)?;
    file.sync_all().attempt("flush", path)
}

/// Renames a flushed file to `target`, replacing what is there.
pub(crate) fn publish(flushed: &Path, target: &Path) -> Result<(), StoreError> {
    fs::rename(flushed, target).attempt("rename to", target)?;
    flush_parent(target)
}

/// Creates an empty file, if it is not there yet.
pub(crate) fn touch(path: &Path) -> Result<(), StoreError> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .attempt("create", path)?;
    flush_parent(path).inspect_err(|_| {
        // What may be gone after a power cut must not be relied on before.
        let _ = fs::remove_file(path);
    })
}

/// Removes a file and tells whether it was there.
pub(crate) fn remove(path: &Path) -> Result<bool, StoreError> {
    let removed = existing(fs::remove_file(path))
        .attempt("remove", path)?
        .is_some();
    if removed {
        flush_parent(path)?;
    }
    Ok(removed)
}

/// Creates a directory whose parent exists, if it is not there yet.
pub(crate) fn create_directory(path: &Path) -> Result<(), StoreError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => result.attempt("create directory", path)?,
    }
    flush_parent(path)
}

/// Removes everything in a directory.
pub(crate) fn clear_directory(path: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(path).attempt("list", path)? {
        let entry = entry.attempt("list", path)?.path();
        fs::remove_file(&entry).attempt("remove", &entry)?;
    }
    Ok(())
}

/// Makes the names in the directory that holds `path` durable.
pub(crate) fn flush_parent(path: &Path) -> Result<(), StoreError> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .attempt("flush", parent)
}
