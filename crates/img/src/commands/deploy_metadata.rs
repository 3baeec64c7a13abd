//! `img deploy-metadata`: writes the deploy manifest of one operation.
//!
//! All that can be wrong with it is found here, at build time, and not when it is deployed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use img_oci::{
    Descriptor, Digest, Document, Manifest, ParseDocumentError, ParseReferenceError, RegistryHost,
    Repository, Tag,
};
use img_wire::{
    BlobDescriptor, Command, DeployManifest, DeploySettings, ManifestEntry, Operation,
    PushConfiguration, RootKind, Strategy,
};
use thiserror::Error;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::{commit_all, prepare};

/// The arguments of `img deploy-metadata`.
#[derive(Args)]
pub(crate) struct DeployMetadataArgs {
    /// What to do with the image
    #[arg(long, value_enum)]
    command: CommandArg,

    /// Index or manifest to deploy
    #[arg(long, value_name = "FILE")]
    root_path: PathBuf,

    /// What the root is
    #[arg(long, value_enum)]
    root_kind: RootKindArg,

    /// JSON with registry, repository and tags
    #[arg(long, value_name = "FILE")]
    configuration_file: PathBuf,

    /// How blobs get to their destination
    #[arg(long, value_parser = strategies())]
    strategy: Strategy,

    /// Manifest number I of the root; repeated for each
    #[arg(long = "manifest-path", value_name = "I=FILE", value_parser = numbered)]
    manifest_paths: Vec<(usize, String)>,

    /// Layers of manifest number I that are not on this machine
    #[arg(long = "missing-blobs-for-manifest", value_name = "I=HEX,…", value_parser = numbered)]
    missing_blobs: Vec<(usize, String)>,

    /// Registry that the base came from; may be repeated
    #[arg(long = "original-registry", value_name = "HOST[:PORT]")]
    original_registries: Vec<RegistryHost>,

    /// Repository that the base came from
    #[arg(long, value_name = "NAME")]
    original_repository: Option<Repository>,

    /// Tag that the base had
    #[arg(long, value_name = "TAG")]
    original_tag: Option<Tag>,

    /// Digest of the base
    #[arg(long, value_name = "DIGEST")]
    original_digest: Option<Digest>,

