//! The subcommands, one file each: arguments, then what to do with them.

mod compress;
mod compression;
mod deploy;
mod deploy_metadata;
mod hash;
mod index;
mod inspect;
mod layer;
mod manifest;
mod media_type;
mod oci_layout;
mod pairs;
mod registry;

use clap::Subcommand;

use crate::failure::Outcome;

/// All subcommands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print what is in an image, every byte verified
    Inspect(inspect::InspectArgs),
    /// Write an image as an OCI layout
    OciLayout(oci_layout::OciLayoutArgs),
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
    /// Runs the subcommand.
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Inspect(arguments) => inspect::run(&arguments),
            Self::OciLayout(arguments) => oci_layout::run(&arguments),
            Self::Index(arguments) => index::run(&arguments),
            Self::Manifest(arguments) => manifest::run(&arguments),
            Self::Deploy(arguments) => deploy::run(arguments),
            Self::DeployMetadata(arguments) => deploy_metadata::run(*arguments),
            Self::Hash(arguments) => hash::run(&arguments),
            Self::Layer(arguments) => layer::run(*arguments),
            Self::Compress(arguments) => compress::run(*arguments),
            Self::Registry(arguments) => registry::run(&arguments),
        }
    }
}
