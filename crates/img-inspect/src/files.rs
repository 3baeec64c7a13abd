//! The file tree of an image: the entries of its layers, one over the other.
//!
//! Source: OCI image-spec v1.1.1, layer.md, "Applying Changesets" and "Whiteouts".

use std::collections::BTreeMap;

use serde::Serialize;

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// Another name of a file.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// A device or pipe.
    Special,
}

/// One file of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileEntry {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner's number.
    pub uid: u64,
    /// Group's number.
    pub gid: u64,
    /// Size of the content in bytes.
    pub size: u64,
    /// Where a link leads, lossily as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The files of an image by path, sorted; paths have no slash at either end.
#[derive(Clone, Debug, Default)]
pub struct FileTree(BTreeMap<Vec<u8>, FileEntry>);

impl FileTree {
    /// Returns paths and files in the order of the paths' components.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &FileEntry)> {
        self.0.iter().map(|(path, entry)| (path.as_slice(), entry))
    }

    /// Puts the entries of a layer over what is there.
    pub(crate) fn apply(&mut self, layer: &[(Vec<u8>, FileEntry)]) {
        for (path, _) in layer {
            let (folder, name) = split(path);
            if name == OPAQUE {
                self.remove_below(folder);
            } else if let Some(hidden) = name.strip_prefix(WHITEOUT) {
                let hidden = join(folder, hidden);
                self.remove_below(&hidden);
                self.0.remove(&hidden);
            }
        }
        for (path, entry) in layer
            .iter()
            .filter(|(path, _)| !split(path).1.starts_with(WHITEOUT))
        {
            if entry.kind != FileKind::Directory {
                self.remove_below(path);
            }
            self.0.insert(path.clone(), entry.clone());
        }
    }

    fn remove_below(&mut self, folder: &[u8]) {
        let start = if folder.is_empty() {
            Vec::new()
        } else {
            join(folder, b"")
        };
        let below = self.0.range(start.clone()..).map(|(path, _)| path);
        let below: Vec<_> = below
            .take_while(|path| path.starts_with(&start))
            .cloned()
            .collect();
        for path in below {
            self.0.remove(&path);
        }
    }
}

impl Serialize for FileTree {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.iter();
        serializer.collect_map(entries.map(|(path, file)| (String::from_utf8_lossy(path), file)))
    }
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|b| *b == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        name.to_vec()
    } else {
        [folder, b"/", name].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: FileKind) -> FileEntry {
        FileEntry {
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            size: 0,
            link: None,
        }
    }

    fn tree(layers: &[&[&str]]) -> Vec<String> {
        let mut tree = FileTree::default();
        for layer in layers {
            let entries = layer.iter().map(|path| match path.strip_suffix('/') {
                Some(path) => (path.as_bytes().to_vec(), entry(FileKind::Directory)),
                None => (path.as_bytes().to_vec(), entry(FileKind::File)),
            });
            tree.apply(&entries.collect::<Vec<_>>());
        }
        tree.iter()
            .map(|(path, _)| String::from_utf8_lossy(path).into_owned())
            .collect()
    }

    #[test]
    fn whiteouts_hide_what_lower_layers_have() {
        assert_eq!(
            tree(&[&["a/", "a/x", "a/y", "b"], &["a/.wh.x", ".wh.b"]]),
            ["a", "a/y"]
        );
        assert_eq!(
            tree(&[&["a/", "a/x", "a/y"], &["a/.wh..wh..opq", "a/z"]]),
            ["a", "a/z"]
        );
        assert_eq!(tree(&[&["a/", "a/x", "ab"], &["a"]]), ["a", "ab"]);
        assert_eq!(tree(&[&["a/", "a/x"], &["a/"]]), ["a", "a/x"]);
    }
}
