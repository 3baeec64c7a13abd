//! Answering a registry's challenge: Basic, or a bearer token from the token server it names.
//!
//! Credentials go to the registry itself, or to a token server of the same domain, and never over
//! plain HTTP to another machine, unless plain HTTP is what the user asked for. Where there are
//! credentials, a token server of another domain is an error; where there are none, it is asked.

mod realm;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use img_oci::{RegistryHost, Repository};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Body, Method, Request};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Mutex;
use url::Url;

use crate::challenge::{self, BearerChallenge, Challenge, ParseChallengeError};
use crate::credentials::{Credential, CredentialError, Credentials};
use crate::transport::{Transport, authority};
use crate::{RequestError, ResponseError, Secret};

/// The longest answer of a token server that is read, in bytes.
const MAX_TOKEN_ANSWER: u64 = 1 << 20;

/// How long a token is used whose life is not told, or told to be shorter: the distribution
/// project's default. A registry that no longer takes one says so by a challenge.
const SHORTEST_LIFE: u64 = 60;

/// Why a challenge could not be answered.
#[derive(Debug, Error)]
pub enum AuthError {
    /// The challenge cannot be read.
    #[error("{registry} sent a challenge that cannot be answered")]
    Challenge {
        /// The registry.
        registry: RegistryHost,
        /// What is wrong with it.
        source: ParseChallengeError,
    },
    /// The challenge names a token server that is not to be trusted.
    #[error("{registry} names a token server that gets no credentials: {reason}")]
    Realm {
        /// The registry.
        registry: RegistryHost,
        /// What is wrong with it.
        reason: String,
    },
    /// Others could read the credentials on their way.
    #[error(
        "{registry} is another machine asked by plain HTTP, over which no credentials are sent"
    )]
    Overheard {
        /// The registry.
        registry: RegistryHost,
    },
    /// The credentials could not be looked up.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The token server failed or refused.
    #[error("cannot get a token for {registry} from {server}")]
    Token {
        /// The registry.
        registry: RegistryHost,
        /// Host and port of the token server.
        server: String,
        /// What it said.
        source: Box<RequestError>,
    },
    /// The token server's answer holds no token.
    #[error("the token server {server} of {registry} answered without a token")]
    NoToken {
        /// The registry.
        registry: RegistryHost,
        /// Host and port of the token server.
        server: String,
    },
}

impl AuthError {
    /// Returns what the user can do.
    pub fn hint(&self, registry: &RegistryHost) -> Option<String> {
        match self {
            Self::Token { source, .. } => match &**source {
                // Token servers refuse wrong passwords with either.
                RequestError::Response(response) if response.status.is_client_error() => {
                    ResponseError {
                        status: reqwest::StatusCode::UNAUTHORIZED,
                        errors: Vec::new(),
                    }
                    .hint(registry)
                }
                other => other.hint(registry),
            },
            Self::Credentials(CredentialError::Helper { helper, .. }) => Some(format!(
                "run `docker-credential-{helper} get` by hand, or remove it from the Docker config"
            )),
            Self::Credentials(_) => {
                Some("correct the file, or make it anew with `docker login`".to_owned())
            }
            Self::Challenge { .. } | Self::NoToken { .. } => {
                Some(format!("check that {registry} is an OCI registry"))
            }
            Self::Overheard { .. } => Some(format!(
                "pass --insecure to send them all the same, or log out of {registry} if it needs none"
            )),
            Self::Realm { .. } => Some(format!(
                "log out of {registry} if it needs no credentials, or report this to its operator"
            )),
        }
    }
}

/// What a request has to be allowed: scopes such as `repository:acme/app:pull,push`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scopes(Vec<String>);

impl Scopes {
    pub(crate) fn of(repository: &Repository, actions: &str) -> Self {
        Self(vec![format!("repository:{repository}:{actions}")])
    }

    /// Returns these scopes and those of a challenge, which are separated by spaces.
    fn with(&self, wanted: &str) -> Self {
        let mut all = self.clone();
        for scope in wanted.split(' ').filter(|scope| !scope.is_empty()) {
            match all.0.iter_mut().find(|known| name(known) == name(scope)) {
                Some(known) => add_actions(known, scope),
                None => all.0.push(scope.to_owned()),
            }
        }
        all
    }

