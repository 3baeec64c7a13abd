//! Who we are to a registry, as `docker login` and its relatives left it.
//!
//! Files, in order: the one named by `REGISTRY_AUTH_FILE`, whenever it is set; then Docker's
//! config, or Podman's where Docker has none. The first that knows the registry decides. Nothing
//! is read and no helper is started before a registry asks.

mod config;
mod helper;
mod key;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use img_oci::{RegistryHost, Repository};
use thiserror::Error;
use tokio::sync::{Mutex, OnceCell};

use crate::Secret;
use config::DockerConfig;
pub use helper::HelperError;

/// How long a credential helper may take.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// What to prove one's identity with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A user's name and password.
    Basic {
        /// Name of the user.
        username: String,
        /// Password, or a token in its place.
        password: Secret,
    },
    /// A refresh token, good for the token server only.
    IdentityToken(Secret),
    /// A bearer token, good for the registry itself.
    RegistryToken(Secret),
}

/// Where credentials may be, as the environment says.
#[derive(Clone, Debug, Default)]
pub struct CredentialLocations {
    /// `REGISTRY_AUTH_FILE`: a file in Docker's format.
    pub registry_auth_file: Option<PathBuf>,
    /// `DOCKER_CONFIG`: the folder of Docker's `config.json`.
    pub docker_config: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// Folders to look for helpers in, in place of those in `PATH`.
    pub helper_path: Option<std::ffi::OsString>,
}

/// Finds credentials, each helper asked once.
#[derive(Debug, Default)]
pub struct Credentials {
    locations: CredentialLocations,
    configs: OnceCell<Vec<DockerConfig>>,
    answers: Mutex<BTreeMap<(String, String), Option<Credential>>>,
}

/// Why credentials could not be looked up.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// A file could not be read.
    #[error("cannot read credentials from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not in Docker's format. What it holds is a secret, so only the place is told.
    #[error("{} is not a Docker config: malformed JSON at line {line}, column {column}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// An entry of a file cannot be decoded.
    #[error("the credentials for `{key}` in {} are not base64 of user:password", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// Key of the entry.
        key: String,
    },
    /// A helper failed.
    #[error("cannot get credentials for {server} from docker-credential-{helper}")]
    Helper {
        /// Name of the helper, as in the config.
        helper: String,
        /// What it was asked for.
        server: String,
        /// How it failed.
        source: HelperError,
    },
}

impl Credentials {
    /// Returns a finder for these locations.
    pub fn new(locations: CredentialLocations) -> Self {
        Self {
            locations,
            ..Self::default()
        }
    }

    /// Returns the credentials for a repository, or `None` where no file knows its registry.
    pub(crate) async fn find(
        &self,
        registry: &RegistryHost,
        repository: &Repository,
    ) -> Result<Option<Credential>, CredentialError> {
        let keys = key::candidates(registry, repository);
        let configs = self
            .configs
            .get_or_try_init(async || self.read_configs())
            .await?;
        for config in configs {
            let found = match config.helper(&keys) {
                Some(helper) => self.ask(helper, &key::server(registry)).await?,
                None => None,
            };
            if let Some(credential) = found.map_or_else(|| config.entry(&keys), |c| Ok(Some(c)))? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    fn read_configs(&self) -> Result<Vec<DockerConfig>, CredentialError> {
        let explicit = self.locations.registry_auth_file.clone();
        explicit
            .into_iter()
            .chain(self.locations.implicit_file())
            .map(DockerConfig::read)
            .collect()
    }

    /// Asks a helper, unless it was asked before; one after the other, as some prompt.
    async fn ask(&self, helper: &str, server: &str) -> Result<Option<Credential>, CredentialError> {
        let mut answers = self.answers.lock().await;
        let question = (helper.to_owned(), server.to_owned());
        if let Some(answer) = answers.get(&question) {
            return Ok(answer.clone());
        }
        let path = self.locations.helper_path.as_deref();
        let answer = helper::run(helper, server, path, HELPER_TIMEOUT)
            .await
            .map_err(|source| CredentialError::Helper {
                helper: question.0.clone(),
                server: question.1.clone(),
                source,
            })?;
        answers.insert(question, answer.clone());
        Ok(answer)
    }
}

impl CredentialLocations {
    /// Returns Docker's config, or Podman's where Docker has none.
    ///
    /// `DOCKER_CONFIG` hides the config under `HOME`, even if its own folder has none.
    fn implicit_file(&self) -> Option<PathBuf> {
        let named = self
            .docker_config
            .as_ref()
            .map(|folder| folder.join("config.json"));
        let home = self
            .home
            .as_ref()
            .map(|home| home.join(".docker/config.json"));
        let is_file = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.is_file());
        if is_file(&named) || is_file(&home) {
            return named.or(home).filter(|path| path.is_file());
        }
        let podman = self
            .xdg_runtime_dir
            .as_ref()
            .map(|run| run.join("containers/auth.json"));
        podman.filter(|path| path.is_file())
    }
}

#[cfg(test)]
mod tests;
