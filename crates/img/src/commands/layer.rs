//! `img layer`: a layer from files, and its metadata.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, ValueEnum, value_parser};
use img_layer::{BuildLayerError, Input, InputKind, LayerOptions, TreeHandling, build_layer};
use img_wire::{FileMetadata, parse_added_files, parse_symlinks};

use crate::commands::compression::{self, CompressionArgs};
use crate::commands::description::DescriptionArgs;
use crate::commands::inventory;
use crate::commands::pairs::{self, BytePair};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input::{self, InputError};
use crate::output::{Output, commit_all, prepare};

/// Arguments of `img layer`.
#[derive(Args)]
pub(crate) struct LayerArgs {
    #[command(flatten)]
    description: DescriptionArgs,
    /// Archive to add the entries of, plain, gzip or zstd; they come before everything else
    #[arg(long, value_name = "TAR")]
    import_tar: Vec<PathBuf>,
    #[command(flatten)]
    added: AddedArgs,
    /// Executable to add, as path in the image = file
    #[arg(long, value_name = "PATH=FILE", value_parser = pairs::bytes())]
    executable: Vec<BytePair>,
    /// Runfiles of an executable, as file of the executable = parameter file
    #[arg(long, value_name = "FILE=PARAMS", value_parser = pairs::bytes())]
    runfiles: Vec<BytePair>,
    /// Symlink to add, as path in the image = target
    #[arg(long, value_name = "PATH=TARGET", value_parser = pairs::bytes())]
    symlink: Vec<BytePair>,
    /// Parameter file of symlinks to add
    #[arg(long, value_name = "PARAMS")]
    symlinks_from_file: Vec<PathBuf>,
    /// One line of such a parameter file
    #[arg(long, value_name = "LINE")]
    symlink_line: Vec<OsString>,
    #[command(flatten)]
    compression: CompressionArgs,
    /// Where to write the layer's metadata
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    /// Metadata of every regular file, as the JSON of `file_metadata()`
    #[arg(long, value_name = "JSON")]
    default_metadata: Option<String>,
    /// Metadata of one entry, as path in the image = JSON of `file_metadata()`
    #[arg(long, value_name = "PATH=JSON", value_parser = pairs::bytes_and_json())]
    file_metadata: Vec<BytePair>,
    /// Write entries for the directories above each entry
    #[arg(long)]
    create_parent_directories: bool,
    /// What to do with a tree that is the same as one before
    #[arg(long, value_enum, default_value_t = TreeHandlingArg::Full)]
    layer_tree_artifact_handling: TreeHandlingArg,
    /// Where to write what content the layer has: a line `<digest> <size>` each
    #[arg(long, value_name = "FILE")]
    content_manifest: Option<PathBuf>,
    /// Content manifest of a lower layer; it is read, and files stay where they are
    #[arg(long, value_name = "FILE")]
    deduplicate: Vec<PathBuf>,
    /// File that lists content manifests of lower layers, one a line
    #[arg(long, value_name = "FILE")]
    deduplicate_collection: Option<PathBuf>,
    /// Where to write the layer
    output: PathBuf,
}

/// Values of `--layer-tree-artifact-handling`.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum TreeHandlingArg {
    /// Store it again; equal files become hard links
    Full,
    /// Store a symlink to the first
    DeduplicateSymlink,
}

/// `--add`, `--add-from-file` and `--add-line`, in the order in which they were given.
struct AddedArgs(Vec<Added>);

enum Added {
    File(BytePair),
    Params(PathBuf),
    Line(OsString),
}

