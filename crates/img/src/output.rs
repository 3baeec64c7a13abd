//! Output files that appear under their final name only when they are complete.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempDir, TempPath};
use thiserror::Error;

use crate::context::{Context, cancelled};

/// Why an output was not written.
#[derive(Debug, Error)]
#[error("cannot write {}", path.display())]
pub(crate) struct WriteOutputError {
    path: PathBuf,
    source: io::Error,
}

/// Where the bytes of an output go until nobody wants them any more.
pub(crate) struct OutputFile {
    file: File,
    context: Context,
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.context.check_wanted()?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file in the making; dropped without [`Output::commit`], it leaves nothing behind.
pub(crate) struct Output {
    /// As it was given, for messages.
    path: PathBuf,
    /// Where it will be.
    place: PathBuf,
    /// Where the bytes are until then; none where the output is a device or a pipe.
    temporary: Option<TempPath>,
}

impl Output {
    /// Creates the output that will be at `path`, and the file to write its bytes to.
    pub(crate) fn create(
        context: &Context,
        path: &Path,
    ) -> Result<(Self, OutputFile), WriteOutputError> {
        let failed = |source| WriteOutputError {
            path: path.to_owned(),
            source,
        };
        let place = context.path(path).map_err(failed)?;
        let (temporary, file) = Self::open(&place).map_err(failed)?;
        let output = Self {
            path: path.to_owned(),
            place: place.into_owned(),
            temporary,
        };
        let context = context.clone();
        Ok((output, OutputFile { file, context }))
    }

    fn open(place: &Path) -> io::Result<(Option<TempPath>, File)> {
        // A device such as /dev/full is written to, not replaced.
        if std::fs::metadata(place).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
        {
            return Ok((None, OpenOptions::new().write(true).open(place)?));
        }
        let folder = place
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let temporary = Builder::new()
            .prefix(".img-")
            .permissions(permissions())
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        let (file, temporary) = temporary.into_parts();
        Ok((Some(temporary), file))
    }

    /// Puts the file under its final name; returns what takes it away again.
    fn commit(self) -> Result<Committed, WriteOutputError> {
        if let Some(temporary) = self.temporary {
            temporary
                .persist(&self.place)
                .map_err(|error| WriteOutputError {
                    path: self.path,
                    source: error.error,
                })?;
            return Ok(Committed(Some(self.place)));
        }
        Ok(Committed(None))
    }
}

/// A directory in the making; dropped without [`OutputDirectory::commit`], it leaves nothing behind.
pub(crate) struct OutputDirectory {
    /// As it was given, for messages.
    path: PathBuf,
    /// Where it will be.
    place: PathBuf,
    temporary: TempDir,
}

impl OutputDirectory {
    /// Creates the directory that will be at `path`, where nothing or an empty directory is.
    pub(crate) fn create(context: &Context, path: &Path) -> Result<Self, WriteOutputError> {
        let failed = |source| WriteOutputError {
            path: path.to_owned(),
            source,
        };
        let place = context.path(path).map_err(failed)?;
        if std::fs::read_dir(&place).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(failed(io::ErrorKind::DirectoryNotEmpty.into()));
        }
        // Without components such as `.`, which have no name to put another beside.
        let absolute = std::path::absolute(&place).map_err(failed)?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        let mut builder = Builder::new();
        let builder = builder
            .prefix(".img-")
            .permissions(std::fs::Permissions::from_mode(0o777));
        let temporary = builder.tempdir_in(folder).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            place: place.into_owned(),
            temporary,
        })
    }

    /// Returns where to write the directory's content.
    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Puts the directory under its final name.
    pub(crate) fn commit(self, context: &Context) -> Result<(), WriteOutputError> {
        let renamed = if context.cancellation().begin_commit() {
            std::fs::rename(self.temporary.path(), &self.place)
        } else {
            Err(cancelled())
        };
        renamed.map_err(|source| WriteOutputError {
            path: self.path,
            source,
        })?;
        // It is not there any more to be removed.
        let _ = self.temporary.keep();
        Ok(())
    }
}

/// Read and write for all, less the process's umask.
fn permissions() -> std::fs::Permissions {
    std::fs::Permissions::from_mode(0o666)
}

/// An output under its final name, until it is known whether the others got there as well.
struct Committed(Option<PathBuf>);

