//! The subcommands, one file each: arguments, then what to do with them.

mod compress;
mod compression;
mod deploy;
mod deploy_metadata;
mod description;
mod docker_save;
mod hash;
mod index;
mod inspect;
mod inventory;
mod layer;
mod layout;
mod manifest;
mod media_type;
mod oci_layout;
mod pairs;
mod registry;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Outcome;

/// All subcommands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print what is in an image, every byte verified
    Inspect(inspect::InspectArgs),
    /// Write an image as an OCI layout
    OciLayout(oci_layout::OciLayoutArgs),
    /// Write an image as an archive for `docker load`
    DockerSave(docker_save::DockerSaveArgs),
    /// Build the index of an image for several platforms
    Index(index::IndexArgs),
    /// Build config and manifest of an image
    Manifest(Box<manifest::ManifestArgs>),
    /// Push the images of a deploy manifest
    Deploy(deploy::DeployArgs),
    /// Write the deploy manifest of an image
    DeployMetadata(Box<deploy_metadata::DeployMetadataArgs>),
    /// Hash a file, or describe it as a layer
    Hash(hash::HashArgs),
    /// Build a layer from files
    Layer(Box<layer::LayerArgs>),
    /// Compress a layer that is a tar already
    Compress(Box<compress::CompressArgs>),
    /// Serve images from a directory over the OCI distribution protocol
    Registry(registry::RegistryArgs),
}

impl Command {
    /// Runs the subcommand in the context, which those that build nothing do without.
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Inspect(arguments) => inspect::run(&arguments),
            Self::OciLayout(arguments) => oci_layout::run(&arguments, context),
            Self::DockerSave(arguments) => docker_save::run(&arguments, context),
            Self::Index(arguments) => index::run(&arguments, context),
            Self::Manifest(arguments) => manifest::run(&arguments, context),
            Self::Deploy(arguments) => deploy::run(arguments),
            Self::DeployMetadata(arguments) => deploy_metadata::run(*arguments, context),
            Self::Hash(arguments) => hash::run(&arguments, context),
            Self::Layer(arguments) => layer::run(&arguments, context),
            Self::Compress(arguments) => compress::run(&arguments, context),
            Self::Registry(arguments) => registry::run(&arguments),
        }
    }

    /// Tells whether the subcommand builds: it reads inputs, writes outputs, and prints nothing.
    pub(crate) fn builds(&self) -> bool {
        match self {
            // An archive may go to standard output.
            Self::Inspect(_) | Self::DockerSave(_) | Self::Deploy(_) | Self::Registry(_) => false,
            Self::OciLayout(_)
            | Self::Index(_)
            | Self::Manifest(_)
            | Self::DeployMetadata(_)
            | Self::Hash(_)
            | Self::Layer(_)
            | Self::Compress(_) => true,
        }
    }
}
