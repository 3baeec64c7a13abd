//! `img manifest`: config, manifest and descriptor of an image.

use std::path::PathBuf;

use clap::Args;
use img_image::{
    Base, ConfigFragment, ConfigSettings, ManifestOptions, ParseBaseError, build_manifest,
};
use img_oci::Platform;
use img_wire::LayerMetadata;

use crate::commands::pairs::{self, KeyValue};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::output::{Output, commit_all, prepare};

/// Arguments of `img manifest`.
#[derive(Args)]
pub(crate) struct ManifestArgs {
    /// Operating system as a GOOS
    #[arg(long, default_value = "linux")]
    os: String,
    /// CPU architecture as a GOARCH
    #[arg(long, default_value = "amd64")]
    architecture: String,
    /// Variant of the CPU, such as v8
    #[arg(long, default_value = "")]
    variant: String,
    /// Metadata of a layer; lowest first, on top of the base's
    #[arg(long, value_name = "FILE")]
    layer_from_metadata: Vec<PathBuf>,
    /// JSON file with a part of the config
    #[arg(long, value_name = "FILE")]
    config_fragment: Option<PathBuf>,
    /// Manifest of the base; needs --base-config
    #[arg(long, value_name = "FILE", requires = "base_config")]
    base_manifest: Option<PathBuf>,
    /// Config of the base; needs --base-manifest
    #[arg(long, value_name = "FILE", requires = "base_manifest")]
    base_config: Option<PathBuf>,
    /// Descriptor of the base, to record its digest
    #[arg(long, value_name = "FILE", requires = "base_manifest")]
    base_descriptor: Option<PathBuf>,
    /// Where to write the manifest
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Where to write the config
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to write the manifest's descriptor
    #[arg(long, value_name = "FILE")]
    descriptor: Option<PathBuf>,
    /// Where to write the manifest's digest
    #[arg(long, value_name = "FILE")]
    digest: Option<PathBuf>,
    /// User and optionally group
    #[arg(long)]
    user: Option<String>,
    /// Environment variable
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::key_value())]
    env: Vec<KeyValue>,
    /// Part of the entrypoint
    #[arg(long, allow_hyphen_values = true)]
    entrypoint: Vec<String>,
    /// Part of the command
    #[arg(long, allow_hyphen_values = true)]
    cmd: Vec<String>,
    /// Working directory
    #[arg(long)]
    working_dir: Option<String>,
    /// Label
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::key_value())]
    label: Vec<KeyValue>,
    /// Annotation of the manifest
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::key_value())]
    annotation: Vec<KeyValue>,
    /// File of KEY=VALUE lines to annotate with; --annotation wins
    #[arg(long, value_name = "FILE")]
    annotations_file: Option<PathBuf>,
    /// Signal that stops the container
    #[arg(long)]
    stop_signal: Option<String>,
    /// File with the time of making, RFC 3339
    #[arg(long, value_name = "FILE")]
    created: Option<PathBuf>,
}

/// Writes the documents that were asked for.
pub(crate) fn run(args: &ManifestArgs, context: &Context) -> Outcome {
    let options = options(args, context)?;
    let built =
        build_manifest(&options).map_err(|error| Failure::with_hint(error.hint(), error))?;
    let digest = built.descriptor.digest.to_string();
    let descriptor = serde_json::to_vec(&built.descriptor)?;
    let outputs = [
        (&args.config, built.config.as_slice()),
        (&args.manifest, &built.manifest),
        (&args.descriptor, &descriptor),
        (&args.digest, digest.as_bytes()),
    ];
    let wanted = outputs
        .into_iter()
        .filter_map(|(path, bytes)| Some((path.as_ref()?, bytes)));
    let prepared: Vec<Output> = wanted
        .map(|(path, bytes)| prepare(context, path, bytes))
        .collect::<Result<_, _>>()?;
    Ok(commit_all(context, prepared)?)
}

fn options(args: &ManifestArgs, context: &Context) -> Result<ManifestOptions, Failure> {
    let layers = args.layer_from_metadata.iter();
    let layers = layers.map(|path| input::parse(context, path, LayerMetadata::parse));
    let fragment = match &args.config_fragment {
        Some(path) => input::parse(context, path, ConfigFragment::parse)?,
        None => ConfigFragment::default(),
    };
    let annotations =
        input::annotations(context, args.annotations_file.as_deref(), &args.annotation)?;
    Ok(ManifestOptions {
        platform: Platform::new(&args.os, &args.architecture, Some(&args.variant)),
        base: base(args, context)?,
        layers: layers.collect::<Result<_, _>>()?,
        fragment,
        settings: settings(args, context)?,
        annotations,
    })
}

fn settings(args: &ManifestArgs, context: &Context) -> Result<ConfigSettings, Failure> {
    let list = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let created = match &args.created {
        Some(path) => Some(String::from_utf8_lossy(&input::read(context, path)?).into_owned()),
        None => None,
    };
    Ok(ConfigSettings {
        user: args.user.clone(),
        env: args.env.iter().cloned().collect(),
        entrypoint: list(&args.entrypoint),
        cmd: list(&args.cmd),
        working_dir: args.working_dir.clone(),
        labels: args.label.iter().cloned().collect(),
        stop_signal: args.stop_signal.clone(),
        created,
    })
}

fn base(args: &ManifestArgs, context: &Context) -> Result<Option<Base>, Failure> {
    let (Some(manifest), Some(config)) = (&args.base_manifest, &args.base_config) else {
        return Ok(None);
    };
    let (manifest_bytes, config_bytes) = (
        input::read(context, manifest)?,
        input::read(context, config)?,
    );
    let descriptor = args
        .base_descriptor
        .as_deref()
        .map(|path| input::read(context, path))
        .transpose()?;
    let base = Base::parse(&manifest_bytes, &config_bytes, descriptor.as_deref());
    Ok(Some(base.map_err(|source| BaseError {
        manifest: manifest.clone(),
        config: config.clone(),
        source,
    })?))
}

#[derive(Debug, thiserror::Error)]
#[error("cannot use the base of {} and {}", manifest.display(), config.display())]
struct BaseError {
    manifest: PathBuf,
    config: PathBuf,
    source: ParseBaseError,
}
