//! Formats and levels, and how a level of the public API maps to one of the library.

use std::str::FromStr;

use img_oci::{MediaType, media_type};
use thiserror::Error;

/// Version of all encoders; golden digests tell when it has to go up.
const ENCODER_VERSION: u32 = 1;

/// Windows of zstd frames: 2^23 bytes, 8 MiB, which every decoder has to support (RFC 8878, section 3.1.1.1.2).
pub(crate) const ZSTD_WINDOW_LOG: u32 = 23;

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Not at all.
    None,
    /// gzip members.
    Gzip,
    /// zstd frames.
    Zstd,
}

/// A name that is no format.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{}` is not a compression format: expected gzip, zstd or none", .0.escape_debug())]
pub struct ParseFormatError(pub String);

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" | "uncompressed" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(ParseFormatError(text.to_owned())),
        }
    }
}

impl Format {
    /// Returns the name of the format in flags and attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Returns the format that a file's name ends in, if it ends in one.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let extension = name.rsplit_once('.')?.1;
        match extension {
            "tar" => Some(Self::None),
            "gz" | "tgz" => Some(Self::Gzip),
            "zst" | "tzst" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Returns the OCI media type of a layer in this format.
    pub fn layer_media_type(self) -> MediaType {
        MediaType::from_static(match self {
            Self::None => media_type::OCI_LAYER,
            Self::Gzip => media_type::OCI_LAYER_GZIP,
            Self::Zstd => media_type::OCI_LAYER_ZSTD,
        })
    }

    /// Returns how a layer of this media type is compressed, or nothing if it is not a tar's.
    pub fn of_layer_media_type(layer: &MediaType) -> Option<Self> {
        match layer.essence().as_str() {
            media_type::OCI_LAYER | media_type::DOCKER_LAYER => Some(Self::None),
            media_type::OCI_LAYER_GZIP | media_type::DOCKER_LAYER_GZIP => Some(Self::Gzip),
            media_type::OCI_LAYER_ZSTD | media_type::DOCKER_LAYER_ZSTD => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Returns the levels that the public API takes: lowest, highest, and that of `-1`.
    fn levels(self) -> (i32, i32, i32) {
        match self {
            Self::None => (0, 9, 0),
            Self::Gzip => (0, 9, 6),
            Self::Zstd => (1, 4, 2),
        }
    }

    /// Returns the size in bytes of content that members are cut near.
    ///
    /// Large enough that a member loses little against a stream (deflate looks back 32 KiB, zstd is
    /// given a window as large as this), small enough to share the work between threads and to
    /// hold some members in memory.
    pub fn target_member_size(self) -> usize {
        match self {
            Self::None | Self::Gzip => 1 << 20,
            Self::Zstd => 1 << ZSTD_WINDOW_LOG,
        }
    }
}

/// A level outside those of the format.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "compression level {level} is not one of {format}: expected {lowest} to {highest}, or -1 for the default"
)]
pub struct ParseLevelError {
    /// The level asked for.
    pub level: i32,
    /// Name of the format.
    pub format: &'static str,
    /// Lowest level of the format.
    pub lowest: i32,
    /// Highest level of the format.
    pub highest: i32,
}

/// How many members a stream has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Members {
    /// As many as it is cut into.
    #[default]
    Many,
    /// One, for readers that stop at the end of the first.
    Single,
}

/// A format with a level that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compression {
    format: Format,
    level: i32,
    members: Members,
}

impl Compression {
    /// Returns the format at `level`; -1 is the format's default.
    pub fn new(format: Format, level: i32) -> Result<Self, ParseLevelError> {
        let (lowest, highest, default) = format.levels();
        match level {
            -1 => Ok(Self::of(format, default)),
            _ if (lowest..=highest).contains(&level) => Ok(Self::of(format, level)),
            _ => Err(ParseLevelError {
                level,
                format: format.name(),
                lowest,
                highest,
            }),
        }
    }

    fn of(format: Format, level: i32) -> Self {
        Self {
            format,
            level,
            members: Members::Many,
        }
    }

    /// Returns the same with this many members.
    #[must_use]
    pub fn with_members(self, members: Members) -> Self {
        Self { members, ..self }
    }

    /// Returns how many members a stream has.
    pub fn members(self) -> Members {
        self.members
    }

    /// Returns the name and version of the encoder: the same name, level and content give the same bytes.
    ///
    /// The version goes up with every change of bytes that any content has.
    pub fn encoder(self) -> String {
        let single = match self.members {
            Members::Single if self.format != Format::None => "-single",
            _ => "",
        };
        format!("{}{single}/{ENCODER_VERSION}", self.format.name())
    }

    /// Returns the format.
    pub fn format(self) -> Format {
        self.format
    }

    /// Returns the level of the library that does the work.
    ///
    /// gzip levels are libdeflate's, or zlib's for a single member. The four zstd levels stand for
    /// zstd's 1, 4, 7 and 11: fastest, default, better, best.
    pub fn library_level(self) -> i32 {
        match (self.format, self.level) {
            (Format::Zstd, 1) => 1,
            (Format::Zstd, 2) => 4,
            (Format::Zstd, 3) => 7,
            (Format::Zstd, _) => 11,
            (_, level) => level,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_outside_the_format_are_named() {
        let check = |format, level, library: Option<i32>| {
            let found = Compression::new(format, level)
                .ok()
                .map(Compression::library_level);
            assert_eq!(found, library, "{format:?} {level}");
        };
        check(Format::Gzip, -1, Some(6));
        check(Format::Gzip, 0, Some(0));
        check(Format::Gzip, 9, Some(9));
        check(Format::Gzip, 10, None);
        check(Format::Zstd, -1, Some(4));
        check(Format::Zstd, 0, None);
        check(Format::Zstd, 4, Some(11));
        check(Format::Zstd, 5, None);
        let error = Compression::new(Format::Zstd, 9).unwrap_err().to_string();
        assert!(
            error.contains('9') && error.contains("zstd") && error.contains("1 to 4"),
            "{error}"
        );
    }

    #[test]
    fn the_last_extension_tells_the_format() {
        let check = |name, format| assert_eq!(Format::of_file_name(name), format, "{name}");
        check("a.tar", Some(Format::None));
        check("a.tar.gz", Some(Format::Gzip));
        check("a.tgz", Some(Format::Gzip));
        check("a.tar.zst", Some(Format::Zstd));
        check("a.tzst", Some(Format::Zstd));
        check("a", None);
        check("a.bin", None);
    }
}