    /// Deploy manifest to write
    output: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum CommandArg {
    Push,
    Load,
}

#[derive(Clone, Copy, ValueEnum)]
enum RootKindArg {
    Manifest,
    Index,
}

#[derive(Debug, Error)]
enum DeployMetadataError {
    #[error("loading images is not supported yet")]
    Load,
    #[error("{field} is empty in {}", path.display())]
    Empty { field: &'static str, path: PathBuf },
    #[error("cannot use {field} from {}", path.display())]
    Name {
        field: &'static str,
        path: PathBuf,
        source: ParseReferenceError,
    },
    #[error("cannot use {}", path.display())]
    Document {
        path: PathBuf,
        source: ParseDocumentError,
    },
    #[error("{} is not a manifest but an index", .0.display())]
    NestedIndex(PathBuf),
    #[error("{} is {found}, but --root-kind says {expected}", path.display())]
    RootKind {
        path: PathBuf,
        expected: &'static str,
        found: &'static str,
    },
    #[error("--manifest-path numbers are {found:?}, expected each from 0 to {}", expected.saturating_sub(1))]
    Numbers { found: Vec<usize>, expected: usize },
    #[error("{} is {found}, but the root names {expected} as manifest {number}", path.display())]
    Mismatch {
        number: usize,
        path: PathBuf,
        expected: String,
        found: String,
    },
    #[error("missing blob `{}` is not a layer of manifest {number}", hex.escape_debug())]
    MissingBlob { number: usize, hex: String },
}

/// Writes the deploy manifest.
pub(crate) fn run(arguments: DeployMetadataArgs, context: &Context) -> Outcome {
    if matches!(arguments.command, CommandArg::Load) {
        let hint = "use image_push, or `docker pull` from a registry";
        return Err(Failure::from(DeployMetadataError::Load).hint(hint));
    }
    let push_strategy = Some(arguments.strategy);
    let output_path = arguments.output.clone();
    let manifest = DeployManifest {
        operations: vec![operation(arguments, context)?],
        settings: DeploySettings {
            push_strategy,
            load_strategy: None,
        },
    };
    Ok(commit_all(
        context,
        [prepare(context, &output_path, &manifest.to_bytes())?],
    )?)
}

fn operation(arguments: DeployMetadataArgs, context: &Context) -> Result<Operation, Failure> {
    let configuration = configuration(&arguments.configuration_file, context)?;
    let (root_kind, root, manifests) = image(&arguments, context)?;
    Ok(Operation {
        command: Command::Push,
        root_kind,
        root,
        manifests,
        original_registries: arguments
            .original_registries
            .iter()
            .map(ToString::to_string)
            .collect(),
        original_repository: text(arguments.original_repository),
        original_tag: text(arguments.original_tag),
        original_digest: text(arguments.original_digest),
        registry: configuration.registry,
        repository: configuration.repository,
        tags: configuration.tags,
        daemon: String::new(),
    })
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Reads where to push to; every name is one that a registry takes, tags are sorted and unique.
fn configuration(path: &Path, context: &Context) -> Result<PushConfiguration, Failure> {
    let mut configuration = input::parse(context, path, PushConfiguration::parse)?;
    named::<RegistryHost>("registry", &configuration.registry, path)?;
    named::<Repository>("repository", &configuration.repository, path)?;
    for tag in &configuration.tags {
        named::<Tag>("tag", tag, path)?;
    }
    configuration.tags.sort();
    configuration.tags.dedup();
    Ok(configuration)
}

fn named<T>(field: &'static str, text: &str, path: &Path) -> Result<(), Failure>
where
    T: std::str::FromStr<Err = ParseReferenceError>,
{
    if text.is_empty() {
        let error = DeployMetadataError::Empty {
            field,
            path: path.to_owned(),
        };
        return Err(
            Failure::from(error).hint(format!("set the attribute {field} of the push target"))
        );
    }
    match text.parse::<T>() {
        Ok(_) => Ok(()),
        Err(source) => Err(DeployMetadataError::Name {
            field,
            path: path.to_owned(),
            source,
        }
        .into()),
    }
}

/// Reads the root and its manifests, which have to be those that it names, in its order.
fn image(
    arguments: &DeployMetadataArgs,
    context: &Context,
) -> Result<(RootKind, BlobDescriptor, Vec<ManifestEntry>), Failure> {
    let (root, document) = document(&arguments.root_path, context)?;
    let (kind, expected) = match (arguments.root_kind, document) {
        (RootKindArg::Manifest, Document::Manifest(_)) => (RootKind::Manifest, vec![root.clone()]),
        (RootKindArg::Index, Document::Index(index)) => (RootKind::Index, index.manifests),
        (RootKindArg::Manifest, Document::Index(_)) => {
            return Err(wrong_kind(&arguments.root_path, "manifest", "an index"));
        }
        (RootKindArg::Index, Document::Manifest(_)) => {
            return Err(wrong_kind(&arguments.root_path, "index", "a manifest"));
        }
    };
    let mut paths = arguments.manifest_paths.clone();
    paths.sort_by_key(|(number, _)| *number);
    let found: Vec<usize> = paths.iter().map(|(number, _)| *number).collect();
    if !found.iter().copied().eq(0..expected.len()) {
        return Err(DeployMetadataError::Numbers {
            found,
            expected: expected.len(),
        }
        .into());
    }
    let manifests = paths
        .iter()
        .zip(&expected)
        .map(|((number, path), expected)| {
            entry(
                context,
                *number,
                Path::new(path),
                expected,
                &arguments.missing_blobs,
            )
        });
    Ok((kind, (&root).into(), manifests.collect::<Result<_, _>>()?))
}

fn wrong_kind(path: &Path, expected: &'static str, found: &'static str) -> Failure {
    DeployMetadataError::RootKind {
        path: path.to_owned(),
        expected,
        found,
    }
    .into()
}

fn entry(
    context: &Context,
    number: usize,
    path: &Path,
    expected: &Descriptor,
    missing: &[(usize, String)],
) -> Result<ManifestEntry, Failure> {
    let (descriptor, document) = document(path, context)?;
    let Document::Manifest(manifest) = document else {
        return Err(DeployMetadataError::NestedIndex(path.to_owned()).into());
    };
    let shown =
        |descriptor: &Descriptor| format!("{} of {} bytes", descriptor.digest, descriptor.size);
    if (&descriptor.digest, descriptor.size) != (&expected.digest, expected.size) {
        let (expected, found) = (shown(expected), shown(&descriptor));
        return Err(DeployMetadataError::Mismatch {
            number,
            path: path.to_owned(),
            expected,
            found,
        }
        .into());
    }
    let missing_blobs = missing_blobs(number, &manifest, missing)?;
    Ok(ManifestEntry {
        descriptor: (&descriptor).into(),
        config: (&manifest.config).into(),
        layer_blobs: manifest.layers.iter().map(BlobDescriptor::from).collect(),
        missing_blobs,
    })
}

/// Returns the missing layers of a manifest in its order, each of which it has to have.
fn missing_blobs(
    number: usize,
    manifest: &Manifest,
    missing: &[(usize, String)],
) -> Result<Vec<String>, DeployMetadataError> {
    let of_this = missing.iter().filter(|(of, _)| *of == number);
    let mut wanted: BTreeSet<&str> = of_this.flat_map(|(_, list)| list.split(',')).collect();
    wanted.remove("");
    let mut found = Vec::new();
    for layer in &manifest.layers {
        if wanted.remove(layer.digest.hex()) {
            found.push(layer.digest.hex().to_owned());
        }
    }
    match wanted.first() {
        Some(hex) => Err(DeployMetadataError::MissingBlob {
            number,
            hex: (*hex).to_owned(),
        }),
        None => Ok(found),
    }
}

fn document(path: &Path, context: &Context) -> Result<(Descriptor, Document), Failure> {
    let bytes = input::read(context, path)?;
    let document =
        Document::parse(&bytes, None).map_err(|source| DeployMetadataError::Document {
            path: path.to_owned(),
            source,
        })?;
    Ok((Descriptor::of(document.media_type(), &bytes), document))
}

fn strategies() -> impl TypedValueParser<Value = Strategy> {
    let names = PossibleValuesParser::new(Strategy::ALL.map(Strategy::name));
    names.try_map(|name| name.parse())
}

fn numbered(text: &str) -> Result<(usize, String), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(number, value)| Some((number.parse().ok()?, value.to_owned())));
    parsed.ok_or_else(|| "expected a number from 0, `=` and a value".to_owned())
}