    #[must_use]
    pub(crate) fn and(mut self, repository: &Repository, actions: &str) -> Self {
        self.0.push(format!("repository:{repository}:{actions}"));
        self
    }
}

/// Returns what a scope is about, without the actions.
fn name(scope: &str) -> &str {
    scope.rsplit_once(':').map_or(scope, |(name, _)| name)
}

/// Adds the actions of one scope to another one of the same name.
fn add_actions(known: &mut String, scope: &str) {
    let more = scope.rsplit_once(':').map_or("", |(_, actions)| actions);
    for action in more.split(',').filter(|action| !action.is_empty()) {
        let actions = known.rsplit_once(':').map_or("", |(_, actions)| actions);
        if !actions.split(',').any(|known| known == action) {
            known.push(',');
            known.push_str(action);
        }
    }
}

/// Answers the challenges of one registry for one repository.
pub(crate) struct Authenticator {
    registry: RegistryHost,
    repository: Repository,
    /// Where the registry's API is.
    base: Url,
    transport: Arc<Transport>,
    credentials: Arc<Credentials>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    scheme: Option<Challenge>,
    credential: Known,
    /// What the registry said that a request with these scopes has to be allowed.
    wanted: BTreeMap<Scopes, String>,
    tokens: BTreeMap<Scopes, Token>,
}

/// What is known of our credentials.
#[derive(Default)]
enum Known {
    /// They were not looked for yet.
    #[default]
    Nothing,
    /// They were looked for; there may be none.
    All(Option<Credential>),
}

#[derive(Clone)]
struct Token {
    header: Secret,
    expires: Option<Instant>,
}

impl Authenticator {
    pub(crate) fn new(
        registry: RegistryHost,
        repository: Repository,
        base: Url,
        transport: Arc<Transport>,
        credentials: Arc<Credentials>,
    ) -> Self {
        Self {
            registry,
            repository,
            base,
            transport,
            credentials,
            state: Mutex::default(),
        }
    }

    /// Returns the `Authorization` header to begin with, if the registry is known to want one.
    pub(crate) async fn authorization(&self, scopes: &Scopes) -> Result<Option<Secret>, AuthError> {
        let mut state = self.state.lock().await;
        match state.valid(scopes) {
            Some(header) => Ok(Some(header)),
            None if state.scheme.is_some() => self.renew(&mut state, scopes).await,
            None => Ok(None),
        }
    }

    /// Returns the header that answers the challenge in `headers`, or `None` if there is no other
    /// than the one that was just refused.
    pub(crate) async fn answer(
        &self,
        headers: &HeaderMap,
        scopes: &Scopes,
        refused: Option<&Secret>,
    ) -> Result<Option<Secret>, AuthError> {
        let mut state = self.state.lock().await;
        // Another request may have renewed the token in the meantime.
        if let Some(header) = state.valid(scopes).filter(|header| Some(header) != refused) {
            return Ok(Some(header));
        }
        let Some(challenge) = self.challenge(headers)? else {
            return Ok(None);
        };
        if let Challenge::Bearer(BearerChallenge {
            scope: Some(scope), ..
        }) = &challenge
        {
            state.wanted.insert(scopes.clone(), scope.clone());
        }
        state.scheme = Some(challenge);
        let header = self.renew(&mut state, scopes).await?;
        Ok(header.filter(|header| Some(header) != refused))
    }

    fn challenge(&self, headers: &HeaderMap) -> Result<Option<Challenge>, AuthError> {
        let mut best = None;
        for header in headers.get_all(WWW_AUTHENTICATE) {
            let text = String::from_utf8_lossy(header.as_bytes());
            let parsed = challenge::parse(&text).map_err(|source| AuthError::Challenge {
                registry: self.registry.clone(),
                source,
            })?;
            match parsed {
                Some(bearer @ Challenge::Bearer(_)) => return Ok(Some(bearer)),
                other => best = best.or(other),
            }
        }
        Ok(best)
    }