impl Args for AddedArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
            .arg(
                Arg::new("add")
                    .long("add")
                    .value_name("PATH=FILE")
                    .help("File to add, as path in the image = file")
                    .value_parser(pairs::bytes())
                    .action(ArgAction::Append),
            )
            .arg(
                Arg::new("add_from_file")
                    .long("add-from-file")
                    .value_name("PARAMS")
                    .help("Parameter file of files to add")
                    .value_parser(value_parser!(PathBuf))
                    .action(ArgAction::Append),
            )
            .arg(
                Arg::new("add_line")
                    .long("add-line")
                    .value_name("LINE")
                    .help("One line of such a parameter file")
                    .value_parser(value_parser!(OsString))
                    .action(ArgAction::Append),
            )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for AddedArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let indices = |id| matches.indices_of(id).into_iter().flatten();
        let files = matches
            .get_many("add")
            .into_iter()
            .flatten()
            .cloned()
            .map(Added::File);
        let params = matches
            .get_many("add_from_file")
            .into_iter()
            .flatten()
            .cloned();
        let mut added: Vec<(usize, Added)> = indices("add").zip(files).collect();
        added.extend(indices("add_from_file").zip(params.map(Added::Params)));
        let lines = matches.get_many("add_line").into_iter().flatten().cloned();
        added.extend(indices("add_line").zip(lines.map(Added::Line)));
        added.sort_by_key(|(index, _)| *index);
        Ok(Self(added.into_iter().map(|(_, added)| added).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Writes the layer and its metadata.
pub(crate) fn run(args: &LayerArgs, context: &Context) -> Outcome {
    inventory::check(context, &args.deduplicate)?;
    if let Some(collection) = &args.deduplicate_collection {
        inventory::check_collection(context, collection)?;
    }
    let cache = args.compression.cache()?;
    let name = args.description.name.clone().unwrap_or_default();
    let options = LayerOptions {
        inventory: args.content_manifest.is_some(),
        known_hashes: context.known_hashes(),
        kept: compression::kept(cache.as_ref(), &name),
        ..options(args)?
    };
    let description = args
        .description
        .describe(context, &args.compression, options.compression)?;
    let params = ParamFiles::read(args, context)?;
    let mut inputs = inputs(args, &params)?;
    inputs
        .iter_mut()
        .try_for_each(|input| place(input, context))?;
    let (blob, file) = Output::create(context, &args.output)?;
    let mut encoded = build_layer(inputs, &options, file).map_err(|error| describe(args, error))?;
    let inventory = std::mem::take(&mut encoded.inventory);
    let metadata = description.of(encoded);
    let mut outputs = vec![blob];
    if let Some(path) = &args.metadata {
        outputs.push(prepare(context, path, &metadata.to_bytes())?);
    }
    if let Some(path) = &args.content_manifest {
        let bytes = inventory::to_bytes(&inventory);
        outputs.push(prepare(context, path, &bytes)?);
    }
    commit_all(context, outputs)?;
    if let Some(cache) = cache {
        cache.trim();
    }
    Ok(())
}

/// Says which layer failed, unless the error names the file itself.
fn describe(args: &LayerArgs, error: BuildLayerError) -> Failure {
    let hint = error.hint();
    match error {
        source @ BuildLayerError::Encode(_) => Failure::with_hint(
            hint,
            BuildError {
                output: args.output.clone(),
                source,
            },
        ),
        error => Failure::with_hint(hint, error),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot build layer {}", output.display())]
struct BuildError {
    output: PathBuf,
    source: BuildLayerError,
}

fn options(args: &LayerArgs) -> Result<LayerOptions, Failure> {
    let default_metadata = match &args.default_metadata {
        Some(json) => parse_metadata("--default-metadata", json.as_bytes())?,
        None => FileMetadata::default(),
    };
    let mut file_metadata = Vec::new();
    for (path, json) in &args.file_metadata {
        let path = path.strip_prefix(b"/").unwrap_or(path).to_vec();
        let shown = String::from_utf8_lossy(&path).into_owned();
        file_metadata.push((path, parse_metadata(&shown, json)?));
    }
    let compression = args.compression.compression(&args.output)?;
    Ok(LayerOptions {
        default_metadata,
        file_metadata,
        create_parent_directories: args.create_parent_directories,
        tree_handling: match args.layer_tree_artifact_handling {
            TreeHandlingArg::Full => TreeHandling::Full,
            TreeHandlingArg::DeduplicateSymlink => TreeHandling::DeduplicateSymlink,
        },
        stargz: args.compression.estargz,
        ..LayerOptions::new(compression, args.compression.jobs())
    })
}

#[derive(Debug, thiserror::Error)]
#[error("cannot use file metadata of `{}`", path.escape_debug())]
struct FileMetadataError {
    path: String,
    source: img_wire::WireError,
}

fn parse_metadata(path: &str, json: &[u8]) -> Result<FileMetadata, FileMetadataError> {
    FileMetadata::parse(json).map_err(|source| FileMetadataError {
        path: path.to_owned(),
        source,
    })
}

/// The bytes of all parameter files, which the inputs borrow from, by path.
struct ParamFiles(BTreeMap<PathBuf, Vec<u8>>);

impl ParamFiles {
    fn read(args: &LayerArgs, context: &Context) -> Result<Self, Failure> {
        let added = args.added.0.iter().filter_map(|added| match added {
            Added::Params(path) => Some(path.clone()),
            Added::File(_) | Added::Line(_) => None,
        });
        let runfiles = args.runfiles.iter().map(|(_, params)| to_path(params));
        let symlinks = args.symlinks_from_file.iter().cloned();
        let mut files = BTreeMap::new();
        for path in added.chain(runfiles).chain(symlinks) {
            let bytes = input::read(context, &path)?;
            files.insert(path, bytes);
        }
        Ok(Self(files))
    }

    /// Returns the added files that stand in the parameter file.
    fn added<'a>(&'a self, path: &Path) -> Result<Vec<Input<'a>>, Failure> {
        let lines = parse_added_files(self.bytes(path));
        lines
            .map(|line| line.map(Input::from).map_err(|error| in_file(path, error)))
            .collect()
    }

    /// Returns the symlinks that stand in the parameter file.
    fn symlinks<'a>(&'a self, path: &Path) -> Result<Vec<Input<'a>>, Failure> {
        let lines = parse_symlinks(self.bytes(path));
        lines
            .map(|line| line.map(Input::from).map_err(|error| in_file(path, error)))
            .collect()
    }

    fn bytes(&self, path: &Path) -> &[u8] {
        self.0.get(path).map(Vec::as_slice).unwrap_or_default()
    }
}

