//! Proofs: what a file must read like, once its whole was hashed to its digest.
//!
//! A cryptographic hash tells about the whole only, and costs more than all the rest of sending a
//! blob. So the first reading of a file (its upload, as a rule) also notes a checksum of each
//! granule; later readings compare those, which finds what rots, byte for byte and in parts too.
//! A file that was changed or replaced has no proof and is hashed again.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use img_oci::{Algorithm, Digest, Hasher};

/// Bytes to a checksum.
pub(super) const GRANULE: usize = 32 << 10;

/// What tells a file from one that was changed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    pub(super) inode: u64,
    pub(super) size: u64,
    modified: (i64, i64),
}

impl From<&Metadata> for FileStamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// The checksums of a file that had the right digest.
pub(super) struct Proof {
    pub(super) stamp: FileStamp,
    checksums: Vec<u32>,
}

impl Proof {
    pub(super) fn new(stamp: FileStamp, checksums: Vec<u32>) -> Self {
        Self { stamp, checksums }
    }

    /// Returns the memory it takes.
    pub(super) fn weight(&self) -> usize {
        128 + 4 * self.checksums.len()
    }

    /// Tells whether `bytes` are those of the file from `offset`, where a granule begins, to the
    /// end of a granule or of the file.
    pub(super) fn holds(&self, offset: u64, bytes: &[u8]) -> bool {
        let Ok(first) = usize::try_from(offset / GRANULE as u64) else {
            return false;
        };
        bytes
            .chunks(GRANULE)
            .enumerate()
            .all(|(i, granule)| self.checksums.get(first + i) == Some(&crc32fast::hash(granule)))
    }
}

/// Hashes bytes as they pass, in order.
pub(super) struct Prover {
    algorithm: Algorithm,
    hasher: Hasher,
    granule: crc32fast::Hasher,
    filled: usize,
    checksums: Vec<u32>,
}

/// A state of a [`Prover`] to which it can be taken back.
pub(super) struct Mark {
    hasher: Hasher,
    granule: crc32fast::Hasher,
    filled: usize,
    checksums: usize,
}

impl Prover {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            hasher: Hasher::new(algorithm),
            granule: crc32fast::Hasher::new(),
            filled: 0,
            checksums: Vec::new(),
        }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(GRANULE - self.filled));
            self.granule.update(now);
            self.filled += now.len();
            if self.filled == GRANULE {
                self.checksums
                    .push(std::mem::take(&mut self.granule).finalize());
                self.filled = 0;
            }
            rest = later;
        }
    }

    /// Returns the digest of what passed so far.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Returns the checksums of what passed, as if it ended here.
    pub(super) fn checksums(&self) -> Vec<u32> {
        let mut checksums = self.checksums.clone();
        if self.filled > 0 {
            checksums.push(self.granule.clone().finalize());
        }
        checksums
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            hasher: self.hasher.clone(),
            granule: self.granule.clone(),
            filled: self.filled,
            checksums: self.checksums.len(),
        }
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.hasher = mark.hasher;
        self.granule = mark.granule;
        self.filled = mark.filled;
        self.checksums.truncate(mark.checksums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Vec<u8> {
        (0..GRANULE * 3 + 5)
            .map(|i| u8::try_from(i % 251).unwrap())
            .collect()
    }

    fn prove(pieces: &[&[u8]]) -> Prover {
        let mut prover = Prover::new(Algorithm::Sha256);
        for piece in pieces {
            prover.update(piece);
        }
        prover
    }

    fn proof(prover: &Prover) -> Proof {
        let stamp = FileStamp {
            inode: 1,
            size: 1,
            modified: (0, 0),
        };
        Proof::new(stamp, prover.checksums())
    }

    #[test]
    fn the_pieces_that_bytes_come_in_make_no_difference() {
        let bytes = bytes();
        for cut in [0, 1, GRANULE - 1, GRANULE, GRANULE + 1, bytes.len()] {
            let prover = prove(&[&bytes[..cut], &bytes[cut..]]);
            assert_eq!(prover.digest(), Digest::sha256(&bytes));
            assert_eq!(prover.checksums(), prove(&[&bytes]).checksums());
        }
    }

    #[test]
    fn a_flipped_bit_is_found_in_its_granule_alone() {
        let good = bytes();
        let proof = proof(&prove(&[&good]));
        assert!(proof.holds(0, &good));
        let mut bad = good.clone();
        bad[GRANULE * 2 + 7] ^= 1;
        assert!(!proof.holds(0, &bad));
        assert!(proof.holds(0, &bad[..GRANULE * 2]));
        assert!(!proof.holds(2 * GRANULE as u64, &bad[GRANULE * 2..]));
        assert!(proof.holds(3 * GRANULE as u64, &bad[GRANULE * 3..]));
        assert!(!proof.holds(4 * GRANULE as u64, b"more"));
    }

    #[test]
    fn a_prover_goes_back_to_its_mark() {
        let bytes = bytes();
        let mut prover = prove(&[&bytes[..GRANULE + 9]]);
        let mark = prover.mark();
        prover.update(&bytes);
        prover.rewind(mark);
        prover.update(&bytes[GRANULE + 9..]);
        assert_eq!(prover.digest(), Digest::sha256(&bytes));
        assert!(proof(&prover).holds(0, &bytes));
    }
}
