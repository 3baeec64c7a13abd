//! How an exchange with a registry fails, and what the user can do about it.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use img_oci::{RegistryHost, Repository};
use reqwest::StatusCode;
use serde::Deserialize;
use thiserror::Error;

use crate::auth::AuthError;

/// How the TLS library names a self-signed certificate that is both authority and server.
const AUTHORITY_AS_SERVER: &str = "CaUsedAsEndEntity";

/// Why a request got no answer, or none that can be used.
#[derive(Debug, Error)]
pub enum RequestError {
    /// The registry's name cannot be part of a URL.
    #[error("{host} cannot be the name of a host: {cause}")]
    Name {
        /// Host and port.
        host: String,
        /// What is wrong with it.
        cause: String,
    },
    /// No connection came about.
    #[error("cannot connect to {host}: {cause}")]
    Connect {
        /// Host and port.
        host: String,
        /// What the system said.
        cause: String,
    },
    /// The peer is not who it should be, or does not speak TLS.
    #[error("cannot establish TLS with {host}: {cause}")]
    Tls {
        /// Host and port.
        host: String,
        /// What is wrong.
        cause: String,
    },
    /// The certificates of authorities that were named are of no use.
    #[error("cannot use the certificates in {}: {cause}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The connection broke.
    #[error("the connection to {host} broke: {cause}")]
    Broken {
        /// Host and port.
        host: String,
        /// What the system said.
        cause: String,
    },
    /// The peer was silent.
    #[error("{host} was silent for {seconds} seconds")]
    Stalled {
        /// Host and port.
        host: String,
        /// How long.
        seconds: u64,
    },
    /// The registry refused.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// Credentials or a token could not be had.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The answer is longer than it can be.
    #[error("the answer of {host} exceeds {limit} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The registry sent us where we do not go.
    #[error("{host} sent a location that is not followed: {reason}")]
    Location {
        /// Host and port.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The answer contradicts the protocol.
    #[error("{host} {problem}")]
    Protocol {
        /// Host and port.
        host: String,
        /// What it did.
        problem: String,
    },
}

impl RequestError {
    /// Returns what an error of the HTTP library means; the URL stays untold.
    pub(crate) fn of(host: String, error: &reqwest::Error) -> Self {
        let (tls, cause) = root_cause(error);
        match (tls, error.is_connect()) {
            (true, _) => Self::Tls { host, cause },
            (false, true) => Self::Connect { host, cause },
            (false, false) => Self::Broken { host, cause },
        }
    }

    /// Tells whether the request may succeed when it is repeated.
    pub(crate) fn is_retriable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken { .. } | Self::Stalled { .. } => true,
            Self::Response(response) => crate::retry::is_retriable(response.status),
            Self::Auth(AuthError::Token { source, .. }) => source.is_retriable(),
            _ => false,
        }
    }

    /// Returns what the user can do.
    pub fn hint(&self, registry: &RegistryHost) -> Option<String> {
        let hint = match self {
            Self::Name { .. } => format!("check the spelling of {registry}"),
            Self::Connect { .. } => format!(
                "check that {registry} is the right name and port, that the registry runs, and HTTPS_PROXY and NO_PROXY"
            ),
            Self::Certificates { .. } => "correct SSL_CERT_FILE, or unset it to trust the authorities that this machine knows".to_owned(),
            Self::Tls { cause, .. } if cause.contains(AUTHORITY_AS_SERVER) => format!(
                "{registry} shows the certificate of an authority as its own: give it one for servers (CA:FALSE) that this authority signed"
            ),
            Self::Tls { .. } => "name the registry's certificate authority by SSL_CERT_FILE, or pass --insecure if the registry speaks plain HTTP".to_owned(),
            Self::Broken { .. } | Self::Stalled { .. } => "try again; if it lasts, look at the registry and the proxies before it".to_owned(),
            Self::Response(response) => return response.hint(registry),
            Self::Auth(error) => return error.hint(registry),
            Self::TooLarge { .. } | Self::Location { .. } | Self::Protocol { .. } => {
                format!("check that {registry} is an OCI registry")
            }
        };
        Some(hint)
    }
}

