//! Upload sessions: opened, asked, deleted, and remembered while they are open.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use img_oci::Descriptor;
use reqwest::header::{CONTENT_LENGTH, HeaderValue, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use crate::client::{Call, RepositoryClient};
use crate::transport::{authority, same_origin};
use crate::{RegistryError, RequestError, Secret, location};

/// An upload that a registry waits for.
pub struct UploadSession {
    pub(crate) number: u64,
    /// Where the upload goes on; may hold a secret of the registry.
    pub(crate) url: Url,
    /// Bytes the registry has.
    pub(crate) offset: u64,
}

impl fmt::Debug for UploadSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadSession")
            .field("host", &authority(&self.url))
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// The sessions that are open, so that those given up can be deleted.
pub(crate) struct OpenUploads {
    sessions: Mutex<Sessions>,
    /// How long a registry has to delete one.
    farewell: Duration,
}

#[derive(Default)]
struct Sessions {
    last: u64,
    open: BTreeMap<u64, Url>,
}

impl OpenUploads {
    pub(crate) fn new(farewell: Duration) -> Self {
        Self {
            sessions: Mutex::default(),
            farewell,
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self, url: &Url) -> u64 {
        let mut sessions = self.sessions();
        sessions.last += 1;
        let number = sessions.last;
        sessions.open.insert(number, url.clone());
        number
    }

    /// Forgets a session that is done.
    pub(crate) fn closed(&self, session: &UploadSession) {
        self.sessions().open.remove(&session.number);
    }

    fn moved(&self, session: &UploadSession) {
        if let Some(url) = self.sessions().open.get_mut(&session.number) {
            *url = session.url.clone();
        }
    }

    fn take(&self) -> Vec<Url> {
        std::mem::take(&mut self.sessions().open)
            .into_values()
            .collect()
    }
}

impl RepositoryClient {
    /// Takes over where the registry says the upload goes on.
    pub(crate) fn advance(
        &self,
        session: &mut UploadSession,
        response: &Response,
        offset: u64,
    ) -> Result<(), RequestError> {
        if response.headers().contains_key(LOCATION) {
            session.url = location::of(response)?;
            self.inner.uploads.moved(session);
        }
        session.offset = offset;
        Ok(())
    }

    pub(crate) fn open_session(&self, url: Url) -> UploadSession {
        UploadSession {
            number: self.inner.uploads.opened(&url),
            url,
            offset: 0,
        }
    }

    /// Opens a session.
    pub(crate) async fn start_upload(
        &self,
        blob: &Descriptor,
    ) -> Result<UploadSession, RegistryError> {
        let subject = format!("blob {}", blob.digest);
        let mut call = self.push(Method::POST, "blobs/uploads/");
        call.headers
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let response = self
            .send(&call)
            .await
            .map_err(|error| self.failed(&subject, error))?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.refused(&subject, response).await);
        }
        let url = location::of(&response).map_err(|error| self.failed(&subject, error))?;
        Ok(self.open_session(url))
    }

    /// Asks how many bytes of an upload the registry has and where it goes on; `None` if it does
    /// not tell, or has none.
    pub(crate) async fn look_up(&self, session: &mut UploadSession, size: u64) -> Option<()> {
        let call = Call::new(Method::GET, session.url.clone(), self.push_scopes());
        let response = self.send(&call).await.ok()?;
        if !matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::ACCEPTED
        ) {
            return None;
        }
        let range = response.headers().get(RANGE)?.to_str().ok()?;
        let offset = received(range).filter(|offset| (1..=size).contains(offset))?;
        self.advance(session, &response, offset).ok()
    }

    /// Deletes a session; one that the registry forgot is as good as deleted.
    pub(crate) async fn delete_upload(&self, session: &UploadSession) {
        self.inner.uploads.closed(session);
        self.delete_session(session.url.clone()).await;
    }

    pub(crate) async fn abandon_uploads(&self) {
        let sessions = self.inner.uploads.take();
        let deletions = sessions.into_iter().map(|url| self.delete_session(url));
        futures_util::future::join_all(deletions).await;
    }

    async fn delete_session(&self, url: Url) {
        let call = Call::new(Method::DELETE, url, self.push_scopes());
        // Nobody can do anything about a failure; registries collect sessions in time.
        let _ = tokio::time::timeout(self.inner.uploads.farewell, self.exchange(&call)).await;
    }

    /// Returns the header for a streaming request, which is for nobody but the registry.
    pub(crate) async fn upload_authorization(
        &self,
        url: &Url,
    ) -> Result<Option<Secret>, RequestError> {
        if !same_origin(url, &self.inner.base) {
            return Ok(None);
        }
        Ok(self.inner.auth.authorization(&self.push_scopes()).await?)
    }

    /// Answers the challenge to a streaming request; `true` if a new header is there.
    pub(crate) async fn answer_upload_challenge(
        &self,
        response: &Response,
        refused: Option<&Secret>,
    ) -> Result<bool, RequestError> {
        if !same_origin(response.url(), &self.inner.base) {
            let host = authority(response.url());
            let problem = "asks for credentials, which it does not get".to_owned();
            return Err(RequestError::Protocol { host, problem });
        }
        let answer = self
            .inner
            .auth
            .answer(response.headers(), &self.push_scopes(), refused)
            .await?;
        Ok(answer.is_some())
    }
}

/// Returns the bytes received by a header `Range: 0-<last>`, with or without a unit.
///
/// A session without bytes is `0-0` to some, as is one with a single byte: that counts as none.
fn received(range: &str) -> Option<u64> {
    let range = range.trim();
    let last = range
        .strip_prefix("bytes=")
        .unwrap_or(range)
        .strip_prefix("0-")?;
    match last.parse::<u64>().ok()? {
        0 => Some(0),
        last => last.checked_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_prints_without_its_url() {
        let session = UploadSession {
            number: 1,
            url: Url::parse("https://r.io:5000/canary?_state=canary").unwrap(),
            offset: 7,
        };
        assert_eq!(
            format!("{session:?}"),
            r#"UploadSession { host: "r.io:5000", offset: 7, .. }"#
        );
    }

    #[test]
    fn ranges_tell_what_arrived() {
        let check = |range: &str, expected: Option<u64>| {
            assert_eq!(received(range), expected, "{range}");
        };
        check("0-99", Some(100));
        check("bytes=0-99", Some(100));
        check("0-0", Some(0));
        for bad in ["", "1-5", "0-", "0--1", "0-18446744073709551615", "x"] {
            check(bad, None);
        }
    }
}
