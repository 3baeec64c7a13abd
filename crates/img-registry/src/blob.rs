//! Blobs: is it there, mount it, read it.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use img_oci::{Descriptor, Digest, Repository};
use img_store::{BlobSource, BlobStream, OpenBlob, ReadBlobError};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};

use crate::client::RepositoryClient;
use crate::upload::UploadSession;
use crate::{RegistryError, RequestError, location};

/// What came of asking for a blob to be mounted.
pub enum MountOutcome {
    /// The registry says that the blob is in the repository now.
    Mounted,
    /// The registry opened a session for an upload instead.
    Declined(UploadSession),
}

impl RepositoryClient {
    /// Tells whether the repository shows the blob, with the right size where it tells one.
    pub async fn has_blob(&self, blob: &Descriptor) -> Result<bool, RegistryError> {
        let subject = format!("blob {}", blob.digest);
        // Looked for on the way to pushing it, so that one token does for both.
        let call = self.push(Method::HEAD, &format!("blobs/{}", blob.digest));
        let response = self
            .send(&call)
            .await
            .map_err(|error| self.failed(&subject, error))?;
        match response.status() {
            StatusCode::OK => {
                Ok(content_length(response.headers()).is_none_or(|size| size == blob.size))
            }
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.refused(&subject, response).await),
        }
    }

    /// Asks the registry to take a blob over from another of its repositories.
    pub async fn mount_blob(
        &self,
        digest: &Digest,
        from: &Repository,
    ) -> Result<MountOutcome, RegistryError> {
        let subject = format!("mount of blob {digest} from {from}");
        let mut call = self.push(Method::POST, "blobs/uploads/");
        call.url
            .query_pairs_mut()
            .append_pair("mount", &digest.to_string());
        call.url
            .query_pairs_mut()
            .append_pair("from", from.as_str());
        call.headers
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        call.scopes = call.scopes.and(from, "pull");
        let response = self
            .send(&call)
            .await
            .map_err(|error| self.failed(&subject, error))?;
        match response.status() {
            StatusCode::CREATED => Ok(MountOutcome::Mounted),
            StatusCode::ACCEPTED => {
                let url = location::of(&response).map_err(|error| self.failed(&subject, error))?;
                Ok(MountOutcome::Declined(self.open_session(url)))
            }
            _ => Err(self.refused(&subject, response).await),
        }
    }

    /// Opens a blob; connections that break are taken up again.
    fn download(&self, blob: &Descriptor) -> BlobStream {
        let download = Download {
            repository: self.clone(),
            blob: blob.bare(),
            position: 0,
            to_skip: 0,
            body: None,
        };
        let pieces = stream::try_unfold(download, |mut download| async move {
            Ok(download.next().await?.map(|piece| (piece, download)))
        });
        pieces.boxed()
    }
}

impl BlobSource for RepositoryClient {
    fn open<'a>(&'a self, blob: &'a Descriptor) -> OpenBlob<'a> {
        let stream = self.download(blob);
        Box::pin(async move { Ok(stream) })
    }

    fn place(&self, _: &Descriptor) -> String {
        self.to_string()
    }
}

struct Download {
    repository: RepositoryClient,
    blob: Descriptor,
    /// Bytes handed out.
    position: u64,
    /// Bytes of the body that were handed out before: the server knows no ranges.
    to_skip: u64,
    body: Option<Response>,
}

/// Why there is no next piece.
enum Interruption {
    Broken(RequestError),
    Fatal(ReadBlobError),
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>, ReadBlobError> {
        let mut attempts = self.repository.attempts();
        loop {
            let error = match self.attempt().await {
                Ok(piece) => return Ok(piece),
                Err(Interruption::Fatal(error)) => return Err(error),
                Err(Interruption::Broken(error)) => error,
            };
            self.body = None;
            let registry = self.repository.registry();
            if !attempts.again(registry, &error.to_string(), None).await {
                return Err(self.error(error));
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Bytes>, Interruption> {
        let mut body = match self.body.take() {
            Some(body) => body,
            None if self.position > 0 && self.position == self.blob.size => return Ok(None),
            None => self.request().await?,
        };
        loop {
            let transport = &self.repository.inner.transport;
            let piece = transport
                .next_piece(&mut body)
                .await
                .map_err(Interruption::Broken)?;
            let Some(piece) = piece else { break };
            // One piece past the end tells the verification that there is too much.
            let piece = self.unseen(piece);
            // What was handed out before is no progress.
            if !piece.is_empty() {
                self.body = Some(body);
                return Ok(Some(piece));
            }
        }
        if self.position < self.blob.size {
            return Err(Interruption::Broken(self.cut_short()));
        }
        Ok(None)
    }

    /// Returns the part of a piece that was not handed out before.
    fn unseen(&mut self, mut piece: Bytes) -> Bytes {
        let known = self.to_skip.min(piece.len() as u64);
        self.to_skip -= known;
        let piece = piece.split_off(usize::try_from(known).unwrap_or(usize::MAX));
        self.position = self.position.saturating_add(piece.len() as u64);
        piece
    }

    fn cut_short(&self) -> RequestError {
        RequestError::Broken {
            host: self.repository.registry().to_string(),
            cause: format!("{} of {} bytes arrived", self.position, self.blob.size),
        }
    }

    /// Asks for the blob from the position on.
    async fn request(&mut self) -> Result<Response, Interruption> {
        self.to_skip = 0;
        let repository = self.repository.clone();
        let mut call = repository.pull(Method::GET, &format!("blobs/{}", self.blob.digest));
        if self.position > 0 {
            let range = format!("bytes={}-{}", self.position, self.blob.size - 1);
            let range = HeaderValue::from_str(&range).expect("digits are a valid header");
            call.headers.insert(RANGE, range);
        }
        let response = repository
            .send(&call)
            .await
            .map_err(|error| self.fatal(error))?;
        match response.status() {
            StatusCode::OK => {
                self.to_skip = self.position;
                Ok(response)
            }
            StatusCode::PARTIAL_CONTENT if self.position > 0 => {
                self.check_range(response.headers())
                    .map_err(|error| self.fatal(error))?;
                Ok(response)
            }
            StatusCode::NOT_FOUND => Err(Interruption::Fatal(ReadBlobError::Missing {
                digest: self.blob.digest.clone(),
                place: repository.to_string(),
            })),
            _ => Err(self.fatal(repository.refusal(response).await.into())),
        }
    }

    fn check_range(&self, headers: &HeaderMap) -> Result<(), RequestError> {
        let expected = format!(
            "bytes {}-{}/{}",
            self.position,
            self.blob.size - 1,
            self.blob.size
        );
        let found = headers
            .get(CONTENT_RANGE)
            .and_then(|range| range.to_str().ok())
            .unwrap_or("none");
        if found == expected || found == expected.replace(&format!("/{}", self.blob.size), "/*") {
            return Ok(());
        }
        Err(RequestError::Protocol {
            host: self.repository.registry().to_string(),
            problem: format!(
                "answered with the range `{}`, expected `{expected}`",
                found.escape_debug()
            ),
        })
    }

    fn fatal(&self, error: RequestError) -> Interruption {
        Interruption::Fatal(self.error(error))
    }

    fn error(&self, error: RequestError) -> ReadBlobError {
        ReadBlobError::read(&self.blob, &self.repository.to_string(), error)
    }
}

/// Returns the `Content-Length`, also of an answer to HEAD.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
