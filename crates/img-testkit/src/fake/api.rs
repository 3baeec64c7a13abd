//! What the fake does with a request: the distribution API in little, unless a fault says otherwise.

use std::sync::{Arc, Mutex};

use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use img_oci::Digest;

use super::body::{self, Cut, CutBody};
use super::{Access, Action, Seen, State, lock};

type Shared = Arc<Mutex<State>>;

/// An answer in the making.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

pub(crate) async fn handle(
    state: Shared,
    request: Request<Incoming>,
) -> Result<Response<CutBody>, Cut> {
    let (parts, incoming) = request.into_parts();
    let target = parts
        .uri
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let method = parts.method.as_str().to_owned();
    let fault = {
        let mut state = lock(&state);
        let authorization = header(&parts.headers, "authorization");
        state.seen.push(Seen {
            method: method.clone(),
            target: target.clone(),
            authorization,
        });
        state.arrivals.notify_waiters();
        state.take_fault(&method, &target)
    };
    match &fault {
        Some(Action::Hang) => std::future::pending().await,
        Some(Action::Answer(status, headers, text)) => {
            let (body, headers) = (text.clone().into_bytes(), headers.clone());
            return Ok(Answer {
                status: *status,
                headers,
                body,
            }
            .response());
        }
        _ => {}
    }
    let limit = match fault {
        Some(Action::CutRequest(limit)) => limit,
        _ => usize::MAX,
    };
    let (bytes, whole) = body::read(incoming, limit).await;
    if !whole {
        keep_partial(&mut lock(&state), &parts.headers, &target, bytes);
        return Err(Cut);
    }
    let asked = Asked {
        method: &method,
        target: &target,
        headers: &parts.headers,
    };
    let forgets = matches!(fault, Some(Action::Forget));
    let mut answer = lock(&state).answer(&asked, bytes, forgets);
    match &fault {
        Some(Action::AnswerAfter(status)) => answer.status = *status,
        Some(Action::Header(name, value)) => {
            answer.headers.retain(|(other, _)| other != name);
            answer.headers.push((name, value.clone()));
        }
        _ => {}
    }
    let response = answer.response();
    Ok(match fault {
        Some(Action::CutResponse(at)) => response.map(|body| body.cut_at(at)),
        Some(Action::Mangle) => response.map(CutBody::mangled),
        _ => response,
    })
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

fn keep_partial(state: &mut State, headers: &HeaderMap, target: &str, bytes: Vec<u8>) {
    let keeps = state.keeps_partial && header(headers, "content-type").is_some();
    let number = upload_number(target);
    if let Some(upload) = state.uploads.get_mut(&number).filter(|_| keeps) {
        upload.extend(bytes);
    }
}

/// A request without its body.
struct Asked<'a> {
    method: &'a str,
    target: &'a str,
    headers: &'a HeaderMap,
}

impl State {
    fn answer(&mut self, asked: &Asked<'_>, bytes: Vec<u8>, forgets: bool) -> Answer {
        let path = asked.target.split('?').next().unwrap_or_default();
        if path == "/token" {
            return self.token(asked);
        }
        if let Some(challenge) = self.challenge(asked) {
            return challenge;
        }
        let Some(path) = path.strip_prefix("/v2/") else {
            return Answer::error(404, "UNSUPPORTED");
        };
        if let Some((repository, _)) = path.split_once("/blobs/uploads") {
            return self.upload(asked, repository, bytes, forgets);
        }
        if let Some((repository, digest)) = path.split_once("/blobs/") {
            return self.blob(asked, repository, digest);
        }
        if let Some((repository, reference)) = path.split_once("/manifests/") {
            return self.manifest(asked, repository, reference, bytes, forgets);
        }
        Answer::error(404, "UNSUPPORTED")
    }

