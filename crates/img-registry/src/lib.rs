//! Client of the OCI distribution API: checks, fetches, mounts, uploads and tags, in the face of
//! registries that are slow, forgetful or hostile.
//!
//! A manifest that comes out has the digest that was asked for, or there is an error; the bytes of
//! a blob are verified by whoever reads them, as with every source. What is acknowledged was looked at: an upload counts when the registry shows the blob.
//! Credentials go to the registry and to its token server, and nowhere else.
//!
//! Source: OCI distribution-spec v1.1.1.

mod auth;
mod blob;
mod challenge;
mod client;
mod credentials;
mod error;
mod location;
mod manifest;
mod retry;
mod secret;
mod transport;
mod upload;

pub use auth::AuthError;
pub use blob::MountOutcome;
pub use challenge::ParseChallengeError;
pub use client::{RegistryClient, RegistryOptions, RepositoryClient};
pub use credentials::{CredentialError, CredentialLocations, Credentials, HelperError};
pub use error::{ErrorEntry, RegistryError, RequestError, ResponseError};
pub use manifest::{FetchManifestError, FetchedManifest, PutManifestError};
pub use retry::{Pause, RetryOptions, Wait};
pub use secret::Secret;
pub use transport::{Authorities, PlainHttp};
pub use upload::{Position, UploadBlobError, UploadSession};
