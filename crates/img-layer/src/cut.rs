//! Where members of the compressed stream are cut.
//!
//! A cut depends on nothing but what stands near it, so that a change in one entry moves the cuts
//! around that entry and no others, and a member that did not change need not be compressed again:
//!
//! * before an entry whose path and size hash below a bound that gives a member every `target`
//!   bytes on average, unless the member would be smaller than a quarter of that;
//! * before an entry that would make the member larger than twice the target;
//! * before a file of `target` bytes or more, and within it at every multiple of `target`;
//! * in what follows the end of an archive, where the member has four times the target.
//!
//! These rules, the hash and the target sizes are part of the format: a change of any of them
//! changes the digest of every layer.

use img_compress::stargz::CHUNK_SIZE;
use img_compress::{EncodeError, Format};

/// What takes the bytes of a stream, member by member.
pub(crate) trait MemberSink {
    /// Adds bytes to the member.
    fn append(&mut self, bytes: &[u8]);

    /// Ends the member.
    fn cut(&mut self) -> Result<(), EncodeError>;

    /// Begins a part of the member with `payload` bytes of content; returns its number in the stream.
    fn begin_part(&mut self, _payload: usize) -> usize {
        0
    }
}

/// Where a stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cuts {
    /// Near a size, where the content decides.
    ByContent(usize),
    /// Where the content of each file begins, and every [`CHUNK_SIZE`] bytes of it: as the parts of
    /// larger members.
    AtFiles,
}

/// Bytes after which a member of parts is cut between two entries.
const PARTS_TARGET: u64 = 1 << 20;

impl Cuts {
    /// Returns where a stream of this format is cut, and how many bytes its members have as a rule.
    pub(crate) fn of(format: Format, stargz: bool) -> (Self, usize) {
        if stargz {
            let size = usize::try_from(PARTS_TARGET + CHUNK_SIZE).unwrap_or(usize::MAX);
            return (Self::AtFiles, size);
        }
        let target = format.target_member_size();
        (Self::ByContent(target), target)
    }
}

/// A tar stream on its way to a sink, cut into members.
pub(crate) struct MemberStream<S> {
    sink: S,
    cuts: Cuts,
    target: u64,
    /// Bytes of content after which there may be a cut.
    piece: u64,
    /// Bytes in the member so far.
    filled: u64,
    /// Bytes in the stream so far.
    size: u64,
}

impl<S: MemberSink> MemberStream<S> {
    /// Returns a stream without entries.
    pub(crate) fn new(sink: S, cuts: Cuts) -> Self {
        let (target, piece) = match cuts {
            Cuts::ByContent(target) => {
                let target = u64::try_from(target).unwrap_or(u64::MAX);
                (target, target)
            }
            Cuts::AtFiles => (PARTS_TARGET, CHUNK_SIZE),
        };
        Self {
            sink,
            cuts,
            target,
            piece,
            filled: 0,
            size: 0,
        }
    }

    /// Returns how many bytes the stream has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Begins `payload` bytes of a file's content, where each file begins a member; returns the
    /// number of that member.
    pub(crate) fn begin_part(&mut self, payload: u64) -> Option<usize> {
        let payload = usize::try_from(payload).ok();
        payload
            .filter(|_| self.cuts == Cuts::AtFiles)
            .map(|payload| self.sink.begin_part(payload))
    }

    /// Returns what takes the bytes.
    pub(crate) fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Starts an entry of `path` and `content_size`, whose blocks take `header_size` bytes before
    /// the content.
    pub(crate) fn begin_entry(
        &mut self,
        path: &[u8],
        header_size: usize,
        content_size: u64,
    ) -> Result<(), EncodeError> {
        let target = self.target;
        if self.cuts == Cuts::AtFiles {
            return if self.filled >= target {
                self.cut()
            } else {
                Ok(())
            };
        }
        let entry = u64::try_from(header_size)
            .unwrap_or(u64::MAX)
            .saturating_add(content_size);
        let too_large = self.filled.saturating_add(entry) > 2 * target;
        let chosen = self.filled >= target / 4 && is_cut(path, content_size, entry, target);
        if self.filled > 0 && (content_size >= target || too_large || chosen) {
            self.cut()
        } else {
            Ok(())
        }
    }