fn in_file(path: &Path, error: img_wire::ParamFileError) -> Failure {
    InputError::Parse {
        path: path.to_owned(),
        source: Box::new(error),
    }
    .into()
}

#[derive(Debug, thiserror::Error)]
#[error("cannot use the value of {flag}")]
struct LineError {
    flag: &'static str,
    source: img_wire::ParamFileError,
}

fn in_flag(flag: &'static str, source: img_wire::ParamFileError) -> Failure {
    LineError { flag, source }.into()
}

fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// Returns the inputs in the order of the layer: archives, added files, executables each with its runfiles,
/// symlinks.
fn inputs<'a>(args: &'a LayerArgs, params: &'a ParamFiles) -> Result<Vec<Input<'a>>, Failure> {
    let mut inputs = Vec::new();
    for archive in &args.import_tar {
        inputs.push(Input {
            path: Cow::Borrowed(b""),
            kind: InputKind::Archive(Cow::Borrowed(archive.as_os_str().as_bytes())),
        });
    }
    for added in &args.added.0 {
        match added {
            Added::File(pair) => inputs.push(file(pair)),
            Added::Params(path) => inputs.extend(params.added(path)?),
            Added::Line(line) => {
                for added in parse_added_files(line.as_bytes()) {
                    inputs.push(added.map_err(|error| in_flag("--add-line", error))?.into());
                }
            }
        }
    }
    for executable in &args.executable {
        inputs.push(file(executable));
        for (_, runfiles) in args.runfiles.iter().filter(|(of, _)| *of == executable.1) {
            for mut input in params.added(&to_path(runfiles))? {
                input.path = [&executable.0, b".runfiles/".as_slice(), &input.path]
                    .concat()
                    .into();
                inputs.push(input);
            }
        }
    }
    for (link, target) in &args.symlink {
        let (link, target) = (
            Cow::Borrowed(link.as_slice()),
            Cow::Borrowed(target.as_slice()),
        );
        inputs.push(Input {
            path: link,
            kind: InputKind::Symlink(target),
        });
    }
    for path in &args.symlinks_from_file {
        inputs.extend(params.symlinks(path)?);
    }
    for line in &args.symlink_line {
        for symlink in parse_symlinks(line.as_bytes()) {
            inputs.push(
                symlink
                    .map_err(|error| in_flag("--symlink-line", error))?
                    .into(),
            );
        }
    }
    check_runfiles(args)?;
    Ok(inputs)
}

/// Makes the path on disk of an input that of the context.
fn place(input: &mut Input<'_>, context: &Context) -> Result<(), InputError> {
    let on_disk = match &mut input.kind {
        InputKind::File(path)
        | InputKind::Tree(path)
        | InputKind::SymlinkOnDisk(path)
        | InputKind::Archive(path) => path,
        InputKind::Symlink(_) => return Ok(()),
    };
    let given = std::mem::take(on_disk);
    let placed = context.path_bytes(given.clone());
    *on_disk = placed.map_err(|source| InputError::Read {
        path: to_path(&given),
        source,
    })?;
    Ok(())
}

fn file((path, source): &BytePair) -> Input<'_> {
    Input {
        path: Cow::Borrowed(path),
        kind: InputKind::File(Cow::Borrowed(source)),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("runfiles are given for {}, which no --executable names", file.display())]
struct UnknownExecutable {
    file: PathBuf,
}

fn check_runfiles(args: &LayerArgs) -> Result<(), UnknownExecutable> {
    let is_known = |file: &[u8]| args.executable.iter().any(|(_, known)| known == file);
    match args.runfiles.iter().find(|(file, _)| !is_known(file)) {
        Some((file, _)) => Err(UnknownExecutable {
            file: std::ffi::OsStr::from_bytes(file).into(),
        }),
        None => Ok(()),
    }
}
