//! Where a stream can be taken up again: the state of both hashes at the end of a member.
//!
//! Bytes: size of the stream so far, CRC-32 and size of the content so far (little endian), then the
//! saved hash of the content and that of the stream, each after its length in one byte.

use img_oci::Hasher;

use crate::container::ContainerState;

/// The state of a stream at the end of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Bytes of the compressed stream so far.
    pub(crate) written: u64,
    pub(crate) container: ContainerState,
    /// The saved hasher of the content.
    pub(crate) content: Vec<u8>,
    /// The saved hasher of the stream.
    pub(crate) stream: Vec<u8>,
}

impl Checkpoint {
    /// Returns the checkpoint as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.written.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.container.crc.to_le_bytes());
        bytes.extend_from_slice(&self.container.size.to_le_bytes());
        for hasher in [&self.content, &self.stream] {
            // A saved SHA-256 has about a hundred bytes.
            bytes.push(u8::try_from(hasher.len()).unwrap_or(0));
            bytes.extend_from_slice(hasher);
        }
        bytes
    }

    /// Returns the checkpoint of these bytes, unless they are none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (written, rest) = bytes.split_first_chunk::<8>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (content, rest) = hasher(rest)?;
        let (stream, rest) = hasher(rest)?;
        rest.is_empty().then_some(Self {
            written: u64::from_le_bytes(*written),
            container: ContainerState {
                crc: u32::from_le_bytes(*crc),
                size: u64::from_le_bytes(*size),
            },
            content,
            stream,
        })
    }
}

/// Splits off a saved hasher that can be resumed.
fn hasher(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (hasher, rest) = rest.split_at_checked(usize::from(*length))?;
    Hasher::resume(hasher)?;
    Some((hasher.to_vec(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use img_oci::Algorithm;

    #[test]
    fn what_is_not_a_checkpoint_is_refused() {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(b"some bytes");
        let checkpoint = Checkpoint {
            written: 7,
            container: ContainerState { crc: 1, size: 2 },
            content: hasher.save().unwrap(),
            stream: Hasher::new(Algorithm::Sha256).save().unwrap(),
        };
        let bytes = checkpoint.to_bytes();
        assert_eq!(Checkpoint::parse(&bytes), Some(checkpoint));
        for cut in 0..bytes.len() {
            assert_eq!(Checkpoint::parse(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(Checkpoint::parse(&[bytes, vec![0]].concat()), None);
    }
}
