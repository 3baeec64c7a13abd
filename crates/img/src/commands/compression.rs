//! The flags by which commands that write layers say how these are compressed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use img_compress::{Compression, Format, Members, ParseLevelError};
use img_layer::KeptMembers;
use img_member_cache::{MemberCache, OpenCacheError};
use img_wire::ENCODER_ANNOTATION;

use crate::member_cache;

/// How a layer is compressed, and what is kept of that.
#[derive(Args)]
pub(crate) struct CompressionArgs {
    /// Compression: gzip, zstd or none; by default what the output's name ends in, else gzip
    #[arg(long)]
    format: Option<Format>,
    /// Write one gzip member or zstd frame, for readers that stop at the end of the first
    #[arg(long)]
    single_member: bool,
    /// Write a layer that can be pulled lazily: eStargz with gzip, zstd:chunked with zstd
    #[arg(long)]
    pub(crate) estargz: bool,
    /// Threads that compress: a number or `nproc`; the output is the same for any
    #[arg(long, value_name = "N|nproc", default_value = "nproc")]
    compressor_jobs: Jobs,
    /// Level: 0 to 9 for gzip, 1 to 4 for zstd, -1 for the default
    #[arg(long, value_name = "N", default_value_t = -1, allow_negative_numbers = true)]
    compression_level: i32,
    /// Annotate the layer's descriptor with the version of the encoder
    #[arg(long)]
    encoder_annotation: bool,
    /// Where to keep compressed members for the next build: `memory` (of a worker) or a directory
    #[arg(long, value_name = "memory|DIR")]
    member_cache: Option<String>,
    /// Size of the member cache in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    member_cache_size: u64,
}

/// A number of threads.
#[derive(Clone, Copy)]
struct Jobs(usize);

impl std::str::FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "nproc" {
            let available = std::thread::available_parallelism();
            return Ok(Self(available.map_or(1, std::num::NonZero::get)));
        }
        match text.parse() {
            Ok(jobs) if jobs >= 1 => Ok(Self(jobs)),
            _ => Err("expected a number of 1 or more, or `nproc`".to_owned()),
        }
    }
}

impl CompressionArgs {
    /// Returns how to compress what is written to `output`.
    pub(crate) fn compression(&self, output: &Path) -> Result<Compression, ParseLevelError> {
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        let format = self
            .format
            .or_else(|| Format::of_file_name(&name))
            .unwrap_or(Format::Gzip);
        let members = if self.single_member {
            Members::Single
        } else {
            Members::Many
        };
        Ok(Compression::new(format, self.compression_level)?.with_members(members))
    }

    /// Returns how many threads compress.
    pub(crate) fn jobs(&self) -> usize {
        self.compressor_jobs.0
    }

    /// Returns name and version of the encoder.
    pub(crate) fn encoder(&self, compression: Compression) -> String {
        let kind = if self.estargz { "estargz-" } else { "" };
        format!("{kind}{}", compression.encoder())
    }

    /// Adds the annotation with the encoder's version, if that is asked for.
    pub(crate) fn annotate(
        &self,
        annotations: &mut BTreeMap<String, String>,
        compression: Compression,
    ) {
        if self.encoder_annotation {
            annotations.insert(ENCODER_ANNOTATION.to_owned(), self.encoder(compression));
        }
    }

    /// Returns the cache of members that is asked for.
    pub(crate) fn cache(&self) -> Result<Option<Arc<MemberCache>>, OpenCacheError> {
        let place = self
            .member_cache
            .as_deref()
            .filter(|place| !place.is_empty());
        place
            .map(|place| member_cache::open(place, self.member_cache_size))
            .transpose()
    }
}

/// Returns what the layer's members are kept by: `layer` tells it from others, whatever its content.
pub(crate) fn kept(cache: Option<&Arc<MemberCache>>, layer: &str) -> Option<KeptMembers> {
    cache.map(|cache| KeptMembers {
        store: Arc::clone(cache) as Arc<dyn img_compress::MemberStore>,
        layer: layer.to_owned(),
    })
}
