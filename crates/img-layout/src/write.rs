//! Writing a layout as a directory or as a tar.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use img_tar::{END_OF_ARCHIVE, Entry, EntryKind, PaxRecords, Timestamp, append_header, padding};

use crate::docker::blob_path;
use crate::error::WriteLayoutError;
use crate::image::LayoutPlan;

/// How blobs get into a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlobLinking {
    /// A hard link; where that cannot be, a reflink; where that cannot be, a copy.
    #[default]
    HardLink,
    /// A symlink to the file's absolute path.
    Symlink,
}

/// Writes a layout into `directory`, which is empty, or created if it is missing.
///
/// # Errors
/// A file could not be written; what was written until then stays.
pub fn write_directory(
    directory: &Path,
    plan: &LayoutPlan,
    linking: BlobLinking,
) -> Result<(), WriteLayoutError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteLayoutError::Write { path, source }
    };
    std::fs::create_dir_all(directory).map_err(at(directory))?;
    for blob in &plan.blobs {
        let folder = directory.join("blobs").join(blob.digest.algorithm().name());
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        let path = folder.join(blob.digest.hex());
        match linking {
            BlobLinking::HardLink => link(&blob.file, &path).map_err(at(&path))?,
            BlobLinking::Symlink => symlink(absolute(&blob.file), &path).map_err(at(&path))?,
        }
    }
    for (name, bytes) in &plan.documents {
        let path = directory.join(name);
        std::fs::write(&path, bytes).map_err(at(&path))?;
    }
    Ok(())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Makes `to`, which does not exist, have the content of `from`, without copying bytes where the
/// file system can.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    // A hard link to a symlink would be the symlink: link what it leads to.
    let from = from.canonicalize()?;
    match std::fs::hard_link(&from, to) {
        Ok(()) => Ok(()),
        // Opened here, a `to` that is there already would be `from` itself, cut to nothing.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) => {
            // Reflinks where it can, in the kernel where it can.
            let mut copy = File::create_new(to)?;
            io::copy(&mut File::open(&from)?, &mut copy)?;
            Ok(())
        }
    }
}

/// Writes a layout as a tar: directories, documents, blobs; all of 1970.
///
/// # Errors
/// A blob could not be read, or the output not written. `path` names the output in errors.
pub fn write_tar(
    mut output: impl Write,
    path: &Path,
    plan: &LayoutPlan,
) -> Result<(), WriteLayoutError> {
    let failed = |source| WriteLayoutError::Write {
        path: path.to_owned(),
        source,
    };
    let mut directories = vec!["blobs".to_owned()];
    directories.extend(
        plan.blobs
            .iter()
            .map(|b| format!("blobs/{}", b.digest.algorithm().name())),
    );
    directories.dedup();
    for directory in directories {
        write_entry(
            &mut output,
            &directory,
            EntryKind::Directory,
            0,
            io::empty(),
        )
        .map_err(failed)?;
    }
    for (name, bytes) in &plan.documents {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let bytes = bytes.as_slice();
        write_entry(&mut output, name, EntryKind::Regular, size, bytes).map_err(failed)?;
    }
    for blob in &plan.blobs {
        let unreadable = |source| WriteLayoutError::Read {
            path: blob.file.clone(),
            source,
        };
        let file = File::open(&blob.file).map_err(unreadable)?;
        let name = blob_path(&blob.digest);
        let mut content = Source { file, error: None };
        let written = write_entry(
            &mut output,
            &name,
            EntryKind::Regular,
            blob.size,
            &mut content,
        );
        if let Some(error) = content.error {
            return Err(unreadable(error));
        }
        written.map_err(failed)?;
    }
    output
        .write_all(&END_OF_ARCHIVE)
        .and_then(|()| output.flush())
        .map_err(failed)
}

/// A file whose error is told apart from that of the output it is copied to.
struct Source {
    file: File,
    error: Option<io::Error>,
}

impl io::Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).inspect_err(|error| {
            self.error = Some(io::Error::new(error.kind(), error.to_string()));
        })
    }
}

fn write_entry(
    output: &mut impl Write,
    path: &str,
    kind: EntryKind,
    size: u64,
    mut content: impl io::Read,
) -> io::Result<()> {
    let entry = Entry {
        path: path.as_bytes(),
        kind,
        mode: if kind == EntryKind::Directory {
            0o755
        } else {
            0o644
        },
        uid: 0,
        gid: 0,
        uname: "",
        gname: "",
        mtime: Timestamp::default(),
        size,
        link: b"",
        pax: &PaxRecords::new(),
    };
    let mut header = Vec::new();
    append_header(&mut header, &entry).map_err(io::Error::other)?;
    output.write_all(&header)?;
    let copied = io::copy(&mut content, output)?;
    if copied != size {
        return Err(io::Error::other(format!(
            "{path} has {copied} bytes, expected {size}"
        )));
    }
    output.write_all(padding(size))
}
