//! The flags and steps that commands have in common which write layouts.

use std::ffi::OsString;
use std::io::{BufWriter, stdout};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use img_layout::{
    BlobLinking, ImageFiles, ImageName, LayerFile, LayoutOptions, LayoutPlan, ManifestFiles,
    WriteLayoutError, plan_layout, write_directory, write_tar,
};
use img_wire::LayerMetadata;

use crate::commands::pairs::{self, BytePair};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::{Output, OutputDirectory, commit_all};

/// Layers, and what to write.
#[derive(Args)]
pub(crate) struct LayoutArgs {
    /// A layer, as its metadata = its blob
    #[arg(long, value_name = "METADATA=BLOB", value_parser = pairs::bytes())]
    layer: Vec<BytePair>,
    /// Make blobs symlinks to the files given
    #[arg(long)]
    symlink: bool,
    /// Leave out layers that are not given
    #[arg(long)]
    allow_missing_blobs: bool,
    /// Where to write it; of a tar, `-` is standard output
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
}

/// Values of `--format`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutFormat {
    /// A directory
    Directory,
    /// A tar, which `docker load` takes as well
    Tar,
}

impl LayoutArgs {
    /// Writes the layout; Docker is to load it by `docker_names`, if that is to be possible.
    pub(crate) fn write(
        &self,
        image: &ImageFiles,
        docker_names: Option<Vec<ImageName>>,
        format: LayoutFormat,
        context: &Context,
    ) -> Outcome {
        let options = LayoutOptions {
            allow_missing_blobs: self.allow_missing_blobs,
            docker_names,
        };
        let layers = self.layer.iter().map(|layer| layer_file(layer, context));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let plan = plan_layout(image, &layers, &options).map_err(describe)?;
        match format {
            LayoutFormat::Directory => {
                let linking = if self.symlink {
                    BlobLinking::Symlink
                } else {
                    BlobLinking::HardLink
                };
                let output = OutputDirectory::create(context, &self.output)?;
                write_directory(output.path(), &plan, linking)?;
                Ok(output.commit(context)?)
            }
            LayoutFormat::Tar => self.write_archive(&plan, context),
        }
    }

    fn write_archive(&self, plan: &LayoutPlan, context: &Context) -> Outcome {
        if self.output.as_os_str() == "-" {
            return Ok(write_tar(
                BufWriter::new(stdout().lock()),
                Path::new("standard output"),
                plan,
            )?);
        }
        let (output, file) = Output::create(context, &self.output)?;
        write_tar(BufWriter::new(file), &self.output, plan)?;
        Ok(commit_all(context, [output])?)
    }
}

fn describe(error: WriteLayoutError) -> Failure {
    let is_missing_layer = matches!(error, WriteLayoutError::Missing { what: "layer", .. });
    let hint = is_missing_layer.then_some(
        "the base is shallow: its layer is in a registry and not on this machine; to leave such layers out, set --@rules_img//img/settings:shallow_oci_layout=i_know_what_i_am_doing",
    );
    Failure::with_hint(hint, error)
}

/// Returns a manifest and its config where they are on disk.
pub(crate) fn manifest_files(
    manifest: &Path,
    config: &Path,
    context: &Context,
) -> Result<ManifestFiles, Failure> {
    Ok(ManifestFiles {
        manifest: input::place(context, manifest)?,
        config: input::place(context, config)?,
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