/// Puts all outputs under their final names, or none.
pub(crate) fn commit_all(
    context: &Context,
    outputs: impl IntoIterator<Item = Output>,
) -> Result<(), WriteOutputError> {
    let outputs: Vec<Output> = outputs.into_iter().collect();
    let mut committed = Vec::new();
    check_places(&outputs)?;
    for output in outputs {
        if !context.cancellation().begin_commit() {
            return Err(WriteOutputError {
                path: output.path,
                source: cancelled(),
            });
        }
        match output.commit() {
            Ok(done) => committed.push(done),
            Err(error) => {
                for Committed(path) in committed {
                    // The error that is returned says more than a failure to clean up.
                    path.map(std::fs::remove_file);
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Fails if two outputs are to be at one place: the second would replace the first.
fn check_places(outputs: &[Output]) -> Result<(), WriteOutputError> {
    let mut places = BTreeSet::new();
    let twice = outputs.iter().find(|output| {
        let is_file = output.temporary.is_some();
        is_file && !places.insert(one_spelling(&output.place))
    });
    twice.map_or(Ok(()), |output| {
        let text = "two outputs are to be written there: give each a path of its own";
        Err(WriteOutputError {
            path: output.path.clone(),
            source: io::Error::new(io::ErrorKind::InvalidInput, text),
        })
    })
}

/// Returns the path of a file in an existing folder, whatever way to the folder was given.
fn one_spelling(place: &Path) -> PathBuf {
    let folder = place
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    match (folder, place.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => place.to_owned(),
    }
}

/// Creates an output with these bytes; it still has to be committed.
pub(crate) fn prepare(
    context: &Context,
    path: &Path,
    bytes: &[u8],
) -> Result<Output, WriteOutputError> {
    let (output, mut file) = Output::create(context, path)?;
    file.write_all(bytes).map_err(|source| WriteOutputError {
        path: path.to_owned(),
        source,
    })?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_outputs_appear_or_none() {
        let (context, folder) = (Context::default(), tempfile::tempdir().unwrap());
        let path = |name: &str| folder.path().join(name);
        let names = || {
            let mut names: Vec<_> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|e| e.unwrap().file_name())
                .collect();
            names.sort();
            names
        };
        let output = prepare(&context, &path("a"), b"1").unwrap();
        assert!(!path("a").exists());
        drop(output);
        assert!(names().is_empty());
        std::fs::create_dir(path("b")).unwrap();
        let outputs = vec![
            prepare(&context, &path("a"), b"1").unwrap(),
            prepare(&context, &path("b"), b"2").unwrap(),
        ];
        assert!(commit_all(&context, outputs).is_err());
        assert_eq!(names(), ["b"]);
        commit_all(
            &context,
            [
                prepare(&context, &path("a"), b"1").unwrap(),
                prepare(&context, &path("c"), b"2").unwrap(),
            ],
        )
        .unwrap();
        assert_eq!(names(), ["a", "b", "c"]);
    }

    #[test]
    fn a_directory_appears_whole_and_takes_nobody_elses_place() {
        let (context, folder) = (Context::default(), tempfile::tempdir().unwrap());
        let path = folder.path().join("d");
        let make = || {
            let output = OutputDirectory::create(&context, &path)?;
            std::fs::write(output.path().join("file"), "x").unwrap();
            Ok::<_, WriteOutputError>(output)
        };
        drop(make().unwrap());
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
        std::fs::create_dir(&path).unwrap();
        make().unwrap().commit(&context).unwrap();
        assert_eq!(std::fs::read(path.join("file")).unwrap(), b"x");
        assert!(make().is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_device_is_written_to_and_stays() {
        let (_, mut file) = Output::create(&Context::default(), Path::new("/dev/full")).unwrap();
        assert_eq!(
            file.write_all(b"x").unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        assert!(!std::fs::metadata("/dev/full").unwrap().is_file());
    }

    #[test]
    fn of_a_cancelled_request_nothing_appears() {
        let (context, folder) = (Context::default(), tempfile::tempdir().unwrap());
        let path = |name: &str| folder.path().join(name);
        let (output, mut file) = Output::create(&context, &path("a")).unwrap();
        let directory = OutputDirectory::create(&context, &path("d")).unwrap();
        file.write_all(b"1").unwrap();
        assert!(context.cancellation().cancel());
        assert!(file.write_all(b"2").is_err());
        assert!(commit_all(&context, [output]).is_err());
        assert!(directory.commit(&context).is_err());
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    }
}
