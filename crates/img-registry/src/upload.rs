//! Uploading a blob: open a session, stream the bytes, close it by the digest, look at the result.
//!
//! An upload that breaks off goes on where the registry says it stopped, where the registry can say
//! so; otherwise it starts anew. Bytes are verified on their way out, from the beginning at every
//! attempt: a wrong blob is never sent whole, and its session is deleted.
//!
//! Source: OCI distribution-spec v1.1.1, "Pushing blobs".

mod body;
mod session;

use std::sync::Arc;
use std::time::Duration;

use img_oci::{Descriptor, Digest};
use img_store::{BlobSource, ReadBlobError};
use reqwest::{Method, Response, StatusCode};
use thiserror::Error;

use crate::client::{MAX_CHALLENGES, RepositoryClient};
use crate::location::with_query;
use crate::retry::{is_retriable, retry_after};
use crate::{RegistryError, RequestError, Secret};
pub(crate) use session::OpenUploads;
pub use session::UploadSession;

/// Told how many bytes of a blob have been sent; goes back when an upload starts anew.
pub type Position = Arc<dyn Fn(u64) + Send + Sync>;

/// Times a verified blob is sent again whose bytes the registry says are wrong.
const MAX_MANGLED: u32 = 2;

/// Why a blob did not arrive in the repository.
#[derive(Debug, Error)]
pub enum UploadBlobError {
    /// The bytes could not be had, or were not those of the blob.
    #[error("cannot upload to {place}")]
    Source {
        /// Registry and repository.
        place: String,
        /// What is wrong with the bytes.
        source: ReadBlobError,
    },
    /// The registry says that it stored other bytes.
    #[error("{place} stored blob {digest} under the digest {found}")]
    Digest {
        /// Registry and repository.
        place: String,
        /// The blob.
        digest: Digest,
        /// What the registry says.
        found: Digest,
    },
    /// The registry accepted the blob, and does not have it.
    #[error("{place} accepted blob {digest}, but does not show it")]
    Vanished {
        /// Registry and repository.
        place: String,
        /// The blob.
        digest: Digest,
    },
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl UploadBlobError {
    /// Returns what the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::Source {
                source: ReadBlobError::Read { .. },
                ..
            } => None,
            Self::Source { .. } => {
                Some("build the image again: a file of it changed or is damaged".to_owned())
            }
            Self::Digest { .. } | Self::Vanished { .. } => {
                Some("look at the registry's log: it loses or changes what it is sent".to_owned())
            }
        }
    }
}

impl RepositoryClient {
    /// Uploads a blob, and returns when the repository shows it.
    ///
    /// `session` is one that the registry opened in place of a mount.
    pub async fn upload_blob(
        &self,
        blob: &Descriptor,
        source: &dyn BlobSource,
        session: Option<UploadSession>,
        position: &Position,
    ) -> Result<(), UploadBlobError> {
        let upload = Upload {
            repository: self,
            blob,
            source,
            position,
            header: None,
            challenges: 0,
            mangled: 0,
        };
        upload.run(session).await
    }
}

struct Upload<'a> {
    repository: &'a RepositoryClient,
    blob: &'a Descriptor,
    source: &'a dyn BlobSource,
    position: &'a Position,
    /// What the last request was authorised with.
    header: Option<Secret>,
    challenges: u32,
    mangled: u32,
}

/// How an attempt failed.
enum Failure {
    /// Another attempt would fail as well.
    Final(UploadBlobError),
    /// The session may go on, or is worth a look at least.
    Broken(RequestError, Option<Duration>),
    /// The session is of no use any more.
    Lost(RequestError),
    /// The token expired; a new one is there.
    Challenged,
    /// All went well, and the blob is not there.
    Vanished,
}

