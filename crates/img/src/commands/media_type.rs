//! The media type of a layer: what was asked for, unless it lies about the compression.

use img_compress::Format;
use img_oci::MediaType;

/// A media type that says something else than the content.
#[derive(Debug, thiserror::Error)]
#[error("cannot describe a layer that is {found} as `{said}`")]
pub(crate) struct MediaTypeError {
    said: String,
    found: &'static str,
}

/// Returns the media type that was asked for, or that of the format.
pub(crate) fn choose(said: Option<&str>, format: Format) -> Result<MediaType, MediaTypeError> {
    let Some(said) = said.filter(|said| !said.is_empty()) else {
        return Ok(format.layer_media_type());
    };
    let said = MediaType::from(said);
    match Format::of_layer_media_type(&said) {
        Some(other) if other != format => Err(MediaTypeError {
            said: said.to_string(),
            found: match format {
                Format::None => "not compressed",
                Format::Gzip => "compressed by gzip",
                Format::Zstd => "compressed by zstd",
            },
        }),
        _ => Ok(said),
    }
}
