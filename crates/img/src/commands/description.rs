//! What stands in a layer's metadata: the flags that say it, and what came of encoding it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use img_compress::{Compression, Format};
use img_layer::BuiltLayer;
use img_oci::MediaType;
use img_wire::LayerMetadata;

use crate::commands::compression::CompressionArgs;
use crate::commands::media_type::{self, MediaTypeError};
use crate::commands::pairs::{self, KeyValue};
use crate::context::Context;
use crate::failure::Failure;
use crate::input::{self, InputError};

/// How a layer is described.
#[derive(Args)]
pub(crate) struct DescriptionArgs {
    /// Name of the layer in its metadata; its digest by default
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Annotation of the layer's descriptor
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::key_value())]
    annotation: Vec<KeyValue>,
    /// File of KEY=VALUE lines to annotate with; --annotation wins
    #[arg(long, value_name = "FILE")]
    annotations_file: Option<PathBuf>,
    /// Media type of the layer; that of its compression by default
    #[arg(long)]
    pub(crate) media_type: Option<String>,
}

impl DescriptionArgs {
    /// Returns the annotations of the file and of the flags.
    pub(crate) fn annotations(
        &self,
        context: &Context,
    ) -> Result<BTreeMap<String, String>, InputError> {
        input::key_values(context, &self.annotations_file, &self.annotation)
    }

    /// Returns the media type of a layer of this format.
    pub(crate) fn media_type(&self, format: Format) -> Result<MediaType, MediaTypeError> {
        media_type::choose(self.media_type.as_deref(), format)
    }

    /// Returns the description of a layer that is to be encoded, before it is.
    pub(crate) fn describe(
        &self,
        context: &Context,
        args: &CompressionArgs,
        compression: Compression,
    ) -> Result<Description, Failure> {
        let mut annotations = self.annotations(context)?;
        args.annotate(&mut annotations, compression);
        Ok(Description {
            name: self.name.clone(),
            media_type: self.media_type(compression.format())?,
            annotations,
            encoder: args.encoder(compression),
        })
    }
}

/// What is known of a layer before it is encoded.
pub(crate) struct Description {
    name: Option<String>,
    media_type: MediaType,
    annotations: BTreeMap<String, String>,
    encoder: String,
}

impl Description {
    /// Returns the metadata of the layer that was written.
    pub(crate) fn of<W>(self, layer: BuiltLayer<W>) -> LayerMetadata {
        let mut annotations = self.annotations;
        // What readers need wins over what users say.
        annotations.extend(layer.annotations);
        LayerMetadata {
            name: self.name.unwrap_or_else(|| layer.digest.to_string()),
            diff_id: layer.diff_id,
            media_type: self.media_type,
            digest: layer.digest,
            size: layer.size,
            annotations,
            encoder: Some(self.encoder),
        }
    }
}
