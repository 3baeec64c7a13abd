//! Reading a layout: every blob is verified before it is used.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use img_oci::{Descriptor, Digest, Document, Index, MAX_DOCUMENT_SIZE};

use crate::error::ReadLayoutError;

/// A layout directory that is open for reading.
#[derive(Clone, Debug)]
pub struct LayoutReader {
    root: PathBuf,
}

impl LayoutReader {
    /// Opens the layout at `root`.
    pub fn open(root: &Path) -> Result<Self, ReadLayoutError> {
        let not_a_layout = |problem: String| ReadLayoutError::NotALayout {
            path: root.to_owned(),
            problem,
        };
        let reader = Self {
            root: root.to_owned(),
        };
        let marker = read_limited(&root.join("oci-layout"))?;
        let marker: serde_json::Value =
            img_oci::parse_json(&marker).map_err(|error| not_a_layout(error.to_string()))?;
        match marker
            .get("imageLayoutVersion")
            .and_then(serde_json::Value::as_str)
        {
            Some("1.0.0") => Ok(reader),
            other => Err(not_a_layout(format!(
                "imageLayoutVersion is {other:?}, expected 1.0.0"
            ))),
        }
    }

    /// Returns `index.json`, as bytes and parsed.
    pub fn index(&self) -> Result<(Vec<u8>, Index), ReadLayoutError> {
        let path = self.root.join("index.json");
        let bytes = read_limited(&path)?;
        match Document::parse(&bytes, None) {
            Ok(Document::Index(index)) => Ok((bytes, index)),
            Ok(Document::Manifest(_)) => Err(ReadLayoutError::NotALayout {
                path: self.root.clone(),
                problem: "index.json is a manifest, expected an index".to_owned(),
            }),
            Err(source) => Err(ReadLayoutError::Document { path, source }),
        }
    }

    /// Returns the path of a blob.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root
            .join("blobs")
            .join(digest.algorithm().name())
            .join(digest.hex())
    }

    /// Returns the bytes of a manifest, index or config, verified.
    pub fn read_small(&self, descriptor: &Descriptor) -> Result<Vec<u8>, ReadLayoutError> {
        let path = self.blob_path(&descriptor.digest);
        let bytes = read_limited(&path)?;
        let found = Digest::of(descriptor.digest.algorithm(), &bytes);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        check(descriptor, path, found, size)?;
        Ok(bytes)
    }
}

/// Reads a document; one that is larger than any may be is cut, and fails its digest or its parser.
fn read_limited(path: &Path) -> Result<Vec<u8>, ReadLayoutError> {
    let failed = |source| ReadLayoutError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_DOCUMENT_SIZE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes)
}

fn check(
    descriptor: &Descriptor,
    path: PathBuf,
    found: Digest,
    found_size: u64,
) -> Result<(), ReadLayoutError> {
    if found == descriptor.digest && found_size == descriptor.size {
        return Ok(());
    }
    Err(ReadLayoutError::Corrupt {
        path,
        expected: descriptor.digest.clone(),
        expected_size: descriptor.size,
        found,
        found_size,
    })
}
