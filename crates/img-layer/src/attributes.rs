//! What a header says of an entry beside its name and size, shared by the entries that agree.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use img_tar::{PaxRecords, Timestamp, check_user_record};
use img_wire::FileMetadata;

use crate::error::{BuildLayerError, shown};
use crate::path::normalize;

/// Metadata of an entry as it stands in its header.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attributes {
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) uname: String,
    pub(crate) gname: String,
    pub(crate) mtime: Timestamp,
    pub(crate) pax: PaxRecords,
}

/// The largest number of an owner: the OCI runtime specification and GNU tar take 32 bits.
const LARGEST_OWNER: u64 = u32::MAX as u64;

impl Attributes {
    /// Returns root's, of 1970, without names or records.
    pub(crate) fn with_mode(mode: u32) -> Self {
        Self {
            mode,
            uid: 0,
            gid: 0,
            uname: String::new(),
            gname: String::new(),
            mtime: Timestamp::default(),
            pax: PaxRecords::new(),
        }
    }

    /// Returns these with what `metadata` sets. `path` is named in errors.
    fn overlaid(&self, metadata: &FileMetadata, path: &str) -> Result<Self, BuildLayerError> {
        let mut attributes = self.clone();
        let path = || path.to_owned();
        let mode = metadata.mode_bits();
        let mode = mode.map_err(|source| BuildLayerError::Mode {
            path: path(),
            source,
        })?;
        attributes.mode = mode.unwrap_or(self.mode);
        attributes.uid = metadata.uid.unwrap_or(self.uid);
        attributes.gid = metadata.gid.unwrap_or(self.gid);
        for (field, number) in [("uid", attributes.uid), ("gid", attributes.gid)] {
            if number > LARGEST_OWNER {
                return Err(BuildLayerError::Owner {
                    path: path(),
                    field,
                    problem: "is above 4294967295, which no system knows",
                });
            }
        }
        attributes.uname = metadata.uname.clone().unwrap_or_else(|| self.uname.clone());
        attributes.gname = metadata.gname.clone().unwrap_or_else(|| self.gname.clone());
        for (field, name) in [("uname", &attributes.uname), ("gname", &attributes.gname)] {
            if name.contains('\0') {
                return Err(BuildLayerError::Owner {
                    path: path(),
                    field,
                    problem: "holds a NUL byte",
                });
            }
        }
        if let Some(mtime) = &metadata.mtime {
            attributes.mtime = parse_time(mtime).map_err(|source| BuildLayerError::Mtime {
                path: path(),
                mtime: mtime.clone(),
                source,
            })?;
        }
        for (key, value) in metadata.pax_records.iter().flatten() {
            check_user_record(key, value.as_bytes()).map_err(|source| BuildLayerError::Record {
                path: path(),
                source,
            })?;
            attributes
                .pax
                .insert(key.clone(), value.clone().into_bytes());
        }
        Ok(attributes)
    }
}

fn parse_time(text: &str) -> Result<Timestamp, jiff::Error> {
    let time: jiff::Timestamp = text.parse()?;
    let (mut seconds, mut nanoseconds) = (time.as_second(), time.subsec_nanosecond());
    if nanoseconds < 0 {
        seconds -= 1;
        nanoseconds += 1_000_000_000;
    }
    // In 0..1 000 000 000 by the lines above.
    Ok(Timestamp {
        seconds,
        nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
    })
}

/// Number of a set of attributes in its table.
pub(crate) type AttributesId = u32;

/// All attributes in use, each once, and the metadata that users gave by path.
pub(crate) struct AttributesTable<'o> {
    table: Vec<Attributes>,
    ids: HashMap<Attributes, AttributesId>,
    file_default: Attributes,
    by_path: BTreeMap<Cow<'o, [u8]>, &'o FileMetadata>,
    unused: BTreeSet<Cow<'o, [u8]>>,
}

impl<'o> AttributesTable<'o> {
    pub(crate) fn new(
        default: &FileMetadata,
        given: &'o [(Vec<u8>, FileMetadata)],
    ) -> Result<Self, BuildLayerError> {
        let file_default = Attributes::with_mode(0o755).overlaid(default, "default metadata")?;
        let mut by_path = BTreeMap::new();
        for (path, metadata) in given {
            let path = normalize(Cow::Borrowed(path.as_slice()))?;
            if by_path
                .insert(path.clone(), metadata)
                .is_some_and(|other| other != metadata)
            {
                return Err(BuildLayerError::MetadataTwice { path: shown(&path) });
            }
        }
        Ok(Self {
            table: vec![file_default.clone()],
            ids: HashMap::from([(file_default.clone(), 0)]),
            file_default,
            unused: by_path.keys().cloned().collect(),
            by_path,
        })
    }

