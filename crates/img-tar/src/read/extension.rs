//! Extension headers: PAX records for the next entry, and GNU's long names.

use super::ReadErrorKind;
use super::block::{HeaderBlock, c_string};
use super::records::{self, Records};
use crate::LARGEST_EXTENSION;

/// Most extension headers before an entry.
const MOST: usize = 16;

const PAX: u8 = b'x';
const PAX_GLOBAL: u8 = b'g';
const GNU_LONG_NAME: u8 = b'L';
const GNU_LONG_LINK: u8 = b'K';

pub(super) fn is_extension(type_flag: u8) -> bool {
    matches!(type_flag, PAX | PAX_GLOBAL | GNU_LONG_NAME | GNU_LONG_LINK)
}

/// Returns the size of an extension header's body in bytes.
pub(super) fn body_size(block: &HeaderBlock) -> Result<usize, ReadErrorKind> {
    match usize::try_from(block.size) {
        Ok(size) if size <= LARGEST_EXTENSION => Ok(size),
        _ => Err(ReadErrorKind::ExtensionSize {
            size: block.size,
            limit: LARGEST_EXTENSION,
        }),
    }
}

/// What the extension headers before an entry say of it.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    count: usize,
    pub(super) records: Option<Records>,
    pub(super) long_name: Option<Vec<u8>>,
    pub(super) long_link: Option<Vec<u8>>,
}

impl Extensions {
    /// Adds an extension header with a body of `size` bytes and its padding.
    pub(super) fn add(
        &mut self,
        type_flag: u8,
        size: usize,
        padded: &[u8],
    ) -> Result<(), ReadErrorKind> {
        let body = &padded[..size];
        self.count += 1;
        if self.count > MOST {
            return Err(ReadErrorKind::TooManyExtensions { limit: MOST });
        }
        match type_flag {
            PAX => {
                let records = records::parse(body)?;
                let doubled = self.records.replace(records).is_some();
                refuse(doubled, "two PAX extension headers for one entry")
            }
            PAX_GLOBAL => {
                check_global(&records::parse(body)?)?;
                refuse(
                    !self.is_empty(),
                    "a global extension header between an entry and its own",
                )
            }
            GNU_LONG_NAME => {
                let doubled = self.long_name.replace(long(size, padded)?).is_some();
                refuse(doubled, "two GNU long names for one entry")
            }
            _ => {
                let doubled = self.long_link.replace(long(size, padded)?).is_some();
                refuse(doubled, "two GNU long link targets for one entry")
            }
        }
    }

    /// Returns the name of the entry in its header block, unless a longer one replaces it.
    pub(super) fn name_of(&self, block: &HeaderBlock) -> Vec<u8> {
        let path = self
            .records
            .as_ref()
            .and_then(|records| records.get("path"));
        let name = path.or(self.long_name.as_ref());
        name.unwrap_or(&block.name).clone()
    }

    /// Tells whether there were none but global ones.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_none() && self.long_name.is_none() && self.long_link.is_none()
    }

    /// Fails if PAX and GNU headers both name the same thing.
    pub(super) fn check(&self) -> Result<(), ReadErrorKind> {
        let has = |key| {
            self.records
                .as_ref()
                .is_some_and(|records| records.contains_key(key))
        };
        refuse(
            self.long_name.is_some() && has("path"),
            "a PAX path and a GNU long name",
        )?;
        refuse(
            self.long_link.is_some() && has("linkpath"),
            "a PAX link target and a GNU long link target",
        )?;
        // Some readers took the size for that of the GNU header.
        refuse(
            (self.long_name.is_some() || self.long_link.is_some()) && has("size"),
            "a PAX size and a GNU long name or link target",
        )
    }
}

/// Returns the name in the body of a GNU header.
///
/// Nothing may follow its NUL, and where it has none it may not go on in the padding, as it does for
/// GNU tar and Python.
fn long(size: usize, padded: &[u8]) -> Result<Vec<u8>, ReadErrorKind> {
    let name = c_string(padded);
    let has_more = padded[name.len()..].iter().any(|byte| *byte != 0);
    refuse(
        has_more,
        "a GNU long name or link target with a NUL byte in it",
    )?;
    refuse(
        name.len() > size,
        "a GNU long name or link target that goes on behind its end",
    )?;
    Ok(name.to_vec())
}

fn refuse(wrong: bool, what: &'static str) -> Result<(), ReadErrorKind> {
    if wrong {
        return Err(ReadErrorKind::Extensions(what));
    }
    Ok(())
}

/// Fails unless a global header says nothing of the entries: Go does not apply it, others do.
fn check_global(records: &Records) -> Result<(), ReadErrorKind> {
    match records.keys().find(|key| *key != "comment") {
        Some(key) => Err(ReadErrorKind::Record {
            key: key.clone(),
            reason: "stands in a global header, which some readers apply to all entries and others do not",
        }),
        None => Ok(()),
    }
}
