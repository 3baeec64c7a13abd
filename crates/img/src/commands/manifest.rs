//! `img manifest`: config, manifest and descriptor of an image.

use std::path::PathBuf;

use clap::Args;
use img_image::{
    ArtifactConfig, Base, ConfigField, ConfigFragment, ConfigSettings, Healthcheck,
    HealthcheckError, ManifestOptions, ParseBaseError, build_manifest, parse_ports,
};
use img_oci::{MediaType, Platform};
use img_wire::{ConfigTemplates, LayerMetadata};

use crate::commands::pairs::{self, KeyValue};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input::{self, InputError};
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
    /// Field that loses what the base says: user, entrypoint, cmd, `working_dir` or `stop_signal`
    #[arg(long, value_name = "FIELD")]
    clear: Vec<ConfigField>,
    /// File of KEY=VALUE lines or a JSON object with environment variables; --env wins
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// File of KEY=VALUE lines or a JSON object with labels; --label wins, and later files
    #[arg(long, value_name = "FILE")]
    label_file: Vec<PathBuf>,
    /// Port that the container listens on: `80`, `53/udp` or `8000-8010`
    #[arg(long, value_name = "PORT", value_parser = parse_ports)]
    exposed_port: Vec<Vec<String>>,
    /// Mount point for data
    #[arg(long, value_name = "PATH")]
    volume: Vec<String>,
    /// How to find out whether the container is well, as the JSON of `healthcheck()`
    #[arg(long, value_name = "JSON")]
    healthcheck: Option<String>,
    /// Part of the shell for commands that are one text
    #[arg(long, allow_hyphen_values = true)]
    shell: Vec<String>,
    /// Instruction for images that a Dockerfile builds on this one
    #[arg(long, value_name = "INSTRUCTION")]
    on_build: Vec<String>,
    /// Who made the image
    #[arg(long)]
    author: Option<String>,
    /// Reference of the base, to record it
    #[arg(long, value_name = "REFERENCE")]
    base_name: Option<String>,
    /// Media type of the config; another than an image's takes the config fragment as it is
    #[arg(long, value_name = "TYPE")]
    config_media_type: Option<String>,
    /// Type of the artifact that the manifest is
    #[arg(long, value_name = "TYPE")]
    artifact_type: Option<String>,
    /// Manifest or index that this one refers to
    #[arg(long, value_name = "FILE")]
    subject: Option<PathBuf>,
    /// Expanded templates, whose `env`, `labels` and `annotations` stand in place of those of flags and files
    #[arg(long, value_name = "FILE")]
    config_templates: Option<PathBuf>,
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
    let templates = input::templates(context, args.config_templates.as_deref())?;
    let artifact_config = artifact_config(args, context)?;
    let fragment = match &args.config_fragment {
        Some(path) if artifact_config.is_none() => {
            input::parse(context, path, ConfigFragment::parse)?
        }
        _ => ConfigFragment::default(),
    };
    let annotations = match &templates.annotations {
        Some(annotations) => annotations.clone(),
        None => input::key_values(context, &args.annotations_file, &args.annotation)?,
    };
    Ok(ManifestOptions {
        platform: Platform::new(&args.os, &args.architecture, Some(&args.variant)),
        base: base(args, context)?,
        layers: layers.collect::<Result<_, _>>()?,
        fragment,
        settings: settings(args, templates, context)?,
        annotations,
        base_name: args.base_name.clone(),
        artifact_config,
        artifact_type: args.artifact_type.clone(),
        subject: input::subject(context, args.subject.as_deref())?,
    })
}

/// Returns the config of what is no image.
fn artifact_config(
    args: &ManifestArgs,
    context: &Context,
) -> Result<Option<ArtifactConfig>, InputError> {
    let media_type = args.config_media_type.as_deref().map(MediaType::from);
    let Some(media_type) = media_type.filter(|media_type| !media_type.is_image_config()) else {
        return Ok(None);
    };
    let bytes = args.config_fragment.as_ref();
    let bytes = bytes.map(|path| input::read(context, path)).transpose()?;
    Ok(Some(ArtifactConfig { media_type, bytes }))
}

fn settings(
    args: &ManifestArgs,
    templates: ConfigTemplates,
    context: &Context,
) -> Result<ConfigSettings, Failure> {
    let list = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let created = match &args.created {
        Some(path) => Some(String::from_utf8_lossy(&input::read(context, path)?).into_owned()),
        None => None,
    };
    let healthcheck = args.healthcheck.as_ref();
    let healthcheck = healthcheck.map(|json| Healthcheck::parse(json.as_bytes()));
    Ok(ConfigSettings {
        cleared: args.clear.iter().copied().collect(),
        user: args.user.clone(),
        env: match templates.env {
            Some(env) => env,
            None => input::key_values(context, &args.env_file, &args.env)?,
        },
        entrypoint: list(&args.entrypoint),
        cmd: list(&args.cmd),
        working_dir: args.working_dir.clone(),
        labels: match templates.labels {
            Some(labels) => labels,
            None => input::key_values(context, &args.label_file, &args.label)?,
        },
        stop_signal: args.stop_signal.clone(),
        exposed_ports: args.exposed_port.iter().flatten().cloned().collect(),
        volumes: args.volume.iter().cloned().collect(),
        healthcheck: healthcheck.transpose().map_err(HealthcheckFlagError)?,
        shell: list(&args.shell),
        on_build: list(&args.on_build),
        author: args.author.clone(),
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
#[error("cannot use the healthcheck")]
struct HealthcheckFlagError(#[source] HealthcheckError);

#[derive(Debug, thiserror::Error)]
#[error("cannot use the base of {} and {}", manifest.display(), config.display())]
struct BaseError {
    manifest: PathBuf,
    config: PathBuf,
    source: ParseBaseError,
}
