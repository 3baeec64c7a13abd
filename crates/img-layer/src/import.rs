//! Entries of a tar archive, as they would stand after it was unpacked.
//!
//! An archive is read twice: once for its entries and the hashes of their content, and once more, in
//! order, for the content that the layer needs. Nothing is unpacked, and memory does not depend on the
//! size of files.
//!
//! What a later entry replaced is not imported; a hard link to content that was replaced since keeps
//! that content. So no link leads to a path that holds something else at the end.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::MetadataExt as _;

use img_compress::stargz::is_reserved;
use img_compress::{Decoder, sniff};
use img_oci::Sha256Hasher;
use img_tar::{ArchiveReader, EntryKind, Member};

use crate::attributes::Attributes;
use crate::content::{Content, Hash};
use crate::entries::Origin;
use crate::error::{BuildLayerError, ImportError, shown};
use crate::path::{LONGEST_PATH, on_disk, parent};

/// Bytes that are read from a compressed archive at a time.
const BUFFER: usize = 256 << 10;

/// An archive on disk, and what tells that it is the one that was read before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    pub(crate) file: Vec<u8>,
    size: u64,
    /// Seconds and nanoseconds of the last change.
    modified: (i64, i64),
}

/// The entries of an archive that are there at its end.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) archive: Archive,
    /// In an order in which parents come before what they hold.
    pub(crate) nodes: Vec<Node>,
    pub(crate) inodes: Vec<Inode>,
}

/// What stands at a path.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: NodeKind,
    pub(crate) attributes: Attributes,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// A name of the file with this number.
    File(usize),
    /// A directory.
    Directory,
    /// A symlink with this text.
    Symlink(Vec<u8>),
    /// A device or FIFO.
    Special(EntryKind),
}

/// A file, which may have several names.
#[derive(Debug)]
pub(crate) struct Inode {
    /// Number of the entry that brings its content.
    pub(crate) member: usize,
    pub(crate) size: u64,
    pub(crate) hash: Hash,
}

impl Inode {
    /// Returns where its content is, in the archive with this number.
    pub(crate) fn origin(&self, archive: usize) -> Origin<'static> {
        Origin::Member {
            archive,
            member: self.member,
            hash: self.hash,
        }
    }
}

impl Imported {
    /// Reads the entries of an archive, plain or compressed.
    pub(crate) fn read(file: &[u8]) -> Result<Self, BuildLayerError> {
        let failed = |source: ImportError| BuildLayerError::Import {
            file: on_disk(file).to_owned(),
            source,
        };
        let (archive, reader) = open(file).map_err(|error| failed(error.into()))?;
        let mut reading = Reading::default();
        reading.read(ArchiveReader::new(reader)).map_err(failed)?;
        Ok(Self {
            archive,
            nodes: parents_first(reading.nodes.into_iter().flatten().collect()),
            inodes: reading.inodes,
        })
    }
}

