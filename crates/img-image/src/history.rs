//! History: one entry for each layer, so that tools can tell what it is.
//!
//! Source: OCI image-spec v1.1.1, config.md, "Properties", `history`: entries that are not of an empty
//! layer stand for the layers in order.

use img_oci::{History, ImageConfig};
use img_wire::LayerMetadata;

/// What an entry says of a layer of the base that has none there.
const UNKNOWN: &str = "the base has no history of this layer";

/// Completes the history of a config that holds that of its base and of the fragment.
///
/// `below` is how many layers the base has, and how many entries. What the fragment says is taken to be
/// of the first layers on top of that; the others get an entry with their name.
pub(crate) fn complete(config: &mut ImageConfig, below: Below, layers: &[LayerMetadata]) {
    let fragment = config
        .history
        .split_off(below.entries.min(config.history.len()));
    let missing = below.layers.saturating_sub(count(&config.history));
    let unknown = History {
        comment: Some(UNKNOWN.to_owned()),
        ..History::default()
    };
    config.history.extend(std::iter::repeat_n(unknown, missing));
    let told = count(&fragment);
    config.history.extend(fragment);
    let created = config.created.clone();
    let entry = |layer: &LayerMetadata| History {
        created: created.clone(),
        created_by: Some(layer.name.clone()),
        ..History::default()
    };
    config.history.extend(layers.iter().skip(told).map(entry));
}

/// What the base brings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Below {
    /// Its layers.
    pub(crate) layers: usize,
    /// The entries of its history.
    pub(crate) entries: usize,
}

/// Returns how many layers entries stand for.
fn count(history: &[History]) -> usize {
    let has_layer = |entry: &&History| entry.empty_layer != Some(true);
    history.iter().filter(has_layer).count()
}