impl Upload<'_> {
    async fn run(mut self, mut session: Option<UploadSession>) -> Result<(), UploadBlobError> {
        let mut attempts = self.repository.attempts();
        loop {
            let failure = match self.attempt(&mut session).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let reached = session.as_ref().map_or(0, |session| session.offset);
            let (error, reason, requested) = match failure {
                Failure::Challenged => {
                    session = self.resume(session).await;
                    continue;
                }
                Failure::Final(error) => {
                    self.discard(session).await;
                    return Err(error);
                }
                Failure::Broken(error, requested) => self.described(error, requested),
                Failure::Lost(error) => {
                    self.discard(session.take()).await;
                    self.described(error, None)
                }
                Failure::Vanished => (self.vanished(), self.vanished().to_string(), None),
            };
            if !attempts
                .again(self.repository.registry(), &reason, requested)
                .await
            {
                self.discard(session).await;
                return Err(error);
            }
            // The answer may have been lost, not the blob.
            let arrived = self.repository.has_blob(self.blob).await;
            if !matches!(arrived, Ok(false)) {
                self.discard(session).await;
                return arrived.map(|_| ()).map_err(Into::into);
            }
            session = self.resume(session).await;
            if session
                .as_ref()
                .is_some_and(|session| session.offset > reached)
            {
                attempts.progressed();
            }
        }
    }

    /// Sends what the registry does not have yet, closes the session and looks at the result.
    async fn attempt(&mut self, slot: &mut Option<UploadSession>) -> Result<(), Failure> {
        if slot.is_none() {
            let opened = self.repository.start_upload(self.blob).await;
            *slot = Some(opened.map_err(|error| Failure::Final(error.into()))?);
        }
        let session = slot.as_mut().expect("a session was opened above");
        let close = |session: &UploadSession| {
            with_query(&session.url, "digest", &self.blob.digest.to_string())
        };
        // Begun, it is a chunk first; one that has all its bytes is only closed.
        if (1..self.blob.size).contains(&session.offset) {
            let response = self
                .send(Method::PATCH, session.url.clone(), session.offset)
                .await?;
            let response = self.accept(response, true).await?;
            self.repository
                .advance(session, &response, self.blob.size)
                .map_err(Failure::Lost)?;
        }
        let response = self
            .send(Method::PUT, close(session), session.offset)
            .await?;
        let response = self.accept(response, session.offset > 0).await?;
        self.check_stored(&response)?;
        self.repository.inner.uploads.closed(session);
        *slot = None;
        self.confirm().await
    }

    /// Sends the blob from `offset` on; nothing if that is its end.
    async fn send(
        &mut self,
        method: Method,
        url: url::Url,
        offset: u64,
    ) -> Result<Response, Failure> {
        let header = self.repository.upload_authorization(&url).await;
        self.header = header.map_err(|error| Failure::Final(self.error(error)))?;
        let piece = body::Piece {
            blob: self.blob,
            source: self.source,
            offset,
        };
        let request = body::Request {
            method,
            url,
            header: self.header.as_ref(),
        };
        let sent = body::send(
            &self.repository.inner.transport,
            request,
            piece,
            self.position,
        );
        sent.await.map_err(|error| match error {
            body::SendError::Source(source) => {
                let place = self.repository.to_string();
                Failure::Final(UploadBlobError::Source { place, source })
            }
            body::SendError::Request(error) if error.is_retriable() => Failure::Broken(error, None),
            body::SendError::Request(error) => Failure::Final(self.error(error)),
        })
    }

    /// Sorts the answers that are not success.
    async fn accept(&mut self, response: Response, resumed: bool) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status == StatusCode::UNAUTHORIZED && self.challenges < MAX_CHALLENGES {
            self.challenges += 1;
            let renewed = self
                .repository
                .answer_upload_challenge(&response, self.header.as_ref())
                .await;
            if renewed.map_err(|error| Failure::Final(self.error(error)))? {
                return Err(Failure::Challenged);
            }
        }
        let requested = retry_after(response.headers());
        let refusal = self.repository.refusal(response).await;
        if is_retriable(status) {
            return Err(Failure::Broken(refusal.into(), requested));
        }
        let unknown = status == StatusCode::NOT_FOUND || refusal.has_code("BLOB_UPLOAD_UNKNOWN");
        let out_of_step = status == StatusCode::RANGE_NOT_SATISFIABLE
            || refusal.has_code("BLOB_UPLOAD_INVALID")
            || (resumed && status.is_client_error() && status != StatusCode::FORBIDDEN);
        if unknown || out_of_step {
            return Err(Failure::Lost(refusal.into()));
        }
        if refusal.has_code("DIGEST_INVALID") && self.mangled < MAX_MANGLED {
            self.mangled += 1;
            return Err(Failure::Lost(refusal.into()));
        }
        Err(Failure::Final(self.error(refusal.into())))
    }

    fn check_stored(&self, response: &Response) -> Result<(), Failure> {
        let header = response.headers().get("docker-content-digest");
        let found = header.and_then(|digest| digest.to_str().ok()?.parse::<Digest>().ok());
        match found {
            Some(found) if found != self.blob.digest => {
                Err(Failure::Final(UploadBlobError::Digest {
                    place: self.repository.to_string(),
                    digest: self.blob.digest.clone(),
                    found,
                }))
            }
            _ => Ok(()),
        }
    }

    async fn confirm(&self) -> Result<(), Failure> {
        match self.repository.has_blob(self.blob).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::Vanished),
            Err(error) => Err(Failure::Final(error.into())),
        }
    }

    /// Returns the session with the offset the registry tells, or none if it has to be a new one.
    async fn resume(&self, session: Option<UploadSession>) -> Option<UploadSession> {
        let mut session = session?;
        let known = self.repository.look_up(&mut session, self.blob.size).await;
        if known.is_none() {
            self.discard(Some(session)).await;
            return None;
        }
        Some(session)
    }

    async fn discard(&self, session: Option<UploadSession>) {
        if let Some(session) = session {
            self.repository.delete_upload(&session).await;
        }
    }

    /// Returns the error with what to say of it while there is still hope.
    fn described(
        &self,
        error: RequestError,
        requested: Option<Duration>,
    ) -> (UploadBlobError, String, Option<Duration>) {
        let reason = error.to_string();
        (self.error(error), reason, requested)
    }

    fn error(&self, error: RequestError) -> UploadBlobError {
        self.repository
            .failed(format!("blob {}", self.blob.digest), error)
            .into()
    }

    fn vanished(&self) -> UploadBlobError {
        let (place, digest) = (self.repository.to_string(), self.blob.digest.clone());
        UploadBlobError::Vanished { place, digest }
    }
}