    fn token(&mut self, asked: &Asked<'_>) -> Answer {
        let Access::Bearer { user, .. } = &self.access else {
            return Answer::new(404);
        };
        let shown = header(asked.headers, "authorization");
        if !user.is_empty() && shown.as_deref() != Some(&format!("Basic {}", base64(user))) {
            return Answer::error(401, "UNAUTHORIZED");
        }
        self.tokens += 1;
        let body = format!(
            r#"{{"token":"token-canary-{}","expires_in":300}}"#,
            self.tokens
        );
        Answer {
            body: body.into_bytes(),
            ..Answer::new(200)
        }
    }

    /// Tells whether a header holds a token that was given out and not made invalid since.
    fn is_valid(&self, header: &str) -> bool {
        let number = header.strip_prefix("Bearer token-canary-");
        let number = number.and_then(|number| number.parse().ok());
        number.is_some_and(|number| (self.expired + 1..=self.tokens).contains(&number))
    }

    fn challenge(&self, asked: &Asked<'_>) -> Option<Answer> {
        let shown = header(asked.headers, "authorization").unwrap_or_default();
        let (allowed, challenge) = match &self.access {
            Access::Open => return None,
            Access::Basic(user) => (
                shown == format!("Basic {}", base64(user)),
                r#"Basic realm="fake""#.to_owned(),
            ),
            Access::Bearer { realm, .. } => (
                self.is_valid(&shown),
                format!(r#"Bearer realm="{realm}",service="fake",scope="x""#),
            ),
        };
        if allowed {
            return None;
        }
        Some(Answer::error(401, "UNAUTHORIZED").with("www-authenticate", challenge))
    }

    fn upload(
        &mut self,
        asked: &Asked<'_>,
        repository: &str,
        bytes: Vec<u8>,
        forgets: bool,
    ) -> Answer {
        let number = upload_number(asked.target);
        match asked.method {
            "POST" => return self.open_upload(asked, repository, forgets),
            "DELETE" => return Answer::new(self.uploads.remove(&number).map_or(404, |_| 204)),
            _ => {}
        }
        let Some(upload) = self.uploads.get_mut(&number) else {
            return Answer::error(404, "BLOB_UPLOAD_UNKNOWN");
        };
        if let Some(range) = header(asked.headers, "content-range")
            && range != content_range(upload.len(), bytes.len())
        {
            return Answer::error(416, "BLOB_UPLOAD_INVALID");
        }
        upload.extend(bytes);
        let range = format!("0-{}", upload.len().saturating_sub(1));
        let location = format!("/v2/{repository}/blobs/uploads/{number}?_state=s%2F{number}");
        match asked.method {
            "GET" => Answer::new(204)
                .with("range", range)
                .with("location", location),
            "PATCH" => Answer::new(202)
                .with("range", range)
                .with("location", location),
            "PUT" => self.close_upload(asked, repository, &number, forgets),
            _ => Answer::new(405),
        }
    }

    fn open_upload(&mut self, asked: &Asked<'_>, repository: &str, forgets: bool) -> Answer {
        if let (Some(digest), Some(from)) = (query(asked, "mount"), query(asked, "from"))
            && !self.declines_mounts
            && let Some(bytes) = self.blobs.get(&(from, digest.clone())).cloned()
        {
            if !forgets {
                self.blobs.insert((repository.to_owned(), digest), bytes);
            }
            return Answer::new(201);
        }
        self.last_upload += 1;
        let number = self.last_upload.to_string();
        self.uploads.insert(number.clone(), Vec::new());
        let location = format!("/v2/{repository}/blobs/uploads/{number}?_state=s%2F{number}");
        Answer::new(202).with("location", location)
    }

    fn close_upload(
        &mut self,
        asked: &Asked<'_>,
        repository: &str,
        number: &str,
        forgets: bool,
    ) -> Answer {
        let bytes = self.uploads.remove(number).unwrap_or_default();
        let digest = query(asked, "digest").unwrap_or_default();
        if Digest::sha256(&bytes).to_string() != digest {
            return Answer::error(400, "DIGEST_INVALID");
        }
        if !forgets {
            self.blobs
                .insert((repository.to_owned(), digest.clone()), bytes);
        }
        Answer::new(201).with("docker-content-digest", digest)
    }

    fn blob(&self, asked: &Asked<'_>, repository: &str, digest: &str) -> Answer {
        let Some(bytes) = self.blobs.get(&(repository.to_owned(), digest.to_owned())) else {
            return Answer::error(404, "BLOB_UNKNOWN");
        };
        let range = header(asked.headers, "range");
        let range = range
            .as_deref()
            .and_then(|range| range.strip_prefix("bytes="));
        let start = range.and_then(|range| range.split('-').next()?.parse::<usize>().ok());
        match start {
            Some(start) => {
                let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
                let body = bytes[start..].to_vec();
                Answer {
                    body,
                    ..Answer::new(206)
                }
                .with("content-range", range)
            }
            None => Answer {
                body: bytes.clone(),
                ..Answer::new(200)
            },
        }
    }

    fn manifest(
        &mut self,
        asked: &Asked<'_>,
        repository: &str,
        reference: &str,
        bytes: Vec<u8>,
        forgets: bool,
    ) -> Answer {
        let key = (repository.to_owned(), reference.to_owned());
        if asked.method == "PUT" {
            if let Some(missing) = self.missing_blob(repository, &bytes) {
                return Answer::error(400, "MANIFEST_BLOB_UNKNOWN").detail(&missing);
            }
            let digest = Digest::sha256(&bytes).to_string();
            let kind = header(asked.headers, "content-type").unwrap_or_default();
            if !forgets {
                self.manifests.insert(
                    (key.0.clone(), digest.clone()),
                    (kind.clone(), bytes.clone()),
                );
                self.manifests.insert(key, (kind, bytes));
            }
            return Answer::new(201).with("docker-content-digest", digest);
        }
        let Some((kind, bytes)) = self.manifests.get(&key) else {
            return Answer::error(404, "MANIFEST_UNKNOWN");
        };
        let digest = Digest::sha256(bytes).to_string();
        Answer {
            body: bytes.clone(),
            ..Answer::new(200)
        }
        .with("content-type", kind.clone())
        .with("docker-content-digest", digest)
    }

    fn missing_blob(&self, repository: &str, manifest: &[u8]) -> Option<String> {
        let manifest: serde_json::Value = serde_json::from_slice(manifest).ok()?;
        let layers = manifest.get("layers")?.as_array()?;
        let blobs = layers.iter().chain(manifest.get("config"));
        let digests = blobs.filter_map(|blob| blob.get("digest")?.as_str());
        let mut keys = digests.map(|digest| (repository.to_owned(), digest.to_owned()));
        keys.find(|key| !self.blobs.contains_key(key))
            .map(|(_, digest)| digest)
    }
}

impl Answer {
    fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    fn error(status: u16, code: &str) -> Self {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"told so"}}]}}"#);
        Self {
            body: body.into_bytes(),
            ..Self::new(status)
        }
    }

    fn detail(mut self, digest: &str) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        let detail = format!(r#""detail":{{"digest":"{digest}"}},"code""#);
        self.body = text.replacen("\"code\"", &detail, 1).into_bytes();
        self
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn response(self) -> Response<CutBody> {
        let mut response = Response::new(CutBody::whole(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).expect("is a status");
        for (name, value) in self.headers {
            let value = HeaderValue::from_str(&value).expect("is a header's value");
            response
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
        response
    }
}

/// Returns what a chunk has to say of its place: `<first>-<last>`, which no empty chunk can.
fn content_range(start: usize, length: usize) -> String {
    let last = (start + length).checked_sub(1).filter(|_| length > 0);
    last.map_or_else(String::new, |last| format!("{start}-{last}"))
}

fn upload_number(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn query(asked: &Asked<'_>, name: &str) -> Option<String> {
    let (_, query) = asked.target.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, _)| *key == name)?.1;
    Some(value.replace("%3A", ":").replace("%2F", "/"))
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
