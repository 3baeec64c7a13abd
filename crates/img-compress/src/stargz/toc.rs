//! The table of contents: what stands in the tar, and where in the blob.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Largest TOC in bytes that is parsed.
const LARGEST: usize = 128 << 20;

/// A table of contents, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toc {
    /// Version of the format.
    pub version: u32,
    /// Entries in the order of the tar; a file of several chunks has one for each.
    pub entries: Vec<TocEntry>,
}

/// An entry of the tar, or a further chunk of a file. What is empty or 0 is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TocEntry {
    /// Path as in the tar; that of a directory ends in a slash.
    pub name: String,
    /// `dir`, `reg`, `symlink`, `hardlink`, `char`, `block`, `fifo` or `chunk`.
    #[serde(rename = "type")]
    pub entry_type: String,
    /// Bytes of a file's whole content.
    #[serde(skip_serializing_if = "is_zero")]
    pub size: u64,
    /// Time of last change, RFC 3339 in UTC. Readers take its absence for the year 1.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub modtime: String,
    /// Target of a link.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub link_name: String,
    /// Permission bits.
    #[serde(skip_serializing_if = "is_zero_mode")]
    pub mode: u32,
    /// Owner's number.
    #[serde(skip_serializing_if = "is_zero")]
    pub uid: u64,
    /// Group's number.
    #[serde(skip_serializing_if = "is_zero")]
    pub gid: u64,
    /// Owner's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user_name: String,
    /// Group's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group_name: String,
    /// Offset in the blob of the member that begins with the content.
    #[serde(skip_serializing_if = "is_zero")]
    pub offset: u64,
    /// Offset in the blob at which that member ends; read by containers/storage.
    #[serde(skip_serializing_if = "is_zero")]
    pub end_offset: u64,
    /// Number of a device's driver.
    #[serde(skip_serializing_if = "is_zero_mode")]
    pub dev_major: u32,
    /// Number of a device among those of the driver.
    #[serde(skip_serializing_if = "is_zero_mode")]
    pub dev_minor: u32,
    /// Extended attributes.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        serialize_with = "to_base64",
        deserialize_with = "from_base64"
    )]
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// Digest of a file's whole content.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Offset of the chunk in the file.
    #[serde(skip_serializing_if = "is_zero")]
    pub chunk_offset: u64,
    /// Bytes of the chunk; absent if the file has one chunk.
    #[serde(skip_serializing_if = "is_zero")]
    pub chunk_size: u64,
    /// Digest of the chunk.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chunk_digest: String,
    /// Offset of the content in the member; 0 as written here.
    #[serde(skip_serializing_if = "is_zero")]
    pub inner_offset: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero_mode(number: &u32) -> bool {
    *number == 0
}

fn to_base64<S: Serializer>(
    xattrs: &BTreeMap<String, Vec<u8>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        xattrs
            .iter()
            .map(|(key, value)| (key, STANDARD.encode(value))),
    )
}

fn from_base64<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, Vec<u8>>, D::Error> {
    let texts = Option::<BTreeMap<String, String>>::deserialize(deserializer)?.unwrap_or_default();
    let decoded = texts.into_iter().map(|(key, text)| {
        let value = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        Ok((key, value))
    });
    decoded.collect()
}

/// Why a TOC could not be parsed.
#[derive(Debug, Error)]
pub enum TocError {
    /// It is larger than any that is read.
    #[error("the TOC has {0} bytes, expected at most {LARGEST}")]
    Size(usize),
    /// It is not the JSON of a TOC.
    #[error("the TOC is malformed")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error("the TOC is of version {0}, expected 1")]
    Version(u32),
}

impl Toc {
    /// Returns the JSON of the TOC.
    pub fn to_json(&self) -> Vec<u8> {
        // Infallible: every field serialises to a JSON value with string keys.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Parses the JSON of a TOC.
    ///
    /// # Errors
    /// See [`TocError`].
    pub fn parse(json: &[u8]) -> Result<Self, TocError> {
        if json.len() > LARGEST {
            return Err(TocError::Size(json.len()));
        }
        let toc: Self = serde_json::from_slice(json)?;
        match toc.version {
            1 => Ok(toc),
            other => Err(TocError::Version(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_left_out() {
        let toc = Toc {
            version: 1,
            entries: vec![
                TocEntry {
                    name: "d/".to_owned(),
                    entry_type: "dir".to_owned(),
                    mode: 0o755,
                    ..TocEntry::default()
                },
                TocEntry {
                    name: "d/f".to_owned(),
                    entry_type: "reg".to_owned(),
                    size: 5,
                    offset: 12,
                    end_offset: 20,
                    xattrs: BTreeMap::from([("user.x".to_owned(), vec![0, 255])]),
                    chunk_digest: "sha256:0".to_owned(),
                    ..TocEntry::default()
                },
            ],
        };
        let json = String::from_utf8(toc.to_json()).unwrap();
        let expected = concat!(
            r#"{"version":1,"entries":[{"name":"d/","type":"dir","mode":493},"#,
            r#"{"name":"d/f","type":"reg","size":5,"offset":12,"endOffset":20,"#,
            r#""xattrs":{"user.x":"AP8="},"chunkDigest":"sha256:0"}]}"#,
        );
        assert_eq!(json, expected);
        assert_eq!(Toc::parse(json.as_bytes()).unwrap(), toc);
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = [b"[".repeat(200_000), b"]".repeat(200_000)].concat();
        for json in [
            b"".as_slice(),
            b"{}",
            b"[]",
            br#"{"version":2,"entries":[]}"#,
            &deep,
        ] {
            assert!(Toc::parse(json).is_err());
        }
        assert!(Toc::parse(br#"{"version":1,"entries":[{"offset":-1}]}"#).is_err());
    }
}