    /// Adds bytes to the member.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.sink.append(bytes);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.filled += size;
        self.size += size;
    }

    /// Returns how far content that has been read up to `offset` may go on within this member.
    pub(crate) fn until_cut(&self, offset: u64, content_size: u64) -> u64 {
        (self.piece - offset % self.piece).min(content_size - offset)
    }

    /// Counts `size` bytes of content up to `offset`, which the sink was given, and cuts there if
    /// that is a place to within a large file.
    pub(crate) fn advance(
        &mut self,
        size: u64,
        offset: u64,
        content_size: u64,
    ) -> Result<(), EncodeError> {
        self.filled += size;
        self.size += size;
        let is_place = offset > 0 && offset.is_multiple_of(self.piece);
        if is_place && content_size >= self.piece {
            self.cut()
        } else {
            Ok(())
        }
    }

    /// Cuts behind bytes that are of no entry, once there are more than a member may have.
    pub(crate) fn cut_if_large(&mut self) -> Result<(), EncodeError> {
        if self.filled >= 4 * self.target {
            return self.cut();
        }
        Ok(())
    }

    /// Ends the last member and returns what took it.
    pub(crate) fn finish(mut self) -> Result<S, EncodeError> {
        if self.filled > 0 {
            self.cut()?;
        }
        Ok(self.sink)
    }

    fn cut(&mut self) -> Result<(), EncodeError> {
        self.filled = 0;
        self.sink.cut()
    }
}

/// Tells whether the hash of an entry chooses it as the first of a member.
fn is_cut(path: &[u8], content_size: u64, entry_size: u64, target: u64) -> bool {
    let bound = u128::from(entry_size) * (u128::from(u64::MAX) + 1) / u128::from(target);
    u128::from(hash(path, content_size)) < bound
}

/// FNV-1a over path and size, finished by `MurmurHash3`'s 64-bit mixer.
fn hash(path: &[u8], content_size: u64) -> u64 {
    let bytes = path.iter().copied().chain(content_size.to_le_bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the bytes of each member.
    #[derive(Default)]
    struct Sizes {
        member: usize,
        done: Vec<usize>,
    }

    impl MemberSink for Sizes {
        fn append(&mut self, bytes: &[u8]) {
            self.member += bytes.len();
        }

        fn cut(&mut self) -> Result<(), EncodeError> {
            self.done.push(std::mem::take(&mut self.member));
            Ok(())
        }
    }

    /// Sizes of the members that entries of these sizes are cut into.
    fn members(entries: &[(String, u64)]) -> Vec<usize> {
        let mut stream = MemberStream::new(Sizes::default(), Cuts::ByContent(1000));
        for (path, size) in entries {
            stream.begin_entry(path.as_bytes(), 10, *size).unwrap();
            stream.append(&vec![0; 10 + usize::try_from(*size).unwrap()]);
        }
        stream.finish().unwrap().done
    }

    fn entries(count: u64) -> Vec<(String, u64)> {
        (0..count)
            .map(|i| (format!("dir/file{i}"), 20 + i * 7 % 90))
            .collect()
    }

    #[test]
    fn members_are_near_the_target_and_never_over_twice_it() {
        let sizes = members(&entries(2000));
        assert!(sizes.iter().all(|size| *size <= 2000), "{sizes:?}");
        let small = sizes.iter().filter(|size| **size < 250).count();
        assert!(small <= 1, "{sizes:?}");
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((700..1500).contains(&mean), "{mean}");
    }

    #[test]
    fn a_new_entry_moves_only_the_cuts_around_it() {
        let before = entries(2000);
        let mut after = before.clone();
        after.insert(1000, ("dir/new".to_owned(), 50));
        let (before, after) = (members(&before), members(&after));
        let same_start = before
            .iter()
            .zip(&after)
            .take_while(|(a, b)| a == b)
            .count();
        let same_end = before
            .iter()
            .rev()
            .zip(after.iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        assert!(
            same_start + same_end + 6 > before.len(),
            "{same_start} {same_end} {}",
            before.len()
        );
    }

    #[test]
    fn the_hash_is_part_of_the_format() {
        assert_eq!(hash(b"", 0), 0x7bd3_144f_29c0_cc9e);
        assert_eq!(hash(b"a/b", 1), 0xe674_1b20_ae1b_d81b);
    }
}
