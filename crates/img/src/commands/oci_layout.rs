//! `img oci-layout`: an image as an OCI layout, a directory or a tar.

use std::path::{Path, PathBuf};

use clap::Args;
use img_layout::ImageFiles;

use crate::commands::layout::{LayoutArgs, LayoutFormat, manifest_files};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input;

/// Arguments of `img oci-layout`.
#[derive(Args)]
pub(crate) struct OciLayoutArgs {
    /// What to write
    #[arg(long, value_enum, default_value_t = LayoutFormat::Directory)]
    format: LayoutFormat,
    /// The manifest, for an image of one
    #[arg(
        long,
        value_name = "FILE",
        requires = "config",
        conflicts_with = "index"
    )]
    manifest: Option<PathBuf>,
    /// The config, for an image of one manifest
    #[arg(long, value_name = "FILE", requires = "manifest")]
    config: Option<PathBuf>,
    /// The index, for an image of several manifests
    #[arg(long, value_name = "FILE", required_unless_present = "manifest")]
    index: Option<PathBuf>,
    /// A manifest of the index
    #[arg(long, value_name = "FILE", requires = "index")]
    manifest_path: Vec<PathBuf>,
    /// The config of the manifest in the same place
    #[arg(long, value_name = "FILE", requires = "index")]
    config_path: Vec<PathBuf>,
    #[command(flatten)]
    layout: LayoutArgs,
}

/// Writes the layout.
pub(crate) fn run(args: &OciLayoutArgs, context: &Context) -> Outcome {
    let image = image(args, context)?;
    // A tar can be loaded by Docker as well.
    let docker_names = (args.format == LayoutFormat::Tar).then(Vec::new);
    args.layout
        .write(&image, docker_names, args.format, context)
}

#[derive(Debug, thiserror::Error)]
#[error(
    "{manifests} manifests and {configs} configs are given, expected as many of one as of the other"
)]
struct UnevenError {
    manifests: usize,
    configs: usize,
}

fn image(args: &OciLayoutArgs, context: &Context) -> Result<ImageFiles, Failure> {
    if let (Some(manifest), Some(config)) = (&args.manifest, &args.config) {
        let files = manifest_files(manifest, config, context)?;
        return Ok(ImageFiles::Manifest(files));
    }
    let (manifests, configs) = (args.manifest_path.len(), args.config_path.len());
    if manifests != configs {
        return Err(UnevenError { manifests, configs }.into());
    }
    let pairs = args.manifest_path.iter().zip(&args.config_path);
    let manifests = pairs.map(|(manifest, config)| manifest_files(manifest, config, context));
    // Required by clap where there is no manifest.
    let index = args.index.as_deref().unwrap_or(Path::new(""));
    Ok(ImageFiles::Index {
        index: input::place(context, index)?,
        manifests: manifests.collect::<Result<_, Failure>>()?,
    })
}