/// Opens an archive and returns the reader of its plain bytes.
fn open(file: &[u8]) -> io::Result<(Archive, Decoder<BufReader<File>>)> {
    // A pipe would be waited for, a device may never end.
    if !std::fs::metadata(on_disk(file))?.is_file() {
        let text = "it is a directory, device, pipe or socket, expected a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let mut opened = File::open(on_disk(file))?;
    let metadata = opened.metadata()?;
    let mut start = Vec::new();
    (&mut opened).take(4).read_to_end(&mut start)?;
    opened.rewind()?;
    let reader = BufReader::with_capacity(BUFFER, opened);
    Ok((
        Archive::of(file, &metadata),
        Decoder::new(reader, sniff(&start))?,
    ))
}

impl Archive {
    fn of(file: &[u8], metadata: &Metadata) -> Self {
        Self {
            file: file.to_vec(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// Calls `consume` with the content of each of these entries, which are in order, until it fails.
    ///
    /// An entry that is not wanted is given as [`Content::Nothing`].
    pub(crate) fn for_each<E>(
        &self,
        members: &[(usize, bool)],
        mut consume: impl FnMut(usize, Result<Content<'_>, ImportError>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut archive = None;
        let mut number = 0;
        for (index, (member, is_wanted)) in members.iter().enumerate() {
            if !is_wanted {
                consume(index, Ok(Content::Nothing))?;
                continue;
            }
            let reader = match archive.take().map_or_else(|| self.reopen(), Ok) {
                Ok(reader) => archive.insert(reader),
                Err(error) => return consume(index, Err(error)),
            };
            match skip_to(reader, &mut number, *member) {
                Ok(()) => consume(index, Ok(Content::Stream(&mut reader.content())))?,
                Err(error) => return consume(index, Err(error)),
            }
        }
        Ok(())
    }

    fn reopen(&self) -> Result<ArchiveReader<Decoder<BufReader<File>>>, ImportError> {
        let (archive, reader) = open(&self.file)?;
        if archive != *self {
            return Err(ImportError::Changed);
        }
        Ok(ArchiveReader::new(reader))
    }
}

/// Goes on to the entry with this number; `number` is that of the next one.
fn skip_to<R: Read>(
    archive: &mut ArchiveReader<R>,
    number: &mut usize,
    member: usize,
) -> Result<(), ImportError> {
    while *number <= member {
        archive.next_member()?.ok_or(ImportError::Changed)?;
        *number += 1;
    }
    Ok(())
}

/// The state of a file system while an archive is read into it.
#[derive(Default)]
struct Reading {
    /// Everything that was put somewhere; what was replaced since is gone.
    nodes: Vec<Option<Node>>,
    by_path: HashMap<Vec<u8>, usize>,
    inodes: Vec<Inode>,
}

impl Reading {
    fn read<R: Read>(&mut self, mut archive: ArchiveReader<R>) -> Result<(), ImportError> {
        let mut number = 0;
        while let Some(member) = archive.next_member()? {
            number += 1;
            // Those of an eStargz that it was: a new table of contents will say otherwise.
            if is_reserved(&member.path) {
                continue;
            }
            if member.path.len() > LONGEST_PATH {
                return Err(ImportError::Path {
                    path: shown(&member.path),
                    length: member.path.len(),
                });
            }
            let node = match member.kind {
                EntryKind::Regular => {
                    let hash = hash(&mut archive).map_err(|error| named(&member, error))?;
                    self.inodes.push(Inode {
                        member: number - 1,
                        size: member.size,
                        hash,
                    });
                    node(member, NodeKind::File(self.inodes.len() - 1))
                }
                EntryKind::HardLink => self.link(member)?,
                EntryKind::Directory => node(member, NodeKind::Directory),
                EntryKind::Symlink => {
                    let text = member.link.clone();
                    node(member, NodeKind::Symlink(text))
                }
                kind => node(member, NodeKind::Special(kind)),
            };
            self.put(node);
        }
        Ok(archive.finish(|_| {})?)
    }

    /// Returns another name of what stands at the target of a hard link.
    fn link(&self, member: Member) -> Result<Node, ImportError> {
        let at = self.by_path.get(&member.link);
        match at.and_then(|index| self.nodes[*index].as_ref()) {
            Some(target) if target.kind != NodeKind::Directory => Ok(Node {
                path: member.path,
                kind: target.kind.clone(),
                attributes: target.attributes.clone(),
            }),
            found => Err(ImportError::LinkTarget {
                path: shown(&member.path),
                target: shown(&member.link),
                found: match found {
                    Some(_) => "is a directory",
                    None => "is not in the archive before it",
                },
            }),
        }
    }

    /// Puts an entry in the place of what is there; a directory that is there keeps its place.
    fn put(&mut self, node: Node) {
        let index = self.nodes.len();
        if let Some(before) = self.by_path.insert(node.path.clone(), index) {
            let stays = node.kind == NodeKind::Directory
                && matches!(
                    &self.nodes[before],
                    Some(Node {
                        kind: NodeKind::Directory,
                        ..
                    })
                );
            if stays {
                self.by_path.insert(node.path.clone(), before);
                self.nodes[before] = Some(node);
                return;
            }
            self.nodes[before] = None;
        }
        self.nodes.push(Some(node));
    }
}

fn hash<R: Read>(archive: &mut ArchiveReader<R>) -> io::Result<Hash> {
    let mut hasher = Sha256Hasher::new();
    io::copy(&mut archive.content(), &mut hasher)?;
    Ok(hasher.finish())
}

fn named(member: &Member, source: io::Error) -> ImportError {
    ImportError::Content {
        path: shown(&member.path),
        source,
    }
}

fn node(member: Member, kind: NodeKind) -> Node {
    Node {
        attributes: Attributes {
            // As everywhere, a symlink's mode is the one that systems show.
            mode: match kind {
                NodeKind::Symlink(_) => 0o777,
                _ => member.mode,
            },
            uid: member.uid,
            gid: member.gid,
            uname: member.uname,
            gname: member.gname,
            mtime: member.mtime,
            pax: member.pax,
        },
        path: member.path,
        kind,
    }
}

/// Returns the nodes in their order, but each directory before the first that stands below it.
fn parents_first(nodes: Vec<Node>) -> Vec<Node> {
    let is_directory = |node: &&Node| node.kind == NodeKind::Directory;
    let directories: HashMap<Vec<u8>, usize> = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| is_directory(node))
        .map(|(index, node)| (node.path.clone(), index))
        .collect();
    let mut order = Vec::with_capacity(nodes.len());
    let mut is_placed = vec![false; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        let mut missing = vec![index];
        let mut above = Some(node.path.as_slice());
        while let Some(path) = above.and_then(parent) {
            match directories.get(path) {
                // Those above it were placed with it.
                Some(directory) if is_placed[*directory] => break,
                Some(directory) => missing.push(*directory),
                None => {}
            }
            above = Some(path);
        }
        for index in missing.into_iter().rev() {
            if !std::mem::replace(&mut is_placed[index], true) {
                order.push(index);
            }
        }
    }
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|index| nodes[index].take())
        .collect()
}
