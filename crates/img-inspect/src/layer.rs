//! Reading one layer: its bytes verified, its content hashed, its entries listed.

use std::io::{self, Read};

use bytes::Bytes;
use futures_util::StreamExt as _;
use img_compress::{Decoder, Format};
use img_oci::{Algorithm, Descriptor, Digest, HashingReader};
use img_store::{BlobSource, BlobStream, ReadBlobError, verified};
use tar::EntryType;
use tokio::sync::mpsc;

use crate::error::InspectError;
use crate::files::{FileEntry, FileKind};

/// Pieces of a blob that wait for the thread that unpacks them.
const PIECES: usize = 4;
/// Entries of a layer that are listed.
const MAX_ENTRIES: usize = 2_000_000;

/// What was found in a layer.
#[derive(Clone, Debug)]
pub(crate) struct LayerContent {
    pub(crate) diff_id: Digest,
    pub(crate) size: u64,
    pub(crate) entries: Vec<(Vec<u8>, FileEntry)>,
}

/// Reads a blob to its end and verifies it.
pub(crate) async fn verify(source: &dyn BlobSource, blob: &Descriptor) -> Result<(), InspectError> {
    let mut stream = open(source, blob).await?;
    while let Some(piece) = stream.next().await {
        piece?;
    }
    Ok(())
}

/// Reads a small blob whole.
pub(crate) async fn read(
    source: &dyn BlobSource,
    blob: &Descriptor,
) -> Result<Vec<u8>, InspectError> {
    let mut stream = open(source, blob).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

/// Reads a layer and lists it.
pub(crate) async fn unpack(
    source: &dyn BlobSource,
    layer: &Descriptor,
    format: Format,
) -> Result<LayerContent, InspectError> {
    let mut stream = open(source, layer).await?;
    let (sender, receiver) = mpsc::channel(PIECES);
    let listing = tokio::task::spawn_blocking(move || list(PieceReader::new(receiver), format));
    let mut failed = None;
    while let Some(piece) = stream.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => {
                failed = Some(error);
                break;
            }
        };
        // The other side ends early only with an error of its own.
        if sender.send(piece).await.is_err() {
            break;
        }
    }
    drop(sender);
    let unpack = |source| InspectError::Unpack {
        digest: layer.digest.clone(),
        source,
    };
    let listed = listing
        .await
        .map_err(|error| unpack(io::Error::other(error)))?;
    match failed {
        Some(error) => Err(error.into()),
        None => listed.map_err(unpack),
    }
}

async fn open(source: &dyn BlobSource, blob: &Descriptor) -> Result<BlobStream, ReadBlobError> {
    Ok(verified(
        source.open(blob).await?,
        blob,
        &source.place(blob),
    ))
}

fn list(reader: PieceReader, format: Format) -> io::Result<LayerContent> {
    let mut content = HashingReader::new(Decoder::new(reader, format)?, Algorithm::Sha256);
    let mut entries = Vec::new();
    let mut archive = tar::Archive::new(&mut content);
    for entry in archive.entries()? {
        if entries.len() == MAX_ENTRIES {
            let message = format!("it has more than {MAX_ENTRIES} entries, too many to list");
            return Err(io::Error::other(message));
        }
        entries.push(describe(&mut entry?)?);
    }
    // What follows the end of the archive belongs to the content as well.
    let (diff_id, size) = content.finish()?;
    Ok(LayerContent {
        diff_id,
        size,
        entries,
    })
}

fn describe(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<(Vec<u8>, FileEntry)> {
    let header = entry.header();
    let kind = match header.entry_type() {
        EntryType::Link => FileKind::HardLink,
        EntryType::Symlink => FileKind::Symlink,
        EntryType::Directory => FileKind::Directory,
        EntryType::Char | EntryType::Block | EntryType::Fifo => FileKind::Special,
        _ => FileKind::File,
    };
    let (mode, uid, gid) = (header.mode()?, header.uid()?, header.gid()?);
    let link = entry
        .link_name_bytes()
        .map(|link| String::from_utf8_lossy(&link).into_owned());
    let path = entry.path_bytes();
    let components = path
        .split(|b| *b == b'/')
        .filter(|c| !matches!(*c, b"" | b"."));
    let path = components.collect::<Vec<_>>().join(&b'/');
    let size = entry.size();
    Ok((
        path,
        FileEntry {
            kind,
            mode: mode & 0o7777,
            uid,
            gid,
            size,
            link,
        },
    ))
}

/// Pieces that arrive from another task, as a reader.
struct PieceReader {
    pieces: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl PieceReader {
    fn new(pieces: mpsc::Receiver<Bytes>) -> Self {
        Self {
            pieces,
            current: Bytes::new(),
        }
    }
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let read = buffer.len().min(self.current.len());
        buffer[..read].copy_from_slice(&self.current.split_to(read));
        Ok(read)
    }
}
