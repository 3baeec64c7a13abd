//! `img hash`: the digest of a file, alone or as layer metadata.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use clap::{Args, ValueEnum};
use img_compress::{Decoder, Format, sniff};
use img_oci::{Algorithm, Digest, HashingReader};
use img_tar::ArchiveReader;
use img_wire::LayerMetadata;

use crate::commands::media_type;
use crate::commands::pairs::{self, KeyValue};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input::{self, InputError, InputFile};
use crate::output::{commit_all, prepare};

/// Arguments of `img hash`.
#[derive(Args)]
pub(crate) struct HashArgs {
    /// Hash algorithm: sha256 or sha512
    #[arg(long, default_value = "sha256", value_parser = parse_algorithm)]
    digest: Algorithm,
    /// What to write
    #[arg(long, value_enum, default_value_t = Encoding::Raw)]
    encoding: Encoding,
    /// Name of the layer in its metadata; its digest by default
    #[arg(long)]
    name: Option<String>,
    /// Annotation of the layer's descriptor
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::key_value())]
    annotation: Vec<KeyValue>,
    /// File of KEY=VALUE lines to annotate with; --annotation wins
    #[arg(long, value_name = "FILE")]
    annotations_file: Option<PathBuf>,
    /// Media type of the layer; that of its compression by default
    #[arg(long)]
    media_type: Option<String>,
    /// File to hash
    input: PathBuf,
    /// Where to write what was asked for
    output: PathBuf,
}

/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;

/// What `img hash` writes.
#[derive(Clone, Copy, ValueEnum)]
enum Encoding {
    /// The bytes of the hash
    Raw,
    /// Lower-case hex digits
    Hex,
    /// Algorithm, dash, base64, as in web pages
    Sri,
    /// Algorithm, colon, hex digits
    OciDigest,
    /// Layer metadata of a tar, plain, gzip or zstd
    LayerMetadata,
}

fn parse_algorithm(text: &str) -> Result<Algorithm, String> {
    text.parse()
        .map_err(|_| "expected sha256 or sha512".to_owned())
}

/// The input cannot be described as a layer.
#[derive(Debug, thiserror::Error)]
#[error("cannot describe {} as a layer", input.display())]
struct DescribeError<E: std::error::Error + 'static> {
    input: PathBuf,
    source: E,
}

/// Writes the digest.
pub(crate) fn run(args: &HashArgs, context: &Context) -> Outcome {
    let read_error = |source| InputError::Read {
        path: args.input.clone(),
        source,
    };
    let digest = || {
        let file = InputFile::open(context, &args.input)?;
        Ok(HashingReader::new(file, args.digest).finish()?.0)
    };
    let bytes = match args.encoding {
        Encoding::LayerMetadata => describe_layer(args, context)?.to_bytes(),
        Encoding::Raw => digest().map_err(read_error)?.to_bytes(),
        Encoding::Hex => digest().map_err(read_error)?.hex().as_bytes().to_vec(),
        Encoding::OciDigest => digest().map_err(read_error)?.to_string().into_bytes(),
        Encoding::Sri => sri(&digest().map_err(read_error)?).into_bytes(),
    };
    Ok(commit_all(
        context,
        [prepare(context, &args.output, &bytes)?],
    )?)
}

fn sri(digest: &Digest) -> String {
    let base64 = base64::engine::general_purpose::STANDARD.encode(digest.to_bytes());
    format!("{}-{base64}", digest.algorithm().name())
}

/// Returns the metadata of a tar that is used as a layer as it is.
fn describe_layer(args: &HashArgs, context: &Context) -> Result<LayerMetadata, Failure> {
    let failed = |source| InputError::Read {
        path: args.input.clone(),
        source,
    };
    let format = sniff_file(context, &args.input).map_err(failed)?;
    let media_type = media_type::choose(args.media_type.as_deref(), format);
    let media_type = media_type.map_err(|source| DescribeError {
        input: args.input.clone(),
        source,
    })?;
    let is_tar = Format::of_layer_media_type(&media_type).is_some();
    let (diff_id, digest, size) = digests(args, context, format, is_tar)?;
    Ok(LayerMetadata {
        name: args.name.clone().unwrap_or_else(|| digest.to_string()),
        diff_id,
        media_type,
        digest,
        size,
        annotations: input::annotations(
            context,
            args.annotations_file.as_deref(),
            &args.annotation,
        )?,
        encoder: None,
    })
}

fn sniff_file(context: &Context, path: &Path) -> std::io::Result<Format> {
    let mut start = Vec::new();
    InputFile::open(context, path)?
        .take(4)
        .read_to_end(&mut start)?;
    Ok(sniff(&start))
}

/// Returns diff ID, digest and size of a blob; fails if it is said to be a tar and is none that all
/// readers agree about.
fn digests(
    args: &HashArgs,
    context: &Context,
    format: Format,
    is_tar: bool,
) -> Result<(Digest, Digest, u64), Failure> {
    let failed = |source| InputError::Read {
        path: args.input.clone(),
        source,
    };
    let file = InputFile::open(context, &args.input).map_err(failed)?;
    let mut blob = HashingReader::new(BufReader::with_capacity(BUFFER, file), args.digest);
    let plain = Decoder::new(&mut blob, format).map_err(failed)?;
    let mut plain = HashingReader::new(plain, Algorithm::Sha256);
    if is_tar {
        let archive = ArchiveReader::new(&mut plain);
        archive.finish(|_trailer| {}).map_err(|source| {
            let input = args.input.clone();
            Failure::with_hint(source.hint(), DescribeError { input, source })
        })?;
    }
    let (diff_id, _) = plain.finish().map_err(failed)?;
    // What the decoder left unread belongs to the blob.
    let (digest, size) = blob.finish().map_err(failed)?;
    Ok((diff_id, digest, size))
}
