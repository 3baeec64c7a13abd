//! Verification of a blob's bytes while they stream.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use img_oci::{Descriptor, Hasher};

use crate::{BlobStream, ReadBlobError};

/// Returns the stream with an error in place of its end, unless it is exactly `blob`.
///
/// The last piece is held back until size and digest are known to be right, so that a receiver who
/// counts bytes never has the whole of a wrong blob. `place` says in errors where the bytes come
/// from.
pub fn verified(stream: BlobStream, blob: &Descriptor, place: &str) -> BlobStream {
    let state = Verifier {
        inner: Some(stream),
        hasher: Hasher::new(blob.digest.algorithm()),
        seen: 0,
        held: None,
        blob: blob.bare(),
        place: place.to_owned(),
    };
    let pieces = stream::try_unfold(state, |mut state| async move {
        Ok(state.next().await?.map(|piece| (piece, state)))
    });
    pieces.boxed()
}

struct Verifier {
    /// `None` once its end was seen.
    inner: Option<BlobStream>,
    hasher: Hasher,
    seen: u64,
    held: Option<Bytes>,
    blob: Descriptor,
    place: String,
}

impl Verifier {
    /// Returns the piece before the one just read, or the last one once all was verified.
    async fn next(&mut self) -> Result<Option<Bytes>, ReadBlobError> {
        while let Some(inner) = &mut self.inner {
            match inner.next().await.transpose()? {
                Some(piece) if piece.is_empty() => {}
                Some(piece) => {
                    self.account(&piece)?;
                    if let Some(ready) = self.held.replace(piece) {
                        return Ok(Some(ready));
                    }
                }
                None => {
                    self.inner = None;
                    self.conclude()?;
                }
            }
        }
        Ok(self.held.take())
    }

    fn account(&mut self, piece: &Bytes) -> Result<(), ReadBlobError> {
        self.seen = self
            .seen
            .saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if self.seen > self.blob.size {
            return Err(self.wrong_size());
        }
        self.hasher.update(piece);
        Ok(())
    }

    fn conclude(&mut self) -> Result<(), ReadBlobError> {
        if self.seen != self.blob.size {
            return Err(self.wrong_size());
        }
        let found = self.hasher.clone().finish();
        if found == self.blob.digest {
            return Ok(());
        }
        let (digest, place) = (self.blob.digest.clone(), self.place.clone());
        Err(ReadBlobError::Digest {
            digest,
            place,
            found,
        })
    }

    fn wrong_size(&self) -> ReadBlobError {
        ReadBlobError::Size {
            digest: self.blob.digest.clone(),
            place: self.place.clone(),
            expected: self.blob.size,
            found: self.seen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams `pieces` as the blob `text`, and returns what came through and the error at the end.
    async fn check(text: &str, pieces: &[&'static str]) -> (String, String) {
        let blob = Descriptor::of("m", text.as_bytes());
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| Ok(Bytes::from_static(piece.as_bytes())))
            .collect();
        let mut stream = verified(stream::iter(pieces).boxed(), &blob, "here");
        let mut seen = String::new();
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => seen.push_str(std::str::from_utf8(&piece).unwrap()),
                Err(error) => return (seen, error.to_string().replace(blob.digest.hex(), "…")),
            }
        }
        (seen, String::new())
    }

    #[tokio::test]
    async fn the_right_bytes_pass_in_any_pieces() {
        for pieces in [&["abcd"][..], &["ab", "", "cd"], &["a", "b", "c", "d"]] {
            assert_eq!(check("abcd", pieces).await, ("abcd".into(), String::new()));
        }
        assert_eq!(check("", &[]).await, (String::new(), String::new()));
    }

    #[tokio::test]
    async fn a_wrong_blob_never_comes_out_whole() {
        let (seen, error) = check("abcd", &["ab", "cx"]).await;
        assert_eq!(seen, "ab");
        assert!(
            error.starts_with("blob sha256:… from here: the bytes have the digest "),
            "{error}"
        );
        let short = "blob sha256:… from here: expected 4 bytes, found 3";
        assert_eq!(
            check("abcd", &["ab", "c"]).await,
            ("ab".into(), short.into())
        );
        let long = "blob sha256:… from here: expected 4 bytes, found more";
        assert_eq!(
            check("abcd", &["abcd", "e"]).await,
            (String::new(), long.into())
        );
        assert!(
            check("", &["x"])
                .await
                .1
                .contains("expected 0 bytes, found more")
        );
    }
}
