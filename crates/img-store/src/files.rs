//! Blobs in files of this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use futures_util::StreamExt as _;
use futures_util::stream;
use img_oci::{Descriptor, Digest};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use crate::{BlobSource, BlobStream, OpenBlob, ReadBlobError};

/// Bytes read at once; with one piece in flight this is the memory a transfer takes.
const PIECE: usize = 256 << 10;

/// Blobs in files, found by digest.
#[derive(Clone, Debug, Default)]
pub struct FileSource {
    paths: BTreeMap<Digest, PathBuf>,
}

impl FileSource {
    /// Adds the file of a blob; the first one of a digest stays.
    pub fn add(&mut self, digest: Digest, path: PathBuf) {
        self.paths.entry(digest).or_insert(path);
    }

    /// Returns the file of a blob.
    pub fn path(&self, digest: &Digest) -> Option<&Path> {
        self.paths.get(digest).map(PathBuf::as_path)
    }

    async fn open_file(&self, blob: &Descriptor) -> Result<BlobStream, ReadBlobError> {
        let place = self.place(blob);
        let Some(path) = self.path(&blob.digest) else {
            return Err(ReadBlobError::Missing {
                digest: blob.digest.clone(),
                place,
            });
        };
        let failed = {
            let blob = blob.bare();
            move |error: std::io::Error| ReadBlobError::read(&blob, &place, error)
        };
        let mut file = File::open(path).await.map_err(&failed)?;
        file.set_max_buf_size(PIECE);
        let pieces = stream::try_unfold((file, failed), |(mut file, failed)| async move {
            let mut piece = BytesMut::with_capacity(PIECE);
            match file.read_buf(&mut piece).await {
                Ok(0) => Ok(None),
                Ok(_) => Ok(Some((piece.freeze(), (file, failed)))),
                Err(error) => Err(failed(error)),
            }
        });
        Ok(pieces.boxed())
    }
}

impl BlobSource for FileSource {
    fn open<'a>(&'a self, blob: &'a Descriptor) -> OpenBlob<'a> {
        Box::pin(self.open_file(blob))
    }

    fn place(&self, blob: &Descriptor) -> String {
        match self.path(&blob.digest) {
            Some(path) => path.display().to_string(),
            None => "the files of this deployment".to_owned(),
        }
    }
}
