//! The subcommands, one file each: arguments, then what to do with them.

mod hash;
mod layer;
mod pairs;

use clap::Subcommand;

use crate::failure::Outcome;

/// All subcommands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Hash a file, or describe it as a layer
    Hash(hash::HashArgs),
    /// Build a layer from files
    Layer(Box<layer::LayerArgs>),
}

impl Command {
    /// Returns the name of the subcommand as it is typed.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Hash(_) => "hash",
            Self::Layer(_) => "layer",
        }
    }

    /// Runs the subcommand.
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Hash(arguments) => hash::run(arguments),
            Self::Layer(arguments) => layer::run(*arguments),
        }
    }
}
