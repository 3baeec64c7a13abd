//! The subcommands, one file each: arguments, then what to do with them.

mod hash;

use clap::Subcommand;

use crate::failure::Outcome;

/// All subcommands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Hash a file, or describe it as a layer
    Hash(hash::HashArgs),
}

impl Command {
    /// Returns the name of the subcommand as it is typed.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Hash(_) => "hash",
        }
    }

    /// Runs the subcommand.
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Hash(arguments) => hash::run(arguments),
        }
    }
}
