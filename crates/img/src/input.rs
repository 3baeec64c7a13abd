//! Input files of commands, read whole, with the path in every error.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use img_oci::{Descriptor, Document, ParseDocumentError};
use img_wire::{ConfigTemplates, parse_key_values};
use thiserror::Error;

use crate::context::Context;

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

/// An input of a command that stops being read once nobody wants the command's outputs.
pub(crate) struct InputFile {
    file: File,
    context: Context,
}

impl InputFile {
    /// Opens the file.
    pub(crate) fn open(context: &Context, path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::open(context.path(path)?)?,
            context: context.clone(),
        })
    }
}

impl Read for InputFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.context.check_wanted()?;
        self.file.read(buffer)
    }
}

impl Seek for InputFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

/// Returns where an input is on disk, for what opens it by itself.
pub(crate) fn place(context: &Context, path: &Path) -> Result<PathBuf, InputError> {
    let place = context.path(path);
    place
        .map(Cow::into_owned)
        .map_err(|source| InputError::Read {
            path: path.to_owned(),
            source,
        })
}

/// Returns the bytes of the file.
pub(crate) fn read(context: &Context, path: &Path) -> Result<Vec<u8>, InputError> {
    let bytes = context.path(path).and_then(std::fs::read);
    bytes.map_err(|source| InputError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Returns what `parse` makes of the bytes of the file.
pub(crate) fn parse<T, E: std::error::Error + Send + Sync + 'static>(
    context: &Context,
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<T, InputError> {
    parse(&read(context, path)?).map_err(|error| InputError::Parse {
        path: path.to_owned(),
        source: Box::new(error),
    })
}

/// Returns the keys and values of files, of which later ones win, and those of flags, which win over all.
pub(crate) fn key_values<'f>(
    context: &Context,
    files: impl IntoIterator<Item = &'f PathBuf>,
    flags: &[(String, String)],
) -> Result<BTreeMap<String, String>, InputError> {
    let mut pairs = BTreeMap::new();
    for path in files {
        pairs.extend(parse(context, path, parse_key_values)?);
    }
    pairs.extend(flags.iter().cloned());
    Ok(pairs)
}

/// Returns the descriptor of the manifest or index that another document refers to.
pub(crate) fn subject(
    context: &Context,
    file: Option<&Path>,
) -> Result<Option<Descriptor>, InputError> {
    let subject = file.map(|path| {
        parse(context, path, |bytes| {
            let document = Document::parse(bytes, None)?;
            Ok::<_, ParseDocumentError>(Descriptor::of(document.media_type(), bytes))
        })
    });
    subject.transpose()
}

/// Returns the expanded templates of an image; there are none without the file.
pub(crate) fn templates(
    context: &Context,
    file: Option<&Path>,
) -> Result<ConfigTemplates, InputError> {
    file.map_or(Ok(ConfigTemplates::default()), |path| {
        parse(context, path, ConfigTemplates::parse)
    })
}
