//! What the user changes about a deployment at the command line.

use img_oci::{RegistryHost, Repository, Tag};

/// Overrides of every push operation.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Tags to set besides those of the operations.
    pub tags: Vec<Tag>,
    /// The registry in place of the operations' own.
    pub registry: Option<RegistryHost>,
    /// The repository in place of the operations' own.
    pub repository: Option<Repository>,
}
