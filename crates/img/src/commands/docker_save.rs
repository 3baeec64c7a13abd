//! `img docker-save`: an image as `docker load` takes it, which is an OCI layout as well.

use std::path::PathBuf;

use clap::Args;
use img_layout::{ImageFiles, ImageName};
use img_oci::ParseReferenceError;
use img_wire::LoadConfiguration;

use crate::commands::layout::{LayoutArgs, LayoutFormat, manifest_files};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input;

/// Arguments of `img docker-save`.
#[derive(Args)]
pub(crate) struct DockerSaveArgs {
    /// What to write
    #[arg(long, value_enum, default_value_t = LayoutFormat::Tar)]
    format: LayoutFormat,
    /// The manifest
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// Its config
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Name that the image gets when it is loaded
    #[arg(long, value_name = "NAME[:TAG]")]
    repo_tag: Vec<String>,
    /// JSON with further names, as `tags`
    #[arg(long, value_name = "FILE")]
    configuration_file: Option<PathBuf>,
    #[command(flatten)]
    layout: LayoutArgs,
}

/// A text that cannot be the name of an image.
#[derive(Debug, thiserror::Error)]
#[error("cannot name an image `{}`", name.escape_debug())]
struct NameError {
    name: String,
    source: ParseReferenceError,
}

/// Writes the archive or directory.
pub(crate) fn run(args: &DockerSaveArgs, context: &Context) -> Outcome {
    let files = manifest_files(&args.manifest, &args.config, context)?;
    let names = Some(names(args, context)?);
    let image = ImageFiles::Manifest(files);
    args.layout.write(&image, names, args.format, context)
}

fn names(args: &DockerSaveArgs, context: &Context) -> Result<Vec<ImageName>, Failure> {
    let mut texts = args.repo_tag.clone();
    if let Some(path) = &args.configuration_file {
        texts.extend(input::parse(context, path, LoadConfiguration::parse)?.tags);
    }
    texts.sort();
    texts.dedup();
    let names = texts
        .into_iter()
        .map(|name| ImageName::parse(&name).map_err(|source| NameError { name, source }.into()));
    names.collect()
}