/// Why a job at a registry did not get done.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// The registry answered, and refused.
    #[error("{registry} refused {subject} in {repository}")]
    Refused {
        /// The registry.
        registry: RegistryHost,
        /// The repository.
        repository: Repository,
        /// What it was about, such as `blob sha256:…`.
        subject: String,
        /// The refusal.
        source: ResponseError,
    },
    /// There was no answer.
    #[error("cannot ask {registry} for {subject} in {repository}")]
    Failed {
        /// The registry.
        registry: RegistryHost,
        /// The repository.
        repository: Repository,
        /// What it was about, such as `blob sha256:…`.
        subject: String,
        /// What went wrong.
        source: Box<RequestError>,
    },
}

impl RegistryError {
    /// Returns what the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused {
                registry, source, ..
            } => source.hint(registry),
            Self::Failed {
                registry, source, ..
            } => source.hint(registry),
        }
    }

    /// Tells whether the registry was not reached at all.
    pub fn is_unreachable(&self) -> bool {
        let Self::Failed { source, .. } = self else {
            return false;
        };
        matches!(
            **source,
            RequestError::Connect { .. } | RequestError::Tls { .. }
        )
    }
}

/// Returns whether TLS failed, and the innermost cause as text.
fn root_cause(error: &reqwest::Error) -> (bool, String) {
    let mut tls = false;
    let mut text = None;
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        tls |= cause.is::<rustls::Error>();
        // The library's own text holds the URL, and that may hold a secret.
        if !cause.is::<reqwest::Error>() {
            text = Some(cause.to_string());
        }
        next = wrapped(cause).or_else(|| cause.source());
    }
    (tls, text.unwrap_or_else(|| "unknown cause".to_owned()))
}

/// Returns the error in an I/O error, which is not its source: that is the source of what it wraps.
fn wrapped<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    Some(inner)
}

/// A refusal: the status, and what the registry said in the format of the OCI specification.
///
/// Source: OCI distribution-spec v1.1.1, "Error Codes". Other bodies are not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseError {
    /// The status.
    pub status: StatusCode,
    /// What was wrong, as far as it was said.
    pub errors: Vec<ErrorEntry>,
}

/// One error of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ErrorEntry {
    /// A code such as `BLOB_UNKNOWN`.
    #[serde(default)]
    pub code: String,
    /// Text for people.
    #[serde(default, deserialize_with = "null_is_default")]
    pub message: String,
    /// More, in any form.
    #[serde(default)]
    pub detail: serde_json::Value,
}

/// The most of a registry's text that is shown, in characters.
const MAX_SHOWN: usize = 300;

impl ResponseError {
    /// Reads the body of a refusal.
    pub(crate) fn new(status: StatusCode, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            errors: Vec<ErrorEntry>,
        }
        let errors = serde_json::from_slice(body).map_or_else(|_| Vec::new(), |b: Body| b.errors);
        Self { status, errors }
    }

    /// Tells whether one of the errors has this code.
    pub fn has_code(&self, code: &str) -> bool {
        self.errors.iter().any(|error| error.code == code)
    }

    /// Returns what the user can do.
    pub fn hint(&self, registry: &RegistryHost) -> Option<String> {
        let hint = match self.status.as_u16() {
            401 => log_in(registry),
            403 => format!(
                "check the name of the repository and that the account has the right to write to it, or log in as another: {}",
                log_in(registry)
            ),
            404 => format!(
                "check the name of the repository; create it if {registry} does not do so by itself"
            ),
            405 => format!("check that {registry} accepts pushes: a mirror may be read-only"),
            413 => format!("raise the limit for uploads at {registry} or at the proxy before it"),
            429 => {
                format!("{registry} limits how much it is asked: try later, or with fewer --jobs")
            }
            500..=599 => format!("{registry} has a fault: try later, or look at its log"),
            _ => return None,
        };
        Some(hint)
    }
}

fn log_in(registry: &RegistryHost) -> String {
    if registry.is_docker_hub() {
        return "log in with `docker login`".to_owned();
    }
    format!(
        "log in with `docker login {registry}`, or name a file with credentials by REGISTRY_AUTH_FILE"
    )
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        if self.errors.is_empty() {
            return write!(
                f,
                " {}",
                self.status.canonical_reason().unwrap_or("(unknown status)")
            );
        }
        for error in self.errors.iter().take(3) {
            write!(f, " {}", shown(&error.code))?;
            if !error.message.is_empty() {
                write!(f, " ({})", shown(&error.message))?;
            }
        }
        Ok(())
    }
}

impl Error for ResponseError {}

