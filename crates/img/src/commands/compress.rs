//! `img compress`: a layer that is a tar already, compressed anew.

use std::io::{BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use img_compress::{Decoder, EncoderOptions, Format, MemberStore, sniff};
use img_layer::{RecompressError, recompress};

use crate::commands::compression::CompressionArgs;
use crate::commands::description::DescriptionArgs;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::input::{InputError, InputFile};
use crate::output::{Output, commit_all, prepare};

/// Arguments of `img compress`.
#[derive(Args)]
pub(crate) struct CompressArgs {
    #[command(flatten)]
    description: DescriptionArgs,
    /// Compression of the input; fails if its content says otherwise
    #[arg(long)]
    source_format: Option<Format>,
    #[command(flatten)]
    compression: CompressionArgs,
    /// Where to write the layer's metadata
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    /// Tar to compress: plain, gzip or zstd, by its content
    input: PathBuf,
    /// Where to write the layer
    output: PathBuf,
}

/// The input is not what it was said to be.
#[derive(Debug, thiserror::Error)]
#[error("cannot compress {} anew: it was said to be {}, its content is {}", input.display(), said.name(), found.name())]
struct SourceFormatError {
    input: PathBuf,
    said: Format,
    found: Format,
}

/// The input cannot be read as one archive.
#[derive(Debug, thiserror::Error)]
#[error("cannot compress {} anew", input.display())]
struct CompressError {
    input: PathBuf,
    source: RecompressError,
}

/// Writes the layer and its metadata.
pub(crate) fn run(args: &CompressArgs, context: &Context) -> Outcome {
    let compression = args.compression.compression(&args.output)?;
    let description = args
        .description
        .describe(context, &args.compression, compression)?;
    let reader = open(context, &args.input, args.source_format)?;
    let cache = args.compression.cache()?;
    let (blob, file) = Output::create(context, &args.output)?;
    let options = EncoderOptions {
        store: cache.clone().map(|cache| cache as Arc<dyn MemberStore>),
        ..EncoderOptions::new(compression, args.compression.jobs())
    };
    let encoded =
        recompress(reader, options, args.compression.estargz, file).map_err(|source| {
            let input = args.input.clone();
            Failure::with_hint(source.hint(), CompressError { input, source })
        })?;
    let metadata = description.of(encoded);
    let mut outputs = vec![blob];
    if let Some(path) = &args.metadata {
        outputs.push(prepare(context, path, &metadata.to_compact_bytes())?);
    }
    commit_all(context, outputs)?;
    if let Some(cache) = cache {
        cache.trim();
    }
    Ok(())
}

/// Opens the input and returns the reader of its plain bytes.
fn open(
    context: &Context,
    path: &Path,
    said: Option<Format>,
) -> Result<Decoder<BufReader<InputFile>>, Failure> {
    let failed = |source| InputError::Read {
        path: path.to_owned(),
        source,
    };
    let mut file = InputFile::open(context, path).map_err(failed)?;
    let mut start = Vec::new();
    (&mut file)
        .take(4)
        .read_to_end(&mut start)
        .map_err(failed)?;
    file.rewind().map_err(failed)?;
    let found = sniff(&start);
    if let Some(said) = said.filter(|said| *said != found) {
        let input = path.to_owned();
        return Err(SourceFormatError { input, said, found }.into());
    }
    Ok(Decoder::new(BufReader::with_capacity(256 << 10, file), found).map_err(failed)?)
}
