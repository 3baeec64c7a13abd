//! `img hash`: the digest of a file, alone or as layer metadata.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use clap::{Args, ValueEnum};
use img_compress::{Decoder, sniff};
use img_oci::{Algorithm, Digest, Hasher};
use img_wire::LayerMetadata;

use crate::commands::pairs::{self, KeyValue};
use crate::failure::Outcome;
use crate::input::InputError;
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
    /// Media type of the layer; that of its compression by default
    #[arg(long)]
    media_type: Option<String>,
    /// File to hash
    input: PathBuf,
    /// Where to write what was asked for
    output: PathBuf,
}

/// What `img hash` writes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
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

/// Writes the digest.
pub(crate) fn run(args: &HashArgs) -> Outcome {
    let read_error = |source| InputError::Read {
        path: args.input.clone(),
        source,
    };
    let bytes = match args.encoding {
        Encoding::LayerMetadata => describe_layer(args).map_err(read_error)?.to_bytes(),
        encoding => {
            let (digest, _) = hash_file(&args.input, args.digest).map_err(read_error)?;
            encode(&digest, encoding)
        }
    };
    Ok(commit_all([prepare(&args.output, &bytes)?])?)
}

fn encode(digest: &Digest, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Raw | Encoding::LayerMetadata => digest.to_bytes(),
        Encoding::Hex => digest.hex().as_bytes().to_vec(),
        Encoding::OciDigest => digest.to_string().into_bytes(),
        Encoding::Sri => {
            let base64 = base64::engine::general_purpose::STANDARD.encode(digest.to_bytes());
            format!("{}-{base64}", digest.algorithm().name()).into_bytes()
        }
    }
}

/// Returns the metadata of a tar that is used as a layer as it is.
fn describe_layer(args: &HashArgs) -> std::io::Result<LayerMetadata> {
    let mut start = Vec::new();
    File::open(&args.input)?.take(4).read_to_end(&mut start)?;
    let format = sniff(&start);
    let mut counted = Counted::new(BufReader::new(File::open(&args.input)?), args.digest);
    let mut diff_id = Hasher::new(Algorithm::Sha256);
    let mut decoder = Decoder::new(&mut counted, format)?;
    copy_to(&mut decoder, |bytes| diff_id.update(bytes))?;
    drop(decoder);
    // What the decoder left unread belongs to the blob.
    copy_to(&mut counted, |_| {})?;
    let (digest, size) = (counted.hasher.finish(), counted.size);
    Ok(LayerMetadata {
        name: args.name.clone().unwrap_or_else(|| digest.to_string()),
        diff_id: diff_id.finish(),
        media_type: match &args.media_type {
            Some(text) => text.as_str().into(),
            None => format.layer_media_type(),
        },
        digest,
        size,
        annotations: args.annotation.iter().cloned().collect(),
    })
}

fn hash_file(path: &Path, algorithm: Algorithm) -> std::io::Result<(Digest, u64)> {
    let mut counted = Counted::new(File::open(path)?, algorithm);
    copy_to(&mut counted, |_| {})?;
    Ok((counted.hasher.finish(), counted.size))
}

fn copy_to(reader: &mut impl Read, mut consume: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => consume(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A reader that hashes and counts what is read.
struct Counted<R> {
    reader: R,
    hasher: Hasher,
    size: u64,
}

impl<R> Counted<R> {
    fn new(reader: R, algorithm: Algorithm) -> Self {
        Self {
            reader,
            hasher: Hasher::new(algorithm),
            size: 0,
        }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.size += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read)
    }
}