    pub(crate) fn of_file(&mut self, path: &[u8]) -> Result<AttributesId, BuildLayerError> {
        match self.by_path.get(path) {
            // Number 0 is the default.
            None => Ok(0),
            Some(_) => self.overlay(path, self.file_default.clone()),
        }
    }

    pub(crate) fn of_directory(&mut self, path: &[u8]) -> Result<AttributesId, BuildLayerError> {
        self.overlay(path, Attributes::with_mode(0o755))
    }

    /// A symlink's mode is 0777 whatever is given: no system uses another.
    pub(crate) fn of_symlink(&mut self, path: &[u8]) -> Result<AttributesId, BuildLayerError> {
        let id = self.overlay(path, Attributes::with_mode(0o777))?;
        let attributes = Attributes {
            mode: 0o777,
            ..self.get(id).clone()
        };
        Ok(self.intern(attributes))
    }

    /// Returns the number of attributes that an entry of an archive brought.
    pub(crate) fn of_imported(&mut self, attributes: Attributes) -> AttributesId {
        self.intern(attributes)
    }

    pub(crate) fn get(&self, id: AttributesId) -> &Attributes {
        &self.table[id as usize]
    }

    /// Fails if metadata was given for a path that no entry has.
    pub(crate) fn check_all_used(&self) -> Result<(), BuildLayerError> {
        if self.unused.is_empty() {
            return Ok(());
        }
        let paths = self
            .unused
            .iter()
            .map(|path| format!("`{}`", shown(path).escape_debug()));
        Err(BuildLayerError::UnusedMetadata {
            paths: paths.collect(),
        })
    }

    fn overlay(&mut self, path: &[u8], base: Attributes) -> Result<AttributesId, BuildLayerError> {
        let attributes = match self.by_path.get(path) {
            None => base,
            Some(metadata) => {
                self.unused.remove(path);
                base.overlaid(metadata, &shown(path))?
            }
        };
        Ok(self.intern(attributes))
    }

    fn intern(&mut self, attributes: Attributes) -> AttributesId {
        if let Some(id) = self.ids.get(&attributes) {
            return *id;
        }
        let id = AttributesId::try_from(self.table.len()).unwrap_or(AttributesId::MAX);
        self.table.push(attributes.clone());
        self.ids.insert(attributes, id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_towards_the_past() {
        let check = |text: &str, seconds, nanoseconds| {
            assert_eq!(
                parse_time(text).unwrap(),
                Timestamp {
                    seconds,
                    nanoseconds
                },
                "{text}"
            );
        };
        check("1970-01-01T00:00:00Z", 0, 0);
        check("2026-01-31T12:00:00.5+02:00", 1_769_853_600, 500_000_000);
        check("1969-12-31T23:59:58.5Z", -2, 500_000_000);
        assert!(parse_time("yesterday").is_err());
    }

    #[test]
    fn metadata_by_path_lies_over_the_default_and_must_be_used() {
        let default = FileMetadata::parse(br#"{"uid":7,"mode":"0644"}"#).unwrap();
        let metadata = |json: &str| FileMetadata::parse(json.as_bytes()).unwrap();
        let by_path = [(b"./a".to_vec(), metadata(r#"{"mode":"0600"}"#))];
        let mut table = AttributesTable::new(&default, &by_path).unwrap();
        assert_eq!(table.of_file(b"b").unwrap(), 0);
        let error = table.check_all_used().unwrap_err().to_string();
        assert!(error.ends_with("not in the layer: `a`"), "{error}");
        let id = table.of_file(b"a").unwrap();
        assert_eq!((table.get(id).uid, table.get(id).mode), (7, 0o600));
        assert!(table.check_all_used().is_ok());
        assert_eq!(table.get(0).mode, 0o644);
    }

    #[test]
    fn one_path_has_one_metadata() {
        let metadata = |json: &str| FileMetadata::parse(json.as_bytes()).unwrap();
        let check = |second: &str, accepted: bool| {
            let given = [
                (b"a/b".to_vec(), metadata(r#"{"uid":1}"#)),
                (b"a//b".to_vec(), metadata(second)),
            ];
            let table = AttributesTable::new(&FileMetadata::default(), &given);
            assert_eq!(table.is_ok(), accepted, "{second}");
        };
        check(r#"{"uid":1}"#, true);
        check(r#"{"uid":2}"#, false);
    }
}
