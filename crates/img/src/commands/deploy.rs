//! `img deploy`: pushes the images of a deploy manifest.

use std::io::{self, Write as _};
use std::sync::Arc;

use clap::Args;
use img_deploy::{
    Overrides, PlanError, PushError, PushOptions, PushPlan, PushReport, PushedImage, push,
};
use img_oci::{RegistryHost, Repository, Tag};
use img_registry::RegistryClient;
use img_store::FileSource;
use img_wire::{DeployManifest, Operation};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;
use crate::runfiles::Runfiles;
use crate::{input, network};

/// The arguments of `img deploy`.
#[derive(Args)]
pub(crate) struct DeployArgs {
    /// Deploy manifest, by its path in the runfiles or on disk
    #[arg(long, value_name = "FILE")]
    request_file: String,

    /// Where the files of the images begin in the runfiles, or a directory and a slash
    #[arg(long, value_name = "PREFIX", default_value = "")]
    runfiles_root_symlinks_prefix: String,

    /// Set this tag, too; may be repeated
    #[arg(long = "tag", short = 't', value_name = "TAG")]
    tags: Vec<Tag>,

    /// Push to this registry in place of the target's
    #[arg(long, value_name = "HOST[:PORT]")]
    registry: Option<RegistryHost>,

    /// Push to this repository in place of the target's
    #[arg(long, value_name = "NAME")]
    repository: Option<Repository>,

    /// Transfer this many blobs at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,

    /// Speak plain HTTP with registries on other machines, too
    #[arg(long)]
    insecure: bool,
}

#[derive(Debug, Error)]
enum DeployError {
    #[error("cannot find {path} in the runfiles or on disk")]
    NoRequest { path: String },
    #[error("cannot use deploy manifest {path}")]
    Plan { path: String, source: PlanError },
    #[error("cannot start the push")]
    Runtime { source: io::Error },
    #[error("the images are pushed, but their references cannot be printed")]
    Print { source: io::Error },
}

/// How a push ended that did not fail.
enum Ending {
    Done(PushReport),
    /// A signal with this number arrived.
    Stopped(u8),
}

/// Pushes, and prints the references of what is there now.
pub(crate) fn run(arguments: DeployArgs) -> Outcome {
    let runfiles = Runfiles::locate()?;
    let path = arguments.request_file.clone();
    let request = runfiles
        .find(&path)
        .ok_or_else(|| DeployError::NoRequest { path: path.clone() })?;
    let manifest = input::parse(&Context::default(), &request, DeployManifest::parse)?;
    let files = files(
        &manifest,
        &arguments.runfiles_root_symlinks_prefix,
        &runfiles,
    );
    let overrides = Overrides {
        tags: arguments.tags,
        registry: arguments.registry,
        repository: arguments.repository,
    };
    let plan = PushPlan::new(&manifest, &overrides);
    let plan = plan.map_err(|source| DeployError::Plan { path, source })?;

    let progress = Arc::new(Progress::new("img deploy"));
    let client = network::registry_client(arguments.insecure, progress.clone());
    let options = PushOptions {
        jobs: arguments.jobs.into(),
        files,
        observer: progress.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| DeployError::Runtime { source })?;
    let ending = runtime.block_on(push_until_stopped(&client, &plan, &options));
    progress.finish();
    // Files that are being read are of no interest any more.
    runtime.shutdown_background();
    match ending? {
        Ending::Done(report) => Ok(print(&report)?),
        Ending::Stopped(number) => stop(number),
    }
}

/// Returns the files of the images that are there, by digest.
fn files(manifest: &DeployManifest, prefix: &str, runfiles: &Runfiles) -> FileSource {
    let mut files = FileSource::default();
    for (number, operation) in manifest.operations.iter().enumerate() {
        for (digest, path) in image_files(operation) {
            if let Some(file) = runfiles.find(&format!("{prefix}{number}/{path}")) {
                files.add(digest.clone(), file);
            }
        }
    }
    files
}

/// Returns where a rule puts the files of an image, by digest.
fn image_files(operation: &Operation) -> Vec<(&img_oci::Digest, String)> {
    let mut files = vec![(&operation.root.digest, "index.json".to_owned())];
    for (number, manifest) in operation.manifests.iter().enumerate() {
        let folder = format!("manifests/{number}");
        files.push((
            &manifest.descriptor.digest,
            format!("{folder}/manifest.json"),
        ));
        files.push((&manifest.config.digest, format!("{folder}/config.json")));
        let layers = manifest.layer_blobs.iter().enumerate();
        files.extend(layers.map(|(layer, blob)| (&blob.digest, format!("{folder}/layer/{layer}"))));
    }
    files
}

async fn push_until_stopped(
    client: &RegistryClient,
    plan: &PushPlan,
    options: &PushOptions,
) -> Result<Ending, Failure> {
    let failed = |source| DeployError::Runtime { source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let number = tokio::select! {
        result = push(client, plan, options) => return result.map(Ending::Done).map_err(hinted),
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    };
    // The push is dropped here, before any further tag is set.
    client.abandon_uploads().await;
    Ok(Ending::Stopped(number))
}

fn hinted(error: PushError) -> Failure {
    Failure::with_hint(error.hint(), error)
}

/// Ends the process as a shell reports one that the signal ended.
fn stop(number: u8) -> ! {
    // Nothing is left to do where stderr is closed.
    let _ = writeln!(
        io::stderr(),
        "img deploy: stopped by signal {number}; no tag was moved after it"
    );
    std::process::exit(128 + i32::from(number))
}

fn print(report: &PushReport) -> Result<(), DeployError> {
    let mut stdout = io::stdout().lock();
    let mut references = report.images.iter().flat_map(PushedImage::references);
    references
        .try_for_each(|reference| writeln!(stdout, "{reference}"))
        .and_then(|()| stdout.flush())
        .map_err(|source| DeployError::Print { source })?;
    // Nothing is left to do where stderr is closed.
    let _ = writeln!(io::stderr(), "{}", summary(report));
    Ok(())
}

fn summary(report: &PushReport) -> String {
    let blobs = &report.blobs;
    format!(
        "pushed {}: {} ({}) uploaded, {} mounted, {} already there",
        count(report.images.len() as u64, "image"),
        count(blobs.uploaded, "blob"),
        indicatif::HumanBytes(blobs.uploaded_bytes),
        blobs.mounted,
        blobs.skipped,
    )
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
