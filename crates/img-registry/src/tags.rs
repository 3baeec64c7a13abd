//! The tags of a repository.

use img_oci::Tag;
use reqwest::header::LINK;
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::client::{Call, RepositoryClient};
use crate::transport::same_origin;
use crate::{RegistryError, RequestError};

/// The longest page that is read, in bytes.
const MAX_PAGE: u64 = 4 << 20;

/// The most pages that are read.
const MAX_PAGES: usize = 1000;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl RepositoryClient {
    /// Returns the tags in the registry's order, page after page; names outside the grammar are
    /// left out.
    pub async fn tags(&self) -> Result<Vec<Tag>, RegistryError> {
        let mut tags = Vec::new();
        let mut next = Some(self.pull(Method::GET, "tags/list"));
        for _ in 0..MAX_PAGES {
            let Some(call) = next else { break };
            let (page, following) = self.tag_page(call).await?;
            tags.extend(
                page.tags
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|tag| tag.parse::<Tag>().ok()),
            );
            next = following;
        }
        Ok(tags)
    }

    async fn tag_page(&self, call: Call) -> Result<(Page, Option<Call>), RegistryError> {
        let subject = "list of tags";
        let response = self
            .send(&call)
            .await
            .map_err(|error| self.failed(subject, error))?;
        if response.status() != StatusCode::OK {
            return Err(self.refused(subject, response).await);
        }
        let following = next_page(&response).filter(|url| same_origin(url, &self.inner.base));
        let next = following.map(|url| Call { url, ..call });
        let body = self.inner.transport.body(response, MAX_PAGE).await;
        let body = body.map_err(|error| self.failed(subject, error))?;
        let page = serde_json::from_slice(&body).map_err(|_| {
            let problem = "answered with something that is not a list of tags".to_owned();
            let host = self.registry().to_string();
            self.failed(subject, RequestError::Protocol { host, problem })
        })?;
        Ok((page, next))
    }
}

/// Returns the URL of `Link: <…>; rel="next"`.
fn next_page(response: &Response) -> Option<Url> {
    let link = response.headers().get(LINK)?.to_str().ok()?;
    let (target, parameters) = link.strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.replace(['"', ' '], "").contains("rel=next");
    is_next.then(|| response.url().join(target).ok()).flatten()
}
