//! `img hash`: the digest of a file, alone or as layer metadata.
//!
//! A worker remembers what it found out, by the digest that came with the input: the same content is
//! not read again, whatever its path; another content at the same path is.

use std::io::{BufReader, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine as _;
use clap::{Args, ValueEnum};
use img_compress::{Decoder, Format, sniff};
use img_oci::{Algorithm, Digest, HashingReader, MediaType};
use img_tar::ArchiveReader;
use img_wire::LayerMetadata;

use crate::commands::description::DescriptionArgs;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input::{InputError, InputFile};
use crate::memory::Memory;
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
    #[command(flatten)]
    description: DescriptionArgs,
    /// Take the SHA-256 of the input from the request of Bazel, if it is one; layers are read all the
    /// same
    #[arg(long)]
    cheat_mode: bool,
    /// File to hash
    input: PathBuf,
    /// Where to write what was asked for
    output: PathBuf,
}

/// A file by its content, as the request names it, and what was asked of it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    digest: String,
    size: u64,
    algorithm: Algorithm,
    is_layer: bool,
    /// The media type that was said.
    media_type: Option<String>,
}

/// What was found out.
#[derive(Clone)]
enum Found {
    Digest(Digest),
    Layer(Layer),
}

/// What is to be known of a layer.
#[derive(Clone)]
struct Layer {
    media_type: MediaType,
    diff_id: Digest,
    digest: Digest,
    size: u64,
}

static MEMORY: LazyLock<Mutex<Memory<Question, Found, 10_000>>> = LazyLock::new(Mutex::default);

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
    let digest = || match remembered(args, context, || Ok(Found::Digest(digest(args, context)?)))? {
        Found::Digest(digest) | Found::Layer(Layer { digest, .. }) => Ok::<_, Failure>(digest),
    };
    let bytes = match args.encoding {
        Encoding::LayerMetadata => layer_metadata(args, context)?.to_bytes(),
        Encoding::Raw => digest()?.to_bytes(),
        Encoding::Hex => digest()?.hex().as_bytes().to_vec(),
        Encoding::OciDigest => digest()?.to_string().into_bytes(),
        Encoding::Sri => sri(&digest()?).into_bytes(),
    };
    Ok(commit_all(
        context,
        [prepare(context, &args.output, &bytes)?],
    )?)
}

/// Returns what is remembered of the input, or finds it out.
fn remembered(
    args: &HashArgs,
    context: &Context,
    find_out: impl FnOnce() -> Result<Found, Failure>,
) -> Result<Found, Failure> {
    let Some(question) = question(args, context) else {
        return find_out();
    };
    let memory = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = memory().get(&question) {
        return Ok(found);
    }
    let found = find_out()?;
    let digest = match &found {
        Found::Digest(digest) | Found::Layer(Layer { digest, .. }) => digest,
    };
    // A file that is another one by now, or a digest that nobody can check, is no answer to keep.
    if context.is_digest_of(args.input.as_os_str().as_bytes(), digest) {
        memory().insert(question, found.clone());
    }
    Ok(found)
}

fn question(args: &HashArgs, context: &Context) -> Option<Question> {
    let digest = context.digest_of(args.input.as_os_str().as_bytes())?;
    let metadata = std::fs::metadata(context.path(&args.input).ok()?).ok()?;
    Some(Question {
        digest: digest.to_owned(),
        size: metadata.len(),
        algorithm: args.digest,
        is_layer: matches!(args.encoding, Encoding::LayerMetadata),
        media_type: args.description.media_type.clone(),
    })
}

fn digest(args: &HashArgs, context: &Context) -> Result<Digest, InputError> {
    let given = context.sha256_of(args.input.as_os_str().as_bytes());
    if let Some(given) = given.filter(|_| args.cheat_mode && args.digest == Algorithm::Sha256) {
        return Ok(given);
    }
    let digest = InputFile::open(context, &args.input)
        .and_then(|file| HashingReader::new(file, args.digest).finish());
    let (digest, _) = digest.map_err(|source| InputError::Read {
        path: args.input.clone(),
        source,
    })?;
    Ok(digest)
}

fn sri(digest: &Digest) -> String {
    let base64 = base64::engine::general_purpose::STANDARD.encode(digest.to_bytes());
    format!("{}-{base64}", digest.algorithm().name())
}

/// Returns the metadata of a tar that is used as a layer as it is.
fn layer_metadata(args: &HashArgs, context: &Context) -> Result<LayerMetadata, Failure> {
    let annotations = args.description.annotations(context)?;
    let find_out = || Ok(Found::Layer(describe_layer(args, context)?));
    let layer = match remembered(args, context, find_out)? {
        Found::Layer(layer) => layer,
        // Nothing else is remembered of a layer.
        Found::Digest(_) => describe_layer(args, context)?,
    };
    Ok(LayerMetadata {
        name: args
            .description
            .name
            .clone()
            .unwrap_or_else(|| layer.digest.to_string()),
        diff_id: layer.diff_id,
        media_type: layer.media_type,
        digest: layer.digest,
        size: layer.size,
        annotations,
        encoder: None,
    })
}

fn describe_layer(args: &HashArgs, context: &Context) -> Result<Layer, Failure> {
    let failed = |source| InputError::Read {
        path: args.input.clone(),
        source,
    };
    let format = sniff_file(context, &args.input).map_err(failed)?;
    let media_type = args.description.media_type(format);
    let media_type = media_type.map_err(|source| DescribeError {
        input: args.input.clone(),
        source,
    })?;
    let is_tar = Format::of_layer_media_type(&media_type).is_some();
    let (diff_id, digest, size) = digests(args, context, format, is_tar)?;
    Ok(Layer {
        media_type,
        diff_id,
        digest,
        size,
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
