//! The JSON of `file_metadata()`: what to change in the header of a file.

use std::collections::BTreeMap;

use img_oci::parse_json;
use serde::Deserialize;
use thiserror::Error;

use crate::WireError;

/// Overrides for one file's tar header; an absent field keeps what it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMetadata {
    /// Permission bits in octal, such as `0644`.
    pub mode: Option<String>,
    /// Owner's number.
    pub uid: Option<u64>,
    /// Group's number.
    pub gid: Option<u64>,
    /// Owner's name.
    pub uname: Option<String>,
    /// Group's name.
    pub gname: Option<String>,
    /// Time of last change, RFC 3339.
    pub mtime: Option<String>,
    /// PAX records, such as `SCHILY.xattr.user.x`.
    pub pax_records: Option<BTreeMap<String, String>>,
}

/// A mode that is not octal permission bits.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("mode is `{}`, expected octal permission bits such as 0644", .0.escape_debug())]
pub struct ParseModeError(pub String);

impl FileMetadata {
    /// Parses the JSON that `file_metadata()` returns.
    pub fn parse(json: &[u8]) -> Result<Self, WireError> {
        Ok(parse_json(json)?)
    }

    /// Returns the permission bits, at most `0o7777`.
    pub fn mode_bits(&self) -> Result<Option<u32>, ParseModeError> {
        let Some(text) = &self.mode else {
            return Ok(None);
        };
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
        match u32::from_str_radix(digits, 8) {
            Ok(bits) if octal && bits <= 0o7777 => Ok(Some(bits)),
            _ => Err(ParseModeError(text.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_permission_bits() {
        let mode = |text: &str| {
            FileMetadata {
                mode: Some(text.to_owned()),
                ..FileMetadata::default()
            }
            .mode_bits()
        };
        assert_eq!(mode("0644"), Ok(Some(0o644)));
        assert_eq!(mode("4755"), Ok(Some(0o4755)));
        for bad in ["", "8", "-1", "+7", "10000", "rwx", "0x1"] {
            assert_eq!(mode(bad), Err(ParseModeError(bad.to_owned())));
        }
    }

    #[test]
    fn a_misspelled_field_is_refused() {
        assert!(FileMetadata::parse(br#"{"uid":1,"mode":"0600"}"#).is_ok());
        assert!(FileMetadata::parse(br#"{"owner":1}"#).is_err());
    }
}