    async fn renew(&self, state: &mut State, scopes: &Scopes) -> Result<Option<Secret>, AuthError> {
        let credential = self.credential(state).await?;
        if credential.is_some() && self.transport.is_overheard(&self.base) {
            let registry = self.registry.clone();
            return Err(AuthError::Overheard { registry });
        }
        let token = match (&state.scheme, credential) {
            (Some(Challenge::Basic), Some(Credential::Basic { username, password })) => Token {
                header: basic(&username, &password),
                expires: None,
            },
            (Some(Challenge::Bearer(_)), Some(Credential::RegistryToken(token))) => Token {
                header: Secret::new(format!("Bearer {}", token.expose())),
                expires: None,
            },
            (Some(Challenge::Bearer(bearer)), credential) => {
                let wanted = state.wanted.get(scopes).map_or("", String::as_str);
                self.fetch_token(bearer, &scopes.with(wanted), credential.as_ref())
                    .await?
            }
            _ => return Ok(None),
        };
        state.tokens.insert(scopes.clone(), token.clone());
        Ok(Some(token.header))
    }

    async fn credential(&self, state: &mut State) -> Result<Option<Credential>, AuthError> {
        if let Known::All(credential) = &state.credential {
            return Ok(credential.clone());
        }
        let found = self
            .credentials
            .find(&self.registry, &self.repository)
            .await?;
        state.credential = Known::All(found.clone());
        Ok(found)
    }

    async fn fetch_token(
        &self,
        bearer: &BearerChallenge,
        scopes: &Scopes,
        credential: Option<&Credential>,
    ) -> Result<Token, AuthError> {
        let realm = realm::of(bearer, &self.base, &self.transport, credential.is_some());
        let realm = realm.map_err(|reason| AuthError::Realm {
            registry: self.registry.clone(),
            reason,
        })?;
        let server = authority(&realm);
        let request = token_request(realm, bearer, scopes, credential);
        let failed = |source| AuthError::Token {
            registry: self.registry.clone(),
            server: server.clone(),
            source: Box::new(source),
        };
        let body = self.exchange_token(request).await.map_err(failed)?;
        token_of(&body).ok_or_else(|| AuthError::NoToken {
            registry: self.registry.clone(),
            server,
        })
    }

    async fn exchange_token(&self, request: Request) -> Result<Vec<u8>, RequestError> {
        let response = self.transport.send(request).await?;
        let status = response.status();
        let body = self.transport.body(response, MAX_TOKEN_ANSWER).await?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(ResponseError::new(status, &body).into())
        }
    }
}

impl State {
    /// Returns the header for these scopes, if there is one that has not expired.
    fn valid(&self, scopes: &Scopes) -> Option<Secret> {
        let token = self.tokens.get(scopes)?;
        let alive = token.expires.is_none_or(|expires| Instant::now() < expires);
        alive.then(|| token.header.clone())
    }
}

fn basic(username: &str, password: &Secret) -> Secret {
    let pair = format!("{username}:{}", password.expose());
    Secret::new(format!("Basic {}", STANDARD.encode(pair)))
}

/// Returns the request for a token: by GET, or by POST to trade an identity token in.
///
/// Source: the distribution project's "Token authentication" and "`OAuth2` token authentication".
fn token_request(
    mut realm: Url,
    bearer: &BearerChallenge,
    scopes: &Scopes,
    credential: Option<&Credential>,
) -> Request {
    let service = bearer.service.as_deref().unwrap_or_default();
    if let Some(Credential::IdentityToken(token)) = credential {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", service)
            .append_pair("client_id", "rules_img")
            .append_pair("scope", &scopes.0.join(" "))
            .append_pair("refresh_token", token.expose())
            .finish();
        let mut request = Request::new(Method::POST, realm);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        *request.body_mut() = Some(Body::from(form));
        return request;
    }
    {
        let mut query = realm.query_pairs_mut();
        if !service.is_empty() {
            query.append_pair("service", service);
        }
        for scope in &scopes.0 {
            query.append_pair("scope", scope);
        }
    }
    let mut request = Request::new(Method::GET, realm);
    if let Some(Credential::Basic { username, password }) = credential {
        authorize(&mut request, &basic(username, password));
    }
    request
}

