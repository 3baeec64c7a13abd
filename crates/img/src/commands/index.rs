//! `img index`: the index of an image for several platforms.

use std::path::PathBuf;

use clap::Args;
use img_image::build_index;

use crate::commands::pairs::{self, KeyValue};
use crate::context::Context;
use crate::failure::Outcome;
use crate::input;
use crate::output::{commit_all, prepare};

/// Arguments of `img index`.
#[derive(Args)]
pub(crate) struct IndexArgs {
    /// Descriptor of a manifest, in the order of the index
    #[arg(long, value_name = "FILE")]
    manifest_descriptor: Vec<PathBuf>,
    /// Annotation of the index
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::key_value())]
    annotation: Vec<KeyValue>,
    /// File of KEY=VALUE lines to annotate with; --annotation wins
    #[arg(long, value_name = "FILE")]
    annotations_file: Option<PathBuf>,
    /// Expanded templates, whose `annotations` stand in place of those of flags and file
    #[arg(long, value_name = "FILE")]
    config_templates: Option<PathBuf>,
    /// Manifest or index that this one refers to
    #[arg(long, value_name = "FILE")]
    subject: Option<PathBuf>,
    /// Where to write the index's digest
    #[arg(long, value_name = "FILE")]
    digest: Option<PathBuf>,
    /// Where to write the index
    output: PathBuf,
}

/// Writes the index and its digest.
pub(crate) fn run(args: &IndexArgs, context: &Context) -> Outcome {
    let descriptors = args
        .manifest_descriptor
        .iter()
        .map(|path| input::read(context, path));
    let descriptors = descriptors.collect::<Result<Vec<_>, _>>()?;
    let templates = input::templates(context, args.config_templates.as_deref())?;
    let annotations = match templates.annotations {
        Some(annotations) => annotations,
        None => input::key_values(context, &args.annotations_file, &args.annotation)?,
    };
    let subject = input::subject(context, args.subject.as_deref())?;
    let built = build_index(&descriptors, subject.as_ref(), &annotations)?;
    let mut outputs = vec![prepare(context, &args.output, &built.index)?];
    if let Some(path) = &args.digest {
        outputs.push(prepare(
            context,
            path,
            built.descriptor.digest.to_string().as_bytes(),
        )?);
    }
    Ok(commit_all(context, outputs)?)
}
