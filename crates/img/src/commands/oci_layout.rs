//! `img oci-layout`: an image as an OCI layout, a directory or a tar.

use std::ffi::OsString;
use std::io::BufWriter;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use img_layout::{
    BlobLinking, ImageFiles, LayerFile, LayoutOptions, ManifestFiles, WriteLayoutError,
    plan_layout, write_directory, write_tar,
};
use img_wire::LayerMetadata;

use crate::commands::pairs::{self, BytePair};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::{Output, OutputDirectory, commit_all};

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
    /// A layer, as its metadata = its blob
    #[arg(long, value_name = "METADATA=BLOB", value_parser = pairs::bytes())]
    layer: Vec<BytePair>,
    /// Make blobs symlinks to the files given
    #[arg(long)]
    symlink: bool,
    /// Leave out layers that are not given
    #[arg(long)]
    allow_missing_blobs: bool,
    /// Where to write the layout
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
}

/// Values of `--format`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LayoutFormat {
    /// A directory
    Directory,
    /// A tar
    Tar,
}

/// Writes the layout.
pub(crate) fn run(args: &OciLayoutArgs, context: &Context) -> Outcome {
    let options = LayoutOptions {
        allow_missing_blobs: args.allow_missing_blobs,
    };
    let image = image(args, context)?;
    let layers = args
        .layer
        .iter()
        .map(|layer| layer_file(layer, context))
        .collect::<Result<Vec<_>, _>>()?;
    let (index, blobs) = plan_layout(&image, &layers, options).map_err(|error| {
        let is_missing_layer = matches!(error, WriteLayoutError::Missing { what: "layer", .. });
        let hint = is_missing_layer.then_some(
            "the base is shallow: its layer is in a registry and not on this machine; to leave such layers out, set --@rules_img//img/settings:shallow_oci_layout=i_know_what_i_am_doing",
        );
        Failure::with_hint(hint, error)
    })?;
    match args.format {
        LayoutFormat::Directory => {
            let linking = if args.symlink {
                BlobLinking::Symlink
            } else {
                BlobLinking::HardLink
            };
            let output = OutputDirectory::create(context, &args.output)?;
            write_directory(output.path(), &index, &blobs, linking)?;
            Ok(output.commit(context)?)
        }
        LayoutFormat::Tar => {
            let (output, file) = Output::create(context, &args.output)?;
            write_tar(BufWriter::new(file), &args.output, &index, &blobs)?;
            Ok(commit_all(context, [output])?)
        }
    }
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
        let files = ManifestFiles {
            manifest: input::place(context, manifest)?,
            config: input::place(context, config)?,
        };
        return Ok(ImageFiles::Manifest(files));
    }
    let (manifests, configs) = (args.manifest_path.len(), args.config_path.len());
    if manifests != configs {
        return Err(UnevenError { manifests, configs }.into());
    }
    let pairs = args.manifest_path.iter().zip(&args.config_path);
    let manifests = pairs.map(|(manifest, config)| {
        Ok(ManifestFiles {
            manifest: input::place(context, manifest)?,
            config: input::place(context, config)?,
        })
    });
    // Required by clap where there is no manifest.
    let index = args.index.as_deref().unwrap_or(Path::new(""));
    Ok(ImageFiles::Index {
        index: input::place(context, index)?,
        manifests: manifests.collect::<Result<_, Failure>>()?,
    })
}

fn layer_file((metadata, blob): &BytePair, context: &Context) -> Result<LayerFile, Failure> {
    let path = |bytes: &Vec<u8>| PathBuf::from(OsString::from_vec(bytes.clone()));
    let metadata = input::parse(context, &path(metadata), LayerMetadata::parse)?;
    Ok(LayerFile {
        digest: metadata.digest,
        blob: input::place(context, &path(blob))?,
    })
}