/// Adds an `Authorization` header that debug output does not show.
pub(crate) fn authorize(request: &mut Request, header: &Secret) {
    // A secret that cannot be a header's value is not sent, and refused for that.
    if let Ok(mut value) = HeaderValue::from_str(header.expose()) {
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
}

#[derive(Debug, Deserialize)]
struct TokenAnswer {
    token: Option<Secret>,
    access_token: Option<Secret>,
    expires_in: Option<u64>,
}

/// Returns the token in a token server's answer. Its age counts from now, by our monotonic clock:
/// what the server's clock says is of no use.
fn token_of(body: &[u8]) -> Option<Token> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    let nonempty = |token: Option<Secret>| token.filter(|token| !token.is_empty());
    let token = nonempty(answer.token).or(nonempty(answer.access_token))?;
    let seconds = answer
        .expires_in
        .unwrap_or(SHORTEST_LIFE)
        .max(SHORTEST_LIFE);
    // Renewed a little early, so that it does not expire on its way.
    let life = Duration::from_secs(seconds - seconds / 10);
    let expires = Instant::now().checked_add(life);
    Some(Token {
        header: Secret::new(format!("Bearer {}", token.expose())),
        expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlainHttp;

    /// Answers a challenge for Basic credentials that a file has for the registry.
    async fn check_basic(registry: &str, plain_http: PlainHttp, expected: &str) {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("auth.json");
        let entry = r#"{"username":"user","password":"canary"}"#;
        std::fs::write(&file, format!(r#"{{"auths":{{"{registry}":{entry}}}}}"#)).unwrap();
        let transport = Arc::new(Transport::new(
            plain_http,
            crate::Authorities::default(),
            Duration::MAX,
        ));
        let registry: RegistryHost = registry.parse().unwrap();
        let authenticator = Authenticator::new(
            registry.clone(),
            "a".parse().unwrap(),
            transport.base(&registry).unwrap(),
            transport,
            Arc::new(Credentials::new(crate::CredentialLocations {
                registry_auth_file: Some(file),
                ..Default::default()
            })),
        );
        let challenge = HeaderValue::from_static("Basic realm=x");
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, challenge)]);
        let scopes = Scopes::of(&"a".parse().unwrap(), "pull");
        let found = match authenticator.answer(&headers, &scopes, None).await {
            Ok(header) => header.map_or("nothing", |_| "sent").to_owned(),
            Err(error) => format!("{error}; {}", error.hint(&registry).unwrap_or_default()),
        };
        assert_eq!(found, expected, "{registry}");
    }

    #[tokio::test]
    async fn credentials_go_in_clear_to_this_machine_only() {
        check_basic("127.0.0.1:5000", PlainHttp::Local, "sent").await;
        check_basic("ghcr.io", PlainHttp::Local, "sent").await;
        check_basic(
            "nas.local",
            PlainHttp::Local,
            "nas.local is another machine asked by plain HTTP, over which no credentials are sent; \
             pass --insecure to send them all the same, or log out of nas.local if it needs none",
        )
        .await;
        check_basic("nas.local", PlainHttp::Everywhere, "sent").await;
        check_basic("ghcr.io", PlainHttp::Everywhere, "sent").await;
    }

    #[test]
    fn a_token_is_for_what_we_ask_and_what_the_registry_wants() {
        let ours = Scopes::of(&"a".parse().unwrap(), "pull");
        let check = |wanted: &str, expected: &[&str]| {
            assert_eq!(ours.with(wanted).0, expected, "{wanted}");
        };
        check("", &["repository:a:pull"]);
        check("repository:a:pull", &["repository:a:pull"]);
        check(
            "repository:a:push,pull,delete",
            &["repository:a:pull,push,delete"],
        );
        check(
            " repository:b:pull  registry:catalog:* x",
            &[
                "repository:a:pull",
                "repository:b:pull",
                "registry:catalog:*",
                "x",
            ],
        );
    }

    #[test]
    fn a_token_servers_answer_prints_without_tokens() {
        let answer = r#"{"token":"canary","access_token":"canary","expires_in":7}"#;
        let answer: TokenAnswer = serde_json::from_str(answer).unwrap();
        let shown = format!("{answer:?}");
        assert!(
            shown.contains("***") && !shown.contains("canary"),
            "{shown}"
        );
    }

    #[test]
    fn tokens_without_a_life_are_not_thrown_away() {
        for body in [
            r#"{"token":"t"}"#,
            r#"{"access_token":"t","expires_in":0}"#,
            r#"{"token":"t","expires_in":18446744073709551615}"#,
        ] {
            let token = token_of(body.as_bytes()).unwrap();
            assert!(
                token.expires.is_none_or(|expires| expires > Instant::now()),
                "{body}"
            );
        }
        for body in ["{}", r#"{"token":""}"#, "<html>", r#"{"token":5}"#] {
            assert!(token_of(body.as_bytes()).is_none(), "{body}");
        }
    }
}
