//! Members that travel together: a buffer of content that is compressed in several parts.
//!
//! Where each file begins a member, a member of its own trip through the queues would cost more than
//! its compression.

use std::io;

use img_oci::Sha256Hasher;

use crate::member::MemberEncoder;

/// One of the members that a buffer becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Offset in the buffer at which it ends.
    pub end: usize,
    /// Bytes at its start whose hash is wanted; none if 0.
    pub payload: usize,
}

/// A member that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenPart {
    /// Offset in the compressed stream at which it begins.
    pub position: u64,
    /// SHA-256 of its payload, if that was wanted.
    pub digest: Option<[u8; 32]>,
}

/// Size and payload hash of a compressed part.
pub(crate) struct EncodedPart {
    pub(crate) size: usize,
    pub(crate) digest: Option<[u8; 32]>,
}

/// Compresses each part of a buffer; returns all bytes, and what is known of each part.
pub(crate) fn encode_parts(
    encoder: &mut MemberEncoder,
    content: &[u8],
    parts: &[Part],
) -> io::Result<(Vec<u8>, Vec<EncodedPart>)> {
    let mut bytes = Vec::new();
    let mut known = Vec::with_capacity(parts.len());
    let mut start = 0;
    for part in parts {
        let content = &content[start..part.end];
        let member = encoder.encode(content)?;
        let payload = &content[..part.payload];
        known.push(EncodedPart {
            size: member.len(),
            digest: (!payload.is_empty()).then(|| Sha256Hasher::hash(payload)),
        });
        bytes.extend_from_slice(&member);
        start = part.end;
    }
    Ok((bytes, known))
}