/// Returns a registry's text without terminal escapes, cut to a length.
fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_SHOWN)
        .collect::<String>()
        .escape_debug()
        .collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown.replace("\\'", "'").replace("\\\"", "\"")
}

fn null_is_default<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: &str) {
        let error = ResponseError::new(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn refusals_show_codes_and_messages_escaped_and_cut() {
        check(
            401,
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}"#,
            "401 UNAUTHORIZED (authentication required)",
        );
        check(
            404,
            r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#,
            "404 NAME_UNKNOWN",
        );
        check(
            400,
            "{\"errors\":[{\"code\":\"X\",\"message\":\"it's \\u001b[31mred\"}]}",
            "400 X (it's \\u{1b}[31mred)",
        );
        check(502, "<html>canary</html>", "502 Bad Gateway");
        check(403, r#"{"errors":[]}"#, "403 Forbidden");
        check(
            599,
            r#"{"errors":[{"code":"A","message":null},{"code":"B"}]}"#,
            "599 A B",
        );
        let long = format!(r#"{{"errors":[{{"code":"{}"}}]}}"#, "x".repeat(1000));
        check(400, &long, &format!("400 {}…", "x".repeat(300)));
    }

    /// A self-signed certificate for `r.test` with CA:TRUE, from 2026-11-21 for a hundred years.
    const SELF_SIGNED: &str = "\
        MIIBjTCCATKgAwIBAgIUUYFfQvQQHRSrLWZ0FRA5qqV9y4kwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGci50ZXN0\
        MCAXDTI2MTEyMTAxMDEzOVoYDzIxMjYxMDI4MDEwMTM5WjARMQ8wDQYDVQQDDAZyLnRlc3QwWTATBgcqhkjOPQIB\
        BggqhkjOPQMBBwNCAATe9TagOC/tiwrccV4oclOUlkyADFrimxSr7X9SxlgYeUFtdUC6own0cpNUC2W0VJq3IbuO\
        pw9Ap5N7Nt10Yewco2YwZDAdBgNVHQ4EFgQUtAjY6xzPkHqvoJvg240GlGS3x1QwHwYDVR0jBBgwFoAUtAjY6xzP\
        kHqvoJvg240GlGS3x1QwDwYDVR0TAQH/BAUwAwEB/zARBgNVHREECjAIggZyLnRlc3QwCgYIKoZIzj0EAwIDSQAw\
        RgIhAJc11YVg7gPA+t87q9zvNRFL1ejHI5rhMsxaDSsM0y0OAiEA9TAYiE5PriSpjBmKai/x4fzEJ1553towbKeR\
        uvC69Jo=";

    #[test]
    fn an_authority_that_serves_has_a_hint_of_its_own() {
        use base64::Engine as _;
        use rustls::client::WebPkiServerVerifier;
        use rustls::client::danger::ServerCertVerifier as _;
        use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

        let bytes = base64::engine::general_purpose::STANDARD.decode(SELF_SIGNED);
        let certificate = CertificateDer::from(bytes.unwrap());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider);
        let in_2027 = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
        let name = ServerName::try_from("r.test").unwrap();
        let outcome =
            verifier
                .build()
                .unwrap()
                .verify_server_cert(&certificate, &[], &name, &[], in_2027);
        let hint = |cause: &str| {
            let (host, cause) = ("r.test".to_owned(), cause.to_owned());
            let error = RequestError::Tls { host, cause };
            error.hint(&"r.test".parse().unwrap()).unwrap()
        };
        let hinted = hint(&outcome.unwrap_err().to_string());
        assert!(
            hinted.starts_with("r.test shows the certificate of an authority"),
            "{hinted}"
        );
        assert!(hint("UnknownIssuer").contains("SSL_CERT_FILE"));
    }

    #[test]
    fn refusals_come_with_a_remedy() {
        let hint = |status: u16, registry: &str| {
            let error = ResponseError::new(StatusCode::from_u16(status).unwrap(), b"");
            error.hint(&registry.parse().unwrap()).unwrap_or_default()
        };
        assert_eq!(hint(401, "docker.io"), "log in with `docker login`");
        assert!(hint(401, "ghcr.io").starts_with("log in with `docker login ghcr.io`"));
        for status in [403, 404, 405, 413, 429, 500, 503] {
            assert!(!hint(status, "ghcr.io").is_empty(), "{status}");
        }
    }
}
